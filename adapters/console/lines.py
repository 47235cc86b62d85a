"""Lines from a terminal, a pipe or a file, read without blocking the loop and without losing any when cancelled."""

from __future__ import annotations

import asyncio
import os
import select
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

_LONGEST_LINE = 1_000_000
_TERMINAL_LINE = 4_095  # Linux: N_TTY_BUF_SIZE less the line's end


class LineTooLong(Exception):
    """A line was longer than can be read. It is gone; the next one can be read."""


class Lines:
    """An asynchronous iterator over the lines of a file descriptor, which stays open.

    A thread waits for input, but only while a line is wanted; `close` wakes and joins it.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._terminal = os.isatty(descriptor)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="frontdesk-lines")
        self._wake_read, self._wake_write = os.pipe()
        self._reading: asyncio.Future[None] | None = None
        self._buffer = b""
        self._skipping = False
        self._ended = False
        self._closed = False

    def __aiter__(self) -> Lines:
        return self

    async def __anext__(self) -> str:
        """The next line without its end. Raises `LineTooLong`."""
        while b"\n" not in self._buffer and not self._ended and not self._closed:
            if len(self._buffer) > _LONGEST_LINE:
                self._buffer, self._skipping = b"", True
            # Shielded: the thread goes on when the wait is cancelled, and what it reads is there for the next call.
            await asyncio.shield(self._read())
        if self._closed or not self._buffer:
            raise StopAsyncIteration
        raw, _, self._buffer = self._buffer.partition(b"\n")
        self._check(raw)
        return raw.removesuffix(b"\r").decode("utf-8", "replace")

    @contextmanager
    def hushed(self) -> Iterator[None]:
        """A terminal that does not show what is typed, so that it does not mix with what is written."""
        if not self._terminal:
            yield
            return
        import termios

        before = termios.tcgetattr(self._descriptor)
        silent = termios.tcgetattr(self._descriptor)
        silent[3] &= ~termios.ECHO
        termios.tcsetattr(self._descriptor, termios.TCSADRAIN, silent)
        try:
            yield
        finally:
            termios.tcsetattr(self._descriptor, termios.TCSADRAIN, before)

    def close(self) -> None:
        """Stop reading. What was not asked for stays unread or is dropped."""
        if self._closed:
            return
        self._closed = True
        os.write(self._wake_write, b"x")
        self._thread.shutdown(wait=True)
        os.close(self._wake_read)
        os.close(self._wake_write)

    def _read(self) -> asyncio.Future[None]:
        if self._reading is None or self._reading.done():
            self._reading = asyncio.get_running_loop().run_in_executor(self._thread, self._wait_and_read)
        return self._reading

    def _wait_and_read(self) -> None:
        ready, _, _ = select.select([self._descriptor, self._wake_read], [], [])
        if self._descriptor not in ready:
            return
        try:
            received = os.read(self._descriptor, 65_536)
        except OSError:  # a terminal whose other end is gone
            received = b""
        self._ended = not received
        self._buffer += received

    def _check(self, raw: bytes) -> None:
        if self._skipping or len(raw) > _LONGEST_LINE:
            self._skipping = False
            raise LineTooLong(f"That line is longer than {_LONGEST_LINE} bytes. It was not sent.")
        if self._terminal and len(raw) >= _TERMINAL_LINE:
            raise LineTooLong(
                f"The terminal cuts lines at {_TERMINAL_LINE} bytes, so this one was not sent. "
                "Send longer texts through a pipe: frontdesk chat < question.txt"
            )
