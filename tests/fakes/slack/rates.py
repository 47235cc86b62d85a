"""How often Slack lets an app call, method by method and workspace by workspace, in sliding windows."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

JOURNEY = 0.25
"""Seconds by which a request may lie longer on its way than the one before it: windows are that much shorter, so that
who keeps exactly to a rate at home is not blamed for the wire. At most a quarter of a window."""

_TIER_2 = ("chat.startStream", "chat.stopStream", "conversations.list", "users.list", "apps.connections.open")
_TIER_4 = (
    "chat.appendStream", "chat.postEphemeral", "users.info", "files.info", "oauth.v2.access", "conversations.members",
    "views.open", "views.publish", "views.update",
)  # fmt: skip
_SPECIAL = ("auth.test", "chat.getPermalink", "assistant.threads.setStatus")


@dataclass(frozen=True, kw_only=True)
class Rates:
    """Calls in any minute, by tier as https://docs.slack.dev/apis/web-api/rate-limits has it; `methods` overrides.

    chat.postMessage has a rate in each channel instead, over a second and over a minute: the bursts that Slack puts up
    with are not granted here.
    """

    tier_2: float = 20
    tier_3: float = 50
    tier_4: float = 100
    special: float = 600
    post_per_second: float = 1.0
    methods: Mapping[str, float] = field(default_factory=dict)

    def of(self, method: str) -> float:
        if method in self.methods:
            return self.methods[method]
        if method in _TIER_2:
            return self.tier_2
        if method in _TIER_4:
            return self.tier_4
        return self.special if method in _SPECIAL else self.tier_3


UNLIMITED = Rates(tier_2=1e9, tier_3=1e9, tier_4=1e9, special=1e9, post_per_second=1e9)
"""For tests of something else."""


@dataclass
class Usage:
    """`peak` is the most that was asked for in any window of `window` seconds, of which `allowed` were allowed."""

    allowed: float
    window: float
    calls: int = 0
    refused: int = 0
    peak: int = 0

    @property
    def share(self) -> float:
        """The peak as a share of what is allowed: above 1 it was too much."""
        return self.peak / max(1.0, self.allowed)


class _Window:
    def __init__(self, allowed: float, seconds: float) -> None:
        self.seconds = seconds - min(JOURNEY, seconds / 4)
        self.usage = Usage(allowed=allowed, window=seconds)
        self._asked: deque[float] = deque()
        self._granted: deque[float] = deque()

    def ask(self, now: float) -> float:
        """0 when it may be granted, else the seconds until it might."""
        for times in (self._asked, self._granted):
            while times and times[0] <= now - self.seconds:
                times.popleft()
        self._asked.append(now)
        self.usage.calls += 1
        self.usage.peak = max(self.usage.peak, len(self._asked))
        if len(self._granted) + 1 > max(1.0, self.usage.allowed):
            self.usage.refused += 1
            return self._granted[0] + self.seconds - now
        return 0.0

    def grant(self, now: float) -> None:
        self._granted.append(now)


Key = tuple[str, str, str]
"""(team, method, channel); the channel only where the rate is the channel's."""


class Meter:
    """Counts every call. A minute lasts `minute` seconds here."""

    def __init__(self, rates: Rates, minute: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.rates, self.minute, self._clock = rates, minute, clock
        self._windows: dict[Key, tuple[_Window, ...]] = {}
        self._closed: dict[Key, tuple[float, float]] = {}

    @property
    def usage(self) -> Mapping[Key, Usage]:
        """By method, that of the window that was used the most."""
        return {
            key: max((window.usage for window in windows), key=lambda usage: usage.share)
            for key, windows in self._windows.items()
        }

    def ask(self, team: str, method: str, channel: str) -> int:
        """0 when the call may go on, else the whole seconds for its Retry-After."""
        now, windows = self._clock(), self._of(_key(team, method, channel))
        wait = max(window.ask(now) for window in windows)
        if wait <= 0:
            for window in windows:
                window.grant(now)
        return math.ceil(wait) if wait > 0 else 0

    def close(self, team: str, method: str, channel: str, seconds: float) -> None:
        """Let nobody call `method` for so long."""
        now, key = self._clock(), _key(team, method, channel)
        if self.closed(team, method, channel)[0] == 0:
            self._closed[key] = (now, now + seconds)

    def closed(self, team: str, method: str, channel: str) -> tuple[float, float]:
        """The seconds for which `method` is still closed (0: it is not), and those since it was closed."""
        began, until = self._closed.get(_key(team, method, channel), (0.0, 0.0))
        now = self._clock()
        return max(0.0, until - now), now - began

    def _of(self, key: Key) -> tuple[_Window, ...]:
        if key not in self._windows:
            if key[1] == "chat.postMessage":
                rate, second = self.rates.post_per_second, self.minute / 60
                windows = (_Window(rate, second), _Window(rate * 60, self.minute))
            else:
                windows = (_Window(self.rates.of(key[1]), self.minute),)
            self._windows[key] = windows
        return self._windows[key]


def _key(team: str, method: str, channel: str) -> Key:
    return team, method, channel if method == "chat.postMessage" else ""
