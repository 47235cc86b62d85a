"""Which key a request brings, and the book of what each key used.

A key that was found is believed for `FRESH_SECONDS`; then the store is asked again, so that a revocation counts on a
running server within that time. What was used is added up in memory and written once a second: a request never waits
for it, memory holds one line for a key and day, and a crash loses the last second at most.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace

import structlog

from adapters.openai.account import ANONYMOUS, Account, day_of
from adapters.openai.problem import Problem
from adapters.openai.secret import digest, looks_right
from bot.errors import StorageError
from storage.base import ApiKey, ApiUsage, Store

log = structlog.get_logger()

FRESH_SECONDS = 2.0
REMEMBERED = 4_096
"""Digests whose answer from the store is kept, those of wrong keys included."""


class Keys:
    """The accounts of this process. `clock` gives seconds that never go back, `wall` seconds since the epoch."""

    def __init__(
        self, store: Store, *, clock: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time
    ) -> None:
        self._store, self._clock, self._wall = store, clock, wall
        self._found: OrderedDict[bytes, tuple[float, ApiKey | None]] = OrderedDict()
        self._accounts: dict[int, Account] = {}
        self.anonymous = Account(ANONYMOUS, clock=clock, wall=wall)

    async def account(self, secret: str) -> Account:
        """Whose `secret` it is. Raises `Problem` (401) or `StorageError`."""
        key = await self._key(secret)
        if key is None:
            raise _unknown("This API key is not known here: check it, or make one with `frontdesk keys create`.")
        if key.revoked_at:
            raise _unknown("This API key was revoked: ask for a new one.")
        if key.expires_at and key.expires_at <= self._wall():
            raise _unknown("This API key has expired: ask for a new one.")
        return self._accounts.get(key.number) or await self._open(key)

    async def _key(self, secret: str) -> ApiKey | None:
        if not looks_right(secret):
            return None
        sought, now = digest(secret), self._clock()
        until, key = self._found.get(sought, (0.0, None))
        if until > now:
            return key
        key = await self._store.find_key(sought)
        self._found[sought] = (now + FRESH_SECONDS, key)
        self._found.move_to_end(sought)
        if len(self._found) > REMEMBERED:
            self._found.popitem(last=False)
        return key

    async def _open(self, key: ApiKey) -> Account:
        today = day_of(self._wall())
        used = [one for one in await self._store.usage(since=today, key=key.number) if one.day == today]
        tokens = sum(one.prompt_tokens + one.completion_tokens for one in used)
        account = Account(key, used_today=tokens, clock=self._clock, wall=self._wall)
        return self._accounts.setdefault(key.number, account)  # another request may have been quicker


def _unknown(message: str) -> Problem:
    return Problem(401, message, code="invalid_api_key")


class Ledger:
    """What was used and is not written yet."""

    def __init__(self, store: Store, *, wall: Callable[[], float] = time.time) -> None:
        self._store, self._wall = store, wall
        self._used: dict[tuple[int, str], ApiUsage] = {}
        self._writing = asyncio.Lock()

    def add(self, key: ApiKey, prompt_tokens: int, completion_tokens: int) -> None:
        """One request of `key` is over. Who has no key is not counted."""
        if not key.number:
            return
        now = self._wall()
        self._merge(
            ApiUsage(
                key=key.number,
                day=day_of(now),
                requests=1,
                prompt_tokens=prompt_tokens,
                completion_tokens=completion_tokens,
                last_used_at=now,
            )
        )

    async def flush(self) -> None:
        """Write it. What cannot be written now is kept for the next time."""
        async with self._writing:
            used, self._used = self._used, {}
            if not used:
                return
            try:
                await self._store.add_usage(list(used.values()))
            except StorageError as error:
                log.error("api.usage_not_written", error=str(error))
                for one in used.values():
                    self._merge(one)

    def _merge(self, one: ApiUsage) -> None:
        before = self._used.get((one.key, one.day))
        if before is not None:
            one = replace(
                one,
                requests=one.requests + before.requests,
                prompt_tokens=one.prompt_tokens + before.prompt_tokens,
                completion_tokens=one.completion_tokens + before.completion_tokens,
                last_used_at=max(one.last_used_at, before.last_used_at),
            )
        self._used[one.key, one.day] = one
