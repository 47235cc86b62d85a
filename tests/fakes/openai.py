"""A strict stand-in for model servers: the real stream shapes of four of them over real HTTP, and their failures.

What it is to do with the next requests is queued with `then`; without that it answers well. It refuses what the
real servers refuse, and it notices when a client hangs up.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.fakes.openai_shapes import Flavour, Shapes

_COMMON: Mapping[str, tuple[type, ...]] = {
    "model": (str,),
    "messages": (list,),
    "stream": (bool,),
    "stream_options": (dict,),
    "temperature": (int, float),
    "top_p": (int, float),
    "max_tokens": (int,),
    "stop": (list, str),
    "seed": (int,),
    "frequency_penalty": (int, float),
    "presence_penalty": (int, float),
}
_OPEN_WEIGHTS: Mapping[str, tuple[type, ...]] = {
    "top_k": (int,),
    "min_p": (int, float),
    "repetition_penalty": (int, float),
}
_RANGES: Mapping[str, tuple[float, float]] = {
    "temperature": (0, 2),
    "top_p": (0, 1),
    "min_p": (0, 1),
    "max_tokens": (1, 1_000_000),
}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A good answer. `gate`, when given, is waited for before piece number `gate_at` (counted from 0),
    in silence or, with `murmur`, sending comments and empty deltas all the while."""

    pieces: Sequence[str] = ("Twelve ", "days", ".")
    thoughts: Sequence[str] = ()
    finish: str | None = "stop"
    done: bool = True
    usage: bool = True
    line_end: str = "\n"
    keep_alive: int = 0
    whole: bool = False
    gate: asyncio.Event | None = None
    gate_at: int = 0
    murmur: bool = False
    linger: asyncio.Event | None = None


@dataclass(frozen=True, kw_only=True)
class Refuse:
    """An error status before any answer."""

    status: int
    error: object = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Raw:
    """Exactly these bytes, part by part, then a proper end or (`cut`) a broken connection."""

    parts: Sequence[bytes]
    content_type: str = "text/event-stream"
    cut: bool = False


@dataclass(frozen=True, kw_only=True)
class HangUp:
    """Take the request and close the connection without a word."""


@dataclass(frozen=True, kw_only=True)
class Hang:
    """Take the request and say nothing until the client gives up; with `headers`, begin the answer first."""

    headers: bool = False


Act = Answer | Refuse | Raw | HangUp | Hang


