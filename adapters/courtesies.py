"""What is done for people on the side: a status, a title, a word of thanks. The same for every channel.

Nothing depends on it, so it waits for nobody and nobody waits for it: when too much of it is on its way, the newest is
left out, and what fails is only counted. Each is a task that is owned and ended at the close.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from prometheus_client import Counter

from bot.errors import FrontdeskError

log = structlog.get_logger()

AT_ONCE = 64
SECONDS = 4.0


class Courtesies:
    """At most `AT_ONCE` small things at once, `SECONDS` each. `channel` is who is served.

    `counted` has one label, the outcome. `busy` is what the channel raises when there is no room for something now,
    `refused` when it does not do it.
    """

    def __init__(self, channel: str, counted: Counter, *, busy: type[Exception], refused: type[Exception]) -> None:
        self._channel, self._busy, self._refused = channel, busy, refused
        self._counted = {outcome: counted.labels(outcome) for outcome in ("done", "failed", "left_out")}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    def offer(self, work: Callable[[], Awaitable[object]]) -> None:
        """Do it soon, or not at all."""
        if self._closed or len(self._tasks) >= AT_ONCE:
            self._counted["left_out"].inc()
            return
        task = asyncio.create_task(self._do(work), name=f"{self._channel} courtesy")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        self._closed = True
        for task in (tasks := list(self._tasks)):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _do(self, work: Callable[[], Awaitable[object]]) -> None:
        try:
            async with asyncio.timeout(SECONDS):
                await work()
        except self._busy:
            self._counted["left_out"].inc()
        except (self._refused, FrontdeskError, TimeoutError):
            self._counted["failed"].inc()
        except Exception:
            self._counted["failed"].inc()
            log.exception("channel.courtesy", channel=self._channel)
        else:
            self._counted["done"].inc()
