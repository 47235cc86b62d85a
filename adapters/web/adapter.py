"""The web channel: its routes, and what the house calls."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from aiohttp import web
from aiohttp.web import AbstractRouteDef

from adapters.base import Context, Publish
from adapters.web import protocol
from adapters.web.gate import Gate
from adapters.web.pages import Pages, Script
from adapters.web.protocol import Problem
from adapters.web.streams import Hub
from adapters.web.talk import Talk
from adapters.web.tokens import tokens
from bot.events import Outbound, Post, Reply

CLOSE_SECONDS = 1.5


class WebAdapter:
    """The `Adapter` for chats on web pages."""

    name = protocol.CHANNEL

    def __init__(self, context: Context) -> None:
        config = context.config
        self._tick = min(max(config.web.heartbeat_seconds / 60, 0.05), 1.0)
        self._gate = Gate(config, tokens(config), context.metrics)
        sent = context.metrics.counter("web_events_sent", "Events sent to visitors.", "kind")
        kinds = {kind: sent.labels(kind) for kind in ("progress", "end", "post")}
        self._hub = Hub(
            context.store,
            live=2 * config.bus.running,
            heartbeat=config.web.heartbeat_seconds,
            root=config.server.public_url.rstrip("/"),
            count=lambda kind: kinds[kind].inc(),
        )
        context.metrics.gauge("web_streams", "Open event streams.").set_function(lambda: len(self._hub))
        self._talk = Talk(config, self._gate, self._hub)
        self._pages = Pages(config, context.store)
        self._script = Script()

    def routes(self) -> Sequence[AbstractRouteDef]:
        wrap = self._gate.wrap
        served = [
            web.get("/web/frontdesk.js", wrap(self._script.serve, always=True)),
            web.get("/web/config", wrap(self._pages.settings)),
            web.get("/web/source", wrap(self._pages.source)),
            web.post("/web/session", wrap(self._talk.session)),
            web.post("/web/messages", wrap(self._talk.message)),
            web.get("/web/events", wrap(self._talk.events), allow_head=False),
            web.post("/web/stop", wrap(self._talk.stop)),
            web.post("/web/feedback", wrap(self._talk.feedback)),
            web.get("/web/history", wrap(self._talk.history), allow_head=False),
        ]
        allowed = {route.path: route.method for route in served}

        async def missing(request: web.Request) -> web.StreamResponse:
            if request.path in allowed:
                raise Problem(405, "wrong_method", f"This address takes {allowed[request.path]} alone.")
            raise Problem(404, "not_found", "There is nothing at this address.")

        return [
            *served,
            web.options("/web/{rest:.*}", self._gate.preflight),
            web.route("*", "/web/{rest:.*}", wrap(missing)),
        ]

    async def run(self, publish: Publish) -> None:
        """Let visitors in and look after their streams until cancelled."""
        self._talk.publish = publish
        self._gate.opened = True
        loop = asyncio.get_running_loop()
        try:
            while True:
                self._hub.tend(loop.time(), time.time())
                await asyncio.sleep(self._tick)
        finally:
            self._gate.opened = False

    async def send(self, event: Outbound) -> str:
        """Pass on what is being written; an end or a post is read from the log by whoever follows the conversation."""
        if isinstance(event, Post):
            self._hub.posted(event.address)
        elif isinstance(event, Reply) and not event.final:
            self._hub.show(event)
        else:
            self._hub.end(event.address, event.message_id)
        return ""

    async def close(self) -> None:
        """Tell every open page to come back, and end its stream."""
        self._gate.opened = False
        self._hub.close()
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._hub.emptied()
        except TimeoutError:
            self._hub.abort()
