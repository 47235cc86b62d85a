"""What can go wrong on Telegram's side: by chance, from a seed, or once, on order."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Faults:
    """Chances are between 0 and 1. What is drawn comes from `seed`, in the order of the calls.

    penalty: answer a call that shows something in a chat with 429 before anything is done, and close that chat for
    `retry_after` of Telegram's seconds; server_error: answer 500 or 502, half of them after the work was done;
    drop_after: do it, then close the connection without an answer; drop_before: close it and do nothing; slow: let
    each answer take up to so many (our) seconds; duplicate: deliver an update again; copies: deliver each update up
    to so often; shuffle: hold each update back for up to so many (our) seconds; only: nothing but these methods fails
    (empty is all).
    """

    penalty: float = 0.0
    retry_after: int = 3
    server_error: float = 0.0
    drop_after: float = 0.0
    drop_before: float = 0.0
    slow: float = 0.0
    duplicate: float = 0.0
    copies: int = 1
    shuffle: float = 0.0
    only: frozenset[str] = frozenset()
    seed: int = 1


Act = Literal["", "error", "penalty", "drop"]


@dataclass(kw_only=True)
class Fault:
    """What happens to one call: `act`, before or (`after`) when its work is done; and first `delay` seconds pass."""

    act: Act = ""
    status: int = 500
    description: str = "Internal Server Error"
    after: bool = False
    retry_after: int = 3
    delay: float = 0.0
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
    """Decides what happens to each call and to each update."""

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

    def of(self, method: str, *, shows: bool) -> Fault:
        """What happens to this call; `shows`: it shows something in a chat."""
        if ordered := self._ordered.get(method):
            return ordered.popleft()
        faults = self._faults
        if faults.only and method not in faults.only:
            return Fault()
        roll, late, delay = (self.random.random() for _ in range(3))
        fault = Fault(delay=delay * faults.slow, retry_after=faults.retry_after)
        if late >= 0.5:
            fault.status, fault.description = 502, "Bad Gateway"
        table: tuple[tuple[Act, bool, float], ...] = (
            ("penalty", False, faults.penalty if shows or method in faults.only else 0.0),
            ("error", 0.25 <= late < 0.75, faults.server_error),
            ("drop", True, faults.drop_after),
            ("drop", False, faults.drop_before),
        )
        for act, after, chance in table:
            if roll < chance:
                fault.act, fault.after = act, after
                return fault
            roll -= chance
        return fault

    def copies(self) -> int:
        """How often the next update is delivered."""
        faults = self._faults
        often = self.random.randint(1, max(1, faults.copies))
        return often + (self.random.random() < faults.duplicate)

    def held(self) -> float:
        """How long the next update is held back, in our seconds."""
        return self.random.random() * self._faults.shuffle
