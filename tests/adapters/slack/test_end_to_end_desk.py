"""A person's turn: visitors of any channel, colleagues in a thread of a Slack channel."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.events import Address, Message, Post
from tests.adapters.slack.bureau import Bureau, bureau, running
from tests.adapters.slack.inlet import DM, PERSON, TEAM
from tests.fakes.channel import Channel
from tests.fakes.slack.server import Shown, fake_slack

DESK, ANA, BEN = "C0DESK", "U0ANA", "U0BEN"
HANDOVER = {"channel": "slack", "conversation": DESK}
VISITOR = Address(channel="web", conversation="visitor-1")


@pytest.fixture(params=["socket", "http"])
async def made(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with bureau(tmp_path, request.param, handover=HANDOVER) as made:
        colleagues(made)
        yield made


def colleagues(made: Bureau) -> None:
    team = made.slack.team_of(TEAM)
    team.channel(DESK)
    team.user(ANA, real_name="Ana Alves", display_name="Ana")
    team.user(BEN, real_name="Ben Baker")
    team.channels[DESK].members |= {ANA, BEN}


async def says(made: Bureau, text: str, number: int) -> str:
    """Something that the visitor of the other channel says; its id."""
    assert made.visitors.publish is not None
    message = Message(id=f"web-{number}", address=VISITOR, sender="v", text=text, sent_at=time.time(), name="Vera")
    assert await made.visitors.publish(message)
    return message.id


async def card(made: Bureau) -> Shown:
    """The card of the newest case."""
    team = made.slack.team_of(TEAM)

    def found() -> list[Shown]:
        at_top = [one for (where, _), one in team.messages.items() if where == DESK and not one.thread_ts]
        return [one for one in at_top if list(one.button("case_take")) or list(one.button("case_resolve"))]

    cards: list[Shown] = await made.slack.until(found)
    return cards[-1]


async def visitor_hears(made: Bureau, count: int) -> list[Post]:
    async with made.visitors.changed:
        await made.visitors.changed.wait_for(lambda: len(made.visitors.posted) >= count)
    return made.visitors.posted


async def desk_shows(made: Bureau, root: str, text: str) -> Shown:
    """Wait until something with `text` in it stands in the thread of a card."""
    found: list[Shown] = await made.slack.until(
        lambda: [shown for shown in made.slack.said(DESK, root) if text in shown.text]
    )
    return found[0]


async def test_a_web_visitor_and_a_colleague_in_slack(made: Bureau) -> None:
    """From the wish for a person to the end of the case: each sees the other's words, and the bot is silent between."""
    await made.visitors.end(await says(made, "How long is the warranty on a frame?", 1))
    await made.visitors.end(await says(made, "I want to talk to a human", 2))
    shown = await card(made)
    assert "five years" in str(shown.blocks) + shown.text  # what was said before stands on it
    assert (await made.slack.press(shown, "case_take", ANA)).ok
    (notice,) = await visitor_hears(made, 1)
    assert (notice.kind, notice.text) == ("notice", "Ana has joined.")
    await made.slack.until(lambda: list(shown.button("case_resolve")))

    await made.slack.say(TEAM, DESK, ANA, "Hello, this is Ana &amp; I can help", shown.ts)
    _, said = await visitor_hears(made, 2)
    assert (said.kind, said.name, said.text) == ("said", "Ana", "Hello, this is Ana & I can help")
    end = await made.visitors.end(await says(made, "How long is the warranty?", 3))
    assert getattr(end, "text", None) == "" and getattr(end, "finish_reason", "") == "human"
    await desk_shows(made, shown.ts, "How long is the warranty?")

    await made.slack.say(TEAM, DESK, BEN, "psst, they are on the phone, too", shown.ts)
    await made.slack.settled()
    assert (await made.slack.press(shown, "case_resolve", ANA)).ok
    posts = await visitor_hears(made, 3)
    assert [post.kind for post in posts] == ["notice", "said", "notice"] and "phone" not in str(posts)
    end = await made.visitors.end(await says(made, "How long is the warranty on a frame?", 4))
    assert "five years" in getattr(end, "text", "")


async def test_before_anybody_took_it(made: Bureau) -> None:
    """What a colleague writes is not sent, and they are told what to press; the bot goes on answering the visitor."""
    await made.visitors.end(await says(made, "I want to talk to a human", 1))
    shown = await card(made)
    await made.slack.say(TEAM, DESK, ANA, "Hello?", shown.ts)
    await desk_shows(made, shown.ts, "Take over")
    end = await made.visitors.end(await says(made, "How long is the warranty on a frame?", 2))
    assert "five years" in getattr(end, "text", "")
    await desk_shows(made, shown.ts, "How long is the warranty on a frame?")
    assert made.visitors.posted == []


