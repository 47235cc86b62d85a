"""Tokens that end: a new one is fetched before, by one caller at a time, and kept before anybody uses it.

Slack's tokens end after 12 hours when the app rotates them, and the refresh token ends with its use (Slack's "Using
token rotation"). So a new one must be on disk before it is used, and fetching it goes on when who asked is cancelled.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import structlog

from adapters.slack import grants
from adapters.slack.grants import App, Refusal, Unreachable
from adapters.slack.installs import Grant, Installs
from bot.errors import StorageError

log = structlog.get_logger()

_BEFORE_SECONDS = 7_200.0
"""How long before its end a token is changed; what Slack's own SDK does, and time enough for an outage."""
_AGAIN_SECONDS = 60.0
"""How long a token that still works is used on after Slack did not give a new one."""


_OURS = ("invalid_client_id", "bad_client_secret")
"""Refusals that say nothing of the token: our configuration is wrong, and may be put right."""


class Lost(Exception):
    """The token is good no more and there is no new one for it: the workspace has to install the app again.

    `removed`: Slack says that the app was removed, or the workspace closed.
    """

    def __init__(self, key: str, *, removed: bool = False) -> None:
        super().__init__(key)
        self.removed = removed


class Rotation:
    """Fresh tokens. Without an app nothing is ever fetched."""

    def __init__(self, app: App | None, installs: Installs) -> None:
        self._app, self._installs = app, installs
        self._locks: dict[str, asyncio.Lock] = {}
        self._tasks: set[asyncio.Task[Grant]] = set()
        self._unkept: dict[str, Grant] = {}
        self._not_before: dict[str, float] = {}

    def lock(self, key: str) -> asyncio.Lock:
        """Held by whoever changes what is kept of an account."""
        return self._locks.setdefault(key, asyncio.Lock())

    async def fresh(self, grant: Grant, *, now: bool = False) -> Grant:
        """`grant`, or a newer one that is on disk already; `now`: the token is known to have ended.

        Raises `Lost`, `Unreachable` or `StorageError`.
        """
        if not now and not _ending(grant):
            return grant
        task = asyncio.create_task(self._changed(grant, now))
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Wait for what is being fetched."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _done(self, task: asyncio.Task[Grant]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # who asked may be gone; what went wrong was logged

    async def _changed(self, grant: Grant, now: bool) -> Grant:
        async with self.lock(grant.key):
            kept = self._unkept.get(grant.key) or await self._installs.of(grant.key, "")
            if kept is None:
                raise Lost(grant.key)
            if grant.key not in self._unkept:
                if kept.account.bot_token != grant.account.bot_token:
                    return kept  # somebody was quicker
                if not now and not _ended(kept) and time.monotonic() < self._not_before.get(grant.key, 0.0):
                    return kept
                kept = await self._fetched(kept, now)
            if kept.account.bot_token != grant.account.bot_token:
                await self._keep(kept)
            return kept

    async def _fetched(self, grant: Grant, now: bool) -> Grant:
        """A new token, or the old one where that still does."""
        if self._app is None or not grant.refresh_token:
            raise Lost(grant.key)
        try:
            given = await grants.refresh(self._app, grant.refresh_token)
        except (Refusal, Unreachable) as problem:
            log.warning("slack.token_not_rotated", account=grant.key, error=str(problem))
            self._not_before[grant.key] = time.monotonic() + _AGAIN_SECONDS
            if not now and not _ended(grant):
                return grant
            if isinstance(problem, Unreachable):
                raise
            if problem.error in _OURS:
                raise Unreachable(f"{problem} {problem.remedy}", _AGAIN_SECONDS) from None
            raise Lost(grant.key) from None
        return replace(
            grant,
            account=replace(grant.account, bot_token=given.token, scopes=given.scopes or grant.account.scopes),
            refresh_token=given.refresh_token or grant.refresh_token,
            expires_at=time.time() + given.seconds if given.seconds else 0.0,
        )

    async def _keep(self, grant: Grant) -> None:
        self._unkept[grant.key] = grant
        try:
            await self._installs.keep(grant)
        except StorageError as problem:  # Slack gives it only once: it waits in memory, and is kept before it is used
            log.error("slack.token_not_kept", account=grant.key, error=str(problem))
            raise
        del self._unkept[grant.key]


def _ending(grant: Grant) -> bool:
    return grant.expires_at > 0 and grant.expires_at < time.time() + _BEFORE_SECONDS


def _ended(grant: Grant) -> bool:
    return grant.expires_at > 0 and grant.expires_at <= time.time()
