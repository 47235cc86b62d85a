"""How often Slack may be called: a budget for each method in each workspace, for posting one in each conversation.

Slack counts the calls of any minute when they reach it: https://docs.slack.dev/apis/web-api/rate-limits. How we count
them is in `adapters.pace`.

Calls that someone's answer depends on wait their turn, first come, first served. Live ones, which show an answer while
it is written, never wait: they use what nobody waits for, leave a quarter of the budget alone, and beyond its first
quarter come evenly, so that all streams of a workspace move instead of one of them rushing.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from adapters.pace import NEVER, Budget, Busy
from bot.config import SlackRates

__all__ = ["NEVER", "Budget", "Busy", "Pace"]

_FEW = frozenset({"chat.startStream", "chat.stopStream", "conversations.list", "users.list", "apps.connections.open"})
_MANY = frozenset(
    {
        "assistant.threads.setStatus", "auth.test", "chat.getPermalink", "chat.postEphemeral", "conversations.members",
        "files.info", "users.info", "views.open", "views.publish", "views.update",
    }
)  # fmt: skip
_POST = "chat.postMessage"
_MOST_LINES = 4_096


@dataclass(slots=True)
class _Line:
    budget: Budget
    waiting: deque[asyncio.Event] = field(default_factory=deque)

    def call_next(self) -> None:
        if self.waiting:
            self.waiting[0].set()


class Pace:
    """Everybody's turns. `minute` is how long Slack's minute lasts, in seconds."""

    def __init__(self, rates: SlackRates, *, minute: float = 60.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._rates, self._minute, self._clock = rates, minute, clock
        self._lines: dict[tuple[str, str, str], _Line] = {}
        self._closed: dict[tuple[str, str], float] = {}

    @asynccontextmanager
    async def turn(self, team: str, method: str, channel: str = "", *, live: bool = False) -> AsyncIterator[None]:
        """Make one call in it. Raises `Busy` when it is `live` and its turn is not now."""
        line = self._line(team, method, channel)
        if live:
            if line.waiting or self._wait(line, team, method, live=True) > 0:
                raise Busy
            line.budget.begin(self._clock(), live=True)
        else:
            await self._stand_in(line, team, method)
        try:
            yield
        finally:
            line.budget.end(self._clock())
            line.call_next()

    def free(self, team: str, method: str, channel: str = "") -> bool:
        """Whether a live call could begin now."""
        line = self._line(team, method, channel)
        return not line.waiting and self._wait(line, team, method, live=True) <= 0

    def close(self, team: str, method: str, seconds: float) -> None:
        """Slack said so: nobody of `team` calls `method` for so long."""
        until = self._clock() + seconds
        self._closed[team, method] = max(until, self._closed.get((team, method), until))

    async def _stand_in(self, line: _Line, team: str, method: str) -> None:
        ticket = asyncio.Event()
        line.waiting.append(ticket)
        try:
            while True:
                first = line.waiting[0] is ticket
                wait = self._wait(line, team, method) if first else NEVER
                if wait <= 0:
                    break
                ticket.clear()
                try:
                    async with asyncio.timeout(wait if wait < NEVER else None):
                        await ticket.wait()
                except TimeoutError:
                    pass  # it is time
            line.budget.begin(self._clock())
        finally:
            line.waiting.remove(ticket)
            line.call_next()

    def _wait(self, line: _Line, team: str, method: str, *, live: bool = False) -> float:
        now = self._clock()
        return max(line.budget.wait(now, live=live), self._closed.get((team, method), now) - now)

    def _line(self, team: str, method: str, channel: str) -> _Line:
        key = (team, method, channel if method == _POST else "")
        if key not in self._lines:
            if len(self._lines) >= _MOST_LINES:
                self._forget()
            self._lines[key] = _Line(self._budget(method))
        return self._lines[key]

    def _budget(self, method: str) -> Budget:
        if method == _POST:
            return _budget(self._rates.post_per_second, self._minute / 60)
        if method == "chat.appendStream":
            return _budget(self._rates.append_per_minute, self._minute)
        if method in _FEW:
            return _budget(self._rates.start_per_minute, self._minute)
        often = self._rates.other_per_minute if method in _MANY else self._rates.update_per_minute
        return _budget(often, self._minute)

    def _forget(self) -> None:
        """Conversations in which nothing was posted lately need no budget."""
        now = self._clock()
        for key in [key for key, line in self._lines.items() if not line.waiting and line.budget.idle(now)]:
            del self._lines[key]
        self._closed = {key: until for key, until in self._closed.items() if until > now}


def _budget(rate: float, window: float) -> Budget:
    """Of a rate below one call in a window, one call in a longer window."""
    return Budget(most=int(rate), window=window) if rate >= 1 else Budget(most=1, window=window / rate)
