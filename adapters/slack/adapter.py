"""The Slack channel: everything is put together here, and runs here."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from aiohttp.web import AbstractRouteDef

from adapters.base import Context, Finding, Publish
from adapters.slack import names
from adapters.slack.accounts import Accounts
from adapters.slack.api import Api
from adapters.slack.cases import Cases
from adapters.slack.courtesies import Courtesies
from adapters.slack.dispatch import Dispatch
from adapters.slack.findings import findings
from adapters.slack.people import People
from adapters.slack.reading import Reading
from adapters.slack.receiver import Receiver
from adapters.slack.receiving import Receiving
from adapters.slack.routes import Door
from adapters.slack.sender import Sender
from adapters.slack.socket import Socket
from bot.config import Config
from bot.errors import ConfigError
from bot.events import Address, Attachment, Outbound


class SlackAdapter:
    """The `Adapter` for Slack: Socket Mode with an app token, else requests that Slack signs."""

    name = names.CHANNEL

    def __init__(self, context: Context) -> None:
        config, store, metrics = context.config, context.store, context.metrics
        self._config = config
        self._accounts = Accounts(config, store)
        if config.secrets.slack_bot_token is None and self._accounts.app is None:
            raise ConfigError(
                "Slack has no token to speak with: set SLACK_BOT_TOKEN to the app's Bot User OAuth Token (xoxb-…, page "
                "OAuth & Permissions), or `slack.client_id` and SLACK_CLIENT_SECRET so that workspaces can install it."
            )
        app_token, signing_secret = ways_in(config)
        self._api = Api(config.slack, self._accounts, metrics)
        self._people, self._courtesies = People(self._api), Courtesies(metrics)
        self._reading = Reading(config.slack, self._accounts, self._api, self._people)
        self._at = Receiving(
            config=config,
            store=store,
            accounts=self._accounts,
            calls=self._api,
            people=self._people,
            courtesies=self._courtesies,
            cases=Cases(config.handover, store, self._accounts),
        )
        dispatch = Dispatch(config.slack.base_url, self._accounts, Receiver(self._at, self._reading).receive)
        self._socket: Socket | None = None
        self._door: Door | None = None
        if app_token:
            self._socket = Socket(config.slack.base_url, app_token, dispatch, self._accounts.allowed, metrics)
        else:
            self._door = Door(
                signing_secret,
                dispatch,
                metrics,
                body_bytes=config.slack.limits.body_bytes,
                allowed=self._accounts.allowed,
            )
        self._sender = Sender(self._api, self._accounts, store, config, metrics)

    def routes(self) -> Sequence[AbstractRouteDef]:
        return [*(self._door.routes() if self._door else ()), *self._accounts.routes()]

    async def run(self, publish: Publish) -> None:
        """Let Slack in until cancelled."""
        self._at.publish = publish
        if self._socket:
            await self._socket.run()
        elif self._door:
            self._door.opened = True
            try:
                await asyncio.Event().wait()
            finally:
                self._door.opened = False

    async def send(self, event: Outbound) -> str:
        return await self._sender.send(event)

    async def fetch(self, address: Address, attachment: Attachment, limit: int) -> bytes:
        """A file that somebody attached, or what was said in a thread: see `adapters.base.Fetching`."""
        return await self._reading.fetch(address, attachment, limit)

    async def check(self) -> Sequence[Finding]:
        """See `adapters.base.Checking`."""
        return await findings(self._config, self._accounts)

    async def close(self) -> None:
        if self._door:
            self._door.opened = False
        await self._courtesies.close()
        await self._people.close()
        await self._sender.close()
        await self._api.close()
        await self._accounts.close()


def ways_in(config: Config) -> tuple[str, str]:
    """(app token, signing secret): one of them is "", as `slack.mode` says. Raises `ConfigError`."""
    given = (config.secrets.slack_app_token, config.secrets.slack_signing_secret)
    app_token, signing_secret = (secret.get_secret_value().strip() if secret else "" for secret in given)
    mode = config.slack.mode
    if mode == "socket" or (mode == "auto" and app_token):
        if not app_token:
            raise ConfigError(
                "`slack.mode` is socket, but SLACK_APP_TOKEN is missing: set it to an App-Level Token (xapp-…) with "
                "the scope connections:write, or choose http."
            )
        return app_token, ""
    if not signing_secret:
        raise ConfigError(
            "Slack has no way in: set SLACK_APP_TOKEN (xapp-…) for Socket Mode, or SLACK_SIGNING_SECRET (page Basic "
            "Information) for HTTP. Without it, requests could not be told from forged ones."
        )
    return "", signing_secret
