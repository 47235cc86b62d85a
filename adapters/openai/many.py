"""Several streams as one, for requests with several prompts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from adapters.openai.generator import Delta, TokenLogprob, Usage

_WAITING = 64


@dataclass(frozen=True, slots=True)
class Renumbered:
    """A delta of one prompt, as one of all: a `generator.Delta`."""

    text: str
    tokens: int
    finish_reason: str
    usage: Usage | None
    index: int
    logprobs: Sequence[TokenLogprob]


async def many(streams: Sequence[AsyncGenerator[Delta, None]], answers: int) -> AsyncGenerator[Delta, None]:
    """Deltas as they come, `answers` of each stream, numbered through. The first fault ends them all."""
    arrived: asyncio.Queue[Delta | BaseException | None] = asyncio.Queue(_WAITING)

    async def read(number: int, stream: AsyncGenerator[Delta, None]) -> None:
        try:
            async with aclosing(stream):
                async for delta in stream:
                    await arrived.put(_renumbered(delta, number * answers))
        except Exception as error:
            await arrived.put(error)
        else:
            await arrived.put(None)

    tasks = [asyncio.create_task(read(number, stream)) for number, stream in enumerate(streams)]
    left = len(tasks)
    try:
        while left:
            one = await arrived.get()
            if isinstance(one, BaseException):
                raise one
            if one is None:
                left -= 1
            else:
                yield one
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _renumbered(delta: Delta, first: int) -> Renumbered:
    return Renumbered(
        delta.text, delta.tokens, delta.finish_reason, delta.usage, first + delta.index, delta.logprobs
    )  # fmt: skip
