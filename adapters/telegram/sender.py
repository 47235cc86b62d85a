"""What the house says goes to Telegram here: each answer and each post once, whatever dies on the way."""

from __future__ import annotations

from adapters.telegram.api import Api
from bot.config import Config
from bot.events import Outbound
from bot.metrics import Metrics
from storage.base import Store


class Sender:
    def __init__(self, api: Api, store: Store, config: Config, metrics: Metrics) -> None:
        self._api, self._store, self._config = api, store, config

    async def send(self, event: Outbound) -> str:
        """Show `event`, and return the house's name of its first message ("" when there is none).

        What Telegram will never take (the bot was blocked, the chat is gone) is logged once and given up. Raises
        `TelegramRefused` when trying again is worth while.
        """
        return ""

    async def chosen(self, remote: str, value: int) -> None:
        """Show below the answer at `remote` (the house's name of the message with the buttons) what somebody thinks of
        it: +1, -1, or 0 when it was taken back. Nothing depends on it."""

    async def close(self) -> None:
        """Forget what is being shown."""
