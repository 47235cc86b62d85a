"""What breaks ends what it touches, with a reason, and nothing else: steps, memory, numbers, the thread, the start."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable

import pytest

from bot.engine.base import EngineFault, EngineRefused
from bot.engine.local import recovery
from bot.engine.local.blocks import BlockPool
from bot.engine.local.engine import LocalEngine
from bot.engine.local.model import Progress
from bot.engine.local.request import Step
from bot.engine.local.scheduler import Limits, Scheduler
from bot.engine.local.settings import LocalSettings
from tests.bot.engine.local.engines import answer, at_rest, engine_on, read, sampling, text
from tests.fakes.local_engine import FakeRunner, OutOfMemoryError, loader_of

OVERLAP = pytest.mark.parametrize("overlap", [False, True], ids=["settled", "ahead"])
WHERE = pytest.mark.parametrize("where", ["on_launch", "on_wait"])


class Once:
    """Raises `error` at the step `at`, counted from 1, and for the next `times` - 1."""

    def __init__(self, error: Callable[[], Exception], at: int, times: int = 1) -> None:
        self.error, self.at, self.times = error, at, times
        self.steps = 0
        self.struck: list[Step] = []

    def __call__(self, step: Step) -> None:
        self.steps += 1
        if self.at <= self.steps < self.at + self.times:
            self.struck.append(step)
            raise self.error()


@OVERLAP
@WHERE
async def test_a_step_that_fails_ends_its_requests_and_no_others(overlap: bool, where: str) -> None:
    """Those that wait meanwhile are answered, and so are the next ones, exactly."""
    for at in range(1, 12):
        runner = FakeRunner(overlap=overlap, endless=True, step_tokens=16)
        strike = Once(lambda: RuntimeError("the device sneezed"), at)
        setattr(runner, where, strike)
        async with engine_on(runner, max_requests=3) as engine:
            tasks = [asyncio.create_task(read(engine.complete(f"ask {seed}", sampling(seed, 9)))) for seed in range(9)]
            ends = await asyncio.gather(*tasks, return_exceptions=True)
            struck = {chunk.request.sampling.seed for chunk in strike.struck[0].chunks}
            assert struck
            for seed, end in enumerate(ends):
                if seed in struck:
                    assert isinstance(end, EngineFault)
                    assert "the device sneezed" in str(end)
                else:
                    assert not isinstance(end, BaseException), (at, seed, end)
                    assert text(end) == answer(f"ask {seed}", seed, 9, endless=True)
            stats = engine.stats()
            assert (stats.failed_steps, stats.faults["step"]) == (1, len(struck))
            assert text(await read(engine.complete("after", sampling()))) == answer("after", endless=True)
            assert engine.health() == ""


@OVERLAP
@WHERE
async def test_out_of_memory_makes_the_batch_smaller_and_loses_nothing(overlap: bool, where: str) -> None:
    """The step is computed again in smaller ones, as often as it takes."""
    for at in range(1, 12):
        runner = FakeRunner(overlap=overlap, step_tokens=64)
        setattr(runner, where, Once(lambda: OutOfMemoryError("CUDA out of memory"), at, times=3))
        async with engine_on(runner) as engine:
            prompts = [f"remember {seed} " * 3 for seed in range(8)]
            ends = await asyncio.gather(
                *(read(engine.complete(prompt, sampling(seed, 12))) for seed, prompt in enumerate(prompts))
            )
            for seed, (prompt, deltas) in enumerate(zip(prompts, ends, strict=True)):
                assert text(deltas) == answer(prompt, seed, 12), (at, seed)
            assert 2 <= engine.stats().shrinks <= 3  # two strikes at once are one when a step follows another
            assert not any(engine.stats().faults.values())


async def test_the_batch_grows_again_when_memory_is_not_short_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """A shortage that passes leaves nothing behind: as many run at once as before."""
    monkeypatch.setattr(recovery, "CALM_STEPS", 5)
    runner = FakeRunner(endless=True)
    runner.on_launch = Once(lambda: OutOfMemoryError("short"), 1, times=4)
    async with engine_on(runner) as engine:
        worker = engine.alive()._worker
        assert worker is not None
        scheduler = worker._scheduler
        whole = (scheduler.requests, scheduler.step_tokens)
        assert len(text(await read(engine.complete("shrunk", sampling(1, 1))))) == 1
        assert (scheduler.requests, scheduler.step_tokens) < whole
        await asyncio.gather(*(read(engine.complete("grown", sampling(seed, 60))) for seed in range(8)))
        assert (scheduler.requests, scheduler.step_tokens) == whole


def test_what_was_made_smaller_grows_again_in_the_same_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Backwards, so that never more run than a step can give a token to."""
    monkeypatch.setattr(recovery, "CALM_STEPS", 1)
    limits = Limits(requests=64, step_tokens=256, queue=8, context_tokens=256)
    scheduler = Scheduler(limits, BlockPool(65, 8))
    recovering = recovery.Recovery(scheduler)
    sizes = [(scheduler.requests, scheduler.step_tokens)]
    while scheduler.shrink():
        sizes.append((scheduler.requests, scheduler.step_tokens))
    assert sizes[-1][0] == 1
    for size in sizes[::-1]:
        assert (scheduler.requests, scheduler.step_tokens) == size
        recovering.stepped()


