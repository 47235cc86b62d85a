"""A whole desk that answers in Slack: the real adapter, bus, store, knowledge and quoter, against the strict fake."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Literal

from bot.config import Config, load
from bot.desk import Desk, at_desk
from bot.server import application, serving
from tests.adapters.slack.inlet import QUICK, SECRET, TEAM
from tests.fakes.channel import Channel
from tests.fakes.slack.server import FakeSlack, fake_slack

Way = Literal["http", "socket"]

WARRANTY = (
    "# Warranty\n\nThe warranty on every bicycle frame lasts five years.\n\n"
    "The warranty on batteries lasts two years.\n"
)
SHIPPING = "# Shipping\n\nShipping to Belgium costs nine euros and takes three working days.\n"


class Bureau:
    """`slack` is the workspace, `visitors` another channel with visitors of its own."""

    def __init__(self, slack: FakeSlack, desk: Desk, visitors: Channel) -> None:
        self.slack, self.desk, self.visitors = slack, desk, visitors
        self.store = desk.store

    async def ask(self, channel: str, user: str, text: str, thread: str = "", **more: Any) -> tuple[str, str]:
        """Say it, and wait for one more whole message of the bot's in its thread: (ts, text of that answer)."""
        before = len(self.slack.said(channel, thread)) if thread else 0
        ts = await self.slack.say(TEAM, channel, user, text, thread, **more)
        said = await self.slack.answers(channel, thread or ts, count=before + 1)
        return ts, said[-1].text

    async def ended(self, message_id: str) -> str:
        """Wait for the end of a message; how it ended."""
        while True:
            exchange = await self.store.exchange("slack", message_id)
            if exchange and exchange.outgoing:
                return str(getattr(exchange.outgoing.event, "finish_reason", "failed"))
            await asyncio.sleep(0.01)


def settings(fake: FakeSlack, folder: Path, way: Way, sections: Mapping[str, Any]) -> Config:
    overrides: dict[str, Any] = {name: dict(values) for name, values in sections.items()}
    overrides["slack"] = {
        "enabled": True,
        "base_url": fake.base_url,
        "mode": way,
        "rates": QUICK,
        **overrides.get("slack", {}),
    }
    overrides["web"] = {"enabled": False}
    overrides["storage"] = {"synchronous": "NORMAL"}
    overrides["server"] = {"port": 0, "drain_seconds": 2, **overrides.get("server", {})}
    overrides["engine"] = {"quote": {"delay_ms": 0}, **overrides.get("engine", {})}
    overrides["knowledge"] = {"semantic": {"enabled": "no"}}
    overrides["site"] = {"name": "Paddle", "contact": "help@example.org"}
    secrets = {"SLACK_BOT_TOKEN": "xoxb-test-1", "SLACK_APP_TOKEN": "xapp-test-1", "SLACK_SIGNING_SECRET": SECRET}
    return load(environ=secrets, overrides={"data": str(folder / "data"), **overrides})


@asynccontextmanager
async def running(
    fake: FakeSlack, folder: Path, way: Way = "socket", *, visitors: Channel | None = None, **sections: Any
) -> AsyncIterator[Bureau]:
    """The desk over `folder`, serving and connected; it may be stopped and started over the same folder."""
    config = settings(fake, folder, way, sections)
    others = visitors or Channel("web")
    async with AsyncExitStack() as stack:
        desk = await stack.enter_async_context(at_desk(config))
        assert isinstance(desk.adapters, dict)
        desk.adapters[others.name] = others
        for name, text in (("warranty.md", WARRANTY), ("shipping.md", SHIPPING)):
            (folder / name).write_text(text, "utf-8")
            await desk.knowledge.add([str(folder / name)])
        url = await stack.enter_async_context(serving(application(desk), config))
        if way == "http":
            fake.events_url = f"{url}/slack/events"
        await desk.start()
        stack.push_async_callback(desk.close)
        while way == "socket" and not fake.sockets.connections:
            await asyncio.sleep(0.005)
        yield Bureau(fake, desk, others)


@asynccontextmanager
async def bureau(
    folder: Path, way: Way = "socket", *, fake: Mapping[str, Any] | None = None, **sections: Any
) -> AsyncIterator[Bureau]:
    """A new fake Slack with one workspace, and the desk."""
    async with fake_slack(**(fake or {})) as slack:
        slack.team(TEAM, bot_token="xoxb-test-1", app_token="xapp-test-1")
        async with running(slack, folder, way, **sections) as made:
            yield made
            assert slack.violations == []
