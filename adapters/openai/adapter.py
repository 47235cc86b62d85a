"""The API as an adapter: its routes, and what one request goes through."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from aiohttp import web
from aiohttp.web import AbstractRouteDef

from adapters.base import Context, Publish
from adapters.openai.account import Account
from adapters.openai.answering import answer, as_json
from adapters.openai.chat import Asked
from adapters.openai.endpoints import CHAT, COMPLETION, RESPONSE, AskedT, Endpoint, Turn
from adapters.openai.fields import parse_object
from adapters.openai.gate import Gate, Handler
from adapters.openai.generator import Generator
from adapters.openai.keys import Keys, Ledger
from adapters.openai.meter import Meter
from adapters.openai.problem import Problem, no_model
from adapters.openai.wire import TEND_SECONDS, Guest, Guests
from bot.events import Outbound

CLOSE_SECONDS = 1.5
WRITE_SECONDS = 1.0


class ApiAdapter:
    """OpenAI's API over `generator`, whose model clients know as `model`. It carries no messages of visitors."""

    name = "openai"

    def __init__(self, context: Context, generator: Generator, model: str) -> None:
        config, metrics = context.config, context.metrics
        self._config, self._generator, self._model = config.api, generator, model
        self._keys, self._ledger = Keys(context.store), Ledger(context.store)
        self._gate = Gate(config, self._keys, metrics)
        self._guests = Guests(config.api.limits.running)
        self._started = int(time.time())
        self._tokens = metrics.counter("api_tokens", "Tokens that the API read and wrote.", "kind")
        metrics.gauge("api_running", "Requests being answered by the API.").set_function(lambda: len(self._guests))

    def routes(self) -> Sequence[AbstractRouteDef]:
        wrap = self._gate.wrap
        served = [
            web.post("/v1/chat/completions", wrap(self._serving(CHAT))),
            web.post("/v1/completions", wrap(self._serving(COMPLETION))),
            web.post("/v1/responses", wrap(self._serving(RESPONSE))),
            web.get("/v1/models", wrap(self._list_models)),
            web.get("/v1/models/{model:.+}", wrap(self._show_model)),
        ]
        allowed = {route.path: route.method for route in served}

        async def missing(request: web.Request) -> web.StreamResponse:
            if request.path in allowed:
                raise Problem(405, f"This address takes {allowed[request.path]} alone.")
            raise Problem(404, "There is nothing at this address.", code="not_found")

        options = web.options("/v1/{rest:.*}", self._gate.preflight)
        return [*served, options, web.route("*", "/v1/{rest:.*}", wrap(missing))]

    async def run(self, publish: Publish) -> None:  # noqa: ARG002 - nothing that comes in here is a visitor's message
        """Let requests in, look after those that are answered, and write down what was used, until cancelled."""
        self._gate.opened = True
        loop, written = asyncio.get_running_loop(), 0.0
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    self._guests.tend(loop.time())
                    if loop.time() - written > WRITE_SECONDS:
                        written = loop.time()
                        group.create_task(self._ledger.flush())
                    await asyncio.sleep(TEND_SECONDS)
        finally:
            self._gate.opened = False

    async def send(self, event: Outbound) -> str:  # noqa: ARG002 - see `run`
        return ""

    async def drain(self, seconds: float) -> None:
        """Take nothing new, and let what is being answered end."""
        self._gate.opened = False
        await self._guests.gone(seconds)

    async def close(self) -> None:
        """End what is left, telling each client so, and write down what was used."""
        self._gate.opened = False
        self._guests.close()
        await self._guests.gone(CLOSE_SECONDS)
        await self._ledger.flush()

    # -- models ----------------------------------------------------------------------------------------
    async def _list_models(self, request: web.Request) -> web.Response:
        account = await self._admitted(request)
        return as_json({"object": "list", "data": [self._card()]}, account.headers())

    async def _show_model(self, request: web.Request) -> web.Response:
        account = await self._admitted(request)
        if (asked := request.match_info["model"]) != self._model:
            raise no_model(asked, self._model)
        return as_json(self._card(), account.headers())

    def _card(self) -> dict[str, Any]:
        return {"id": self._model, "object": "model", "created": self._started, "owned_by": "frontdesk"}

    # -- generating ------------------------------------------------------------------------------------
    def _serving(self, endpoint: Endpoint[AskedT]) -> Handler:
        async def serve(request: web.Request) -> web.StreamResponse:
            account = await self._admitted(request)
            with self._guests.answering(request) as guest:  # from here on: bodies that arrive take memory, too
                asked = endpoint.read(parse_object(await self._gate.body(request)), self._config, self._model)
                return await self._metered(endpoint, asked, request, guest, account)

        return serve

    async def _metered(
        self, endpoint: Endpoint[AskedT], asked: AskedT, request: web.Request, guest: Guest, account: Account
    ) -> web.StreamResponse:
        """Set tokens aside, answer, and count what was used, however it ends."""
        meter = Meter(endpoint.prompts(asked), asked.sampling.max_tokens * asked.sampling.n)
        held = account.reserve(meter.at_most)
        try:
            return await answer(
                endpoint,
                asked,
                endpoint.ask(self._generator, asked, self._turn(account, asked)),
                model=self._model,
                generator=self._generator,
                meter=meter,
                request=request,
                guest=guest,
                headers=self._gate.headers(request) | dict(account.headers()),
            )
        except asyncio.CancelledError:
            meter.broken_off()
            raise
        finally:
            used = meter.count(self._generator)
            account.settle(held, used.prompt_tokens + used.completion_tokens)
            self._ledger.add(account.key, used.prompt_tokens, used.completion_tokens)
            self._tokens.labels("prompt").inc(used.prompt_tokens)
            self._tokens.labels("completion").inc(used.completion_tokens)

    async def _admitted(self, request: web.Request) -> Account:
        account = await self._gate.account(request)
        account.admit()
        return account

    def _turn(self, account: Account, asked: Asked) -> Turn:
        """Keys take turns; with `api.turns = "user"`, so do the users that a key names."""
        by_user = self._config.turns == "user" or not account.key.number
        owner = f"api:{account.key.number}" + (f":{asked.user}" if by_user and asked.user else "")
        return Turn(owner=owner, priority=self._config.priority, deadline=self._config.timeout_seconds)
