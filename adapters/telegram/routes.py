"""The webhook: what a request passes on its way in. Nothing is read that does not come with the secret.

https://core.telegram.org/bots/api#setwebhook. Telegram sends an update again until it is answered with 2xx.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog
from aiohttp import web
from aiohttp.web import AbstractRouteDef

from adapters.body import BodyRefused, body_of
from adapters.telegram.api import TelegramRefused
from adapters.telegram.shape import Malformed, parse
from bot.errors import Refused, StorageError
from bot.metrics import Metrics

log = structlog.get_logger()

PATH = "/telegram/webhook"
HEADER = "X-Telegram-Bot-Api-Secret-Token"
BODY_SECONDS = 10.0
RETRY_SECONDS = 5
SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")
"""What Telegram takes for a secret."""


class Denied(Exception):
    """The request is answered with `status`, and nothing comes of it."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Door:
    """Takes updates at one address. `opened` while the adapter runs."""

    def __init__(
        self, secret: str, receive: Callable[[Mapping[str, Any]], Awaitable[None]], metrics: Metrics, *, body_bytes: int
    ) -> None:
        self._secret, self._receive, self._body_bytes = secret.encode(), receive, body_bytes
        self._answers = metrics.counter("telegram_requests", "Requests to the webhook, by their answer.", "status")
        self.opened = False

    def routes(self) -> list[AbstractRouteDef]:
        return [web.post(PATH, self._handle)]

    async def _handle(self, request: web.Request) -> web.Response:
        try:
            response = await self._taken(request)
        except Denied as denied:
            response = web.Response(status=denied.status, text=str(denied))
        self._answers.labels(str(response.status)).inc()
        return response

    async def _taken(self, request: web.Request) -> web.Response:
        self._admit(request)
        if not self.opened:
            return _later()
        try:
            body = await body_of(request, most=self._body_bytes, seconds=BODY_SECONDS)
            await self._receive(parse(body))
        except BodyRefused as refused:
            raise Denied(413 if refused.too_large else 400, str(refused)) from None
        except Malformed as error:
            log.warning("telegram.malformed", error=str(error))
            raise Denied(400, str(error)) from None
        except (Refused, StorageError, TelegramRefused) as error:
            log.warning("telegram.refused", error=type(error).__name__)
            return _later()
        except Exception:  # told again later, it may fare better
            log.exception("telegram.broken")
            return _later()
        return web.Response()

    def _admit(self, request: web.Request) -> None:
        given = request.headers.getall(HEADER, [])
        if not given:
            raise Denied(401, "The secret is missing.")
        if len(given) > 1 or not hmac.compare_digest(given[0].encode("utf-8", "surrogateescape"), self._secret):
            raise Denied(403, "The secret is wrong.")


def _later() -> web.Response:
    return web.Response(status=503, headers={"Retry-After": str(RETRY_SECONDS)})
