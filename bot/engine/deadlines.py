"""Waiting that has an end, and that can be ended for everybody at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.engine.base import EngineFault


class Deadlines:
    """All that one engine waits for. After `close` nothing waits any more, and nothing new may begin to."""

    def __init__(self) -> None:
        self._running: set[asyncio.Timeout] = set()
        self._closed = False

    @asynccontextmanager
    async def until(self, deadline: float) -> AsyncIterator[None]:
        """Raises `TimeoutError` at `deadline` (a time of the loop) and `EngineFault` when the engine is closed."""
        self._refuse_when_closed()
        try:
            async with asyncio.timeout_at(deadline) as limit:
                self._running.add(limit)
                try:
                    yield
                finally:
                    self._running.discard(limit)
        except TimeoutError:
            self._refuse_when_closed()
            raise

    async def sleep_until(self, deadline: float) -> None:
        try:
            async with self.until(deadline):
                await asyncio.get_running_loop().create_future()
        except TimeoutError:
            return

    def close(self) -> None:
        self._closed = True
        for limit in self._running:
            limit.reschedule(0)

    def _refuse_when_closed(self) -> None:
        if self._closed:
            raise EngineFault("The engine was closed.")
