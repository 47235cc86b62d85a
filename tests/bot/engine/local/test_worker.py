"""The engine's thread over a model that costs nothing: what comes out, in what order, and who waits for whom."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from bot.engine.base import Delta, EngineBusy, EngineSlow, Usage
from bot.engine.local.request import Step
from bot.engine.local.seeds import seed_of
from tests.bot.engine.local.engines import answer, engine_on, read, sampling, text
from tests.fakes.local_engine import FakeRunner

OVERLAP = pytest.mark.parametrize("overlap", [False, True], ids=["settled", "ahead"])


@OVERLAP
async def test_every_answer_is_the_one_that_it_has_alone(overlap: bool) -> None:
    """Whatever shares the batch, and though the cache is too small for all, so that some are computed again."""
    runner = FakeRunner(overlap=overlap, blocks=24, step_tokens=16)
    async with engine_on(runner) as engine:
        prompts = [f"{'same beginning ' * (number % 3)}question {number}" for number in range(40)]
        streams = [engine.complete(prompt, sampling(number, 40)) for number, prompt in enumerate(prompts)]
        answers = await asyncio.gather(*map(read, streams))
        for number, (prompt, deltas) in enumerate(zip(prompts, answers, strict=True)):
            assert text(deltas) == answer(prompt, number, 40)
        stats = engine.stats()
        assert stats.preemptions and stats.prefix_hit_tokens
        assert (stats.finished, stats.requests) == (40, 40)


@OVERLAP
async def test_a_chat_ends_with_a_reason_and_the_usage_of_the_whole(overlap: bool) -> None:
    """`stop` when the model ended it, `length` at `max_tokens`; tokens of the deltas add up to the usage."""
    async with engine_on(FakeRunner(overlap=overlap)) as engine:
        prompt = "user: How long?\n"
        ends = set()
        for seed in range(12):
            stream = engine.stream([{"role": "user", "content": "How long?"}], sampling(seed, 30))
            deltas = await read(stream)
            *before, last = deltas
            assert text(deltas) == answer(prompt, seed, 30)
            assert all(delta.finish_reason == "" and delta.usage is None for delta in before)
            assert last.usage is not None
            assert last.usage.prompt_tokens == len(prompt)
            assert last.usage.completion_tokens == sum(delta.tokens for delta in deltas)
            assert (last.finish_reason == "length") == (last.usage.completion_tokens == len(text(deltas)) == 30)
            ends.add(last.finish_reason)
        assert ends == {"stop", "length"}


async def test_several_answers_have_seeds_of_their_own_and_one_usage() -> None:
    """The first of `n` is the only one of 1; each ends once; the usage comes with the very last delta."""
    async with engine_on(FakeRunner()) as engine:
        deltas = await read(engine.complete("Say", sampling(7, 25, n=4)))
        for index in range(4):
            assert text(deltas, index) == answer("Say", seed_of(7, index), 25)
            assert [delta.finish_reason != "" for delta in deltas if delta.index == index].count(True) == 1
        assert [delta.usage is not None for delta in deltas] == [False] * (len(deltas) - 1) + [True]
        written = sum(delta.tokens for delta in deltas)
        assert deltas[-1].usage == Usage(prompt_tokens=3, completion_tokens=written, cached_tokens=0)


async def test_an_answer_longer_than_the_context_is_cut_to_what_fits() -> None:
    """A prompt of 250 tokens leaves 6 of 256; that is a `length`, not an error."""
    async with engine_on(FakeRunner(endless=True)) as engine:
        deltas = await read(engine.complete("x" * 250, sampling(max_tokens=1_000)))
        assert deltas[-1].finish_reason == "length"
        assert len(text(deltas)) == 6


async def test_the_end_token_is_written_over_where_it_is_to_be_ignored() -> None:
    """`ignore_eos` goes on to `max_tokens`."""
    async with engine_on(FakeRunner()) as engine:
        seed = next(seed for seed in range(100) if len(answer("Go", seed, 60)) < 50)
        [*_, last] = await read(engine.complete("Go", sampling(seed, 60, ignore_eos=True)))
        assert last.finish_reason == "length"
        assert last.usage is not None and last.usage.completion_tokens == 60


@given(data=st.data())
@hypothesis_settings(max_examples=20, deadline=None)
def test_a_stop_string_ends_the_answer_before_it(data: st.DataObject) -> None:
    """Wherever it stands, and nothing of it is ever shown."""
    whole = answer("Stop", 3, 40, endless=True)
    start = data.draw(st.integers(0, 35))
    stop = whole[start : start + data.draw(st.integers(2, 5))]

    async def run() -> list[Delta]:
        async with engine_on(FakeRunner(endless=True)) as engine:
            return await read(engine.complete("Stop", sampling(3, 40, stop=(stop,))))

    deltas = asyncio.run(run())
    assert text(deltas) == whole[: whole.index(stop)]
    assert deltas[-1].finish_reason == "stop"


async def test_log_probabilities_stand_beside_the_tokens_that_are_shown() -> None:
    """One for each shown token, with the likeliest beside it; their bytes make the text."""
    async with engine_on(FakeRunner()) as engine:
        deltas = await read(engine.complete("Odds", sampling(2, 30, logprobs=True, top_logprobs=2)))
        logprobs = [logprob for delta in deltas for logprob in delta.logprobs]
        assert b"".join(logprob.raw for logprob in logprobs).decode() == text(deltas)
        assert all(len(logprob.top) == 2 and logprob.top[0].token_id == logprob.token_id for logprob in logprobs)


async def test_a_slow_reader_loses_nothing_and_holds_nobody_up() -> None:
    """What he has not read is one delta, however much it is; others finish meanwhile."""
    runner = FakeRunner(endless=True)
    async with engine_on(runner) as engine:
        slow = engine.complete("Slow", sampling(1, 100, logprobs=True))
        runner.hold()
        runner.let(1)
        first = await anext(slow)
        runner.let()
        others = await asyncio.gather(*(read(engine.complete("Fast", sampling(seed, 100))) for seed in range(5)))
        assert all(len(text(deltas)) == 100 for deltas in others)
        while not await engine.alive().at_rest():
            await asyncio.sleep(0)
        rest = await read(slow)
        assert len(rest) == 1
        assert text([first, *rest]) == answer("Slow", 1, 100, endless=True)
        assert first.tokens + rest[0].tokens == 100 == len(first.logprobs) + len(rest[0].logprobs)


async def test_the_loop_is_woken_once_a_step_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    """All deltas of a step come with one call, however many streams there are."""
    calls = []
    async with engine_on(FakeRunner(endless=True), max_requests=16) as engine:
        loop = asyncio.get_running_loop()
        real = loop.call_soon_threadsafe

        def counted(callback: Any, *arguments: Any, context: Any = None) -> asyncio.Handle:
            calls.append(callback)
            return real(callback, *arguments, context=context)

        before = engine.stats().steps
        with monkeypatch.context() as patch:
            patch.setattr(loop, "call_soon_threadsafe", counted)
            await asyncio.gather(*(read(engine.complete("Many", sampling(seed, 50))) for seed in range(16)))
        assert 0 < len(calls) <= engine.stats().steps - before


async def test_an_idle_engine_sleeps() -> None:
    """It asks its scheduler nothing until somebody comes, and takes him at once."""

    class Watched(threading.Event):
        """Tells when somebody begins to wait for it, without an end."""

        begun = threading.Event()

        def wait(self, timeout: float | None = None) -> bool:
            assert timeout is None
            self.begun.set()
            return super().wait()

    runner = FakeRunner()
    async with engine_on(runner) as engine:
        await read(engine.complete("One", sampling()))
        worker = engine.alive()._worker
        assert worker is not None
        scheduler, asked = worker._scheduler, []
        real = scheduler.expired
        scheduler.expired = lambda: asked.append(1) or real()  # type: ignore[func-returns-value,method-assign]  # counts
        await engine.alive().at_rest()
        before, worker.mailbox._wanted = worker.mailbox._wanted, Watched()
        before.set()  # one more round, after which it sleeps where it is watched
        assert await asyncio.to_thread(Watched.begun.wait, 20)
        rounds = len(asked)
        assert await read(engine.complete("Two", sampling()))
        assert len(asked) > rounds


# -- who waits for whom ----------------------------------------------------------------------------------
async def test_who_waits_can_learn_his_place() -> None:
    """0 for those that run, from 1 for those that wait, in the order in which they will be admitted."""
    runner = FakeRunner(endless=True)
    async with engine_on(runner, max_requests=1) as engine:
        runner.hold()
        streams = [engine.complete("Wait", sampling(seed, 5)) for seed in range(3)]
        readers = []
        for number, stream in enumerate(streams):
            assert await stream.position() == 0  # nothing was asked yet
            readers.append(asyncio.create_task(read(stream)))
            if not number:
                await asyncio.to_thread(runner.wait_for_arrivals, 1)
            await asyncio.sleep(0)
        places = [asyncio.create_task(stream.position()) for stream in streams]
        await asyncio.sleep(0)
        runner.let(1)  # between two steps they are told
        assert [await place for place in places] == [0, 1, 2]
        runner.let()
        await asyncio.gather(*readers)
        assert [await stream.position() for stream in streams] == [0, 0, 0]


async def test_higher_priorities_go_first_and_owners_take_turns() -> None:
    """A visitor with many requests does not keep one with a single request waiting behind all of them."""
    runner = FakeRunner(endless=True)
    ends: list[str] = []
    async with engine_on(runner, max_requests=1) as engine:

        async def ask(name: str, owner: str, priority: int = 0) -> None:
            await read(engine.complete(name, sampling(1, 3), owner=owner, priority=priority))
            ends.append(name)

        runner.hold()
        tasks = [asyncio.create_task(ask("running", "first"))]
        await asyncio.to_thread(runner.wait_for_arrivals, 1)
        tasks += [asyncio.create_task(ask(f"many {number}", "many")) for number in range(5)]
        await asyncio.sleep(0)
        tasks += [asyncio.create_task(ask("single", "single")), asyncio.create_task(ask("urgent", "many", 5))]
        await asyncio.sleep(0)
        runner.let()
        await asyncio.gather(*tasks)
    assert ends[:2] == ["running", "urgent"]
    assert ends.index("single") <= 3


async def test_a_full_queue_says_so() -> None:
    """`EngineBusy` at once for those beyond it; those within it are answered."""
    runner = FakeRunner()
    async with engine_on(runner, max_requests=1, queue=3) as engine:
        runner.hold()
        running = asyncio.create_task(read(engine.complete("Run", sampling())))
        await asyncio.to_thread(runner.wait_for_arrivals, 1)
        waiting = [asyncio.create_task(read(engine.complete("Wait", sampling()))) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(EngineBusy):
            await read(engine.complete("Beyond", sampling()))
        with pytest.raises(EngineBusy):
            await read(engine.complete("Beyond", sampling(n=2)))
        runner.let()
        answered = await asyncio.gather(running, *waiting)
        assert [text(deltas) for deltas in answered] == [answer("Run"), *[answer("Wait")] * 3]
        assert engine.stats().refused == 2


async def test_several_answers_find_room_together_or_not_at_all() -> None:
    """Of `n` answers none is queued when one finds no place, and nothing is left behind."""
    runner = FakeRunner()
    async with engine_on(runner, max_requests=4, queue=2) as engine:
        runner.hold()
        running = asyncio.create_task(read(engine.complete("Run", sampling())))
        await asyncio.to_thread(runner.wait_for_arrivals, 1)
        wanting = asyncio.create_task(read(engine.complete("Four", sampling(n=4))))
        await asyncio.sleep(0)
        runner.let()
        with pytest.raises(EngineBusy):
            await wanting
        assert text(await running) == answer("Run")


# -- deadlines -------------------------------------------------------------------------------------------
@OVERLAP
async def test_a_deadline_ends_a_request_that_waits(overlap: bool) -> None:
    """In `EngineSlow`; whoever runs is not disturbed."""
    runner = FakeRunner(overlap=overlap)
    async with engine_on(runner, max_requests=1) as engine:
        runner.hold()
        running = asyncio.create_task(read(engine.complete("Run", sampling())))
        await asyncio.to_thread(runner.wait_for_arrivals, 1)
        late = asyncio.create_task(read(engine.complete("Late", sampling(), deadline=1e-9)))
        await asyncio.sleep(0)
        runner.let()
        with pytest.raises(EngineSlow):
            await late
        assert text(await running) == answer("Run")
        assert engine.stats().expired == 1


@OVERLAP
async def test_a_deadline_ends_a_request_that_runs(overlap: bool) -> None:
    """What was written until then is read first."""
    runner = FakeRunner(endless=True, overlap=overlap)

    def dawdle(step: Step) -> None:
        soonest = min(chunk.request.deadline for chunk in step.chunks)
        while runner.launches >= 5 and soonest < math.inf and time.monotonic() <= soonest:
            time.sleep(0.001)

    runner.on_launch = dawdle
    async with engine_on(runner) as engine:
        other = asyncio.create_task(read(engine.complete("Other", sampling(2, 40))))
        written = ""
        with pytest.raises(EngineSlow):
            async for delta in engine.complete("Run", sampling(1, 200), deadline=0.2):
                written += delta.text
        assert answer("Run", 1, 200, endless=True).startswith(written)
        assert text(await other) == answer("Other", 2, 40, endless=True)


@pytest.mark.parametrize("seconds", [0, -1])
async def test_no_time_is_no_answer(seconds: float) -> None:
    """A deadline that has passed already ends the request before it is asked."""
    async with engine_on(FakeRunner()) as engine:
        with pytest.raises(EngineSlow):
            await read(engine.complete("Now", sampling(), deadline=seconds))
        assert engine.stats().requests == 0


# -- figures ---------------------------------------------------------------------------------------------
async def test_the_figures_add_up() -> None:
    """Tokens, first tokens and gaps between tokens are each counted once."""
    async with engine_on(FakeRunner(endless=True)) as engine:
        await asyncio.gather(*(read(engine.complete("Count", sampling(seed, 10))) for seed in range(6)))
        stats = engine.stats()
    assert stats.generated_tokens == 60
    assert (stats.ttft.count, stats.itl.count, stats.step.count) == (6, 54, stats.steps)
    assert stats.itl.buckets()[-1] == ("+Inf", 54.0)
    faults: Mapping[str, int] = stats.faults
    assert not any(faults.values())
