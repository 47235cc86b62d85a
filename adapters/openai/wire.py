"""An answer on its way out: streamed, or whole. And who is being answered.

A delta costs one small write, unless several are at hand: then they share one. The reader's pace is the engine's,
since nothing is asked for while a write waits. When the reader has gone, the stream of the engine is closed.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Iterator, Mapping
from contextlib import aclosing, contextmanager
from types import coroutine
from typing import Any, Protocol

from aiohttp import web

from adapters.openai.generator import Delta, GenerationFault, Usage
from adapters.openai.problem import Problem

TEND_SECONDS = 0.05
STUCK_SECONDS = 60.0
_BUFFER_BYTES = 65_536
_GATHERED_BYTES = 32_768
_SILENCE_MILLISECONDS = 90_000
EVENT_STREAM = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store, no-transform",
    "X-Accel-Buffering": "no",
}


Step = Generator[Any, Any, Delta]


class Encoder(Protocol):
    """Deltas into bytes."""

    def feed(self, delta: Delta) -> bytes: ...

    def end(self, usage: Usage) -> bytes: ...

    def fail(self, problem: Problem) -> bytes: ...


# -- who is being answered -------------------------------------------------------------------------------
class Guest:
    """One request while it is being answered. `closed` says that the server ended it, and nobody else."""

    __slots__ = ("_request", "_task", "blocked_since", "closed")

    def __init__(self, request: web.Request, task: asyncio.Task[Any]) -> None:
        self._request, self._task = request, task
        self.blocked_since = 0.0
        self.closed = False

    def tend(self, now: float) -> None:
        """End it when its client has gone, or takes nothing any more."""
        transport = self._request.transport
        if transport is None or transport.is_closing():
            self._task.cancel()
        elif self.blocked_since and now - self.blocked_since > STUCK_SECONDS:
            transport.abort()

    def close(self) -> None:
        self.closed = True
        self._task.cancel()


class Guests:
    """All of them; `most` may be there at once. One task tends them all: none of them has a timer of its own."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._guests: dict[Guest, None] = {}
        self._empty = asyncio.Event()
        self._empty.set()

    @contextmanager
    def answering(self, request: web.Request) -> Iterator[Guest]:
        """Raises `Problem` (503) when the house is full."""
        task = asyncio.current_task()
        if len(self._guests) >= self._most or task is None:
            raise Problem(503, "Too many requests at the moment: try again soon.", code="overloaded", retry_after=1)
        guest = Guest(request, task)
        self._guests[guest] = None
        self._empty.clear()
        try:
            yield guest
        finally:
            del self._guests[guest]
            if not self._guests:
                self._empty.set()

    def tend(self, now: float) -> None:
        for guest in list(self._guests):
            guest.tend(now)

    async def gone(self, seconds: float) -> bool:
        """Wait until nobody is here, but no longer than `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                await self._empty.wait()
        except TimeoutError:
            return False
        return True

    def close(self) -> None:
        for guest in list(self._guests):
            guest.close()

    def __len__(self) -> int:
        return len(self._guests)


# -- answers ---------------------------------------------------------------------------------------------
async def gather(deltas: AsyncGenerator[Delta, None], take: Callable[[Delta], None]) -> None:
    """Give every delta to `take`. Raises what the stream raises, and `GenerationFault` when it is empty."""
    count = 0
    async with aclosing(deltas):
        async for delta in deltas:
            count += 1
            take(delta)
    if not count:
        raise GenerationFault("The engine ended the answer before it began.")


class Streaming:
    """One streamed answer. Nothing is sent before the first delta, so that what fails until then has a status."""

    def __init__(self, request: web.Request, guest: Guest, headers: Mapping[str, str]) -> None:
        self._request, self._guest = request, guest
        self.response = web.StreamResponse(headers={**headers, **EVENT_STREAM})
        self._gathered: list[bytes] = []
        self._size = 0
        self._broken: ConnectionError | None = None

    async def send(self, deltas: AsyncGenerator[Delta, None], encode: Callable[[Delta], bytes]) -> None:
        """All of `deltas`, as they come."""
        async with aclosing(deltas):
            try:
                first = await anext(deltas)
            except StopAsyncIteration:
                raise GenerationFault("The engine ended the answer before it began.") from None
            self._gather(encode(first))
            await self.response.prepare(self._request)
            self._tune()
            while True:
                try:
                    delta = await _next(deltas, self.flush)
                except StopAsyncIteration:
                    return
                self._gather(encode(delta))
                if self._size > _GATHERED_BYTES:
                    await self.flush()
                if self._broken is not None:
                    raise self._broken

    async def finish(self, last: bytes) -> None:
        self._gather(last)
        await self.flush()
        await self.response.write_eof()

    async def flush(self) -> None:
        """Send what has gathered. A broken connection is raised with the next delta, not into the engine's stream."""
        if not self._size:
            return
        block, self._gathered, self._size = b"".join(self._gathered), [], 0
        self._guest.blocked_since = asyncio.get_running_loop().time()
        try:
            await self.response.write(block)
        except ConnectionError as error:
            self._broken = error
        self._guest.blocked_since = 0.0

    def _gather(self, block: bytes) -> None:
        if block:
            self._gathered.append(block)
            self._size += len(block)

    def _tune(self) -> None:
        """Let little wait in memory, and notice soon when the other side has gone without a word."""
        if (transport := self._request.transport) is None:
            return
        transport.set_write_buffer_limits(high=_BUFFER_BYTES)
        wire = transport.get_extra_info("socket")
        if wire is not None and wire.family != getattr(socket, "AF_UNIX", None) and hasattr(socket, "TCP_USER_TIMEOUT"):
            wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _SILENCE_MILLISECONDS)


@coroutine
def _next(deltas: AsyncGenerator[Delta, None], idle: Callable[[], Coroutine[Any, Any, None]]) -> Step:
    """The next delta. When none is at hand, `idle` is awaited before it is waited for.

    An async iterator cannot be asked whether it has something. But taking one step of what would be awaited tells: it
    returns the delta, or what to wait for. Whatever is thrown in while we wait is thrown into the iterator.
    """
    step = deltas.__anext__()
    go_on: Callable[[Any], Any] = step.send
    given: Any = None
    idled = False
    while True:
        try:
            waiting = go_on(given)
        except StopIteration as found:
            delta: Delta = found.value
            return delta
        try:
            if not idled:
                idled = True
                yield from idle().__await__()
            given = yield waiting
            go_on = step.send
        except BaseException as error:
            go_on, given = step.throw, error
