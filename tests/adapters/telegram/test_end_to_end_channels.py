"""A person's turn across real channels: the visitor in a web chat or in Slack, the colleagues in a Telegram group."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession

from bot.config import load
from bot.desk import at_desk
from bot.server import application, serving
from tests.adapters.slack.inlet import DM, PERSON, QUICK, SECRET, TEAM
from tests.adapters.telegram.bureau import BATTERY, FAST, FRAME, WARRANTY, Bureau
from tests.adapters.telegram.office import ANA, BEN, HANDOVER, Office, data, furnish
from tests.adapters.web.house import House
from tests.adapters.web.widget import Page
from tests.fakes.channel import Channel
from tests.fakes.slack.server import FakeSlack, fake_slack
from tests.fakes.telegram.server import fake_telegram


@asynccontextmanager
async def everywhere(folder: Path, *, topics: bool) -> AsyncIterator[tuple[Office, FakeSlack]]:
    """One desk with three channels, and its support desk in Telegram."""
    async with AsyncExitStack() as stack:
        telegram = await stack.enter_async_context(fake_telegram())
        slack = await stack.enter_async_context(fake_slack())
        slack.team(TEAM, bot_token="xoxb-test-1", app_token="xapp-test-1")
        furnish(telegram, topics=topics)
        secrets = {
            "TELEGRAM_BOT_TOKEN": telegram.token,
            "SLACK_BOT_TOKEN": "xoxb-test-1",
            "SLACK_APP_TOKEN": "xapp-test-1",
            "SLACK_SIGNING_SECRET": SECRET,
        }
        config = load(
            environ=secrets,
            overrides={
                "data": str(folder / "data"),
                "telegram": {"enabled": True, "base_url": telegram.http, "mode": "polling", "rates": FAST},
                "slack": {"enabled": True, "base_url": slack.base_url, "mode": "socket", "rates": QUICK},
                "handover": HANDOVER,
                "server": {"port": 0, "drain_seconds": 2},
                "engine": {"quote": {"delay_ms": 0}},
                "knowledge": {"semantic": {"enabled": "no"}},
            },
        )
        desk = await stack.enter_async_context(at_desk(config))
        (folder / "warranty.md").write_text(WARRANTY, "utf-8")
        await desk.knowledge.add([str(folder / "warranty.md")])
        url = await stack.enter_async_context(serving(application(desk), config))
        await desk.start()
        stack.push_async_callback(desk.close)
        await telegram.until(lambda: telegram.calls_of("getUpdates"))
        await slack.until(lambda: slack.sockets.connections)
        yield Office(Bureau(telegram, desk, Channel("nobody"), url), topics), slack
        assert telegram.violations == [] and slack.violations == []


@pytest.mark.parametrize("topics", [True, False])
async def test_a_slack_visitor_and_a_telegram_desk(tmp_path: Path, topics: bool) -> None:
    """The card says who it is and what was said; words go both ways under names; then the bot answers again."""
    async with everywhere(tmp_path, topics=topics) as (office, slack):
        slack.team_of(TEAM).user(PERSON, real_name="Vera Visser")
        root = await slack.say(TEAM, DM, PERSON, FRAME)
        (answer,) = await slack.answers(DM, root)
        assert "five years" in answer.text
        await slack.say(TEAM, DM, PERSON, "human", root)
        card = await office.card()
        assert "Vera Visser" in card.text and "five years" in card.text and "slack" in card.text

        await slack.answers(DM, root, count=2)
        await office.press(card, "take")
        assert "Ana Alves has joined" in (await slack.answers(DM, root, count=3))[-1].text
        await office.says(card, ANA, "Is it the blue one & <new>?")
        said = (await slack.answers(DM, root, count=4))[-1]
        assert said.fallback == "Ana Alves: Is it the blue one &amp; &lt;new&gt;?"
        await slack.say(TEAM, DM, PERSON, "It is &lt;old&gt; &amp; blue", root)
        await office.shows(card, "It is <old> & blue")
        await office.says(card, BEN, "psst, they are on the phone, too")

        await office.press(card, "resolve")
        await slack.answers(DM, root, count=5)
        await office.telegram.until(lambda: "resolve" not in data(card))
        await slack.say(TEAM, DM, PERSON, BATTERY, root)
        heard = [one.text for one in await slack.answers(DM, root, count=6)]
        assert "two years" in heard[-1] and "phone" not in str(heard)


@pytest.mark.parametrize("topics", [True, False])
async def test_a_web_visitor_and_a_telegram_desk(tmp_path: Path, topics: bool) -> None:
    """The same from a page with the widget's protocol."""
    async with everywhere(tmp_path, topics=topics) as (office, _), ClientSession(auto_decompress=False) as http:
        desk = office.made.desk
        visitor = await House(office.made.url, desk.adapters["web"], desk.store, desk.metrics, http).visitor()
        page = Page()
        async with visitor.following(page) as stream:
            asked = await visitor.say(FRAME)
            await stream.until("final", 1)
            await visitor.say("I want to talk to a human")
            await stream.until("final", 2)
            card = await office.card()
            assert "five years" in card.text and "five years" in page.shown[asked]

            await office.press(card, "take")
            await stream.until("post", 1)
            assert page.posts[-1]["text"] == "Ana Alves has joined."
            await office.says(card, ANA, "Hello & welcome, which <bike>?")
            await stream.until("post", 2)
            assert (page.posts[-1]["name"], page.posts[-1]["text"]) == ("Ana Alves", "Hello & welcome, which <bike>?")
            await visitor.say("The <blue> one & more")
            await office.shows(card, "The <blue> one & more")

            await office.press(card, "resolve")
            await stream.until("post", 3)
            await office.telegram.until(lambda: "resolve" not in data(card))
            again = await visitor.say(BATTERY)
            await stream.until("final", 4)
            assert "two years" in page.shown[again] and len(page.posts) == 3
