"""Socket Mode: https://docs.slack.dev/apis/events-api/using-socket-mode

Several connections share what is delivered; each envelope is for one of them, which answers with its `envelope_id`.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from tests.fakes.slack import shapes
from tests.fakes.slack.world import World

MOST = 10
"""Connections that an app may have."""


@dataclass(eq=False)
class Connection:
    """`draining` is one that was told to go: it gets nothing new."""

    socket: web.WebSocketResponse
    draining: bool = False
    waiting: dict[str, asyncio.Future[Any]] = field(default_factory=dict)
    answered: set[str] = field(default_factory=set)


class Sockets:
    def __init__(self, world: World) -> None:
        self._world = world
        self.url = ""
        self.connections: list[Connection] = []
        self.opened = 0
        self._tickets: set[str] = set()
        self._turn = 0
        self._came = asyncio.Event()
        self._ends: set[asyncio.Task[None]] = set()

    def ticket(self) -> str:
        """An address that is good for one connection."""
        ticket = secrets.token_hex(16)
        self._tickets.add(ticket)
        return f"{self.url}/link/?ticket={ticket}&app_id={shapes.APP_ID}"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            return web.Response(status=404, text="this ticket is not, or no longer, good")
        self._tickets.discard(ticket)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        connection = Connection(socket)
        if len(self.connections) >= MOST:
            await socket.send_json({"type": "disconnect", "reason": "too_many_websockets", "debug_info": _DEBUG})
            await socket.close()
            return socket
        self.connections.append(connection)
        self.opened += 1
        try:
            await socket.send_json(self._hello())
            self._came.set()
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._answered(connection, message.data)
        finally:
            self._gone(connection)
        return socket

    def _hello(self) -> dict[str, Any]:
        return {
            "type": "hello",
            "num_connections": len(self.connections),
            "debug_info": _DEBUG,
            "connection_info": {"app_id": shapes.APP_ID},
        }

    def _answered(self, connection: Connection, text: str) -> None:
        try:
            ident = json.loads(text)["envelope_id"]
        except (ValueError, KeyError, TypeError):
            self._world.violation(f"not an acknowledgement: {text[:200]}")
            return
        future = connection.waiting.pop(ident, None)
        if future is not None and not future.done():
            future.set_result(json.loads(text).get("payload"))
        elif future is None and ident not in connection.answered:
            self._world.violation(f"acknowledged what this connection was not sent: {ident}")
        elif future is None:
            self._world.violation(f"acknowledged twice: {ident}")
        connection.answered.add(ident)

    def _gone(self, connection: Connection) -> None:
        if connection in self.connections:
            self.connections.remove(connection)
        for future in connection.waiting.values():
            if not future.done():
                future.set_exception(ConnectionResetError("the connection went away"))

    async def send(
        self, kind: str, payload: Mapping[str, Any], *, seconds: float, attempt: int = 0, reason: str = ""
    ) -> Any:
        """Deliver to one of the connections; what it answered. Raises `TimeoutError` or `ConnectionError`."""
        ident = str(uuid.uuid4())
        envelope: dict[str, Any] = {
            "envelope_id": ident,
            "type": kind,
            "payload": payload,
            "accepts_response_payload": kind == "slash_commands",
        }
        if kind == "events_api":
            envelope |= {"retry_attempt": attempt, "retry_reason": reason}
        async with asyncio.timeout(seconds):
            connection = await self._next()
            answered: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            connection.waiting[ident] = answered
            await connection.socket.send_str(json.dumps(envelope))
            payload = await answered
            if payload and kind != "slash_commands":
                self._world.violation(f"{kind} answered with a payload")
            return payload

    async def _next(self) -> Connection:
        """The connection whose turn it is; waits for one when there is none."""
        while True:
            live = [one for one in self.connections if not one.draining and not one.socket.closed]
            if live:
                self._turn += 1
                return live[self._turn % len(live)]
            self._came.clear()
            await self._came.wait()

    async def refresh(self, *, reason: str = "refresh_requested", seconds: float = 10.0) -> None:
        """Ask every connection to go, as Slack does now and then, and close those that are there after `seconds`."""
        for connection in list(self.connections):
            connection.draining = True
            await connection.socket.send_json({"type": "disconnect", "reason": reason, "debug_info": _DEBUG})
            self._end_later(connection, seconds)

    def _end_later(self, connection: Connection, seconds: float) -> None:
        async def end() -> None:
            await asyncio.sleep(seconds)
            await connection.socket.close()

        task = asyncio.create_task(end())
        self._ends.add(task)
        task.add_done_callback(self._ends.discard)

    def cut(self) -> None:
        """Break every connection without a word."""
        for connection in list(self.connections):
            transport = connection.socket._req.transport if connection.socket._req else None  # its only handle
            if transport is not None:
                transport.abort()

    async def close(self) -> None:
        for task in self._ends:
            task.cancel()
        await asyncio.gather(*self._ends, return_exceptions=True)
        for connection in list(self.connections):
            await connection.socket.close()


_DEBUG = {
    "host": "applink-test",
    "started": time.strftime("%Y-%m-%d"),
    "build_number": 1,
    "approximate_connection_time": 18_060,
}