async def test_when_nothing_can_be_made_smaller_the_largest_request_ends() -> None:
    """One by one, until what is left fits."""
    runner = FakeRunner(endless=True, step_tokens=64)

    def cramped(step: Step) -> None:
        if any(chunk.request.prompt_length > 100 for chunk in step.chunks):
            raise OutOfMemoryError("no room for long ones")

    runner.on_launch = cramped
    async with engine_on(runner) as engine:
        small = asyncio.create_task(read(engine.complete("small", sampling(1, 30))))
        large = asyncio.create_task(read(engine.complete("large" * 30, sampling(2, 30))))
        with pytest.raises(EngineFault, match="not enough memory"):
            await large
        assert text(await small) == answer("small", 1, 30, endless=True)
        assert engine.stats().faults["memory"] == 1


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")]
)
async def test_other_ways_to_say_that_memory_is_short_are_understood(error: Exception) -> None:
    """Python's, and torch's on a CPU."""
    runner = FakeRunner()
    runner.on_launch = Once(lambda: error, 2)
    async with engine_on(runner) as engine:
        assert text(await read(engine.complete("short of memory", sampling()))) == answer("short of memory")
        assert engine.stats().shrinks == 1


@OVERLAP
async def test_nonsense_ends_the_request_whose_logits_it_was(overlap: bool) -> None:
    """NaN for one is told to that one alone."""
    runner = FakeRunner(overlap=overlap, endless=True)
    runner.odd = lambda request: request.sampling.seed == 3 and len(request.tokens) > request.prompt_length + 4
    async with engine_on(runner) as engine:
        tasks = [asyncio.create_task(read(engine.complete("odd", sampling(seed, 20)))) for seed in range(6)]
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        for seed, end in enumerate(ends):
            if seed == 3:
                assert isinstance(end, EngineFault)
                assert "NaN" in str(end)
            else:
                assert not isinstance(end, BaseException)
                assert text(end) == answer("odd", seed, 20, endless=True)
        assert engine.stats().faults["nan"] == 1


@OVERLAP
async def test_what_is_not_numbers_is_never_found_by_others(overlap: bool) -> None:
    """A fault of a moment spoils a block of a prompt, which is remembered before anybody knows: the next who asks
    the same is answered nevertheless, and so are those who hold what was forgotten."""
    runner = FakeRunner(overlap=overlap, endless=True, step_tokens=16)
    spoilt: list[int] = []

    def glitch(step: Step) -> None:
        for chunk in step.chunks:
            if chunk.request.sampling.seed == 3 and chunk.start == 0:
                spoilt[:] = [] if spoilt else chunk.request.blocks[:1]

    runner.on_launch = glitch
    runner.odd = lambda request: request.sampling.seed == 3 and request.blocks[0] in spoilt
    async with engine_on(runner) as engine:
        other = asyncio.create_task(read(engine.complete("beside", sampling(1, 150))))
        with pytest.raises(EngineFault, match="NaN"):
            await read(engine.complete("a prompt of several chunks " * 3, sampling(3)))
        asked = "a prompt of several chunks " * 3
        assert text(await read(engine.complete(asked, sampling(3)))) == answer(asked, 3, endless=True)
        assert text(await other) == answer("beside", 1, 150, endless=True)


