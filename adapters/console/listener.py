"""What one person does at a terminal: lines and Ctrl-C, one after the other or while an answer is written."""

from __future__ import annotations

import asyncio
import signal
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from adapters.console.lines import LineTooLong

_TYPED_AHEAD = 20


class Left(Exception):
    """The person has gone: no more lines, or Ctrl-C."""


class Listener:
    """Lines from `source`. When they are typed (`interactive`), they are heard during an answer too."""

    def __init__(self, source: AsyncIterator[str], *, interactive: bool) -> None:
        self._source = source
        self._interactive = interactive
        self._ahead: deque[str | LineTooLong] = deque()
        self._reading: asyncio.Task[str | LineTooLong | None] | None = None
        self._interrupted: asyncio.Future[None] | None = None
        self._over = False

    async def line(self, prompt: Callable[[], None]) -> str:
        """The next line, after `prompt` when it has to be waited for. Raises `Left` and `LineTooLong`."""
        if not self._ahead:
            await self._hear(prompt)
        heard = self._ahead.popleft()
        if isinstance(heard, LineTooLong):
            raise heard
        return heard

    async def meanwhile(self, ended: asyncio.Future[None], is_stop: Callable[[str], bool]) -> bool:
        """Wait until `ended`, keeping what is typed for later. True as soon as the answer shall be stopped."""
        while not ended.done():
            interrupted = self._interruption()
            listening = self._interactive and not self._over and len(self._ahead) < _TYPED_AHEAD
            reading: asyncio.Future[Any] = self._read() if listening else ended
            await asyncio.wait({ended, interrupted, reading}, return_when=asyncio.FIRST_COMPLETED)
            if interrupted.done():
                self._interrupted = None
                return True
            if listening and reading.done() and self._take():
                heard = self._ahead[-1]
                if isinstance(heard, str) and is_stop(heard):
                    self._ahead.pop()
                    return True
        return False

    @contextmanager
    def interrupts(self) -> Iterator[None]:
        """Ctrl-C is ours while somebody types; before and after, it means what it meant."""
        loop = asyncio.get_running_loop()
        before = signal.getsignal(signal.SIGINT)
        try:
            if self._interactive:
                loop.add_signal_handler(signal.SIGINT, self._interrupt)
        except (NotImplementedError, RuntimeError, ValueError):  # not the main thread, or no POSIX
            yield
            return
        try:
            yield
        finally:
            if self._interactive:
                loop.remove_signal_handler(signal.SIGINT)
                signal.signal(signal.SIGINT, before)

    async def close(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])

    async def _hear(self, prompt: Callable[[], None]) -> None:
        if self._over:
            raise Left
        if self._interactive:
            prompt()
        interrupted = self._interruption()
        waiting: set[asyncio.Future[Any]] = {self._read(), interrupted}
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if interrupted.done() or not self._take():
            raise Left

    def _read(self) -> asyncio.Task[str | LineTooLong | None]:
        if self._reading is None:
            self._reading = asyncio.ensure_future(_next(self._source))
        return self._reading

    def _take(self) -> bool:
        """Keep the line that was read. False when it was none: there will be no more."""
        reading, self._reading = self._read(), None
        heard = reading.result()
        if heard is None:
            self._over = True
            return False
        self._ahead.append(heard)
        return True

    def _interruption(self) -> asyncio.Future[None]:
        if self._interrupted is None:
            self._interrupted = asyncio.get_running_loop().create_future()
        return self._interrupted

    def _interrupt(self) -> None:
        future = self._interruption()
        if not future.done():
            future.set_result(None)


async def _next(source: AsyncIterator[str]) -> str | LineTooLong | None:
    try:
        return await anext(source, None)
    except LineTooLong as error:
        return error
