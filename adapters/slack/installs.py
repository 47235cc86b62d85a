"""Where the app is installed, as the store keeps it: a row a workspace, or one for a whole organisation.

A workspace of an organisation that installed the app as a whole (Enterprise Grid) has a row of its own that only points
there. It is written when the workspace is first heard of, since an answer names its workspace and not the organisation.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from adapters.slack.names import CHANNEL
from adapters.slack.vault import Vault
from bot.errors import ConfigError
from storage.base import Installation, Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A workspace in which the app may speak. `bot_user` (U…) and `bot_id` (B…) are the app's own there.

    `org_wide`: the token is the organisation's (`enterprise`), and calls have to name the workspace.
    """

    team: str
    bot_token: str
    bot_user: str
    bot_id: str
    name: str = ""
    enterprise: str = ""
    scopes: frozenset[str] = frozenset()
    org_wide: bool = False

    def __repr__(self) -> str:
        return f"Account(team={self.team!r}, name={self.name!r}, bot_user={self.bot_user!r}, org_wide={self.org_wide})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """An account and what keeps it alive. `expires_at` is 0 for a token that never does (seconds since the epoch)."""

    account: Account
    refresh_token: str = ""
    expires_at: float = 0.0

    def __repr__(self) -> str:
        return f"Grant({self.account!r}, expires_at={self.expires_at})"

    @property
    def key(self) -> str:
        """The account that it is kept under: the organisation's or the workspace's."""
        return self.account.enterprise if self.account.org_wide else self.account.team


class Installs:
    """The rows of the Slack channel. Every method may raise `StorageError`; `of` also `ConfigError`: no key fits."""

    def __init__(self, store: Store, vault: Vault) -> None:
        self._store, self.vault = store, vault

    async def of(self, team: str, enterprise: str) -> Grant | None:
        """The workspace's own installation, or its organisation's."""
        fields = await self._read(team)
        if fields is not None and "points_to" not in fields:
            return _grant(fields)
        organisation = str(fields["points_to"]) if fields else enterprise
        above = await self._read(organisation) if organisation else None
        if above is None:
            return None
        if fields is None:
            await self._write(team, {"points_to": organisation})
        return _grant(above)

    async def keep(self, grant: Grant) -> None:
        """In the place of what was there. It is on disk when this returns."""
        account = grant.account
        fields = {name: getattr(account, name) for name in _TEXTS}
        flags = {"org_wide": account.org_wide, "scopes": sorted(account.scopes)}
        kept = {"refresh_token": grant.refresh_token, "expires_at": grant.expires_at}
        await self._write(grant.key, fields | flags | kept)

    async def drop(self, account: str) -> bool:
        """Forget an account, with the workspaces that point at it. False when it was not there."""
        for row, fields in await self._readable():
            if fields.get("points_to") == account:
                await self._store.uninstall(CHANNEL, row)
        return await self._store.uninstall(CHANNEL, account)

    async def teams(self) -> list[str]:
        """Every workspace that is known and readable, organisations left out."""
        return [row for row, fields in await self._readable() if not fields.get("org_wide")]

    async def grants(self) -> list[Grant]:
        """Every installation that is readable."""
        return [_grant(fields) for _, fields in await self._readable() if "points_to" not in fields]

    async def unreadable(self) -> list[str]:
        """What is wrong with those that are not, in sentences."""
        wrong = []
        for row in await self._store.installations(CHANNEL):
            try:
                self.vault.open(row.account, row.secret)
            except ConfigError as error:
                wrong.append(str(error))
        return wrong

    async def reseal(self) -> int:
        """Encrypt with the first key what is not, and say how many that were: afterwards older keys may go."""
        changed = 0
        for row in await self._store.installations(CHANNEL):
            if not self.vault.sealed_well(row.secret):
                with suppress(ConfigError):  # who asks for that one is told
                    await self._write(row.account, self.vault.open(row.account, row.secret))
                    changed += 1
        return changed

    async def _readable(self) -> list[tuple[str, Mapping[str, Any]]]:
        """One that no key opens keeps no other from being found."""
        found = []
        for row in await self._store.installations(CHANNEL):
            with suppress(ConfigError):
                found.append((row.account, self.vault.open(row.account, row.secret)))
        return found

    async def _read(self, account: str) -> Mapping[str, Any] | None:
        row = await self._store.installation(CHANNEL, account)
        return self.vault.open(account, row.secret) if row else None

    async def _write(self, account: str, fields: Mapping[str, Any]) -> None:
        sealed = self.vault.seal(account, fields)
        await self._store.install(Installation(channel=CHANNEL, account=account, secret=sealed, updated_at=time.time()))


_TEXTS = ("team", "enterprise", "name", "bot_token", "bot_user", "bot_id")


def _grant(fields: Mapping[str, Any]) -> Grant:
    texts = {name: str(fields[name]) for name in _TEXTS}
    account = Account(**texts, scopes=frozenset(fields["scopes"]), org_wide=bool(fields["org_wide"]))
    return Grant(account=account, refresh_token=str(fields["refresh_token"]), expires_at=float(fields["expires_at"]))


def speaking_in(grant: Grant, team: str) -> Account:
    """The account as it speaks in `team`."""
    return replace(grant.account, team=team) if grant.account.org_wide and team else grant.account
