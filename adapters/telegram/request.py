"""How requests travel: httpx as python-telegram-bot drives it, but that refusals keep what we need to know of them.

The library makes an exception of every refusal. Those of its own for 429 warn while they are made, it logs a body that
is not JSON in full, and tells no connection that never came about from one that broke after everything was sent: so
such answers are told in our own words, before the library sees them. They pass through it as its errors.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import httpx
from telegram.error import NetworkError, TelegramError
from telegram.request import HTTPXRequest

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

    def __init__(self, connections: int, seconds: float) -> None:
        super().__init__(
            connection_pool_size=connections,
            connect_timeout=5.0,
            read_timeout=seconds,
            write_timeout=seconds,
            pool_timeout=seconds,
            media_write_timeout=60.0,
        )

    async def do_request(self, *arguments: Any, **named: Any) -> tuple[int, bytes]:
        try:
            code, payload = await super().do_request(*arguments, **named)
        except NetworkError as error:
            cause = error.__cause__
            raise Unanswered(type(cause or error).__name__, sent=not isinstance(cause, _UNSENT)) from None
        if code == 429:
            raise Flood(_seconds(payload))
        if code >= 500:
            raise Unanswered(f"HTTP {code}", sent=True, code=code)
        return code, payload

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        try:
            parsed = json.loads(payload.decode("utf-8", "replace"))
        except ValueError:
            parsed = None
        if not isinstance(parsed, dict):
            raise Unanswered("no JSON", sent=True)
        return parsed


def in_seconds(given: Any) -> float:
    """A time that the library may give as a number or as a `timedelta`; no more than an hour is believed."""
    seconds = given.total_seconds() if isinstance(given, timedelta) else given
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not 0 <= seconds < float("inf"):
        return 1.0
    return min(_MOST_SECONDS, max(0.05, float(seconds)))


def _seconds(payload: bytes) -> float:
    try:
        return in_seconds(json.loads(payload)["parameters"]["retry_after"])
    except (ValueError, KeyError, TypeError):
        return 1.0