async def test_one_of_several_answers_that_fails_ends_them_all() -> None:
    """A stream has one end."""
    runner = FakeRunner(endless=True)
    runner.odd = lambda request: request.seed != 5
    async with engine_on(runner) as engine:
        with pytest.raises(EngineFault):
            await read(engine.complete("three", sampling(5, 20, n=3)))


async def test_failures_in_a_row_show_in_the_health() -> None:
    """Until a step succeeds again."""
    runner = FakeRunner()
    runner.on_launch = Once(lambda: RuntimeError("broken"), 1, times=3)
    async with engine_on(runner) as engine:
        for _ in range(3):
            assert engine.health() == ""
            with pytest.raises(EngineFault):
                await read(engine.complete("ill", sampling()))
        assert "failed" in engine.health()
        assert engine.stats().state == "failing"
        assert text(await read(engine.complete("well", sampling()))) == answer("well")
        assert engine.health() == ""


async def test_lost_books_are_logged_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    """The invariant checker runs whenever nobody is left."""
    runner = FakeRunner()
    made = LocalSettings(model="fake", block_tokens=8)
    engine = LocalEngine(made, loader=loader_of(runner))
    await engine.start()
    try:
        worker = engine.alive()._worker
        assert worker is not None
        worker._scheduler.pool.take()
        with caplog.at_level(logging.ERROR, "bot.engine.local"):
            await read(engine.complete("leak", sampling()))
            assert await engine.alive().at_rest()
        assert engine.stats().leaks >= 1
        assert "books" in caplog.text
    finally:
        await engine.close()


# -- the thread ------------------------------------------------------------------------------------------
class Broken(Exception):
    """A bug of ours."""


async def test_a_thread_that_dies_ends_every_stream_and_can_be_started_again() -> None:
    """Those that run, those that wait, and those that come afterwards are told; then all is well again."""
    runner = FakeRunner(endless=True)
    engine = LocalEngine(LocalSettings(model="fake", block_tokens=8, max_requests=2), loader=loader_of(runner))
    await engine.start()
    runner.hold()
    tasks = [asyncio.create_task(read(engine.complete("die", sampling(seed, 50)))) for seed in range(5)]
    await asyncio.to_thread(runner.wait_for_arrivals, 1)
    worker = engine.alive()._worker
    assert worker is not None

    def broken() -> None:
        raise Broken("books")

    worker.mailbox.post(broken)
    runner.let()
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(end, EngineFault) and "started again" in str(end) for end in ends), ends
    assert "Broken" in engine.health()
    assert engine.stats().state == "failed"
    with pytest.raises(EngineFault, match="Broken"):
        await read(engine.complete("late", sampling()))
    assert engine.count_tokens("still counts") == 12
    await engine.start()
    assert runner.closings == 1
    assert engine.health() == ""
    assert text(await read(engine.complete("again", sampling()))) == answer("again", endless=True)
    assert engine.stats().faults["internal"] == 5
    await engine.close()


async def test_closing_ends_every_stream_and_the_thread() -> None:
    """What was written is read first; a second `close` does no harm, and a start makes it well again."""
    runner = FakeRunner(endless=True)
    engine = LocalEngine(LocalSettings(model="fake", block_tokens=8, max_requests=1), loader=loader_of(runner))
    assert "not been started" in engine.health()
    await engine.start()
    runner.hold()
    runner.let(3)
    stream = engine.complete("close", sampling(1, 200))
    waiting = asyncio.create_task(read(engine.complete("wait", sampling())))
    first = await anext(stream)
    closing = asyncio.create_task(engine.close())
    await asyncio.sleep(0)  # it is asked to end while a step waits to begin
    runner.let()
    await closing
    with pytest.raises(EngineFault, match="closed"):
        await read(stream)
    with pytest.raises(EngineFault, match="closed"):
        await waiting
    assert answer("close", 1, 200, endless=True).startswith(first.text)
    assert runner.closings == 1
    assert "frontdesk-engine" not in [thread.name for thread in threading.enumerate()]
    await engine.close()
    with pytest.raises(EngineFault, match="closed"):
        await read(engine.complete("late", sampling()))
    await engine.start()
    assert text(await read(engine.complete("again", sampling()))) == answer("again", endless=True)
    await engine.close()


