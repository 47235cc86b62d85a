"""The workspaces that the app speaks in: the one of `SLACK_BOT_TOKEN`, and those that installed it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from aiohttp.web import AbstractRouteDef

from adapters.slack.grants import Refusal, Unreachable, Who, test_token
from bot.config import Config
from bot.errors import FrontdeskError
from storage.base import Store

__all__ = ["Account", "Accounts", "NotInstalled", "Unreachable"]

_AGAIN_SECONDS = 5.0
"""How long a refusal is believed before Slack is asked again: a revoked token must not cost a call a message."""


class NotInstalled(FrontdeskError):
    """The app cannot speak in this workspace until somebody installs it, or sets another token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A workspace in which the app may speak. `bot_user` (U…) and `bot_id` (B…) are the app's own there."""

    team: str
    bot_token: str = field(repr=False)
    bot_user: str
    bot_id: str
    name: str = ""
    enterprise: str = ""
    scopes: frozenset[str] = frozenset()
    org_wide: bool = False


class Accounts:
    """Every workspace's token, tried and cached. Nothing is asked of Slack before it is needed."""

    def __init__(self, config: Config, store: Store) -> None:
        self._config, self._store = config, store
        self._own: Account | None = None
        self._refused: tuple[float, NotInstalled] | None = None
        self._lock = asyncio.Lock()

    async def of(self, team: str, enterprise: str = "") -> Account:
        """The account that speaks in `team`, which belongs to `enterprise`; "" is the only one there is.

        Raises `NotInstalled`, or `Unreachable` when Slack did not say: then try again.
        """
        own = await self._single()
        if own is not None and (team in ("", own.team) or (own.org_wide and own.enterprise == enterprise)):
            return own
        raise NotInstalled(f"Frontdesk is not installed in the workspace {team}: install the app there.")

    async def teams(self) -> Sequence[str]:
        """The ids of all workspaces."""
        own = await self._single()
        return [own.team] if own else []

    async def revoke(self, team: str) -> None:
        """Forget what the workspace has taken back. A token of the environment is tried again when it is needed."""
        self.forget(team)

    def forget(self, team: str) -> None:
        """Ask anew before `team`'s token is used again: Slack refused it."""
        if self._own is not None and team in ("", self._own.team):
            self._own = None

    def routes(self) -> Sequence[AbstractRouteDef]:
        """Where people install the app, when it has a client id and a secret."""
        return []

    async def _single(self) -> Account | None:
        token = self._config.secrets.slack_bot_token
        if token is None or self._own is not None:
            return self._own
        async with self._lock:
            if self._own is None:
                if self._refused and time.monotonic() < self._refused[0]:
                    raise self._refused[1]
                self._own = await self._tested(token.get_secret_value())
        return self._own

    async def _tested(self, token: str) -> Account:
        try:
            who = await test_token(self._config.slack.base_url, token)
        except Refusal as refusal:
            wrong = NotInstalled(f"Slack refuses SLACK_BOT_TOKEN ({refusal.error}): {refusal.remedy}")
            self._refused = (time.monotonic() + _AGAIN_SECONDS, wrong)
            raise wrong from None
        return account_of(who, token)


def account_of(who: Who, token: str) -> Account:
    """What `auth.test` says of a token, with it."""
    return Account(
        team=who.team,
        enterprise=who.enterprise,
        bot_token=token,
        bot_user=who.user,
        bot_id=who.bot,
        name=who.name,
        scopes=who.scopes,
        org_wide=who.org_wide,
    )
