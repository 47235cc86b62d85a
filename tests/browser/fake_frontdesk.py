"""A double of the web channel's server, as strict as the protocol and as unkind as the Internet.

It refuses what breaks the protocol and remembers it in `violations`, which every test expects to be empty. The test
holds the pen: `write`, `finish` and `fail` say what is answered, and when. Faults are named before they happen:
`refuse` (a status, so many times), `lose_answers` (taken, but the answer never arrives), `cut_streams`, `go_dark`.
Nothing here waits for time: `until` waits for a condition and wakes at every request.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

WIDGET = Path(__file__).parents[2] / "adapters" / "web" / "static" / "frontdesk.js"
CSP = (
    "default-src 'none'; script-src {server} 'self'; connect-src {server} 'self'; style-src 'none'; img-src 'none'; "
    "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; report-uri /csp-report"
)
PAGE = """<!doctype html><html lang="{lang}" dir="{direction}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>A shop</title>
<script src="{server}/web/frontdesk.js" {attributes} async></script></head>
<body><main><h1>A shop</h1><p>Words of the page. <a href="#more">More</a> <button id="ask">Ask us</button></p></main>
{tail}</body></html>"""
ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
SLUG = re.compile(r"[a-z0-9-]{1,32}")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Said:
    """A visitor's message and what became of it."""

    id: str
    text: str
    at: float
    conversation: tuple[str, str]
    answer: str = ""
    attempt: int = 1
    seq: int = -1
    end: dict[str, Any] | None = None
    feedback: int = 0
    comment: str = ""


@dataclass
class Room:
    """One visitor's conversation."""

    messages: dict[str, Said] = field(default_factory=dict)
    durable: list[tuple[int, str, dict[str, Any]]] = field(default_factory=list)
    posts: list[dict[str, Any]] = field(default_factory=list)
    streams: list[asyncio.Queue[bytes | None]] = field(default_factory=list)


@dataclass
class Fault:
    path: str
    status: int
    retry_after: int | None
    times: int


