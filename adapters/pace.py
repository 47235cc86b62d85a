"""How often a server may be called, when it counts the calls of any stretch of time: what every channel's pace is of.

A server counts a call when it arrives. We know only when it began and when its answer was there, and it arrived
somewhere in between. So a call counts from its begin until a window after its end: then no window of the server's can
hold more calls than the budget, wherever it begins.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

MARGIN = 0.001
"""Seconds by which clocks that tick in steps may differ."""
NEVER = float("inf")


class Busy(Exception):
    """A live call that cannot begin now."""


@dataclass(slots=True)
class Budget:
    """At most `most` calls in any `window` seconds. Pure: every method is told the time.

    Live calls, which show an answer while it is written, leave `reserve` calls alone (a quarter, when it is None), and
    beyond the first quarter of the budget come evenly, so that all of them move instead of one of them rushing.
    """

    most: int
    window: float
    reserve: int | None = None
    running: int = 0
    ended: deque[float] = field(default_factory=deque)
    live_at: float = -NEVER

    def wait(self, now: float, *, live: bool = False, spare: bool = False, ahead: int = 0) -> float:
        """Seconds until a call may begin; 0 is now, `NEVER` until another one has ended.

        `spare`: it leaves the reserve alone, as a live one does. `ahead`: so many more are to come right after it.
        """
        while self.ended and self.ended[0] + self.window + MARGIN <= now:
            self.ended.popleft()
        allowed = max(1, self.most - (self._kept if live or spare else 0) - ahead)
        used = self.running + len(self.ended)
        if used >= allowed:
            free = used - allowed
            return self.ended[free] + self.window + MARGIN - now if free < len(self.ended) else NEVER
        if live and used >= max(1, self.most // 4):
            return max(0.0, self.live_at + self.window / allowed - now)
        return 0.0

    def begin(self, now: float, *, live: bool = False) -> None:
        self.running += 1
        if live:
            self.live_at = now

    def end(self, now: float) -> None:
        self.running -= 1
        self.ended.append(now)

    def idle(self, now: float) -> bool:
        return not self.running and self.wait(now) == 0 and not self.ended

    @property
    def _kept(self) -> int:
        return self.most // 4 if self.reserve is None else self.reserve
