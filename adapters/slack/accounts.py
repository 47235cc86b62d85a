"""The workspaces that the app speaks in: those that installed it by OAuth, and the one of `SLACK_BOT_TOKEN`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import structlog
from aiohttp.web import AbstractRouteDef

from adapters.slack import grants
from adapters.slack.grants import Refusal, Unreachable
from adapters.slack.installs import Account, Grant, Installs, speaking_in
from adapters.slack.oauth import Installing
from adapters.slack.rotation import Lost, Rotation
from adapters.slack.vault import Vault
from bot.config import Config
from bot.errors import ConfigError, FrontdeskError
from storage.base import Store

__all__ = ["Account", "Accounts", "NotInstalled", "Unreachable"]

log = structlog.get_logger()

_AGAIN_SECONDS = 5.0
"""How long a refusal is believed before Slack is asked again: a revoked token must not cost a call a message."""

_REMOVED = ("account_inactive", "token_revoked")
"""Slack's words for a token that never works again. Others may be a wrong address or a wrong configuration of ours."""


class NotInstalled(FrontdeskError):
    """The app cannot speak in this workspace until somebody installs it, or sets another token."""


class Accounts:
    """Every workspace's token, tried and cached. Nothing is asked of Slack before it is needed.

    Raises `ConfigError` when what it is configured with cannot work.
    """

    def __init__(self, config: Config, store: Store) -> None:
        self._config, self._store = config, store
        self._token = config.secrets.slack_bot_token.get_secret_value() if config.secrets.slack_bot_token else ""
        self.app = app_of(config)
        self.installs = Installs(store, Vault(config.secrets.encryption_key))
        self._rotation = Rotation(self.app, self.installs)
        self._installing: Installing | None = None
        self._own: Account | None = None
        self._asking: asyncio.Task[Account] | None = None
        self._known: dict[str, Grant] = {}
        self._pauses: dict[str, tuple[float, str]] = {}
        self._suspect: set[str] = set()
        self._refused: dict[str, tuple[float, NotInstalled]] = {}
        self._resealed, self._reseal_lock = False, asyncio.Lock()

    async def of(self, team: str, enterprise: str = "") -> Account:
        """The account that speaks in `team`, which belongs to `enterprise`; "" is the only one there is.

        Raises `NotInstalled`, or `Unreachable` when Slack did not say: then try again.
        """
        if self.app is not None and (grant := await self._installed(team, enterprise)):
            return speaking_in(grant, team)
        own = await self.own()
        if own is not None and (team in ("", own.team) or (own.org_wide and enterprise in ("", own.enterprise))):
            return speaking_in(Grant(account=own), team)
        if own is None and self.app is None:
            raise NotInstalled("There is no token for Slack: set SLACK_BOT_TOKEN to the app's Bot User OAuth Token.")
        raise NotInstalled(
            f"Frontdesk is not installed in the Slack workspace {team}: install the app there."
            if team
            else "Which Slack workspace is meant is not clear: there is none, or more than one. Name it by its id (T…)."
        )

    async def teams(self) -> Sequence[str]:
        """The ids of all workspaces that are known. Raises `Unreachable`."""
        known = await self.installs.teams() if self.app else []
        try:
            own = await self.own()
        except NotInstalled:
            own = None
        return [own.team, *(team for team in known if team != own.team)] if own else known

    def allowed(self, team: str, enterprise: str = "") -> bool:
        """Whether `slack.teams` lets the workspace, or its whole organisation, use it."""
        listed = self._config.slack.teams
        return not listed or team in listed or (enterprise != "" and enterprise in listed)

    async def keep(self, grant: Grant) -> None:
        """Install: durable when this returns."""
        async with self._rotation.lock(grant.key):
            await self.installs.keep(grant)
        self._known.clear()
        self._refused.pop(grant.key, None)
        self._suspect.discard(grant.key)

    async def revoke(self, team: str, enterprise: str = "") -> None:
        """Slack says that a workspace, or its organisation, removed the app: drop its tokens.

        Slack tells of it for hours when it has to; meanwhile it may be installed anew. So the tokens are tried, and
        those that work stay. Raises `Unreachable`: have the event sent again.
        """
        self.forget(team)
        grant = await self.installs.of(team, enterprise) if self.app else None
        while grant is not None:
            try:
                await self._proved(grant)
                return
            except Lost:
                grant = await self._dropped(grant)

    async def _dropped(self, grant: Grant) -> Grant | None:
        """Forget what is lost; but a newer token that was kept meanwhile is given back, to be tried."""
        async with self._rotation.lock(grant.key):
            kept = await self.installs.of(grant.key, "")
            if kept is not None and kept.account.bot_token != grant.account.bot_token:
                return kept
            await self.installs.drop(grant.key)
        await self._store.audit("slack.uninstall", {"account": grant.key})
        self._known.clear()
        return None

    def forget(self, team: str) -> None:
        """Ask Slack before `team`'s token is used again: it was refused."""
        if self._own is not None and (team in ("", self._own.team) or self._own.org_wide):
            self._own = None
        for name, grant in list(self._known.items()):
            if team in (name, grant.key, grant.account.team):
                del self._known[name]
                self._suspect.add(grant.key)

    def routes(self) -> Sequence[AbstractRouteDef]:
        """Where people install the app, when it has a client id and a secret."""
        if self.app is None:
            return []
        self._installing = Installing(self, self.app, self._config, self._store)
        return self._installing.routes()

    async def close(self) -> None:
        """Wait for tokens that are being fetched: one that is not kept is lost."""
        if self._asking:
            self._asking.cancel()
            await asyncio.wait({self._asking})
        if self._installing:
            await self._installing.close()
        await self._rotation.close()

    # -- the one of the environment --------------------------------------------------------------------
    async def own(self) -> Account | None:
        """The account of SLACK_BOT_TOKEN, None without one. Raises `NotInstalled` or `Unreachable`."""
        if not self._token or self._own is not None:
            return self._own
        if self._asking is None or self._asking.done():  # who comes meanwhile waits for the same answer
            self._asking = asyncio.create_task(self._asked(), name="whose Slack's token is")
            self._asking.add_done_callback(_heard)
        return await asyncio.shield(self._asking)

    async def _asked(self) -> Account:
        self._still_refused("")
        try:
            who = await self._whose(self._token)
        except Refusal as refusal:
            raise self._refuse("", f"Slack refuses SLACK_BOT_TOKEN ({refusal.error}): {refusal.remedy}") from None
        self._own = Account(
            team=who.team,
            enterprise=who.enterprise,
            bot_token=self._token,
            bot_user=who.user,
            bot_id=who.bot,
            name=who.name,
            scopes=who.scopes,
            org_wide=who.org_wide,
        )
        return self._own

    # -- those that installed it -----------------------------------------------------------------------
    async def _installed(self, team: str, enterprise: str) -> Grant | None:
        await self._reseal()
        grant = self._known.get(team)
        if grant is None:
            grant = await self.installs.of(team, enterprise) if team else await self._only()
        if grant is None:
            return None
        self._still_refused(grant.key)
        try:
            grant = await self._rotation.fresh(grant)
            if grant.key in self._suspect:
                grant = await self._proved(grant)
        except Lost as lost:
            self._known.pop(team, None)
            if lost.removed:
                await self._dropped(grant)
            where = grant.account.name or grant.key
            raise self._refuse(grant.key, f"The Slack workspace {where} has to install Frontdesk again.") from None
        self._suspect.discard(grant.key)
        self._known[team] = grant
        return grant

    async def _only(self) -> Grant | None:
        found = await self.installs.grants() if not self._token else []
        return found[0] if len(found) == 1 else None

    async def _proved(self, grant: Grant) -> Grant:
        """The grant whose token Slack takes, or a newer one. Raises `Lost` or `Unreachable`."""
        try:
            await self._whose(grant.account.bot_token)
        except Refusal as refusal:
            if refusal.error == "token_expired":
                return await self._rotation.fresh(grant, now=True)
            raise Lost(grant.key, removed=refusal.error in _REMOVED) from None
        return grant

    async def _reseal(self) -> None:
        """Once: what an older key encrypted, or none, is encrypted with the key that there is now."""
        if self._resealed:
            return
        async with self._reseal_lock:
            if not self._resealed and (changed := await self.installs.reseal()):
                log.info("slack.tokens_encrypted", workspaces=changed)
            self._resealed = True

    async def _whose(self, token: str) -> grants.Who:
        """Whose token it is. While Slack wants to be left alone, nobody asks: all who wait would ask at once."""
        now = time.monotonic()
        self._pauses = {known: pause for known, pause in self._pauses.items() if pause[0] > now}
        if token in self._pauses:
            until, text = self._pauses[token]
            raise Unreachable(text, until - now)
        try:
            return await grants.whose_token(self._config.slack.base_url, token)
        except Unreachable as problem:
            if problem.told:
                self._pauses[token] = (time.monotonic() + problem.retry_after, str(problem))
            raise

    # -- refusals ----------------------------------------------------------------------------------------
    def _refuse(self, key: str, text: str) -> NotInstalled:
        refusal = NotInstalled(text)
        self._refused[key] = (time.monotonic() + _AGAIN_SECONDS, refusal)
        return refusal

    def _still_refused(self, key: str) -> None:
        until, refusal = self._refused.get(key, (0.0, None))
        if refusal is not None and time.monotonic() < until:
            raise NotInstalled(str(refusal))


def _heard(asking: asyncio.Task[Account]) -> None:
    """What came of it is known, also when everybody who waited for it is gone."""
    if not asking.cancelled():
        asking.exception()


def app_of(config: Config) -> grants.App | None:
    """The app that many workspaces install; None when it is for one. Raises `ConfigError`."""
    secret, client_id = config.secrets.slack_client_secret, config.slack.client_id
    if not client_id:
        return None
    if secret is None:
        raise ConfigError(
            "`slack.client_id` lets workspaces install the app, but SLACK_CLIENT_SECRET is missing: set it to the "
            "Client Secret of the app's page Basic Information."
        )
    if not config.server.public_url.startswith(("https://", "http://")):
        raise ConfigError(
            "`slack.client_id` lets workspaces install the app, but `server.public_url` is not set: Slack sends their "
            "browsers back to it. Set it to this server's address, such as https://chat.example.org."
        )
    return grants.App(base_url=config.slack.base_url, client_id=client_id, secret=secret.get_secret_value())