def test_a_loop_that_is_gone_ends_the_thread() -> None:
    """Nobody can be told any more, so nothing is computed for ever."""
    runner = FakeRunner(endless=True)
    engine = LocalEngine(LocalSettings(model="fake", block_tokens=8), loader=loader_of(runner))
    stream = engine.complete("left", sampling(1, 200))

    async def begin() -> threading.Thread:
        await engine.start()
        runner.hold()
        runner.let(1)
        await anext(stream)
        return engine.alive()._thread

    loop = asyncio.new_event_loop()
    thread = loop.run_until_complete(begin())
    loop.close()
    runner.let()
    thread.join(20)
    assert not thread.is_alive()
    assert runner.closings == 1


# -- the start -------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ModuleNotFoundError("No module named 'torch'", name="torch"), r"torch is missing.*frontdesk\[local\]"),
        (EngineRefused("There is no folder x."), "There is no folder x."),
        (OutOfMemoryError("CUDA out of memory"), "not enough memory to load"),
        (ValueError("strange weights"), "strange weights.*engine.model"),
    ],
)
async def test_a_start_that_fails_says_what_to_do(error: Exception, told: str) -> None:
    """And the next start tries anew."""
    runner = FakeRunner()
    errors = [error]

    def fail(_: Progress) -> None:
        if errors:
            raise errors.pop()

    engine = LocalEngine(LocalSettings(model="fake", block_tokens=8), loader=loader_of(runner, before=fail))
    with pytest.raises(EngineFault, match=told):
        await engine.start()
    assert engine.health()
    assert engine.stats().state == "failed"
    await engine.start()
    assert text(await read(engine.complete("now", sampling()))) == answer("now")
    await engine.close()


async def test_loading_is_told_on_the_event_loop_and_never_blocks_it() -> None:
    """In the order in which it happens."""
    told: list[tuple[str, float, bool]] = []
    go_on = threading.Event()

    def load(progress: Progress) -> None:
        progress("weights", 0.5)
        assert go_on.wait(20)
        progress("ready", 1.0)

    def tell(what: str, fraction: float) -> None:
        told.append((what, fraction, threading.current_thread() is threading.main_thread()))
        if what == "weights":
            go_on.set()  # only a loop that is free comes here while the model is being loaded

    engine = LocalEngine(
        LocalSettings(model="fake", block_tokens=8), progress=tell, loader=loader_of(FakeRunner(), before=load)
    )
    await engine.start()
    assert told == [("weights", 0.5, True), ("ready", 1.0, True)]
    await engine.close()


async def test_closed_while_it_loads_it_gives_up() -> None:
    """At the next sign of progress; nothing is asked before."""
    loading, go_on = threading.Event(), threading.Event()

    def load(progress: Progress) -> None:
        loading.set()
        assert go_on.wait(20)
        progress("weights", 0.5)
        raise AssertionError("it went on")

    engine = LocalEngine(LocalSettings(model="fake"), loader=loader_of(FakeRunner(), before=load))
    starting = asyncio.create_task(engine.start())
    await asyncio.to_thread(loading.wait, 20)
    with pytest.raises(EngineFault, match="being loaded"):
        await read(engine.complete("early", sampling()))
    starting.cancel()
    await asyncio.wait({starting})
    closing = asyncio.create_task(engine.close())
    await asyncio.sleep(0)
    go_on.set()
    await closing
    assert engine.stats().state == "closed"


async def test_at_rest_means_nothing_is_held() -> None:
    """The harness itself sees a slot that is held."""
    runner = FakeRunner(endless=True)
    async with engine_on(runner) as engine:
        runner.hold()
        reading = asyncio.create_task(read(engine.complete("hold", sampling(1, 3))))
        await asyncio.to_thread(runner.wait_for_arrivals, 1)
        resting = asyncio.create_task(engine.alive().at_rest())
        await asyncio.sleep(0)
        runner.let(1)
        assert not await resting
        runner.let()
        await reading
        await at_rest(engine)
