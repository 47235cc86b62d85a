"""One HTTP answer of a model server while it is being read: the socket's side of `AnswerReader`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import aiohttp

from bot.engine.base import EngineBusy, EngineFault, EngineSlow
from bot.engine.completions import AnswerReader, Chunk
from bot.engine.deadlines import Deadlines

_AFTER_FINISH_SECONDS = 1.0


class Call:
    """An answer that has begun with a good status. Whoever has one must `close` it."""

    def __init__(
        self, response: aiohttp.ClientResponse, reader: AnswerReader, deadlines: Deadlines, between_seconds: float
    ) -> None:
        self._response = response
        self._reader = reader
        self._deadlines = deadlines
        self._between = between_seconds
        self._first: list[Chunk] = []
        self._ended = False

    async def begin(self, deadline: float) -> None:
        """Read until the model has written something, or has ended without a word.

        Raises `EngineBusy` when the connection breaks before that, `EngineSlow` at `deadline` (a time of the loop).
        """
        while not (self._ended or any(chunk.alive or chunk.finish_reason for chunk in self._first)):
            try:
                self._first += await self._receive(deadline)
            except TimeoutError:
                raise EngineSlow("The model server took too long to begin its answer.") from None
            except aiohttp.ClientError:
                raise EngineBusy("The model server broke the connection before it began its answer.") from None

    async def chunks(self) -> AsyncGenerator[Chunk, None]:
        """The answer from its beginning. Raises `EngineSlow` when it stands still, `EngineFault` when it is cut off."""
        for chunk in self._first:
            yield chunk
        now = asyncio.get_running_loop().time
        deadline = now() + self._between
        while not self._ended:
            finished = self._reader.finished
            if finished:
                deadline = min(deadline, now() + _AFTER_FINISH_SECONDS)
            try:
                received = await self._receive(deadline)
            except (TimeoutError, aiohttp.ClientError) as error:
                if finished:
                    return
                if isinstance(error, aiohttp.ClientError):
                    raise EngineFault("The model server's answer was cut off.") from None
                raise EngineSlow("The model server stopped in the middle of its answer.") from None
            for chunk in received:
                if chunk.alive:
                    deadline = now() + self._between
                yield chunk

    async def drain(self) -> None:
        """Read the last bytes of the protocol, so that the connection can serve again; give up soon."""
        if not self._reader.done:
            return
        try:
            async with self._deadlines.until(asyncio.get_running_loop().time() + _AFTER_FINISH_SECONDS):
                while await self._response.content.readany():
                    pass
        except (TimeoutError, aiohttp.ClientError, EngineFault):
            return

    def close(self) -> None:
        """Give the connection back when the answer was read to its end, and close it otherwise."""
        self._response.close()

    async def _receive(self, deadline: float) -> list[Chunk]:
        async with self._deadlines.until(deadline):
            received = await self._response.content.readany()
        chunks = self._reader.feed(received) if received else self._reader.end()
        self._ended = not received or self._reader.done
        return chunks
