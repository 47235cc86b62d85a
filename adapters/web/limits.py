"""How often somebody may ask, and how many streams may be open. Pure: time comes in from outside.

Token buckets: a bucket holds what may be spent in a minute and fills up evenly; each request takes one.
Both maps are bounded: `Rates` forgets whoever asked longest ago (whose bucket is the likeliest to be full again),
`Seats` holds an entry only while a stream is open.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable

from adapters.web.protocol import Problem

REMEMBERED = 50_000


class Rates:
    """`per_minute` requests for each name. `clock` gives seconds that never go back."""

    def __init__(self, per_minute: int, *, clock: Callable[[], float], remembered: int = REMEMBERED) -> None:
        self._size = float(per_minute)
        self._per_second = per_minute / 60
        self._clock = clock
        self._remembered = remembered
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str) -> float:
        """Spend one. 0 when there was one, else the seconds until there is."""
        now = self._clock()
        left, since = self._buckets.pop(name, (self._size, now))
        left = min(self._size, left + (now - since) * self._per_second)
        wait = 0.0 if left >= 1 else (1 - left) / self._per_second
        self._buckets[name] = (left if wait else left - 1, now)
        if len(self._buckets) > self._remembered:
            self._buckets.popitem(last=False)
        return wait

    def __len__(self) -> int:
        return len(self._buckets)


def charge(rates: Rates, name: str, code: str) -> None:
    """Spend one of `name`'s or raise `Problem` (429)."""
    wait = rates.take(name)
    if wait:
        raise Problem(429, code, "Too many requests: please wait a moment and try again.", retry_after=wait)


class Seats:
    """The open streams, counted by visitor, by address and all together."""

    def __init__(self, *, per_visitor: int, per_address: int, total: int) -> None:
        self._limits = (per_visitor, per_address)
        self._total = total
        self._taken: Counter[tuple[str, str]] = Counter()
        self._count = 0

    def take(self, visitor: str, address: str) -> None:
        """Raises `Problem`: 429 when one side has too many, 503 when the house is full."""
        if self._count >= self._total:
            raise Problem(503, "overloaded", "Too many visitors at the moment: try again soon.", retry_after=10)
        keys = (("visitor", visitor), ("address", address))
        for key, limit in zip(keys, self._limits, strict=True):
            if self._taken[key] >= limit:
                raise Problem(429, "too_many_streams", "Too many open chats: close a tab.", retry_after=10)
        self._count += 1
        self._taken.update(keys)

    def leave(self, visitor: str, address: str) -> None:
        self._count -= 1
        for key in (("visitor", visitor), ("address", address)):
            self._taken[key] -= 1
            if not self._taken[key]:
                del self._taken[key]

    def __len__(self) -> int:
        return self._count
