"""The receiving half of the channel, over a real store, with a house that only remembers what it was given."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Literal

from aiohttp import web

from adapters.slack.accounts import Accounts
from adapters.slack.api import Api
from adapters.slack.cases import Cases
from adapters.slack.courtesies import Courtesies
from adapters.slack.dispatch import Dispatch
from adapters.slack.people import People
from adapters.slack.reading import Reading
from adapters.slack.receiver import Receiver
from adapters.slack.receiving import Receiving
from adapters.slack.routes import PATH, Door
from adapters.slack.socket import Socket
from bot.config import Config, load
from bot.events import Feedback, Message, Stop
from bot.metrics import Metrics
from storage.base import Store
from storage.sqlite import SqliteStore
from tests.fakes.slack.server import FakeSlack, fake_slack

TEAM, BOT, PERSON, ROOM = "T0123", "U0BOT0001", "U0123", "C0123"
SECRET = "signing-secret-test"
DM = "D0123"
QUICK = {
    "start_per_minute": 6_000,
    "append_per_minute": 6_000,
    "update_per_minute": 6_000,
    "other_per_minute": 6_000,
    "post_per_second": 100,
}
"""Rates that hold nothing up: pacing has tests of its own."""


def config_for(fake: FakeSlack, folder: Path, /, **sections: Mapping[str, Any]) -> Config:
    """What `frontdesk.toml` and the environment would say."""
    overrides = {name: dict(values) for name, values in sections.items()}
    overrides["slack"] = {
        "enabled": True,
        "base_url": fake.base_url,
        "rates": QUICK,
        **overrides.get("slack", {}),
    }
    overrides.setdefault("knowledge", {})["semantic"] = {"enabled": "no"}
    overrides["web"] = {"enabled": False} | overrides.get("web", {})
    secrets = {
        "SLACK_BOT_TOKEN": "xoxb-test-1",
        "SLACK_APP_TOKEN": "xapp-test-1",
        "SLACK_SIGNING_SECRET": SECRET,
    }
    return load(environ=secrets, overrides={"data": str(folder), **overrides})


class Inlet:
    """`published` is everything that the house took; `refuse` is raised instead while it is set."""

    def __init__(self, slack: FakeSlack, store: Store, config: Config) -> None:
        self.slack, self.store, self.config = slack, store, config
        self.metrics = Metrics()
        self.published: list[Message | Stop | Feedback] = []
        self.refuse: Exception | None = None
        self.gate: asyncio.Event | None = None
        self.arrived = asyncio.Event()
        self.door: Door | None = None
        self.accounts = Accounts(config, store)
        self.api = Api(config.slack, self.accounts, self.metrics)
        self.people, self.courtesies = People(self.api), Courtesies(self.metrics)
        self.reading = Reading(config.slack, self.accounts, self.api, self.people)
        self.at = Receiving(
            config=config,
            store=store,
            accounts=self.accounts,
            calls=self.api,
            people=self.people,
            courtesies=self.courtesies,
            cases=Cases(config.handover, store, self.accounts),
            publish=self.publish,
        )
        self.dispatch = Dispatch(config.slack.base_url, self.accounts, Receiver(self.at, self.reading).receive)

    async def publish(self, event: Message | Stop | Feedback) -> bool:
        self.arrived.set()
        if self.gate:
            await self.gate.wait()
        if self.refuse:
            raise self.refuse
        self.published.append(event)
        if isinstance(event, Message):
            return await self.store.accept(event)
        return await self.store.feedback(event) if isinstance(event, Feedback) else True

    @property
    def messages(self) -> list[Message]:
        return [event for event in self.published if isinstance(event, Message)]

    @property
    def stops(self) -> list[Stop]:
        return [event for event in self.published if isinstance(event, Stop)]

    @property
    def accepted(self) -> list[Message]:
        """Messages, each once."""
        return list({message.id: message for message in reversed(self.messages)}.values())[::-1]

    async def close(self) -> None:
        await self.courtesies.close()
        await self.people.close()
        await self.api.close()
        await self.accounts.close()


@asynccontextmanager
async def inlet(
    folder: Path, way: Literal["http", "socket"] = "http", *, fake: Mapping[str, Any] | None = None, **sections: Any
) -> AsyncIterator[Inlet]:
    """A fake Slack with one workspace, connected to the receiving half."""
    async with AsyncExitStack() as stack:
        slack = await stack.enter_async_context(fake_slack(**(fake or {})))
        slack.team(TEAM, bot_token="xoxb-test-1", app_token="xapp-test-1")
        store = SqliteStore(folder, synchronous="NORMAL")
        await store.open()
        stack.push_async_callback(store.close)
        made = Inlet(slack, store, config_for(slack, folder, **sections))
        stack.push_async_callback(made.close)
        if way == "http":
            made.door = await stack.enter_async_context(door(made))
        else:
            await stack.enter_async_context(socket(made))
        yield made


@asynccontextmanager
async def door(made: Inlet) -> AsyncIterator[Door]:
    """Its way in over HTTP, as the desk serves it."""
    config = made.config
    opened = Door(
        SECRET,
        made.dispatch,
        made.metrics,
        body_bytes=config.slack.limits.body_bytes,
        allowed=made.accounts.allowed,
    )
    opened.opened = True
    app = web.Application(client_max_size=1_000)
    app.router.add_routes(opened.routes())
    runner = web.AppRunner(app, access_log=None, auto_decompress=False, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        made.slack.events_url = f"http://127.0.0.1:{runner.addresses[0][1]}{PATH}"
        yield opened
    finally:
        await runner.cleanup()


@asynccontextmanager
async def socket(made: Inlet) -> AsyncIterator[Socket]:
    """Its way in over Socket Mode."""
    opened = Socket(made.config.slack.base_url, "xapp-test-1", made.dispatch, made.accounts.allowed, Metrics())
    running = asyncio.create_task(opened.run())
    try:
        while not made.slack.sockets.connections:
            await asyncio.sleep(0.005)
        yield opened
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def event_of(event: dict[str, Any]) -> dict[str, Any]:
    """The payload of an event, as small as it can be."""
    authorization = {"team_id": TEAM, "enterprise_id": None, "user_id": BOT, "is_bot": True}
    return {
        "type": "event_callback", "team_id": TEAM, "event_id": "Ev1", "event_time": 1_700_000_000,
        "authorizations": [authorization], "event": event,
    }  # fmt: skip


async def post(made: Inlet, body: bytes, content_type: str = "application/json", **headers: str) -> tuple[int, str]:
    """A signed request, or one with other headers."""
    status, _, text = await made.slack.delivery.post(body, content_type, headers)
    return status, text
