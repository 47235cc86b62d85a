"""A small house around the web channel: a real store, a real port, and answers that a test writes."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import ClientResponse, ClientSession, web

from adapters.base import Adapter, Context
from adapters.web import make
from bot.config import load
from bot.events import Address, Case, CaseState, Failed, Feedback, Message, Post, Reply, Stop
from bot.metrics import Metrics
from storage.base import Lease, Outgoing
from storage.sqlite import SqliteStore
from tests.adapters.web.widget import Page

WIDE = {"address_per_minute": 100_000, "visitor_per_minute": 100_000, "streams_per_visitor": 100}
Body = Mapping[str, Any] | bytes | str | None


@dataclass
class House:
    """`adapter` on `url`, over `store`. What it published is in `published`; `fault` is raised instead, when set."""

    url: str
    adapter: Adapter
    store: SqliteStore
    metrics: Metrics
    http: ClientSession
    published: list[Message | Stop | Feedback] = field(default_factory=list)
    fault: Exception | None = None
    leases: dict[str, Lease] = field(default_factory=dict)

    async def publish(self, event: Message | Stop | Feedback) -> bool:
        if self.fault is not None:
            raise self.fault
        self.published.append(event)
        if isinstance(event, Message):
            return await self.store.accept(event)
        return await self.store.feedback(event) if isinstance(event, Feedback) else True

    # -- as the house ------------------------------------------------------------------------------
    async def write(self, text: str, *, seq: int, message: Message | None = None, attempt: int = 1) -> None:
        message = message or self.last_message()
        await self.adapter.send(
            Reply(message_id=message.id, attempt=attempt, address=message.address, text=text, seq=seq)
        )

    async def finish(self, text: str, *, message: Message | None = None, tell: bool = True, **more: Any) -> Outgoing:
        """Commit the end of a message, and tell the channel (when `tell`)."""
        message = message or self.last_message()
        reply = Reply(
            message_id=message.id, attempt=1, address=message.address, text=text, seq=99, final=True, **more
        )  # fmt: skip
        return await self.commit(message, reply, tell=tell)

    async def commit(self, message: Message, event: Reply | Failed, *, tell: bool = True) -> Outgoing:
        lease = await self.store.lease(message, 60)
        assert lease is not None
        outgoing = await self.store.complete(lease, event, ())
        if tell:
            await self.adapter.send(event)
        return outgoing

    async def post(self, to: Visitor, text: str, *, case: Case | None = None, tell: bool = True, **more: Any) -> Post:
        """Something said at a support desk, committed with a post at `to`; the channel is told when `tell`."""
        case = case or self.case(to)
        said = Message(
            id=secrets.token_hex(8), address=case.desk, sender=case.agent, text=text, sent_at=time.time(), name="Ana"
        )  # fmt: skip
        assert await self.store.accept(said)
        lease = await self.store.lease(said, 60)
        assert lease is not None
        post = Post(
            **{"id": f"{case.id}-{said.id}", "address": case.visitor, "kind": "said", "text": text, "case": case}
            | {"name": "Ana"} | more
        )  # fmt: skip
        silent = Reply(
            message_id=said.id, attempt=1, address=said.address, text="", seq=0, final=True, finish_reason="human"
        )
        await self.store.complete(lease, silent, (), posts=(post,), case=case)
        if tell:
            await self.adapter.send(post)
        return post

    def case(self, visitor: Visitor, *, state: CaseState = "taken", conversation: str = "main") -> Case:
        desk = Address(channel="desk", account="T0123", conversation="C0123", thread="case4711")
        address = Address(channel="web", conversation=f"{visitor.name}:{conversation}")
        return Case(
            id="case4711", visitor=address, desk=desk, state=state, opened_at=1.0, agent="U0123", agent_name="Ana"
        )

    def last_message(self) -> Message:
        return [event for event in self.published if isinstance(event, Message)][-1]

    # -- as a page ---------------------------------------------------------------------------------
    async def call(self, method: str, path: str, body: Body = None, **more: Any) -> ClientResponse:
        """One request, its answer read whole."""
        headers = dict(more.pop("headers", {}))
        if isinstance(body, (bytes, str)):
            more["data"] = body
            headers.setdefault("Content-Type", "application/json")
        elif body is not None:
            more["json"] = body
        async with self.http.request(method, self.url + path, headers=headers, **more) as response:
            await response.read()
            return response

    async def visitor(self) -> Visitor:
        response = await self.call("POST", "/web/session", {})
        assert response.status == 200
        answer = await response.json()
        return Visitor(self, answer["token"], answer["visitor"])


@dataclass
class Visitor:
    """Somebody with a token."""

    house: House
    token: str
    name: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    async def call(self, method: str, path: str, body: Body = None, **more: Any) -> ClientResponse:
        return await self.house.call(method, path, body, headers=self.headers | more.pop("headers", {}), **more)

    async def say(self, text: str, *, message_id: str = "", conversation: str = "main") -> str:
        message_id = message_id or secrets.token_hex(8)
        response = await self.call(
            "POST", "/web/messages", {"id": message_id, "text": text, "conversation": conversation}
        )
        assert response.status == 202, await response.text()
        return message_id

    @asynccontextmanager
    async def following(self, page: Page, *, conversation: str = "main") -> AsyncIterator[Following]:
        """A stream into `page`, going on after what it has."""
        page.connect()
        query = f"?conversation={conversation}&after={page.number}"
        async with self.house.http.get(f"{self.house.url}/web/events{query}", headers=self.headers) as response:
            assert response.status == 200, await response.text()
            yield Following(page, response)


@dataclass
class Following:
    page: Page
    response: ClientResponse

    async def until(self, kind: str, count: int = 1) -> None:
        """Read until the page has seen `count` events of `kind`."""
        while sum(one == kind for one, _ in self.page.events) < count:
            arrived = await self.response.content.readany()
            assert arrived, f"the stream ended before {kind}"
            self.page.feed(arrived)

    async def opened(self) -> None:
        """Read the first comment: from then on nothing is missed."""
        while not self.page.comments:
            self.page.feed(await self.response.content.readany())

    async def end(self) -> None:
        while arrived := await self.response.content.readany():
            self.page.feed(arrived)


@asynccontextmanager
async def serving(
    folder: Path, *, run: bool = True, unpack: bool = False, environ: Mapping[str, str] | None = None, **settings: Any
) -> AsyncIterator[House]:
    """The channel with `settings` (nested like the configuration file), running on a free port.

    `unpack`: whether the server unpacks bodies before a handler has seen their headers, as aiohttp does by default.
    """
    config = load(environ=environ or {}, overrides={"data": str(folder), **settings})
    store, metrics = SqliteStore(folder, synchronous="NORMAL"), Metrics()
    await store.open()
    adapter = make(Context(config=config, store=store, metrics=metrics, settings={}))
    app = web.Application()
    app.router.add_routes(adapter.routes())
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0, auto_decompress=unpack)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with ClientSession(auto_decompress=False) as http:
        house = House(f"http://127.0.0.1:{runner.addresses[0][1]}", adapter, store, metrics, http)
        running = asyncio.create_task(adapter.run(house.publish)) if run else None
        await asyncio.sleep(0)
        try:
            yield house
        finally:
            if running is not None:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
            await adapter.close()
            await runner.cleanup()
            await store.close()
