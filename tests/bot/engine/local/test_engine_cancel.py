"""Whoever stops reading gives back his slot and his blocks before the next step, and disturbs nobody."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bot.engine.base import ChatMessage, Delta, EngineFault
from bot.engine.local.engine import LocalEngine, LocalStream
from bot.engine.local.model import Model, Progress
from bot.engine.local.request import Request, Step
from bot.engine.local.settings import LocalSettings
from tests.bot.engine.local.engines import answer, at_rest, engine_on, read, sampling, text
from tests.fakes.local_engine import FakeRunner, FakeTexts, loader_of

PROMPT = "a prompt of three chunks " * 6
STEPS = 12
"""The prompt takes the first few of these, tokens the others."""
OVERLAP = pytest.mark.parametrize("overlap", [False, True], ids=["settled", "ahead"])


class Watched:
    """A request that is read until it is told to stop, and what a later step still sees of it."""

    def __init__(self, stream: LocalStream) -> None:
        self.stream = stream
        self.deltas: list[Delta] = []
        self.task = asyncio.create_task(self._read())
        self.seen_by: list[Step] = []

    async def _read(self) -> None:
        async for delta in self.stream:
            self.deltas.append(delta)

    @property
    def requests(self) -> list[Request]:
        asked = self.stream._asked
        return [] if asked is None else [answer.request for answer in asked.answers]

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.wait({self.task})

    def look(self, step: Step, later: bool) -> None:
        """Called in the engine's thread when `step` is launched: a `later` one than that in which it was cancelled?"""
        if later and any(chunk.request in self.requests for chunk in step.chunks):
            self.seen_by.append(step)
        if later and any(request.blocks or request.slot >= 0 for request in self.requests):
            self.seen_by.append(step)


@OVERLAP
@pytest.mark.parametrize("answers", [1, 3])
async def test_cancelled_before_any_step_it_is_gone_within_that_step(overlap: bool, answers: int) -> None:
    """At every step of its life, the prompt's and the answer's: the next step that is scheduled knows nothing of it."""
    for at in range(1, STEPS):
        runner = FakeRunner(overlap=overlap, endless=True, step_tokens=64)
        async with engine_on(runner) as engine:
            runner.hold()
            other = asyncio.create_task(read(engine.complete("another one", sampling(5, 30))))
            watched = Watched(engine.complete(PROMPT, sampling(4, 100, n=answers)))
            runner.let(at - 1)
            await asyncio.to_thread(runner.wait_for_arrivals, at)  # this step was scheduled and waits to be launched
            await watched.stop()
            assert watched.requests
            runner.on_launch = lambda step, at=at, seen=watched, run=runner: seen.look(step, run.arrivals > at)
            runner.let()
            assert text(await other) == answer("another one", 5, 30, endless=True)
            assert not watched.seen_by, f"cancelled at step {at}"
            await at_rest(engine)
            assert engine.stats().cancelled == 1
            assert all(request.slot < 0 and not request.blocks for request in watched.requests)


@OVERLAP
async def test_a_closed_iterator_is_as_good_as_a_cancelled_task(overlap: bool) -> None:
    """`aclose` after any number of deltas; the same stream gives nothing more."""
    for count in range(5):
        runner = FakeRunner(overlap=overlap, endless=True)
        async with engine_on(runner) as engine:
            stream = engine.complete("close", sampling(1, 240))
            for _ in range(count):
                runner.hold()
                runner.let(2)
                await anext(stream)
            await stream.aclose()
            runner.let()
            await at_rest(engine)
            assert [delta async for delta in stream] == []
            stats = engine.stats()
            assert stats.requests == stats.cancelled + stats.finished == min(count, 1)


async def test_a_stream_that_is_forgotten_gives_its_place_back() -> None:
    """Nobody holds it any more: the collector closes it."""
    runner = FakeRunner(endless=True)
    async with engine_on(runner) as engine:
        stream: LocalStream | None = engine.complete("forget", sampling(1, 240))
        assert stream is not None
        runner.hold()
        runner.let(2)
        await anext(stream)
        stream = None
        gc.collect()
        runner.let()
        await at_rest(engine)
        assert engine._held == 0


async def test_a_stream_that_was_never_read_asks_nothing() -> None:
    """Making one costs nothing and needs no closing."""
    async with engine_on(FakeRunner()) as engine:
        engine.complete("never", sampling())
        stream = engine.stream([{"role": "user", "content": "never"}], sampling())
        await stream.aclose()
        assert engine.stats().requests == 0


