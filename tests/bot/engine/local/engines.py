"""Engines over the fake runner, and what tests ask of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from bot.engine.base import Delta
from bot.engine.local.engine import LocalEngine, LocalStream
from bot.engine.local.settings import LocalSettings
from bot.events import Sampling
from tests.fakes.local_engine import END, FakeRunner, expected, loader_of

SECONDS = 20.0
"""Long after anything here should be over."""


@asynccontextmanager
async def engine_on(runner: FakeRunner, **settings: Any) -> AsyncIterator[LocalEngine]:
    """A started engine; at its end nothing may be held and the books must be right."""
    made = LocalSettings(model="fake", **{"block_tokens": runner.block_tokens, "max_requests": 8, **settings})
    engine = LocalEngine(made, loader=loader_of(runner))
    await engine.start()
    try:
        async with asyncio.timeout(SECONDS):
            yield engine
            await at_rest(engine)
    finally:
        runner.let()
        await engine.close()


async def at_rest(engine: LocalEngine) -> None:
    """Wait until nobody runs or waits; then everything must have been given back."""
    while not await engine.alive().at_rest():
        await asyncio.sleep(0)
    stats = engine.stats()
    assert (stats.kv_used, stats.leaks, stats.waiting, stats.running) == (0, 0, 0, 0)


def sampling(seed: int = 1, max_tokens: int = 20, **more: Any) -> Sampling:
    return Sampling(seed=seed, max_tokens=max_tokens, **more)


def answer(prompt: str, seed: int = 1, max_tokens: int = 20, *, endless: bool = False) -> str:
    """What the fake model says to `prompt`."""
    tokens = expected(list(prompt.encode()), seed, max_tokens, endless=endless)
    return bytes(token for token in tokens if token != END).decode()


async def read(stream: LocalStream) -> list[Delta]:
    return [delta async for delta in stream]


def text(deltas: Sequence[Delta], index: int = 0) -> str:
    return "".join(delta.text for delta in deltas if delta.index == index)
