"""How events and interactions reach the app: over HTTP (signed) or Socket Mode, again while nobody acknowledges.

https://docs.slack.dev/apis/events-api/#retries and .../authentication/verifying-requests-from-slack
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import aiohttp

from tests.fakes.slack import shapes
from tests.fakes.slack.sockets import Sockets
from tests.fakes.slack.state import Team
from tests.fakes.slack.world import World


@dataclass(frozen=True, kw_only=True)
class Ack:
    """What the app answered to an interaction. `status` is 0 when it did not within the deadline."""

    status: int
    payload: Any = None
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        """What is shown to the person."""
        return str(self.payload.get("text", "")) if isinstance(self.payload, Mapping) else str(self.payload or "")


class Delivery:
    """`url` is where requests go; without one everything goes over Socket Mode."""

    def __init__(self, world: World, sockets: Sockets, *, deadline: float, retries: Sequence[float]) -> None:
        self._world, self._sockets = world, sockets
        self.deadline, self.retries = deadline, tuple(retries)
        self.url = ""
        self.secret = "signing-secret-test"
        self.acknowledged: list[float] = []
        """How long each delivery took to be acknowledged, in seconds."""
        self.attempts = 0
        self.given_up: list[Mapping[str, Any]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None
        self.told = 0
        """Events, however often each was delivered."""

    def emit(self, team: Team, event: Mapping[str, Any]) -> str:
        """Deliver an event, as often as is to be; its id."""
        self.told += 1
        ident = f"Ev{self.told:010d}"
        body = shapes.envelope(event, team, ident)
        for copy in range(self._world.chance.copies()):
            task = asyncio.create_task(self._deliver(body, copy, self._world.chance.delay()))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return ident

    async def settled(self) -> None:
        """Wait until everything that was told is acknowledged or given up."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    async def _deliver(self, body: Mapping[str, Any], copy: int, delay: float) -> None:
        reason = "http_timeout" if copy else ""
        if delay:
            await asyncio.sleep(delay)
        for attempt, wait in enumerate((0.0, *self.retries)):
            if wait:
                await asyncio.sleep(wait)
            self.attempts += 1
            began = time.monotonic()
            failed = await self._once(body, copy + attempt, reason)
            if failed is None:
                self.acknowledged.append(time.monotonic() - began)
                self._world.changed()
                return
            if failed == "no_retry":
                break
            reason = failed
        self.given_up.append(body)

    async def _once(self, body: Mapping[str, Any], attempt: int, reason: str) -> str | None:
        """Why it was not acknowledged, None when it was."""
        try:
            if not self.url:
                await self._sockets.send(
                    "events_api", body, seconds=self.deadline, attempt=attempt, reason="timeout" if reason else ""
                )
                return None
            headers = {"X-Slack-Retry-Num": str(attempt), "X-Slack-Retry-Reason": reason} if reason else {}
            status, answer, _ = await self.post(json.dumps(body).encode(), "application/json", headers)
            if 200 <= status < 300:
                return None
            return "no_retry" if answer.get("X-Slack-No-Retry") == "1" else "http_error"
        except TimeoutError:
            return "http_timeout"
        except (aiohttp.ClientError, ConnectionError):
            return "connection_failed"

    async def ask(self, kind: str, payload: Mapping[str, Any]) -> Ack:
        """Deliver an interaction (`interactive`, `slash_commands`): once; then the person is told that it failed."""
        began = time.monotonic()
        try:
            if not self.url:
                answer = await self._sockets.send(kind, payload, seconds=self.deadline)
                return Ack(status=200, payload=answer, seconds=time.monotonic() - began)
            form = dict(payload) if kind == "slash_commands" else {"payload": json.dumps(payload)}
            body = urlencode(form).encode()
            status, _, text = await self.post(body, "application/x-www-form-urlencoded")
            return Ack(status=status, payload=_read(text), seconds=time.monotonic() - began)
        except (TimeoutError, aiohttp.ClientError, ConnectionError):
            return Ack(status=0)

    async def post(
        self, body: bytes, content_type: str, headers: Mapping[str, str] | None = None, *, url: str = ""
    ) -> tuple[int, Mapping[str, str], str]:
        """One signed request: status, headers and text of the answer."""
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=200))
        sent = self.signed(body) | {"Content-Type": content_type} | dict(headers or {})
        timeout = aiohttp.ClientTimeout(total=self.deadline)
        async with self._session.post(url or self.url, data=body, headers=sent, timeout=timeout) as response:
            return response.status, response.headers, await response.text()

    def signed(self, body: bytes, *, at: float | None = None, secret: str = "") -> dict[str, str]:
        """The headers that prove where a body comes from."""
        stamp = str(int(time.time() if at is None else at))
        secret = secret or self.secret
        digest = hmac.new(secret.encode(), b"v0:%s:%s" % (stamp.encode(), body), hashlib.sha256).hexdigest()
        return {
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": f"v0={digest}",
        }

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