async def test_a_slack_visitor_and_a_slack_desk(made: Bureau) -> None:
    """Both ends in the same workspace: the visitor's thread and the card's are two conversations."""
    made.slack.team_of(TEAM).user(PERSON, real_name="Vera Visser")
    ts, _ = await made.ask(DM, PERSON, "How long is the warranty on a frame?")
    (answer,) = made.slack.said(DM, ts)
    await made.ask(DM, PERSON, "human", ts)
    shown = await card(made)
    assert "Vera Visser" in str(shown.blocks) + shown.text
    assert (await made.slack.press(shown, "case_take", ANA)).ok
    said = await made.slack.answers(DM, ts, count=3)
    assert "Ana has joined" in said[-1].text
    await made.slack.say(TEAM, DESK, ANA, "I will call you", shown.ts)
    said = await made.slack.answers(DM, ts, count=4)
    assert "I will call you" in said[-1].text and "Ana" in said[-1].text + str(said[-1].blocks)
    await made.slack.say(TEAM, DM, PERSON, "Thanks, at five?", ts)
    await desk_shows(made, shown.ts, "Thanks, at five?")
    assert (await made.slack.press(shown, "case_return", ANA)).ok
    await made.slack.answers(DM, ts, count=5)
    _, text = await made.ask(DM, PERSON, "And on batteries?", ts)
    assert "two years" in text and answer.text == made.slack.said(DM, ts)[0].text


async def test_a_button_asks_for_a_person(made: Bureau) -> None:
    """Where the bot offers one, pressing is as good as saying it; pressing twice opens one case."""
    ts, _ = await made.ask(DM, PERSON, "Who won the football match yesterday evening?")
    (shown,) = made.slack.said(DM, ts)
    assert (await made.slack.press(shown, "human", PERSON)).ok
    first = await card(made)
    assert (await made.slack.press(shown, "human", PERSON)).ok
    await made.slack.answers(DM, ts, count=3)
    assert await card(made) is first


async def test_the_bot_at_the_desk(made: Bureau) -> None:
    """A colleague may ask the bot by its name in the thread: that stays there."""
    await made.visitors.end(await says(made, "I want to talk to a human", 1))
    shown = await card(made)
    assert (await made.slack.press(shown, "case_take", ANA)).ok
    await visitor_hears(made, 1)
    await made.slack.say(TEAM, DESK, ANA, "<@U0BOT0001> how long is the warranty on a frame?", shown.ts)
    await desk_shows(made, shown.ts, "five years")
    assert len(made.visitors.posted) == 1


async def test_strangers_cannot_act_on_cases(made: Bureau) -> None:
    """A button's value that names a case works in the desk's channel alone."""
    await made.visitors.end(await says(made, "I want to talk to a human", 1))
    shown = await card(made)
    (_, element) = next(shown.button("case_take"))
    ts, _ = await made.ask(DM, PERSON, "How long is the warranty on a frame?")
    (other,) = made.slack.said(DM, ts)
    other.blocks = [*other.blocks, {"type": "actions", "elements": [dict(element)]}]
    assert (await made.slack.press(other, "case_take", PERSON)).ok
    case = await made.store.case(VISITOR)
    assert case and case.state == "waiting"


async def test_a_case_outlives_the_process(tmp_path: Path) -> None:
    """Taken before a stop, spoken in after the next start."""
    async with fake_slack(retries=[0.05] * 100) as slack:
        slack.team(TEAM, bot_token="xoxb-test-1", app_token="xapp-test-1")
        async with running(slack, tmp_path, handover=HANDOVER) as first:
            colleagues(first)
            await first.visitors.end(await says(first, "I want to talk to a human", 1))
            shown = await card(first)
            assert (await slack.press(shown, "case_take", ANA)).ok
            await visitor_hears(first, 1)
        await slack.say(TEAM, DESK, ANA, "Still here", shown.ts)
        async with running(slack, tmp_path, visitors=Channel("web"), handover=HANDOVER) as second:
            (post,) = await visitor_hears(second, 1)
            assert (post.name, post.text) == ("Ana", "Still here")
        assert slack.violations == []
