"""The Bot API over HTTP: who asks, how often, what goes wrong, and then the method itself."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from aiohttp import web

from tests.fakes.telegram import arguments
from tests.fakes.telegram.arguments import METHODS, Refused
from tests.fakes.telegram.budgets import Meter
from tests.fakes.telegram.faults import Fault
from tests.fakes.telegram.world import Asked, Call, World

GRACE = 0.1
"""Our seconds for which a call may still come that was on its way when its chat was closed with a 429."""
SHOWING = frozenset(
    {"sendMessage", "sendRichMessage", "sendDocument", "sendVoice", "sendPhoto", "editMessageText",
     "editMessageReplyMarkup", "sendMessageDraft", "sendRichMessageDraft"}
)  # fmt: skip
"""Methods that the budgets are for."""
_WRITES = frozenset(
    {"editMessageText", "editMessageReplyMarkup", "deleteMessage", "sendMessageDraft", "sendRichMessageDraft"}
)

Handler = Callable[[Call], Awaitable[Any]]


class Api:
    """`latency` is how many of our seconds each request is on its way."""

    def __init__(self, world: World, meter: Meter, handlers: Mapping[str, Handler], latency: float) -> None:
        self._world, self._meter, self._handlers, self.latency = world, meter, handlers, latency
        self._writing: dict[tuple[Any, ...], list[web.Request]] = {}

    async def handle(self, request: web.Request) -> web.StreamResponse:
        world, name = self._world, request.match_info["method"]
        method = METHODS.get(name)
        try:
            self._authorise(request.match_info["token"])
            if method is None or method.since > world.version:
                return self._refuse(name, Refused("Not Found: method not found", code=404))
            given = await arguments.read(request, method, world.version)
        except Refused as refused:
            return self._refuse(name, refused)
        except ConnectionError:  # whoever asked died over it
            return web.Response()
        asked = Asked(method=name, given=given, at=asyncio.get_running_loop().time())
        world.calls.append(asked)
        world.changed()
        if self.latency:
            await asyncio.sleep(self.latency)
        chat = given.get("chat_id")
        if isinstance(chat, int) and (wait := self._over(asked, chat)):
            return self._refuse(name, _too_many(wait, world.clock.second), asked)
        fault = world.chance.of(name, shows=isinstance(chat, int) and name in SHOWING)
        return await self._answered(request, asked, fault)

    def _authorise(self, token: str) -> None:
        """A token that is none is not found, one that is dead or another's is not authorised."""
        head, _, tail = token.partition(":")
        if not head.isdigit() or not tail:
            raise Refused("Not Found", code=404)
        if token != self._world.token or self._world.revoked:
            raise Refused("Unauthorized", code=401)

    def _over(self, asked: Asked, chat: int) -> int:
        """The seconds for retry_after when the chat is closed, or a budget is used up; each is a violation."""
        method = asked.method
        if method not in SHOWING:
            return 0
        left, since = self._meter.closed(chat)
        if left:
            if since * self._world.clock.second <= GRACE:
                return math.ceil(left)
            self._world.violation(f"{method} in {chat} {left:.1f} s before its retry_after was over")
            return self._meter.offend(chat)
        wait = self._meter.ask(chat, draft=method.endswith("Draft"))
        if wait:
            self._world.violation(f"{method} in {chat} more often than its budgets allow")
        return wait

    async def _answered(self, request: web.Request, asked: Asked, fault: Fault) -> web.StreamResponse:
        """Do it, with what goes wrong; and notice when two write the same message at once."""
        with self._alone(request, asked):
            if fault.delay:
                await asyncio.sleep(fault.delay)
            if fault.gate is not None:
                await fault.gate.hold()
            response: web.StreamResponse | None = None
            if not fault.act or fault.after:
                response = await self._do(request, asked)
            return self._fail(request, asked, fault) if fault.act or response is None else response

    @contextmanager
    def _alone(self, request: web.Request, asked: Asked) -> Iterator[None]:
        if asked.method not in _WRITES:
            yield
            return
        key = tuple(asked.given.get(name) for name in ("business_connection_id", "chat_id", "message_id", "draft_id"))
        others = self._writing.setdefault(key, [])
        if any(other.transport is not None and not other.transport.is_closing() for other in others):
            self._world.violation(f"{asked.method} while another call writes the same message: {key}")
        others.append(request)
        try:
            yield
        finally:
            others.remove(request)
            if not others:
                self._writing.pop(key, None)

    def _fail(self, request: web.Request, asked: Asked, fault: Fault) -> web.StreamResponse:
        if fault.act == "penalty":
            if isinstance(chat := asked.given.get("chat_id"), int):
                self._meter.close(chat, fault.retry_after)
            return self._refuse(asked.method, _too_many(fault.retry_after, self._world.clock.second), asked)
        asked.answer.append(fault.act)
        if fault.act == "drop":
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        if fault.status == 502:
            return web.Response(status=502, text="<html><h1>502 Bad Gateway</h1></html>", content_type="text/html")
        return self._refuse(asked.method, Refused(fault.description, code=fault.status))

    async def _do(self, request: web.Request, asked: Asked) -> web.Response:
        call = Call(self._world, asked.method, dict(asked.given), request)
        try:
            result = await self._handlers[asked.method](call)
        except Refused as refused:
            return self._refuse(asked.method, refused, asked)
        asked.answer.append("ok")
        self._world.changed()
        return web.json_response({"ok": True, "result": result})

    def _refuse(self, method: str, refused: Refused, asked: Asked | None = None) -> web.Response:
        if asked is not None:
            asked.answer.append(refused.description)
        if refused.blame:
            self._world.violation(f"{method}: {refused.description}")
        body: dict[str, Any] = {"ok": False, "error_code": refused.code, "description": refused.description}
        if refused.parameters:
            body["parameters"] = refused.parameters
        return web.json_response(body, status=refused.code)


def _too_many(seconds: int, second: float) -> Refused:
    """429; where a second is shorter than ours, so is what has to be waited for."""
    wait = seconds if second == 1 else round(seconds * second, 3)
    return Refused(f"Too Many Requests: retry after {wait}", code=429, retry_after=wait)
