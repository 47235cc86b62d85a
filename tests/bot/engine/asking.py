"""What the tests of the OpenAI-compatible engine share: an engine beside a fake server, and one question."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from bot.engine.base import ChatMessage, Delta
from bot.engine.openai import OpenAICompatibleEngine
from bot.events import Sampling
from tests.fakes.openai import FakeOpenAI

ASKED = [ChatMessage(role="system", content="Be kind."), ChatMessage(role="user", content="How long does it take?")]
SAMPLING = Sampling(max_tokens=50)


@asynccontextmanager
async def engine_for(fake: FakeOpenAI, **settings: Any) -> AsyncIterator[OpenAICompatibleEngine]:
    async with fake.serving():
        engine = OpenAICompatibleEngine(
            **{"base_url": fake.base_url, "model": "small", "backoff_seconds": 0.001, **settings}
        )
        await engine.start()
        try:
            yield engine
        finally:
            await engine.close()


async def ask(engine: OpenAICompatibleEngine, sampling: Sampling = SAMPLING) -> list[Delta]:
    return [delta async for delta in engine.stream(ASKED, sampling)]


def text_of(deltas: Sequence[Delta]) -> str:
    return "".join(delta.text for delta in deltas)


async def hear(engine: OpenAICompatibleEngine, heard: list[str]) -> None:
    """Listen to an answer and keep what was heard, however it ends."""
    async for delta in engine.stream(ASKED, SAMPLING):
        heard += [delta.text]
