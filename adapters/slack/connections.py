"""The SDK's Socket Mode client, with what it gets wrong for us put right.

It runs each envelope in a task of its own that nobody owns, without a bound. It acknowledges over another connection
than the one it was told by, and closes that before it is done. It tries the same address again when connecting failed,
though an address works once. It notices a connection that broke only at the next ping. And it logs addresses, which
hold a ticket.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aiohttp
import structlog
from aiohttp import ClientWebSocketResponse, WSMsgType
from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.dispatch import quiet_logger

log = structlog.get_logger()

AT_ONCE = 64
"""Envelopes that are worked on at once; what comes beyond them waits in the connection."""
PING_SECONDS = 10.0
LEAVING_SECONDS = 3.0
"""How long a connection that is given up is kept for what came by it."""
MESSAGE_BYTES = 8_000_000
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 60.0
BRIEF_SECONDS = 15.0
"""A connection that ended sooner did not help: the next one is opened after a pause, up to as long."""
_MOST_WAIT = 300.0
"""So much of what Slack says about waiting is believed at once, in seconds."""

_USELESS = frozenset(
    {"invalid_auth", "not_authed", "account_inactive", "token_revoked", "not_allowed_token_type", "missing_scope"}
)

Receive = Callable[[ClientWebSocketResponse, Mapping[str, Any]], Awaitable[None]]


class Connections(SocketModeClient):
    """The SDK's client with tasks that are owned and bounded, fresh addresses, and a quiet log."""

    def __init__(
        self, app_token: str, web_client: AsyncWebClient, receive: Receive, connected: Callable[[float], None]
    ) -> None:
        super().__init__(app_token, logger=quiet_logger(), web_client=web_client, ping_interval=PING_SECONDS)
        self.message_queue = asyncio.Queue(AT_ONCE)
        self._receive, self._note = receive, connected
        self._places = asyncio.Semaphore(AT_ONCE)
        self._working: dict[asyncio.Task[None], ClientWebSocketResponse] = {}
        self._receivers: set[asyncio.Task[None]] = set()
        self._opened_at, self._brief = float("-inf"), 0

    # -- envelopes -----------------------------------------------------------------------------------
    async def receive_messages(self) -> None:
        """Read one connection until it ends, and then see to it that there is another."""
        session = self.current_session
        if session is None:
            return
        async for message in session:  # ends when the connection is closed or broken
            if message.type is WSMsgType.TEXT:
                await self.message_queue.put((session, message.data))
            elif message.type is WSMsgType.PING:
                await session.pong(message.data)
            elif message.type is WSMsgType.PONG:
                self.last_ping_pong_time = time.time()
        if session is self.current_session and not self.closed:
            self._note(0)
            await self.connect_to_new_endpoint()

    async def process_message(self) -> None:
        """Take the next message into a task of our own, when there is a place for one."""
        session, raw = await self.message_queue.get()
        await self._places.acquire()
        task = asyncio.create_task(self._work(session, raw), name="Slack envelope")
        self._working[task] = session
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        del self._working[task]
        self._places.release()

    async def _work(self, session: ClientWebSocketResponse, raw: str) -> None:
        try:
            message = json.loads(raw)
        except (ValueError, RecursionError):
            return
        if not isinstance(message, dict):
            return
        try:
            if message.get("type") == "disconnect":
                await self._replace(session)
            else:
                await self._receive(session, message)
        except (ConnectionError, aiohttp.ClientError) as error:  # it could not be acknowledged: it comes again
            log.warning("slack.unacknowledged", error=type(error).__name__)
        except Exception:
            log.exception("slack.envelope")

    # -- connections ---------------------------------------------------------------------------------
    async def _replace(self, session: ClientWebSocketResponse) -> None:
        """Slack is about to close this connection: open another, and leave it when all of it is acknowledged."""
        if session is self.current_session:
            await self.connect_to_new_endpoint(force=True)
        others = [task for task, by in self._working.items() if by is session and task is not asyncio.current_task()]
        if others:
            await asyncio.wait(others, timeout=LEAVING_SECONDS)
        await session.close()

    async def connect_to_new_endpoint(self, force: bool = False) -> None:
        """Connect anew: when there is no connection, or with `force`. Of several who ask at once, one does it."""
        before = self.current_session
        async with self.connect_operation_lock:
            if self.closed or before is not self.current_session or (not force and await self.is_connected()):
                return
            await self.connect()
        if before is not None and not force:  # it is broken, or says nothing any more
            await before.close()

    async def connect(self) -> None:
        """Open a connection, trying until there is one. One that Slack takes and drops at once is no reason to hurry:
        asking for the next without a pause would go on for as long as that lasts."""
        brief = time.monotonic() - self._opened_at < BRIEF_SECONDS
        self._brief = self._brief + 1 if brief else 0
        if brief:
            await _rest(min(FIRST_PAUSE * 2 ** min(self._brief - 1, 16), BRIEF_SECONDS))
        pause = FIRST_PAUSE
        while not self.closed:
            try:
                await self._open(await self.issue_new_wss_url())
                self._note(1)
                return
            except SlackApiError as error:
                pause = max(pause, _refused(error))
            except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
                log.warning("slack.connecting", error=type(error).__name__)
            await _rest(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def issue_new_wss_url(self) -> str:
        answer = await self.web_client.apps_connections_open(app_token=self.app_token)
        return str(answer["url"])

    async def _open(self, url: str) -> None:
        session = await self.aiohttp_client_session.ws_connect(
            url, autoping=False, proxy=self.proxy, max_msg_size=MESSAGE_BYTES
        )
        self.current_session, self.stale, self.last_ping_pong_time = session, False, None
        self._opened_at = time.monotonic()
        monitor, self.current_session_monitor = (
            self.current_session_monitor,
            asyncio.ensure_future(self.monitor_current_session()),
        )
        if monitor is not None and monitor is not asyncio.current_task():
            monitor.cancel()
        self.message_receiver = receiver = asyncio.create_task(self.receive_messages(), name="Slack connection")
        self._receivers.add(receiver)
        receiver.add_done_callback(self._received)

    def _received(self, task: asyncio.Task[None]) -> None:
        self._receivers.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("slack.connection", error=type(error).__name__)

    async def end(self) -> None:
        """Close, and end every task. What was not acknowledged comes again."""
        self.closed, self.auto_reconnect_enabled = True, False
        given = (self.message_processor, self.current_session_monitor)
        tasks = [task for task in (*given, *self._receivers, *self._working) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self.current_session is not None:
            await self.current_session.close()
        await self.aiohttp_client_session.close()


async def _rest(seconds: float) -> None:
    """Pause for about so long: not everybody who was cut off at once comes back at once."""
    await asyncio.sleep(seconds * random.uniform(0.7, 1.3))


def _refused(error: SlackApiError) -> float:
    """Say why Slack opens no connection; for how many seconds it need not be asked."""
    try:
        name = str(error.response.get("error") or "unknown")
        wait = min(float(error.response.headers.get("Retry-After", 0)), _MOST_WAIT)
    except (AttributeError, TypeError, ValueError):  # no JSON, or no number
        name, wait = "unknown", 0.0
    if name in _USELESS:
        log.error(
            "slack.app_token_refused", error=name, remedy="Set SLACK_APP_TOKEN to a token with connections:write."
        )
        return max(wait, LONGEST_PAUSE / 2)
    log.warning("slack.connecting", error=name)
    return wait