class FakeFrontdesk:
    def __init__(self) -> None:
        self.rooms: defaultdict[tuple[str, str], Room] = defaultdict(Room)
        self.said: dict[str, Said] = {}
        self.tokens: dict[str, str] = {}
        self.requests: list[tuple[str, str]] = []
        self.posts: list[dict[str, Any]] = []
        self.stops: list[str] = []
        self.violations: list[str] = []
        self.csp_reports: list[str] = []
        self.resumed: list[int] = []
        self.sessions = 0
        self.config: dict[str, Any] = {
            "title": "Shop help",
            "greeting": "Hello, what would you like to know?",
            "suggestions": ["How long is delivery?", "Can I return it?"],
            "anonymous": True,
            "message_characters": 500,
            "link_hosts": ["partner.example"],
        }
        self._numbers = itertools.count(1)
        self._faults: list[Fault] = []
        self._losing: dict[str, int] = {}
        self._dark = False
        self._changed = asyncio.Condition()
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def start(self) -> None:
        app = web.Application(middlewares=[self._watch])
        app.add_routes(
            [
                web.get("/page", self._page),
                web.post("/csp-report", self._csp_report),
                web.get("/web/frontdesk.js", self._widget),
                web.get("/web/config", self._config),
                web.get("/web/source", self._source),
                web.post("/web/session", self._session),
                web.post("/web/messages", self._message),
                web.post("/web/stop", self._stop),
                web.post("/web/feedback", self._feedback),
                web.get("/web/history", self._history),
                web.get("/web/events", self._events),
            ]
        )
        self._runner = web.AppRunner(app, shutdown_timeout=0.2, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def close(self) -> None:
        self.cut_streams()
        if self._runner:
            await self._runner.cleanup()

    # What a test makes it do.

    async def until(self, holds: Callable[[], Any]) -> Any:
        """The first true value of `holds`, looked at again after every request."""
        async with self._changed:
            return await asyncio.wait_for(self._changed.wait_for(holds), 30)

    async def heard(self, text: str) -> Said:
        """The visitor's message that reads `text`, once it has arrived."""
        found: Said = await self.until(lambda: next((said for said in self.said.values() if said.text == text), None))
        return found

    def ask(self, place: tuple[str, str], text: str) -> Said:
        """A message of the visitor's that comes from elsewhere, such as another device."""
        return self._take(f"elsewhere-{len(self.said)}", text, place)

    def write(self, said: Said, text: str) -> None:
        """Stream another piece of the answer."""
        said.seq += 1
        said.answer += text
        self._broadcast(said, "delta", {"attempt": said.attempt, "seq": said.seq, "text": text})

    def rewrite(self, said: Said, text: str) -> None:
        """Start the answer again, as after a crash: another attempt, with a snapshot."""
        said.attempt, said.seq, said.answer = said.attempt + 1, 0, text
        self._broadcast(said, "reply", {"attempt": said.attempt, "seq": 0, "text": text})

    def finish(
        self,
        said: Said,
        text: str | None = None,
        *,
        citations: list[dict[str, Any]] | None = None,
        finish_reason: str = "stop",
        language: str = "en",
    ) -> None:
        text = said.answer if text is None else text
        end = {"text": text, "citations": citations or [], "finish_reason": finish_reason, "language": language}
        self._end(said, "final", end)

    def fail(self, said: Said, words: str) -> None:
        self._end(said, "failed", {"said": words})

    def post(
        self, place: tuple[str, str], kind: str, text: str, *, name: str = "", person: str | None = None
    ) -> dict[str, Any]:
        """What a person of the support desk says ("said"), or what is told of them ("notice")."""
        number = next(self._numbers)
        data = {"kind": kind, "text": text, "name": name, "at": time.time(), "person": person}
        self.rooms[place].durable.append((number, "post", data))
        self.rooms[place].posts.append({**data, "number": number})
        self._send(place, _frame("post", data, number))
        return data

    def send_raw(self, said: Said, kind: str, data: dict[str, Any]) -> None:
        """Send an event as no good server would."""
        self._send(said.conversation, _frame(kind, data, None))

    def send_bytes(self, said: Said, frame: bytes) -> None:
        self._send(said.conversation, frame)

    def refuse(self, path: str, status: int, *, retry_after: int | None = None, times: int = 1) -> None:
        self._faults.append(Fault(path, status, retry_after, times))

    def lose_answers(self, path: str, times: int = 1) -> None:
        """Take what comes, but let the connection die before the answer."""
        self._losing[path] = times

    def forget_tokens(self) -> None:
        """No token holds any longer, as when it has run out; an old one can still be renewed."""
        self.tokens = {f"old {token}": visitor for token, visitor in self.tokens.items()}

    def cut_streams(self) -> None:
        for room in self.rooms.values():
            for stream in room.streams:
                stream.put_nowait(None)

    def announce_closing(self) -> None:
        for room in self.rooms.values():
            for stream in room.streams:
                stream.put_nowait(_frame("closing", {}, None))
                stream.put_nowait(None)

    def go_dark(self, dark: bool) -> None:
        """Nothing but the script gets an answer any more, and the open streams die."""
        self._dark = dark
        if dark:
            self.cut_streams()

    def streams(self) -> int:
        return sum(len(room.streams) for room in self.rooms.values())

    # The protocol.

    @web.middleware
    async def _watch(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        path = request.path.removeprefix("/web/")
        async with self._changed:
            self.requests.append((request.method, path))
            self._changed.notify_all()
        try:
            if request.method == "OPTIONS":
                return web.Response(status=204, headers=_cors(request))
            if self._dark and request.path.startswith("/web/") and path != "frontdesk.js":
                return _die(request)
            response = self._fault(path) or await handler(request)
            if self._losing.get(path):
                self._losing[path] -= 1
                return _die(request)
        except Broken as broken:
            self.violations.append(f"{request.method} {request.path}: {broken}")
            response = _error(400, str(broken))
        except Unknown:
            response = _error(401, "unauthorized")
        finally:
            async with self._changed:
                self._changed.notify_all()
        if not response.prepared:
            response.headers.update(_cors(request))
        return response

    def _fault(self, path: str) -> web.Response | None:
        for fault in self._faults:
            if fault.path == path and fault.times > 0:
                fault.times -= 1
                response = _error(fault.status, "busy")
                if fault.retry_after is not None:
                    response.headers["Retry-After"] = str(fault.retry_after)
                return response
        return None

    async def _page(self, request: web.Request) -> web.Response:
        """A shop's page. Whatever else stands in the query becomes an attribute of the script tag."""
        query = dict(request.query)
        lang, direction = query.pop("lang", "en"), query.pop("dir", "ltr")
        server, tail, policy = query.pop("server", ""), query.pop("tail", ""), query.pop("csp", "strict")
        attributes = " ".join(f'data-{name}="{value}"' for name, value in query.items())
        text = PAGE.format(lang=lang, direction=direction, attributes=attributes, server=server, tail=tail)
        strict = {"Content-Security-Policy": CSP.format(server=server)}
        headers = strict if policy == "strict" else {}
        return web.Response(text=text, content_type="text/html", headers=headers)

    async def _csp_report(self, request: web.Request) -> web.Response:
        self.csp_reports.append(await request.text())
        return web.Response(status=204)

    async def _widget(self, request: web.Request) -> web.Response:
        return web.Response(body=WIDGET.read_bytes(), content_type="text/javascript", charset="utf-8")

    async def _config(self, request: web.Request) -> web.Response:
        if not re.fullmatch("[a-z]{2,3}", request.query.get("lang", "")):
            raise Broken("lang is no language")
        return web.json_response(self.config)

    async def _source(self, request: web.Request) -> web.Response:
        return web.Response(text=f"<h1>{request.query['location']}</h1>", content_type="text/html")

    async def _session(self, request: web.Request) -> web.Response:
        body = await _body(request, optional={"identity": str})
        self.sessions += 1
        old = request.headers.get("Authorization", "").removeprefix("Bearer ")
        visitor = self.tokens.get(old) or self.tokens.get(f"old {old}")
        if "identity" in body:
            visitor = f"person-{body['identity']}"
        elif not self.config["anonymous"]:
            return _error(401, "identity_required")
        visitor = visitor or f"visitor-{self.sessions}"
        token = f"token-{self.sessions}-{visitor}"
        self.tokens[token] = visitor
        return web.json_response({"token": token, "visitor": visitor, "expires_at": time.time() + 86_400})

    async def _message(self, request: web.Request) -> web.Response:
        visitor = self._visitor(request)
        body = await _body(request, {"id": str, "text": str}, {"conversation": str, "language": str})
        if not ID.fullmatch(body["id"]) or not body["text"].strip():
            raise Broken("the id or the text is wrong")
        if len(body["text"]) > self.config["message_characters"]:
            return _error(413, "too_large")
        if not re.fullmatch("[a-z]{2}", body.get("language", "en")):
            raise Broken("language is no language")
        self.posts.append(body)
        place = (visitor, _slug(body.get("conversation", "main")))
        new = body["id"] not in self.said
        if new:
            self._take(body["id"], body["text"], place)
        return web.json_response({"id": body["id"], "new": new}, status=202)

    async def _stop(self, request: web.Request) -> web.Response:
        visitor = self._visitor(request)
        body = await _body(request, {"message_id": str}, {"conversation": str})
        if body["message_id"] not in self.rooms[visitor, _slug(body.get("conversation", "main"))].messages:
            raise Broken("stops a message that was never said there")
        self.stops.append(body["message_id"])
        return web.json_response({}, status=202)

    async def _feedback(self, request: web.Request) -> web.Response:
        visitor = self._visitor(request)
        body = await _body(request, {"message_id": str, "value": int}, {"conversation": str, "comment": str})
        if body["value"] not in (-1, 0, 1):
            raise Broken("value is not -1, 0 or 1")
        said = self.rooms[visitor, _slug(body.get("conversation", "main"))].messages.get(body["message_id"])
        if said is None:
            return _error(404, "not_found")
        said.feedback, said.comment = body["value"], body.get("comment", "")
        return web.json_response({})

    async def _history(self, request: web.Request) -> web.Response:
        room = self.rooms[self._visitor(request), _slug(request.query.get("conversation", "main"))]
        exchanges = [
            {"id": said.id, "text": said.text, "at": said.at, "end": said.end, "feedback": said.feedback}
            for said in room.messages.values()
        ]
        cursor = max((said.end["number"] for said in room.messages.values() if said.end), default=0)
        return web.json_response({"exchanges": exchanges, "posts": room.posts, "cursor": cursor})

    async def _events(self, request: web.Request) -> web.StreamResponse:
        room = self.rooms[self._visitor(request), _slug(request.query.get("conversation", "main"))]
        after = request.headers.get("Last-Event-ID", request.query.get("after", ""))
        if not after.isdigit():
            raise Broken("neither after nor Last-Event-ID is a number")
        if "Last-Event-ID" in request.headers:
            self.resumed.append(int(after))
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", **_cors(request)})
        await response.prepare(request)
        queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        for number, kind, data in room.durable:
            if number > int(after):
                queue.put_nowait(_frame(kind, data, number))
        for said in room.messages.values():
            if said.end is None and said.seq >= 0:
                snapshot = {"message_id": said.id, "attempt": said.attempt, "seq": said.seq, "text": said.answer}
                queue.put_nowait(_frame("reply", snapshot, None))
        room.streams.append(queue)
        try:
            await response.write(b": welcome\n\n")
            async with self._changed:
                self._changed.notify_all()
            while (frame := await queue.get()) is not None:
                await response.write(frame)
        except ConnectionResetError:
            pass
        finally:
            room.streams.remove(queue)
        _die(request)
        return response

    def _visitor(self, request: web.Request) -> str:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in self.tokens:
            raise Unknown
        return self.tokens[token]

    def _take(self, identifier: str, text: str, place: tuple[str, str]) -> Said:
        said = Said(identifier, text, time.time(), place)
        self.said[said.id] = self.rooms[place].messages[said.id] = said
        self._send(place, _frame("said", {"id": said.id, "text": said.text, "at": said.at}, None))
        return said

    def _end(self, said: Said, kind: str, fields: dict[str, Any]) -> None:
        number = next(self._numbers)
        data = {"message_id": said.id, "at": time.time(), **fields}
        said.end = {"kind": kind, "number": number, **data}
        self.rooms[said.conversation].durable.append((number, kind, data))
        self._send(said.conversation, _frame(kind, data, number))

    def _broadcast(self, said: Said, kind: str, fields: dict[str, Any]) -> None:
        self._send(said.conversation, _frame(kind, {"message_id": said.id, **fields}, None))

    def _send(self, place: tuple[str, str], frame: bytes) -> None:
        for stream in self.rooms[place].streams:
            stream.put_nowait(frame)


class Broken(Exception):
    """The request breaks the protocol."""


class Unknown(Exception):
    """The request carries no good token."""


def _frame(kind: str, data: dict[str, Any], number: int | None) -> bytes:
    head = "" if number is None else f"id: {number}\n"
    return f"{head}event: {kind}\ndata: {json.dumps(data)}\n\n".encode()


def _error(status: int, code: str) -> web.Response:
    return web.json_response({"error": {"code": code, "message": f"No: {code}."}}, status=status)


def _die(request: web.Request) -> web.Response:
    if request.transport:
        request.transport.abort()
    return web.Response(status=500)


def _cors(request: web.Request) -> dict[str, str]:
    origin = request.headers.get("Origin")
    if not origin:
        return {}
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Headers": "Authorization, Content-Type, Last-Event-ID",
        "Access-Control-Expose-Headers": "Retry-After",
        "Vary": "Origin",
    }


def _slug(conversation: str) -> str:
    if not SLUG.fullmatch(conversation):
        raise Broken(f"{conversation!r} is no conversation")
    return conversation


async def _body(
    request: web.Request, required: dict[str, type] | None = None, optional: dict[str, type] | None = None
) -> dict[str, Any]:
    if request.content_type != "application/json":
        raise Broken("the body is not JSON")
    body = await request.json()
    known = {**(required or {}), **(optional or {})}
    for name, kind in (required or {}).items():
        if not isinstance(body.get(name), kind):
            raise Broken(f"{name} is missing")
    for name, value in body.items():
        if name not in known or not isinstance(value, known[name]):
            raise Broken(f"{name} does not belong here")
    return dict(body)
