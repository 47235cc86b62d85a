"""The Telegram channel: everything is put together here, and runs here."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from aiohttp.web import AbstractRouteDef

from adapters.base import Context, Publish
from adapters.telegram import names
from bot.config import Config
from bot.errors import ConfigError
from bot.events import Outbound


class TelegramAdapter:
    """The `Adapter` for Telegram."""

    name = names.CHANNEL

    def __init__(self, context: Context) -> None:
        self._config = context.config
        self._token = token(context.config)

    def routes(self) -> Sequence[AbstractRouteDef]:
        return []

    async def run(self, publish: Publish) -> None:
        await asyncio.Event().wait()

    async def send(self, event: Outbound) -> str:
        return ""

    async def close(self) -> None:
        """Give everything back."""


def token(config: Config) -> str:
    """What the bot speaks with. Raises `ConfigError`."""
    given = config.secrets.telegram_bot_token
    if given is None or not given.get_secret_value().strip():
        raise ConfigError(
            "Telegram has no token to speak with: set TELEGRAM_BOT_TOKEN to what BotFather gave you (123456:…)."
        )
    return given.get_secret_value().strip()
