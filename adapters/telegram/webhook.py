"""The webhook as Telegram is told of it: while we run, updates are sent to our public address."""

from __future__ import annotations

import asyncio

import structlog

from adapters.telegram.api import Api, TelegramRefused
from adapters.telegram.inbound import ALLOWED
from adapters.telegram.routes import PATH, Door

log = structlog.get_logger()

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 60.0
_CONNECTIONS = 40


class Webhook:
    """`root` is our public address. Telegram keeps the webhook when we end, and what is sent meanwhile."""

    def __init__(self, api: Api, door: Door, root: str, secret: str) -> None:
        self._api, self._door, self._root, self._secret = api, door, root, secret

    async def run(self) -> None:
        """Until cancelled."""
        self._door.opened = True
        try:
            await self._set()
            await asyncio.Event().wait()
        finally:
            self._door.opened = False

    async def _set(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            try:
                await self._api.call(
                    "setWebhook",
                    url=f"{self._root}{PATH}",
                    secret_token=self._secret,
                    allowed_updates=list(ALLOWED),
                    max_connections=_CONNECTIONS,
                )
                return
            except TelegramRefused as error:
                log.error("telegram.webhook", error=str(error), url=f"{self._root}{PATH}")
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
