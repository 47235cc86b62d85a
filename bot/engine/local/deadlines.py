"""When requests have to be over."""

from __future__ import annotations

import math
from heapq import heapify, heappop, heappush

from bot.engine.local.request import Request


class Deadlines:
    """The requests that have a deadline, the soonest first. Those that ended are let go of soon, not only then."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Request]] = []
        self._numbers = 0
        self._ended = 0

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, request: Request) -> None:
        if request.deadline < math.inf:
            self._numbers += 1
            heappush(self._heap, (request.deadline, self._numbers, request))

    def end(self, request: Request) -> None:
        """`request`, which was added, has `ended`."""
        if request.deadline < math.inf:
            self._ended += 1
            if self._ended > len(self._heap) // 2 + 16:
                self._heap = [entry for entry in self._heap if not entry[2].ended]
                heapify(self._heap)
                self._ended = 0

    def passed(self, now: float) -> list[Request]:
        """The requests alive whose deadline is `now` or was before, the soonest first; again until they end."""
        if not self._heap or self._heap[0][0] > now:
            return []
        due = []
        while self._heap and self._heap[0][0] <= now:
            entry = heappop(self._heap)
            if entry[2].ended:
                self._ended -= 1
            else:
                due.append(entry)
        for entry in due:
            heappush(self._heap, entry)
        return [request for _, _, request in due]
