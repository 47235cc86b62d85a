"""What one key may still use: requests and tokens a minute, tokens a day. Pure: time comes in from outside.

A request reserves what it may use at most before it begins, and gets back what it did not use when it ends. So many
requests at once cannot all slip in under a limit. One that alone may use more than the limit is let in while nothing
of it is used.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from adapters.openai.problem import Problem
from storage.base import ApiKey

DAY = 86_400
ANONYMOUS = ApiKey(name="", digest=b"", hint="", created_at=0.0)
"""Who asks without a key, where none is needed: number 0, no limits."""


class Bucket:
    """Holds what may be used in a minute, and fills up evenly; below zero it is in debt."""

    __slots__ = ("_left", "_since", "size")

    def __init__(self, size: int, now: float) -> None:
        self.size = size
        self._left, self._since = float(size), now

    def left(self, now: float) -> float:
        self._left = min(self.size, self._left + (now - self._since) * self.size / 60)
        self._since = now
        return self._left

    def wait(self, amount: float, now: float) -> float:
        """Seconds until `amount` (at most the whole bucket) is there."""
        return max(0.0, (min(amount, self.size) - self.left(now)) * 60 / self.size)

    def take(self, amount: float, now: float) -> None:
        self._left = min(self.size, self.left(now) - amount)

    def full_in(self, now: float) -> float:
        return (self.size - self.left(now)) * 60 / self.size


@dataclass(slots=True)
class Reservation:
    """What a request holds until `Account.settle`."""

    tokens: int
    day: str


class Account:
    """The limits of `key`. `clock` gives seconds that never go back, `wall` seconds since the epoch."""

    def __init__(
        self, key: ApiKey, *, used_today: int = 0, clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self.key = key
        self._clock, self._wall = clock, wall
        now = clock()
        self._requests = Bucket(key.requests_per_minute, now) if key.requests_per_minute else None
        self._tokens = Bucket(key.tokens_per_minute, now) if key.tokens_per_minute else None
        self._day, self._used = day_of(wall()), used_today

    def admit(self) -> None:
        """Count a request. Raises `Problem` (429)."""
        if self._requests is None:
            return
        now = self._clock()
        if wait := self._requests.wait(1, now):
            raise self._over("requests", f"{self._requests.size} requests a minute", wait)
        self._requests.take(1, now)

    def reserve(self, tokens: int) -> Reservation:
        """Set `tokens` aside. Raises `Problem` (429)."""
        now, today = self._clock(), self._today()
        most = self.key.tokens_per_day
        if most and self._used and self._used + tokens > most:
            raise Problem(
                429,
                f"This key may use {most} tokens a day, and they are used or reserved: try again after midnight UTC.",
                code="insufficient_quota",
                kind="insufficient_quota",
                retry_after=DAY - self._wall() % DAY,
            )
        if self._tokens is not None:
            if wait := self._tokens.wait(tokens, now):
                raise self._over("tokens", f"{self._tokens.size} tokens a minute", wait)
            self._tokens.take(tokens, now)
        self._used += tokens
        return Reservation(tokens, today)

    def settle(self, held: Reservation, used: int) -> None:
        """Give back what was not used, or take what was used beyond."""
        if self._tokens is not None:
            self._tokens.take(used - held.tokens, self._clock())
        if held.day == self._today():
            self._used += used - held.tokens
        else:
            self._used += used

    def headers(self) -> Mapping[str, str]:
        """What is left, in OpenAI's words."""
        found, now = {}, self._clock()
        for kind, bucket in (("requests", self._requests), ("tokens", self._tokens)):
            if bucket is not None:
                found[f"x-ratelimit-limit-{kind}"] = str(bucket.size)
                found[f"x-ratelimit-remaining-{kind}"] = str(max(0, int(bucket.left(now))))
                found[f"x-ratelimit-reset-{kind}"] = f"{bucket.full_in(now):.3f}s"
        return found

    def _today(self) -> str:
        today = day_of(self._wall())
        if today != self._day:
            self._day, self._used = today, 0
        return today

    def _over(self, kind: str, limit: str, wait: float) -> Problem:
        message = f"This key may use {limit}: try again in {wait:.1f} s."
        return Problem(429, message, code="rate_limit_exceeded", kind=kind, retry_after=wait)


def day_of(at: float) -> str:
    """The day in UTC, as "2026-11-22"."""
    return time.strftime("%Y-%m-%d", time.gmtime(at))
