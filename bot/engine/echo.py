"""An engine without a model: it says the last question back, so that everything around a model can be load-tested."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence

from bot.engine.abilities import refuse_unknown
from bot.engine.base import ChatMessage, Delta, EngineFault, EngineFinish, SamplingSettings, Usage
from bot.engine.stops import StopWatch
from bot.engine.words import count_pieces, pieces


class EchoEngine:
    """Streams the text of the last user message `repeat` times, joined by a space, one word a delta.

    A word (a single character in Chinese, Japanese and Korean) counts as one token. `delay_ms` is the pause
    between two deltas; at 0 a stream only lets the others have their turn. The same messages give the same
    deltas. A stream costs one timer and the words of one question, however often it is repeated.
    """

    def __init__(self, *, repeat: int = 1, delay_ms: float = 0) -> None:
        if repeat < 1 or delay_ms < 0:
            raise ValueError("repeat must be at least 1 and delay_ms at least 0")
        self._repeat = repeat
        self._delay = delay_ms / 1_000
        self._pauses: set[asyncio.Future[None]] = set()
        self._closed = False

    async def start(self) -> None:
        self._closed = False

    async def stream(
        self,
        messages: Sequence[ChatMessage],
        sampling: SamplingSettings,
        *,
        owner: str = "",  # noqa: ARG002 - nobody waits for another here
    ) -> AsyncGenerator[Delta, None]:
        refuse_unknown(sampling, "The echo engine")
        watch = StopWatch(sampling.stop)
        written = 0
        finish: EngineFinish = "stop"
        for piece in self._pieces(_question(messages)):
            if written == sampling.max_tokens:
                finish = "length"
                break
            if written:
                await self._pause()
            written += 1
            if text := watch.feed(piece):
                yield Delta(text=text, tokens=1)
            if watch.stopped:
                break
        read = sum(count_pieces(message["content"]) for message in messages)
        usage = Usage(prompt_tokens=read, completion_tokens=written)
        yield Delta(text=watch.flush(), finish_reason=finish, usage=usage)

    def count_tokens(self, text: str) -> int:
        return count_pieces(text)

    async def close(self) -> None:
        """End every stream with an `EngineFault`, without waiting for its pause."""
        self._closed = True
        for pause in self._pauses:
            _wake(pause)

    def _pieces(self, text: str) -> Iterator[str]:
        once = tuple(pieces(text))
        yield from once
        if not once:
            return
        for _ in range(self._repeat - 1):
            yield " " + once[0]
            yield from once[1:]

    async def _pause(self) -> None:
        if not self._delay:
            await asyncio.sleep(0)
        elif not self._closed:
            await self._sleep()
        if self._closed:
            raise EngineFault("The echo engine was closed while it was answering.")

    async def _sleep(self) -> None:
        """`asyncio.sleep`, but `close` can end it early."""
        loop = asyncio.get_running_loop()
        pause: asyncio.Future[None] = loop.create_future()
        timer = loop.call_later(self._delay, _wake, pause)
        self._pauses.add(pause)
        try:
            await pause
        finally:
            timer.cancel()
            self._pauses.discard(pause)


def _question(messages: Sequence[ChatMessage]) -> str:
    return next((message["content"] for message in reversed(messages) if message["role"] == "user"), "")


def _wake(pause: asyncio.Future[None]) -> None:
    if not pause.done():
        pause.set_result(None)
