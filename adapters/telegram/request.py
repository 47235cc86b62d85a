"""How requests travel: httpx as python-telegram-bot drives it, but that refusals keep what we need to know of them.

The library makes an exception of every refusal. Those of its own for 429 warn while they are made, it logs a body that
is not JSON in full, and tells no connection that never came about from one that broke after everything was sent: so
such answers are told in our own words, before the library sees them. They pass through it as its errors.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import httpx
from telegram import Bot
from telegram.error import NetworkError, TelegramError
from telegram.request import HTTPXRequest

_SECONDS = 20.0
_CONNECTIONS = 64
_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol, httpx.ProxyError)
_MOST_SECONDS = 3_600.0


class Flood(TelegramError):
    """429. `seconds` is how long to wait."""

    def __init__(self, seconds: float) -> None:
        super().__init__("Too Many Requests")
        self.seconds = seconds


class Unanswered(TelegramError):
    """No answer that says what was done. `sent`: Telegram may have got the request."""

    def __init__(self, what: str, *, sent: bool, code: int = 0) -> None:
        super().__init__(what)
        self.sent, self.code = sent, code


class Request(HTTPXRequest):
    """At most `connections` at a time. Who waits for one waits as long as for an answer."""

    def __init__(self, connections: int) -> None:
        super().__init__(
            connection_pool_size=connections,
            connect_timeout=5.0,
            read_timeout=_SECONDS,
            write_timeout=_SECONDS,
            pool_timeout=_SECONDS,
            media_write_timeout=60.0,
        )

    async def do_request(self, *arguments: Any, **named: Any) -> tuple[int, bytes]:
        try:
            code, payload = await super().do_request(*arguments, **named)
        except NetworkError as error:
            cause = error.__cause__
            raise Unanswered(type(cause or error).__name__, sent=not isinstance(cause, _UNSENT)) from None
        if code == 429:
            raise Flood(_told(payload))
        if code >= 500:
            raise Unanswered(f"HTTP {code}", sent=True, code=code)
        return code, payload

    async def read(self, url: str, limit: int) -> bytes | None:
        """What is at `url`; None when that is more than `limit` bytes."""
        parts, length = [], 0
        try:
            async with self._client.stream("GET", url, timeout=_SECONDS) as response:
                if response.status_code != 200:
                    raise Unanswered(f"HTTP {response.status_code}", sent=False, code=response.status_code)
                async for part in response.aiter_bytes():
                    length += len(part)
                    if length > limit:
                        return None
                    parts.append(part)
        except httpx.HTTPError as error:
            raise Unanswered(type(error).__name__, sent=True) from None
        return b"".join(parts)

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        try:
            parsed = json.loads(payload.decode("utf-8", "replace"))
        except ValueError:
            parsed = None
        if not isinstance(parsed, dict):
            raise Unanswered("no JSON", sent=True)
        return parsed


class Client(Bot):
    """The library's bot, asked for any method by its name, with its answer as it came."""

    def __init__(self, token: str, root: str) -> None:
        self._ours, self._polling = Request(_CONNECTIONS), Request(2)
        super().__init__(
            token,
            base_url=f"{root}/bot",
            base_file_url=f"{root}/file/bot",
            request=self._ours,
            get_updates_request=self._polling,
        )

    async def ask(self, method: str, arguments: dict[str, Any]) -> Any:
        """Raises `TelegramError`. A `timeout` is how many seconds Telegram may take over it by itself."""
        wait = arguments.get("timeout", 0)
        return await self._post(method, dict(arguments), read_timeout=_SECONDS + float(wait))

    async def read(self, path: str, limit: int) -> bytes | None:
        """The file at the `path` that getFile gave; None when it has more than `limit` bytes."""
        return await self._ours.read(f"{self.base_file_url}/{quote(path)}", limit)

    async def close_connections(self) -> None:
        await self._ours.shutdown()
        await self._polling.shutdown()

    def __repr__(self) -> str:
        return "Client()"


def in_seconds(given: Any) -> float:
    """A time that the library may give as a number or as a `timedelta`; no more than an hour is believed."""
    seconds = given.total_seconds() if isinstance(given, timedelta) else given
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not 0 <= seconds < float("inf"):
        return 1.0
    return min(_MOST_SECONDS, max(0.05, float(seconds)))


def _told(payload: bytes) -> float:
    try:
        return in_seconds(json.loads(payload)["parameters"]["retry_after"])
    except (ValueError, KeyError, TypeError):
        return 1.0
