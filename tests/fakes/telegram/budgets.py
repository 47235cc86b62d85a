"""How often Telegram lets a bot speak: in a chat, in a group, and over all; and how it punishes who does not listen.

https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this. Edits share the budgets of messages.
Of drafts nothing is documented: they are held to a budget a chat of their own, and to the one over all.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from tests.fakes.telegram.state import Clock

JOURNEY = 0.25
"""Our seconds by which a request may lie longer on its way than the one before it: windows are that much shorter, so
that who keeps exactly to a rate at home is not blamed for the wire. At most a quarter of a window."""
MOST = 900
"""The longest penalty, in seconds."""
FORGIVEN = 60.0
"""Seconds after the end of a penalty after which the next offence counts as the first."""

Scope = Literal["chat", "group", "draft", "all"]
Key = tuple[Scope, int]
"""What a budget is for; the chat's id, 0 for the budget over all."""


@dataclass(frozen=True, kw_only=True)
class Budgets:
    """Calls a second (a group's: a minute). `burst`: so many at once go through in a chat, if as many seconds are
    kept free of others. `penalty`: the first retry_after in seconds; each further offence doubles it."""

    chat: float = 1.0
    burst: int = 3
    group: float = 20.0
    overall: float = 30.0
    draft: float = 1.0
    penalty: int = 3


UNLIMITED = Budgets(chat=1e9, group=1e9, overall=1e9, draft=1e9)
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
    def __init__(self, allowed: float, seconds: float, second: float) -> None:
        self.seconds = seconds - min(JOURNEY / second, seconds / 4)
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


@dataclass
class _Closed:
    began: float
    until: float
    offences: int


class Meter:
    """Counts every call that shows something."""

    def __init__(self, budgets: Budgets, clock: Clock) -> None:
        self.budgets, self._clock = budgets, clock
        self._windows: dict[Key, _Window] = {}
        self._chats: dict[int, _Closed] = {}

    @property
    def usage(self) -> Mapping[Key, Usage]:
        return {key: window.usage for key, window in self._windows.items()}

    def ask(self, chat: int, *, draft: bool) -> int:
        """0 when something may be shown in the chat, else the seconds for retry_after: more at each offence."""
        keys: list[Key] = [("draft", chat)] if draft else [("chat", chat)]
        if chat < 0 and not draft:
            keys.append(("group", chat))
        now, windows = self._clock.now(), [self._window(key) for key in (*keys, ("all", 0))]
        wait = max(window.ask(now) for window in windows)
        if wait <= 0:
            for window in windows:
                window.grant(now)
            return 0
        return self._punish(chat, wait)

    def _punish(self, chat: int, wait: float) -> int:
        now, known = self._clock.now(), self._chats.get(chat)
        offences = known.offences + 1 if known and now < known.until + FORGIVEN else 1
        seconds = min(MOST, max(math.ceil(wait), self.budgets.penalty * 2 ** (offences - 1)))
        self._chats[chat] = _Closed(now, now + seconds, offences)
        return seconds

    def close(self, chat: int, seconds: float) -> None:
        """Let the bot say nothing in the chat for so long, for no offence of its own."""
        now, known = self._clock.now(), self._chats.get(chat)
        self._chats[chat] = _Closed(now, now + seconds, known.offences if known else 0)

    def closed(self, chat: int) -> tuple[float, float]:
        """The seconds for which the chat is still closed (0: it is not), and those since it was closed."""
        known = self._chats.get(chat)
        if known is None:
            return 0.0, 0.0
        now = self._clock.now()
        return max(0.0, known.until - now), now - known.began

    def offend(self, chat: int) -> int:
        """Somebody calls while the chat is closed: the new retry_after."""
        return self._punish(chat, self.closed(chat)[0])

    def _window(self, key: Key) -> _Window:
        if key not in self._windows:
            budgets, second = self.budgets, self._clock.second
            allowed, seconds = {
                "chat": (budgets.chat * budgets.burst, float(budgets.burst)),
                "draft": (budgets.draft * budgets.burst, float(budgets.burst)),
                "group": (budgets.group, 60.0),
                "all": (budgets.overall, 1.0),
            }[key[0]]
            self._windows[key] = _Window(allowed, seconds, second)
        return self._windows[key]
