"""Slack's Web API: the official client, in its turn, with our own rules for trying again.

The SDK's handlers are off: the one for lost connections sends `chat.postMessage` a second time when the connection
breaks after Slack has taken it. What happened to a call whose answer got lost is the caller's to find out, unless doing
it twice is the same as doing it once.
"""

from __future__ import annotations

import asyncio
import logging
import random
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.accounts import Account, Accounts
from adapters.slack.errors import SUSPECT, UNSURE, SlackError
from adapters.slack.pace import Busy, Pace
from bot.config import SlackConfig
from bot.metrics import Metrics

__all__ = ["Api", "Busy", "SlackError", "is_slacks"]

_TIMEOUT = aiohttp.ClientTimeout(total=20, sock_connect=5)
_DOWNLOAD_TIMEOUT = aiohttp.ClientTimeout(total=60, sock_connect=5, sock_read=20)
_TRIES = 4
_FIRST_PAUSE = 0.3
_LONGEST_WAIT = 120.0
_CONNECTIONS = 64
_REDIRECTS = 3
_SLACKS = re.compile(r"(?:[a-z0-9-]+\.)*slack(?:-gov)?\.com", re.ASCII)
_HARMLESS = frozenset({"chat.update", "chat.delete", "chat.getPermalink", "conversations.open", "auth.test"})
_HARMLESS_ENDINGS = ("info", "list", "history", "replies", "members", "publish", "setStatus", "setTitle")

_quiet = logging.getLogger("frontdesk.slack_sdk")
_quiet.setLevel(logging.WARNING)  # below that, the SDK writes out every text that it sends