class FakeOpenAI:
    """`base_url` is what a client needs; `requests` are the bodies that came, `running` how many are being answered."""

    def __init__(
        self,
        flavour: Flavour = "vllm",
        *,
        key: str = "",
        models: Sequence[str] = ("small",),
        unknown: Sequence[str] = (),
    ) -> None:
        self.flavour, self.key, self.models, self.unknown = flavour, key, tuple(models), tuple(unknown)
        self.shapes = Shapes(flavour, self.models[0])
        self.base_url = ""
        self.requests: list[dict[str, Any]] = []
        self.running = 0
        self.most_running = 0
        self.hung_up = 0
        self.connections: set[tuple[str, int]] = set()
        self._changed = asyncio.Condition()
        self._acts: deque[Act] = deque()

    def then(self, *acts: Act) -> None:
        self._acts.extend(acts)

    async def until(self, reached: Callable[[FakeOpenAI], bool]) -> None:
        """Wait until the fake has seen what is asked for."""
        async with asyncio.timeout(20), self._changed:
            await self._changed.wait_for(lambda: reached(self))

    @asynccontextmanager
    async def serving(self, *, port: int = 0) -> AsyncIterator[FakeOpenAI]:
        app = web.Application(client_max_size=10_000_000)
        app.router.add_post("/v1/chat/completions", self._watched)
        app.router.add_get("/v1/models", self._models)
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", port).start()
            self.base_url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
            yield self
        finally:
            await runner.cleanup()

    async def _watched(self, request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        self.connections.add(request.transport.get_extra_info("peername"))
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            await self._notify()
            return await self._complete(request)
        except (asyncio.CancelledError, ConnectionResetError):
            self.hung_up += 1
            raise
        finally:
            self.running -= 1
            await asyncio.shield(self._notify())

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _models(self, request: web.Request) -> web.StreamResponse:
        if refusal := self._unauthorised(request):
            return refusal
        if self._acts and isinstance(self._acts[0], Refuse):
            return self._refuse(self._acts.popleft())
        data = [{"id": name, "object": "model", "created": 1, "owned_by": "fake"} for name in self.models]
        return web.json_response({"object": "list", "data": data})

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        if refusal := self._unauthorised(request):
            return refusal
        body = json.loads(await request.text())
        self.requests.append(body)
        await self._notify()
        if problem := self._problem(body):
            return problem
        act = self._acts.popleft() if self._acts else Answer()
        do: Mapping[type, Callable[..., Awaitable[web.StreamResponse]]] = {
            Answer: self._answer,
            Raw: self._raw,
            HangUp: self._hang_up,
            Hang: self._hang,
        }
        return self._refuse(act) if isinstance(act, Refuse) else await do[type(act)](request, body, act)

    # -- refusing ------------------------------------------------------------------------------------
    def _unauthorised(self, request: web.Request) -> web.Response | None:
        if self.key and request.headers.get("Authorization") != f"Bearer {self.key}":
            sent = request.headers.get("Authorization", "").removeprefix("Bearer ")
            return self._error(401, f"Incorrect API key provided: {sent}.")
        return None

    def _refuse(self, act: Act) -> web.Response:
        assert isinstance(act, Refuse)
        error = act.error if act.error is not None else {"error": {"message": "The server is not well."}}
        if isinstance(error, bytes):
            return web.Response(status=act.status, body=error, headers=act.headers)
        return web.json_response(error, status=act.status, headers=act.headers)

    def _error(self, status: int, message: str, parameter: str | None = None) -> web.Response:
        shape: dict[str, Any] = {"message": message, "type": "invalid_request_error", "param": parameter, "code": None}
        if self.flavour == "vllm":
            shape["code"] = status
        return web.json_response({"error": shape}, status=status)

    def _problem(self, body: dict[str, Any]) -> web.Response | None:
        known = {**_COMMON, **({} if self.flavour == "openai" else _OPEN_WEIGHTS)}
        if "max_tokens" in self.unknown:
            known["max_completion_tokens"] = (int,)
        for name, value in body.items():
            if name in self.unknown or name not in known:
                if self.flavour == "openai":
                    return self._error(400, f"Unrecognized request argument supplied: {name}")
                return self._error(400, f"Unsupported parameter: '{name}' is not supported.", name)
            if not isinstance(value, known[name]) or (isinstance(value, bool) and bool not in known[name]):
                return self._error(400, f"Invalid type for '{name}'.", name)
            number: Any = value
            if name in _RANGES and not _RANGES[name][0] <= number <= _RANGES[name][1]:
                return self._error(400, f"Invalid value for '{name}'.", name)
        return self._problem_with_messages(body)

    def _problem_with_messages(self, body: dict[str, Any]) -> web.Response | None:
        if body.get("model") not in self.models:
            return self._error(404, f"The model `{body.get('model')}` does not exist.", "model")
        messages = body.get("messages") or []
        good = [
            set(message) == {"role", "content"}
            and message["role"] in ("system", "user", "assistant")
            and isinstance(message["content"], str)
            for message in messages
        ]
        if not good or not all(good):
            return self._error(400, "Invalid 'messages'.", "messages")
        if len(body.get("stop", ())) > 4:
            return self._error(400, "Invalid 'stop': array too long.", "stop")
        return None

    # -- answering -----------------------------------------------------------------------------------
    async def _answer(self, request: web.Request, body: dict[str, Any], act: Answer) -> web.StreamResponse:
        usage = {"prompt_tokens": 7, "completion_tokens": len(act.pieces), "total_tokens": 7 + len(act.pieces)}
        shapes = self.shapes
        if act.whole:
            return web.json_response(shapes.document("".join(act.pieces), act.finish, usage))
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        await response.prepare(request)
        wants_usage = act.usage and body.get("stream_options", {}).get("include_usage") is True
        pieces = [{"reasoning_content": text, "content": None} for text in act.thoughts]
        pieces += [{"content": text} for text in act.pieces]
        await self._event(response, act, shapes.role())
        for number, delta in enumerate(pieces):
            for _ in range(act.keep_alive):
                await response.write(b": keep-alive" + act.line_end.encode() * 2)
            if act.gate is not None and number == act.gate_at:
                await self._wait(response, act, act.gate)
            await self._event(response, act, shapes.chunk(delta))
        if act.finish is not None:
            await self._event(response, act, shapes.last(act.finish))
        if wants_usage:
            await self._event(response, act, shapes.usage(usage))
        if act.done:
            await response.write(f"data: [DONE]{act.line_end * 2}".encode())
        if act.linger is not None:
            await act.linger.wait()
        return response

    async def _wait(self, response: web.StreamResponse, act: Answer, gate: asyncio.Event) -> None:
        while act.murmur and not gate.is_set():
            await response.write(b": processing\n\n")
            await self._event(response, act, self.shapes.role())
            await asyncio.sleep(0.01)
        await gate.wait()

    async def _event(self, response: web.StreamResponse, act: Answer, value: object) -> None:
        await response.write(f"data: {json.dumps(value, ensure_ascii=False)}{act.line_end * 2}".encode())

    # -- failing -------------------------------------------------------------------------------------
    async def _raw(self, request: web.Request, _: object, act: Raw) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": act.content_type})
        await response.prepare(request)
        for part in act.parts:
            await response.write(part)
        if act.cut:
            assert request.transport is not None
            request.transport.close()
        return response

    async def _hang_up(self, request: web.Request, *_: object) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.close()
        return web.Response(status=500)

    async def _hang(self, request: web.Request, _: object, act: Hang) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        if act.headers:
            await response.prepare(request)
            await self._event(response, Answer(), self.shapes.role())
        await asyncio.Event().wait()
        return response
