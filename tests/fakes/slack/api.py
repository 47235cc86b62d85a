"""The Web API over HTTP: who asks, how often, what goes wrong, and then the method itself."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from aiohttp import web

from tests.fakes.slack import arguments as spoken
from tests.fakes.slack.arguments import METHODS, Method, Refused
from tests.fakes.slack.chat import CHAT
from tests.fakes.slack.faults import Fault
from tests.fakes.slack.rates import Meter
from tests.fakes.slack.reading import READING
from tests.fakes.slack.state import Team, Token
from tests.fakes.slack.streams import STREAMS
from tests.fakes.slack.tokens import TOKENS, OAuth, connections_open
from tests.fakes.slack.world import Asked, Call, World

GRACE = 0.5
"""Seconds for which a call may still come that was on its way when its method was closed with a 429."""
_WRITES = ("chat.appendStream", "chat.stopStream", "chat.update", "chat.delete")

_BLAMED = frozenset(
    {"invalid_arguments", "invalid_blocks", "invalid_chunks", "invalid_metadata_format", "markdown_text_conflict",
     "missing_recipient_team_id", "missing_recipient_user_id", "msg_blocks_too_long", "msg_too_long", "no_text",
     "streaming_mode_mismatch", "invalid_json"}
)  # fmt: skip
"""Errors that only a wrong client gets: they are violations as well."""

Handler = Callable[[Call], Awaitable[dict[str, Any]]]


class WebApi:
    def __init__(self, world: World, meter: Meter, oauth: OAuth, ticket: Callable[[], str]) -> None:
        self._world, self.meter, self._oauth = world, meter, oauth
        self._handlers: Mapping[str, Handler] = {
            **CHAT, **STREAMS, **READING, **TOKENS, "apps.connections.open": connections_open(ticket)
        }  # fmt: skip
        self._writing: dict[tuple[str, str, str], list[web.Request]] = {}

    async def handle(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["method"]
        method = METHODS.get(name)
        if method is None:
            return web.json_response({"ok": False, "error": "unknown_method", "req_method": name})
        try:
            team, token = self._who(request, method)
            given = await spoken.read(request, method)
        except Refused as refused:
            if refused.error in _BLAMED:
                self._world.violation(f"{name}: {refused.error} {refused.more}")
            return _refuse(refused)
        asked = Asked(team=team.id if team else "", method=name, arguments=given, at=self._world.now())
        self._world.calls.append(asked)
        if refused := self._over(asked):
            return refused
        fault = self._world.chance.of(name)
        return await self._answered(request, asked, fault, lambda: self._do(request, asked, team, token, fault))

    def _who(self, request: web.Request, method: Method) -> tuple[Team | None, Token | None]:
        if method.token == "none":
            return None, None
        kind, _, value = request.headers.get("Authorization", "").partition(" ")
        token = self._world.authorised(value if kind == "Bearer" else "")
        if method.token not in ("any", token.kind):
            raise Refused("not_allowed_token_type")
        if method.scope and ":" in method.scope and method.scope not in token.scopes.split(","):
            raise Refused("missing_scope", needed=method.scope, provided=token.scopes)
        return self._world.teams[token.team], token

    def _over(self, asked: Asked) -> web.Response | None:
        """429 when the method is closed, or was called more often than its rate allows."""
        team, method, channel = asked.team, asked.method, self._place(asked)
        wait = self.meter.ask(team, method, channel)
        if wait:
            self._world.violation(f"{method} in {team} {channel} more often than its rate allows")
        left, since = self.meter.closed(team, method, channel)
        if left and since > GRACE:
            self._world.violation(f"{method} in {team} called {left:.1f} s before its Retry-After was over")
        return self._ratelimited(asked, max(wait, math.ceil(left))) if wait or left else None

    def _place(self, asked: Asked) -> str:
        """The channel whose rate it is; a person's id stands for the direct messages with them."""
        channel, team = str(asked.arguments.get("channel", "")), self._world.teams.get(asked.team)
        return team.dm(channel) if team and channel in team.users else channel

    def _ratelimited(self, asked: Asked, seconds: int) -> web.Response:
        asked.answer.append("ratelimited")
        self.meter.close(asked.team, asked.method, self._place(asked), seconds)
        headers = {"Retry-After": str(seconds)}
        return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers=headers)

    async def _answered(
        self, request: web.Request, asked: Asked, fault: Fault, do: Callable[[], Awaitable[web.Response]]
    ) -> web.StreamResponse:
        """Do it, with what goes wrong; and notice when two write the same message at once."""
        with self._alone(request, asked):
            if fault.delay:
                await asyncio.sleep(fault.delay)
            if fault.gate is not None:
                await fault.gate.hold()
            response: web.StreamResponse | None = None
            if not fault.act or fault.after:
                response = await do()
            return self._fail(request, asked, fault) if fault.act or response is None else response

    @contextmanager
    def _alone(self, request: web.Request, asked: Asked) -> Iterator[None]:
        if asked.method not in _WRITES:
            yield
            return
        key = (asked.team, str(asked.arguments.get("channel")), str(asked.arguments.get("ts")))
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
        asked.answer.append(fault.error or fault.act)
        if fault.act == "ratelimited":
            return self._ratelimited(asked, fault.retry_after)
        if fault.act == "error":
            return _refuse(Refused(fault.error))
        if fault.act == "drop":
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        if fault.status == 503:
            page = "<html><body>Service Unavailable</body></html>"
            return web.Response(status=503, text=page, content_type="text/html")
        return web.json_response({"ok": False, "error": "internal_error"}, status=fault.status)

    async def _do(
        self, request: web.Request, asked: Asked, team: Team | None, token: Token | None, fault: Fault
    ) -> web.Response:
        try:
            if team is None or token is None:
                return _answer(asked, self._oauth.access(dict(asked.arguments), request))
            call = Call(self._world, team, token, asked.method, dict(asked.arguments))
            if fault.expire:
                _expire(call)
            found = _answer(asked, await self._handlers[asked.method](call))
            if asked.method == "auth.test":
                found.headers["X-OAuth-Scopes"] = token.scopes
            return found
        except Refused as refused:
            asked.answer.append(refused.error)
            if refused.error in _BLAMED:
                self._world.violation(f"{asked.method}: {refused.error} {refused.more}")
            return _refuse(refused)


def _expire(call: Call) -> None:
    message = call.team.messages.get((str(call["channel"]), str(call["ts"])))
    if message is not None and call.method in ("chat.appendStream", "chat.stopStream"):
        message.streaming = False


def _answer(asked: Asked, found: Mapping[str, Any]) -> web.Response:
    asked.answer.append("ok")
    return web.json_response({"ok": True, **found})


def _refuse(refused: Refused) -> web.Response:
    return web.json_response({"ok": False, "error": refused.error, **refused.more})