class Api:
    """One for a process. `minute` is how long Slack's minute lasts, in seconds."""

    def __init__(self, config: SlackConfig, accounts: Accounts, metrics: Metrics, *, minute: float = 60.0) -> None:
        self._config, self._accounts = config, accounts
        self.pace = Pace(config.rates, minute=minute)
        self._session: aiohttp.ClientSession | None = None
        self._clients: dict[str, tuple[str, AsyncWebClient]] = {}
        self._calls = metrics.counter(
            "slack_calls", "Calls of Slack's Web API, by how they ended.", "method", "outcome"
        )

    async def call(
        self,
        team: str,
        method: str,
        *,
        live: bool = False,
        before: Callable[[], Awaitable[None]] | None = None,
        **arguments: Any,
    ) -> Mapping[str, Any]:
        """Slack's answer. Waits its turn, obeys 429, and repeats only what is harmless to repeat.

        `before` is awaited once the turn has come, just before Slack is asked. Raises `SlackError`; a `live` call that
        would have to wait raises `Busy` and is not made. Raises `NotInstalled` and `Unreachable`, too.
        """
        account = await self._accounts.of(team)
        pause, waited, tries, renewed = _FIRST_PAUSE, 0.0, 0, False
        while True:
            try:
                async with self.pace.turn(account.team, method, str(arguments.get("channel", "")), live=live):
                    if before is not None:
                        await before()
                        before = None
                    return await self._ask(account, method, arguments)
            except _RateLimited as limited:
                self.pace.close(account.team, method, limited.seconds)
                waited += limited.seconds
                if live:
                    raise Busy from None
                if waited > _LONGEST_WAIT:
                    raise SlackError(method, "ratelimited") from None
            except SlackError as error:
                if error.error in SUSPECT and not renewed:
                    renewed = True
                    self._accounts.forget(account.team)
                    account = await self._accounts.of(account.team)
                    continue
                tries += 1
                if live or not (error.ambiguous and _harmless(method)) or tries >= _TRIES:
                    raise
                await asyncio.sleep(pause * random.uniform(0.7, 1.3))
                pause *= 2

    async def download(self, team: str, url: str, limit: int) -> bytes:
        """A private file of `team`, at most `limit` bytes. The token goes to Slack's own hosts alone.

        Raises `SlackError`: "file_too_large", "file_not_found", "file_not_readable".
        """
        account = await self._accounts.of(team)
        headers = {"Authorization": f"Bearer {account.bot_token}"}
        try:
            for _ in range(_REDIRECTS):
                if not is_slacks(url, self._config.base_url):
                    break
                asked = self._opened().get(url, headers=headers, allow_redirects=False, timeout=_DOWNLOAD_TIMEOUT)
                async with asked as response:
                    if response.status in (301, 302, 303, 307, 308):
                        url = urljoin(url, response.headers.get("Location", ""))
                        continue
                    return await _body(response, limit)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise SlackError("files", type(error).__name__, ambiguous=True) from None
        raise SlackError("files", "file_not_readable")

    async def close(self) -> None:
        self._clients.clear()
        if self._session is not None:
            await self._session.close()
            self._session = None

    # -- one request -------------------------------------------------------------------------------------
    async def _ask(self, account: Account, method: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        outcome = "failed"
        try:
            answer = await self._send(self._client(account), method, arguments)
            outcome = "done"
            return answer
        except SlackApiError as error:
            outcome = "refused"
            raise _refusal(method, error) from None
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            sent = not isinstance(error, aiohttp.ClientConnectorError)
            raise SlackError(method, type(error).__name__, ambiguous=sent or _harmless(method)) from None
        finally:
            self._calls.labels(method, outcome).inc()

    async def _send(self, client: AsyncWebClient, method: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        ask = getattr(client, method.replace(".", "_"), None)
        response = await (ask(**arguments) if ask else client.api_call(method, json=dict(arguments)))
        answer: Any = response.data
        return answer if isinstance(answer, Mapping) else {}

    def _client(self, account: Account) -> AsyncWebClient:
        known, client = self._clients.get(account.team, ("", None))
        if client is None or known != account.bot_token:
            client = AsyncWebClient(
                account.bot_token,
                base_url=self._config.base_url,
                session=self._opened(),
                retry_handlers=[],
                logger=_quiet,
                team_id=account.team if account.org_wide else None,
            )
            self._clients[account.team] = (account.bot_token, client)
        return client

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            self._clients.clear()
            self._session = aiohttp.ClientSession(
                timeout=_TIMEOUT,
                connector=aiohttp.TCPConnector(limit=_CONNECTIONS),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session


def is_slacks(url: str, base_url: str) -> bool:
    """Whether a token may be sent to `url`: an https host of Slack's, or exactly where the API is said to be."""
    try:
        there, api = urlsplit(url), urlsplit(base_url)
        ports = (there.port, api.port)
    except ValueError:
        return False
    if there.username or there.password or not there.hostname or "\\" in url:  # which other parsers read otherwise
        return False
    if (there.scheme, there.hostname, ports[0]) == (api.scheme, api.hostname, ports[1]):
        return True
    return there.scheme == "https" and bool(_SLACKS.fullmatch(there.hostname)) and ports[0] in (None, 443)


class _RateLimited(Exception):
    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds


def _harmless(method: str) -> bool:
    """Whether doing it twice is the same as doing it once."""
    return method in _HARMLESS or method.endswith(_HARMLESS_ENDINGS) or method.startswith("assistant.")


def _refusal(method: str, error: SlackApiError) -> Exception:
    """What Slack's answer means. The SDK puts its response there, or aiohttp's when the body was not JSON."""
    response: Any = error.response
    status = int(getattr(response, "status_code", 0) or getattr(response, "status", 0) or 0)
    told = getattr(response, "data", None)
    word = str(told.get("error", "")) if isinstance(told, Mapping) else ""
    if status == 429 or word in ("ratelimited", "rate_limited"):
        return _RateLimited(_seconds(getattr(response, "headers", {})))
    if status >= 500 or word in UNSURE or not word:
        return SlackError(method, word or f"http_{status}", ambiguous=True)
    return SlackError(method, word, answered=True)


def _seconds(headers: Mapping[str, str]) -> float:
    """Slack's Retry-After: whole seconds; a minute's worth at most is believed at once."""
    try:
        return min(60.0, max(0.1, float(headers.get("Retry-After", "1"))))
    except ValueError:
        return 1.0


async def _body(response: aiohttp.ClientResponse, limit: int) -> bytes:
    if response.status == 404:
        raise SlackError("files", "file_not_found")
    page = response.content_type == "text/html" and "attachment" not in response.headers.get("Content-Disposition", "")
    if response.status != 200 or page:  # without the right to read it, Slack sends a page to log in
        raise SlackError("files", "file_not_readable")
    parts, length = [], 0
    async for part in response.content.iter_chunked(65_536):
        length += len(part)
        if length > limit:
            raise SlackError("files", "file_too_large")
        parts.append(part)
    return b"".join(parts)
