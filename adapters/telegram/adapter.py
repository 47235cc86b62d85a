"""The Telegram channel: everything is put together here, and runs here."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp.web import AbstractRouteDef

from adapters.base import Context, Finding, Publish
from adapters.courtesies import Courtesies
from adapters.telegram import names
from adapters.telegram.api import Api, Busy, TelegramRefused
from adapters.telegram.cases import Cases
from adapters.telegram.connections import Connections
from adapters.telegram.findings import findings
from adapters.telegram.offers import Offers
from adapters.telegram.polling import Polling
from adapters.telegram.reading import Reading
from adapters.telegram.receiver import Receiver
from adapters.telegram.receiving import Receiving
from adapters.telegram.routes import SECRET, Door
from adapters.telegram.sender import Sender
from adapters.telegram.webhook import Webhook
from bot.config import Config
from bot.errors import ConfigError
from bot.events import Address, Attachment, Outbound


class TelegramAdapter:
    """The `Adapter` for Telegram: long polling, or a webhook with a secret at a public address."""

    name = names.CHANNEL

    def __init__(self, context: Context) -> None:
        config, store, metrics = context.config, context.store, context.metrics
        secret = way_in(config)
        self._config = config
        self._api = Api(config, metrics)
        counted = metrics.counter("telegram_courtesies", "Small things done on the side.", "outcome")
        self._courtesies = Courtesies(self.name, counted, busy=Busy, refused=TelegramRefused)
        self._sender = Sender(self._api, store, config, metrics, self._courtesies)
        self._cases = Cases(config.handover, store, now=self._api.place)
        self._reading = Reading(config, store, self._api, self._cases)
        self._at = Receiving(
            config=config,
            store=store,
            api=self._api,
            sender=self._sender,
            courtesies=self._courtesies,
            connections=Connections(self._api),
            cases=self._cases,
        )
        receiver = Receiver(self._at, Offers(self._at, context.quick))
        self._door: Door | None = None
        self._way: Polling | Webhook
        if secret:
            body_bytes = config.telegram.limits.body_bytes
            self._door = Door(secret, receiver.receive, metrics, body_bytes=body_bytes)
            self._way = Webhook(self._api, self._door, config.server.public_url.rstrip("/"), secret)
        else:
            self._way = Polling(self._api, receiver.receive, receiver.busy, metrics)

    def routes(self) -> Sequence[AbstractRouteDef]:
        return self._door.routes() if self._door else ()

    async def run(self, publish: Publish) -> None:
        """Let Telegram in until cancelled."""
        self._at.publish = publish
        await self._way.run()

    async def send(self, event: Outbound) -> str:
        return await self._sender.send(event)

    async def fetch(self, address: Address, attachment: Attachment, limit: int) -> bytes:
        """A file that somebody sent, or what was said in a case: see `adapters.base.Fetching`."""
        return await self._reading.fetch(address, attachment, limit)

    async def check(self) -> Sequence[Finding]:
        """See `adapters.base.Checking`."""
        return await findings(self._config, self._api, webhook=self._door is not None)

    async def close(self) -> None:
        if self._door:
            self._door.opened = False
        await self._courtesies.close()
        await self._sender.close()
        await self._api.close()


def way_in(config: Config) -> str:
    """The webhook's secret, "" where updates are polled for. Raises `ConfigError`."""
    given = config.secrets.telegram_webhook_secret
    secret = given.get_secret_value().strip() if given else ""
    root, mode = config.server.public_url.strip(), config.telegram.mode
    if mode == "polling" or (mode == "auto" and not (secret and root)):
        return ""
    if not secret:
        raise ConfigError(
            "`telegram.mode` is webhook, but TELEGRAM_WEBHOOK_SECRET is missing: set it to 1 to 256 letters, digits, "
            "_ and - of your own choice. Without it, updates could not be told from forged ones."
        )
    if not SECRET.fullmatch(secret):
        raise ConfigError(
            "TELEGRAM_WEBHOOK_SECRET is not what Telegram takes: use 1 to 256 letters (A-Z, a-z), digits, _ and -."
        )
    if not root:
        raise ConfigError(
            "`telegram.mode` is webhook, but `server.public_url` is missing: set it to the https address at which "
            "Telegram reaches this server."
        )
    return secret
