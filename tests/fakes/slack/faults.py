"""What can go wrong on Slack's side: by chance, from a seed, or once, on order."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Faults:
    """Chances are between 0 and 1. What is drawn comes from `seed`, in the order of the calls.

    rate_limit: answer 429 with `retry_after` before anything is done; server_error: answer 500 or 503, half of them
    after the work was done; drop_after: do it, then close the connection without an answer; drop_before: close it and
    do nothing; slow: let each answer take up to so many seconds; expire_streams: end a stream just before it is
    appended to or stopped; revoked: workspaces whose token is refused; duplicate: deliver an event again;
    copies: deliver each event up to so often; shuffle: hold each delivery back for up to so many seconds;
    only: nothing but these methods fails (empty is all).
    """

    rate_limit: float = 0.0
    retry_after: int = 1
    server_error: float = 0.0
    drop_after: float = 0.0
    drop_before: float = 0.0
    slow: float = 0.0
    expire_streams: float = 0.0
    revoked: frozenset[str] = frozenset()
    duplicate: float = 0.0
    copies: int = 1
    shuffle: float = 0.0
    only: frozenset[str] = frozenset()
    seed: int = 1


Act = Literal["", "error", "ratelimited", "status", "drop", "html"]


@dataclass(kw_only=True)
class Fault:
    """What happens to one call: `act`, before or (`after`) when its work is done; and first `delay` seconds pass."""

    act: Act = ""
    error: str = ""
    after: bool = False
    retry_after: int = 1
    status: int = 500
    delay: float = 0.0
    expire: bool = False
    gate: Gate | None = None


@dataclass
class Gate:
    """A call that is held: `reached` is set when it came, and it goes on after `release`."""

    reached: asyncio.Event = field(default_factory=asyncio.Event)
    released: asyncio.Event = field(default_factory=asyncio.Event)

    def release(self) -> None:
        self.released.set()

    async def hold(self) -> None:
        self.reached.set()
        await self.released.wait()


class Chance:
    """Decides what happens to each call."""

    def __init__(self) -> None:
        self._ordered: dict[str, deque[Fault]] = {}
        self.faults = Faults()

    @property
    def faults(self) -> Faults:
        return self._faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        self._faults, self.random = faults, random.Random(faults.seed)

    def order(self, method: str, fault: Fault) -> None:
        """Do this to the next call of `method`."""
        self._ordered.setdefault(method, deque()).append(fault)

    def of(self, method: str) -> Fault:
        """What happens to this call."""
        if ordered := self._ordered.get(method):
            return ordered.popleft()
        faults = self._faults
        if faults.only and method not in faults.only:
            return Fault()
        roll, late, delay, expire = (self.random.random() for _ in range(4))
        fault = Fault(delay=delay * faults.slow, expire=expire < faults.expire_streams, retry_after=faults.retry_after)
        late_status = late < 0.5
        table: tuple[tuple[Act, bool, float], ...] = (
            ("ratelimited", False, faults.rate_limit),
            ("status", late_status, faults.server_error),
            ("drop", True, faults.drop_after),
            ("drop", False, faults.drop_before),
        )
        for act, after, chance in table:
            if roll < chance:
                fault.act, fault.after, fault.status = act, after, 500 if late < 0.75 else 503
                return fault
            roll -= chance
        return fault

    def copies(self) -> int:
        """How often the next event is delivered."""
        faults = self._faults
        often = self.random.randint(1, max(1, faults.copies))
        return often + (self.random.random() < faults.duplicate)

    def delay(self) -> float:
        """How long the next delivery is held back."""
        return self.random.random() * self._faults.shuffle
