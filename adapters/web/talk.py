"""What a visitor may do: begin a session, say, follow, stop, rate, look back.

Every handler makes the conversation's address from the visitor's token. A message is acknowledged (202) after
`publish` returned, and then it is durable.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

import structlog
from aiohttp import web

from adapters.base import Publish
from adapters.commands import typed
from adapters.web import bodies, protocol
from adapters.web.connection import Connection
from adapters.web.gate import PRIVATE, Gate
from adapters.web.limits import Seats
from adapters.web.protocol import Problem
from adapters.web.streams import Hub
from bot.config import Config
from bot.errors import StorageError
from bot.events import Address, Feedback, Message, Stop

log = structlog.get_logger()

HISTORY = 100
POSTS = 200
RECENT = 8
EVENT_STREAM = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store, no-transform",
    "X-Accel-Buffering": "no",
}


class Talk:
    """The visitor's side of a conversation. `publish` is set before the gate opens."""

    publish: Publish

    def __init__(self, config: Config, gate: Gate, hub: Hub) -> None:
        self._gate, self._hub = gate, hub
        self._root = hub.root
        limits = config.web.limits
        self._characters = limits.message_characters
        self._seats = Seats(
            per_visitor=limits.streams_per_visitor, per_address=limits.streams_per_address, total=limits.streams
        )

    async def session(self, request: web.Request) -> web.Response:
        """POST /web/session"""
        body = await self._gate.body(request) if request.body_exists else b""
        session = self._gate.tokens.session(identity=bodies.parse_session(body), token=self._gate.bearer(request))
        answer = {"token": session.token, "visitor": session.visitor, "expires_at": session.expires_at}
        return web.json_response(answer, headers=PRIVATE)

    async def message(self, request: web.Request) -> web.Response:
        """POST /web/messages"""
        visitor = self._gate.visitor(request).visitor
        self._gate.charge_visitor(visitor)
        said = bodies.parse_message(await self._gate.body(request), self._characters)
        self._gate.charge_site()
        message = Message(
            id=self._inner(visitor, said.id),
            address=protocol.address(visitor, said.conversation),
            sender=visitor,
            text=said.text,
            sent_at=time.time(),
            language=said.language,
            command=said.command,
        )
        new = await self.publish(message)
        if new:
            self._hub.say(message.address, protocol.said_frame(message.id, typed(message), message.sent_at))
        return web.json_response({"id": said.id, "new": new}, status=202, headers=PRIVATE)

    async def stop(self, request: web.Request) -> web.Response:
        """POST /web/stop"""
        visitor = self._gate.visitor(request).visitor
        self._gate.charge_visitor(visitor)
        name, outer = bodies.parse_stop(await self._gate.body(request))
        await self.publish(Stop(address=protocol.address(visitor, name), message_id=self._inner(visitor, outer)))
        return web.json_response({}, status=202, headers=PRIVATE)

    async def feedback(self, request: web.Request) -> web.Response:
        """POST /web/feedback"""
        visitor = self._gate.visitor(request).visitor
        self._gate.charge_visitor(visitor)
        rated = bodies.parse_feedback(await self._gate.body(request))
        known = await self.publish(
            Feedback(
                address=protocol.address(visitor, rated.conversation),
                message_id=self._inner(visitor, rated.message_id),
                value=rated.value,
                comment=rated.comment,
                sender=visitor,
            )
        )
        if not known:
            raise Problem(404, "no_message", "There is no such message in this conversation.")
        return web.json_response({}, headers=PRIVATE)

    async def history(self, request: web.Request) -> web.Response:
        """GET /web/history. `cursor` is where `GET /web/events?after=` goes on without a gap."""
        visitor = self._gate.visitor(request).visitor
        address = protocol.address(visitor, bodies.conversation(request.query.get("conversation", bodies.MAIN)))
        past = await self._hub.store.history(address, limit=HISTORY)
        posts = await self._hub.store.posts(address, limit=POSTS)
        for exchange in past[-RECENT:]:
            if exchange.outgoing:
                self._hub.ended(address, exchange.message.id)
        answer = protocol.history(past, posts, whole=len(past) < HISTORY, root=self._root)
        return web.json_response(answer, headers=PRIVATE, dumps=protocol.encode)

    async def events(self, request: web.Request) -> web.StreamResponse:
        """GET /web/events"""
        session = self._gate.visitor(request)
        address = protocol.address(session.visitor, bodies.conversation(request.query.get("conversation", bodies.MAIN)))
        number = bodies.position(request.headers.get("Last-Event-ID"), request.query.get("after"))
        sender = self._gate.address(request)
        self._seats.take(session.visitor, sender)
        try:
            return await self._follow(request, address, number, session.expires_at)
        finally:
            self._seats.leave(session.visitor, sender)

    def _inner(self, visitor: str, outer: str) -> str:
        return protocol.inner_id(self._gate.tokens.pseudonym(visitor), outer)

    async def _follow(self, request: web.Request, address: Address, number: int, until: int) -> web.StreamResponse:
        loop = asyncio.get_running_loop()
        connection = Connection(request)
        stream = self._hub.join(address, number, line=connection, until=until, now=loop.time())
        response = web.StreamResponse(headers=EVENT_STREAM | self._gate.headers(request))

        async def write(events: bytes) -> None:
            stream.blocked_since = loop.time()
            await response.write(events)
            await connection.room()
            stream.blocked_since = 0.0

        try:
            await response.prepare(request)
            connection.tune()
            await stream.follow(write)
        except ConnectionError:
            pass  # the reader has gone
        except StorageError:
            with suppress(ConnectionError):
                await response.write(protocol.CLOSING)  # the reader comes back for what it lacks
        except Exception:
            log.exception("web.stream")
            connection.abort()  # part of an answer is out: no other can follow it
        finally:
            self._hub.leave(stream)
        return response