async def test_cancelled_while_it_waits_it_leaves_the_queue() -> None:
    """Those behind it move up."""
    runner = FakeRunner(endless=True)
    async with engine_on(runner, max_requests=1, queue=2) as engine:
        runner.hold()
        running = asyncio.create_task(read(engine.complete("run", sampling(1, 5))))
        await asyncio.to_thread(runner.wait_for_arrivals, 1)
        waiting = Watched(engine.complete("wait", sampling(2, 5)))
        behind = asyncio.create_task(read(engine.complete("behind", sampling(3, 5))))
        await asyncio.sleep(0)
        await waiting.stop()
        later = asyncio.create_task(read(engine.complete("later", sampling(4, 5))))  # has the place in the queue
        await asyncio.sleep(0)
        runner.let()
        assert text(await running) == answer("run", 1, 5, endless=True)
        assert text(await behind) == answer("behind", 3, 5, endless=True)
        assert text(await later) == answer("later", 4, 5, endless=True)


async def test_cancelled_after_its_end_nothing_happens() -> None:
    """The end was reached and not read: that is an answer that finished."""
    async with engine_on(FakeRunner(endless=True)) as engine:
        stream = engine.complete("done", sampling(1, 3))
        first = asyncio.create_task(anext(stream))
        await first
        await at_rest(engine)
        await stream.aclose()
        await at_rest(engine)
        assert (engine.stats().finished, engine.stats().cancelled) == (1, 0)


class SlowTexts(FakeTexts):
    """Reads a prompt only when it is told to."""

    def __init__(self) -> None:
        self.reading, self.go_on = threading.Event(), threading.Event()

    def chat(self, messages: object, tools: object = ()) -> list[int]:
        self.reading.set()
        assert self.go_on.wait(20)
        return [1, 2, 3]


@asynccontextmanager
async def slow_engine(texts: SlowTexts) -> AsyncIterator[LocalEngine]:
    runner = FakeRunner()

    def load(settings: LocalSettings, progress: Progress) -> Model:
        made: Model = loader_of(runner)(settings, progress)
        return Model(runner=made.runner, texts=texts, counting=made.counting, grammar=made.grammar)

    engine = LocalEngine(LocalSettings(model="fake", block_tokens=8), loader=load)
    await engine.start()
    try:
        yield engine
    finally:
        texts.go_on.set()
        await engine.close()


async def test_cancelled_while_a_long_prompt_is_read_it_never_comes_to_the_engine() -> None:
    """That is done beside the event loop, where others are answered meanwhile."""
    texts = SlowTexts()
    async with slow_engine(texts) as engine:
        messages = [ChatMessage(role="user", content="long " * 2_000)]
        task = asyncio.create_task(read(engine.stream(messages, sampling())))
        await asyncio.to_thread(texts.reading.wait, 20)
        assert text(await read(engine.complete("short", sampling()))) == answer("short")
        task.cancel()
        await asyncio.wait({task})
        texts.go_on.set()
        await at_rest(engine)
        assert engine.stats().requests == 1
        assert engine._held == 0


async def test_a_long_prompt_that_waits_to_be_read_is_told_when_the_engine_closes() -> None:
    """Its reader gets the engine's fault: not a cancellation that nobody asked for, and no other kind of error."""
    texts = SlowTexts()
    async with slow_engine(texts) as engine:
        messages = [ChatMessage(role="user", content="long " * 2_000)]
        tasks = [asyncio.create_task(read(engine.stream(messages, sampling()))) for _ in range(4)]
        await asyncio.to_thread(texts.reading.wait, 20)
        await engine.close()
        texts.go_on.set()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(end, EngineFault) and "closed" in str(end) for end in ends), ends
        assert engine._held == 0


async def test_a_form_is_not_begun_on_when_the_engine_closed_while_the_prompt_was_read() -> None:
    """What is to be done after that is refused as what waits is."""
    texts = SlowTexts()
    async with slow_engine(texts) as engine:
        messages = [ChatMessage(role="user", content="long " * 2_000)]
        task = asyncio.create_task(read(engine.stream(messages, sampling(regex="a+"))))
        await asyncio.to_thread(texts.reading.wait, 20)
        await engine.close()
        texts.go_on.set()
        with pytest.raises(EngineFault, match="closed"):
            await task
