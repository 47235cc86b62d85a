"""A small house around the API: a real store, a real port, the official client, and a generator that a test writes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import openai
from aiohttp import ClientResponse, ClientSession, web

from adapters.base import Context
from adapters.openai import make
from adapters.openai.generator import Generator, Prompt
from adapters.openai.secret import digest, hint, new_secret
from bot.config import load
from bot.engine.base import Delta, TokenLogprob, Usage
from bot.metrics import Metrics
from storage.base import ApiKey
from storage.sqlite import SqliteStore

MODEL = "small"
USAGE = Usage(prompt_tokens=7, completion_tokens=3, cached_tokens=4)
Script = Callable[["Asked"], AsyncGenerator[Delta, None]]


@dataclass
class Asked:
    """What the generator was asked for."""

    messages: Sequence[Any]
    prompt: Prompt
    sampling: Any
    owner: str
    priority: int
    deadline: float
    tools: Sequence[Any]


def says(*pieces: str, finish: str = "stop", usage: Usage | None = USAGE, logprobs: bool = False) -> Script:
    """Each of the `n` answers says `pieces`, one a delta."""

    async def script(asked: Asked) -> AsyncGenerator[Delta, None]:
        for index in range(asked.sampling.n):
            for number, piece in enumerate(pieces):
                known = (known_token(piece),) if logprobs else ()
                yield Delta(text=piece, tokens=1, index=index, logprobs=known)
                if number % 2:
                    await asyncio.sleep(0)
            last = index == asked.sampling.n - 1
            yield Delta(text="", finish_reason=finish, index=index, usage=usage if last else None)  # type: ignore[arg-type]  # a test's word

    return script


def known_token(token: str) -> TokenLogprob:
    other = TokenLogprob(token="other", token_id=2, logprob=float("-inf"), raw=b"other")
    same = TokenLogprob(token=token, token_id=1, logprob=-0.5, raw=token.encode())
    return TokenLogprob(token=token, token_id=1, logprob=-0.5, raw=token.encode(), top=(same, other))


def fails(error: Exception, *pieces: str) -> Script:
    """Says `pieces`, then raises."""

    async def script(_: Asked) -> AsyncGenerator[Delta, None]:
        for piece in pieces:
            yield Delta(text=piece, tokens=1)
        raise error

    return script


@dataclass
class Scripted:
    """A generator that does what a test wrote. `open` counts the streams that have begun and not ended."""

    script: Script = field(default_factory=lambda: says("Hello", " there", "!"))
    asked: list[Asked] = field(default_factory=list)
    open: int = 0
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    def stream(self, messages: Sequence[Any], sampling: Any, **rest: Any) -> AsyncGenerator[Delta, None]:
        return self._run(Asked(messages, "", sampling, **rest))

    def complete(self, prompt: Prompt, sampling: Any, **rest: Any) -> AsyncGenerator[Delta, None]:
        return self._run(Asked((), prompt, sampling, tools=(), **rest))

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    @property
    def last(self) -> Asked:
        return self.asked[-1]

    async def _run(self, asked: Asked) -> AsyncGenerator[Delta, None]:
        self.asked.append(asked)
        self.open += 1
        self.begun.set()
        try:
            async for delta in self.script(asked):
                yield delta
        finally:
            self.open -= 1
            self.closed.set()


@dataclass
class House:
    """The API on `url`, over `generator`; `client` has the key `secret`."""

    url: str
    generator: Any
    store: SqliteStore
    metrics: Metrics
    adapter: Any
    http: ClientSession
    secret: str
    key: ApiKey
    client: openai.AsyncOpenAI
    clients: list[openai.AsyncOpenAI] = field(default_factory=list)

    async def post(self, path: str, body: Any, **headers: str) -> ClientResponse:
        """One request, its answer read whole. `body` is JSON, or bytes as they are."""
        kept = {"Authorization": f"Bearer {self.secret}", "Content-Type": "application/json"} | headers
        more: dict[str, Any] = {"data": body} if isinstance(body, bytes) else {"json": body}
        async with self.http.post(self.url + path, headers=kept, **more) as response:
            await response.read()
            return response

    async def refusal(self, path: str, body: Any) -> tuple[int, str | None, str]:
        """(status, param, message) of a request that is refused."""
        response = await self.post(path, body)
        error = (await response.json())["error"]
        assert set(error) == {"message", "type", "param", "code"}
        return response.status, error["param"], error["message"]

    async def new_key(self, name: str = "other", **limits: Any) -> tuple[ApiKey, openai.AsyncOpenAI]:
        secret = new_secret()
        key = await self.store.create_key(
            ApiKey(name=name, digest=digest(secret), hint=hint(secret), created_at=1.0, **limits)
        )
        assert key is not None
        return key, self.client_of(secret)

    def client_of(self, secret: str) -> openai.AsyncOpenAI:
        """Another client, which the house closes."""
        self.clients.append(client_of(self.url, secret))
        return self.clients[-1]


def client_of(url: str, secret: str) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=secret, max_retries=0)


@asynccontextmanager
async def serving(
    folder: Path, generator: Generator | None = None, *, run: bool = True, **api: Any
) -> AsyncIterator[House]:
    """The API with settings `api`, running on a free port."""
    config = load(environ={}, overrides={"data": str(folder), "api": {"enabled": True, **api}})
    store, metrics = SqliteStore(folder, synchronous="NORMAL"), Metrics()
    generator = generator or Scripted()
    adapter = make(Context(config=config, store=store, metrics=metrics, settings={}), generator, MODEL)
    await store.open()
    app = web.Application()
    app.router.add_routes(adapter.routes())
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0, auto_decompress=False)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    secret = new_secret()
    key = await store.create_key(ApiKey(name="test", digest=digest(secret), hint=hint(secret), created_at=1.0))
    assert key is not None
    async with ClientSession() as http, client_of(url, secret) as first:
        house = House(url, generator, store, metrics, adapter, http, secret, key, first)
        running = asyncio.create_task(adapter.run(_publish)) if run else None
        await asyncio.sleep(0)
        try:
            yield house
        finally:
            for client in house.clients:
                await client.close()
            if running is not None:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
            await adapter.close()
            await runner.cleanup()
            await store.close()


async def _publish(_: Any) -> bool:
    raise AssertionError("the API publishes nothing")
