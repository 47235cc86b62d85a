"""Who goes next among those who wait: higher priority first, then the owner who was served least, then the first come.

Fair queueing by virtual time (after Demers, Keshav and Shenker, 1989, and Goyal, Vin and Cheng, 1996): each owner's
`served` counts the tokens computed for him, and whoever begins to wait is lifted to the virtual time, so that having
been away, or having asked for little, is no credit. The virtual time is

- what the owner who goes next was served, so that who comes now competes with those who wait, and is not before them;
- at least as much as an owner would have been served had all alive shared alike: thus nobody who was served more than
  the others waits for ever while new owners come, and when he leaves and comes back, his debt is still there;
- the most that anyone was served, when nobody waits: what is taken while nobody wants it is no debt.
"""

from __future__ import annotations

from bisect import insort
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush, heapreplace

from bot.engine.local.request import Request

_DEBTORS = 1_024
"""Owners who are away and whose debt is remembered."""

Turn = tuple[int, float]
"""What decides between two requests: the lesser goes first."""


@dataclass(slots=True, eq=False)
class _Owner:
    served: float
    alive: int = 0
    """His requests that are not over."""
    waiting: int = 0
    """Those of them that wait."""


@dataclass(slots=True, eq=False)
class _Line:
    """What waits of one owner at one priority, first come first."""

    owner: _Owner
    requests: OrderedDict[Request, None] = field(default_factory=OrderedDict)


@dataclass(slots=True, eq=False)
class _Level:
    """The lines of one priority. The heap has an entry (served, number, line) of each line, and of some that are over.

    An owner's `served` only grows, so an entry is never too late in the heap; it may be too early, which is put
    right when it comes to the top.
    """

    lines: dict[_Owner, _Line] = field(default_factory=dict)
    heap: list[tuple[float, int, _Line]] = field(default_factory=list)

    def first(self) -> Request:
        while True:
            served, number, line = self.heap[0]
            if not line.requests:
                heappop(self.heap)
            elif served < line.owner.served:
                heapreplace(self.heap, (line.owner.served, number, line))
            else:
                return next(iter(line.requests))

    def close(self, line: _Line) -> None:
        """The line is over. Entries of such lines never outnumber the others by much."""
        del self.lines[line.owner]
        if len(self.heap) > 2 * len(self.lines) + 16:
            self.heap = [entry for entry in self.heap if entry[2].requests]
            heapify(self.heap)


class FairQueue:
    """Requests that wait, and what the owners of all requests alive were served. Used from one thread.

    An empty owner stands for a request by itself. Every request is `enter`ed once and `leave`s once; in between it
    may be `push`ed and `remove`d any number of times.
    """

    def __init__(self) -> None:
        self._owners: dict[str | Request, _Owner] = {}
        self._debts: OrderedDict[str, float] = OrderedDict()
        self._levels: dict[int, _Level] = {}
        self._priorities: list[int] = []
        """Negated, ascending."""
        self._now = 0.0
        """The virtual time, as far as it has been told."""
        self._most = 0.0
        self._size = 0
        self._numbers = 0

    def __len__(self) -> int:
        return self._size

    def __contains__(self, request: Request) -> bool:
        """Whether it waits."""
        owner, level = self._owners.get(request.owner or request), self._levels.get(request.priority)
        line = level.lines.get(owner) if owner and level else None
        return line is not None and request in line.requests

    def enter(self, request: Request) -> None:
        """A request begins to live, and its owner with it."""
        key = request.owner or request
        owner = self._owners.get(key)
        if owner is None:
            served = max(self._now, self._debts.pop(request.owner, 0.0))
            owner = self._owners[key] = _Owner(served)
        owner.alive += 1

    def leave(self, request: Request) -> None:
        """A request that does not wait is over."""
        key = request.owner or request
        owner = self._owners[key]
        owner.alive -= 1
        if owner.alive:
            return
        del self._owners[key]
        if not self._owners:
            self._debts.clear()  # nobody is left to whom anything could be owed
            self._now = self._most = 0.0
        elif request.owner and owner.served > self._now:
            self._debts[request.owner] = owner.served
            if len(self._debts) > _DEBTORS:
                self._debts.popitem(last=False)

    def charge(self, request: Request, end: int) -> None:
        """The tokens of `request` before `end` have been scheduled. None is charged for twice, whatever failed."""
        tokens = end - request.charged
        if tokens > 0:
            request.charged = end
            owner = self._owners[request.owner or request]
            owner.served += tokens
            self._most = max(self._most, owner.served)
            self._now += tokens / len(self._owners)

    def push(self, request: Request, *, front: bool = False) -> None:
        """Let `request` wait behind, or in `front` of, the others of its owner and priority.

        Between owners who were served alike, who was put in front last goes first, and otherwise who came first.
        """
        owner = self._owners[request.owner or request]
        if not owner.waiting:
            owner.served = max(owner.served, self._time(request.priority))
        owner.waiting += 1
        self._size += 1
        line = self._line(owner, request.priority, front=front)
        line.requests[request] = None
        if front:
            line.requests.move_to_end(request, last=False)

    def remove(self, request: Request) -> None:
        """Let `request`, which waits, wait no more."""
        owner = self._owners[request.owner or request]
        level = self._levels[request.priority]
        line = level.lines[owner]
        del line.requests[request]
        owner.waiting -= 1
        self._size -= 1
        if line.requests:
            return
        level.close(line)
        if not level.lines:
            del self._levels[request.priority]
            self._priorities.remove(-request.priority)

    def first(self) -> Request | None:
        """The one that is to be admitted next."""
        return self._levels[-self._priorities[0]].first() if self._size else None

    def turn(self, request: Request) -> Turn:
        """When it is the turn of a request, waiting or not: the lesser goes first."""
        return -request.priority, self._owners[request.owner or request].served

    def precedes(self, running: Request, waiting: Request) -> bool:
        """Whether a running request goes on before a waiting one begins; of one owner, the first come goes first."""
        mine, other = self.turn(running), self.turn(waiting)
        return mine < other or (mine == other and running.owner == waiting.owner != "")

    def order(self) -> Iterator[Request]:
        """All that wait, in the order of their admission if each was computed when admitted and nothing else was.

        The first costs as much as there are owners waiting, each one after it a logarithm of that.
        """
        served: dict[_Owner, float] = {}
        for priority in self._priorities:
            lines = self._levels[-priority].heap
            heap = [(served.get(x.owner, x.owner.served), n, x.owner, iter(x.requests)) for _, n, x in lines]
            heapify(heap)
            while heap:
                _, number, owner, requests = heap[0]
                request = next(requests, None)
                if request is None:
                    heappop(heap)
                    continue
                yield request
                served[owner] = served.get(owner, owner.served) + max(0, request.length - request.charged)
                heapreplace(heap, (served[owner], number, owner, requests))

    def _time(self, priority: int) -> float:
        """The virtual time for one who begins to wait at `priority`."""
        level = self._levels.get(priority)
        if not self._size:
            self._now = max(self._now, self._most)
        elif level is not None:
            self._now = max(self._now, self.turn(level.first())[1])
        return self._now

    def _line(self, owner: _Owner, priority: int, *, front: bool) -> _Line:
        level = self._levels.get(priority)
        if level is None:
            level = self._levels[priority] = _Level()
            insort(self._priorities, -priority)
        line = level.lines.get(owner)
        if line is None:
            line = level.lines[owner] = _Line(owner)
            self._numbers += 1
            heappush(level.heap, (owner.served, -self._numbers if front else self._numbers, line))
        return line
