"""A guard against two bots that answer each other for ever: whoever is allowed, no bot is answered without end."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable

import structlog

from adapters.telegram.heard import Said

log = structlog.get_logger()

MOST, SECONDS = 10, 600.0
"""So many messages of one bot in one chat are answered in so long."""
_REMEMBERED = 1_000


class Loops:
    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._answered: OrderedDict[tuple[int, int], deque[tuple[float, int]]] = OrderedDict()

    def allow(self, said: Said) -> bool:
        """Whether it is answered. The same message may come several times."""
        if not said.who.bot:
            return True
        key = (said.place.chat, said.who.id)
        row = self._answered.setdefault(key, deque(maxlen=MOST))
        self._answered.move_to_end(key)
        while len(self._answered) > _REMEMBERED:
            self._answered.popitem(last=False)
        now = self._clock()
        while row and row[0][0] < now - SECONDS:
            row.popleft()
        if any(message == said.message for _, message in row):
            return True
        if len(row) == MOST:
            log.warning("telegram.loop", chat=said.place.chat, bot=said.who.id)
            return False
        row.append((now, said.message))
        return True
