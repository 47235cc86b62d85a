"""A person's turn: visitors of any channel, colleagues in a Telegram group, with topics and without."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.events import Post
from tests.adapters.telegram.bureau import ANNA, BATTERY, FRAME, NAME, Bureau, Way, bureau, running
from tests.adapters.telegram.office import ANA, BEN, DESK, HANDOVER, VISITOR, Office, data, furnish, visitor_says
from tests.fakes.channel import Channel
from tests.fakes.telegram.server import fake_telegram


@pytest.fixture(params=[("polling", True), ("webhook", False)])
async def office(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Office]:
    way: Way
    way, topics = request.param
    async with bureau(tmp_path, way, handover=HANDOVER) as made:
        furnish(made.telegram, topics=topics)
        yield Office(made, topics)


@pytest.fixture
async def plain(tmp_path: Path) -> AsyncIterator[Office]:
    """Without topics."""
    async with bureau(tmp_path, handover=HANDOVER) as made:
        furnish(made.telegram, topics=False)
        yield Office(made, topics=False)


async def visitor_hears(made: Bureau, count: int) -> list[Post]:
    async with made.visitors.changed:
        await made.visitors.changed.wait_for(lambda: len(made.visitors.posted) >= count)
    return made.visitors.posted


async def test_a_web_visitor_and_a_colleague_in_telegram(office: Office) -> None:
    """From the wish for a person to the end of the case: each sees the other's words, and the bot is silent between."""
    made = office.made
    await made.visitors.end(await visitor_says(made, FRAME, 11))
    card = await office.opens()
    assert "five years" in card.text and bool(card.thread) == office.topics
    await office.press(card, "take")
    (notice,) = await visitor_hears(made, 1)
    assert (notice.kind, notice.text) == ("notice", "Ana Alves has joined.")

    await office.says(card, ANA, "Hello, this is Ana & I can help")
    _, said = await visitor_hears(made, 2)
    assert (said.kind, said.name, said.text) == ("said", "Ana Alves", "Hello, this is Ana & I can help")
    end = await made.visitors.end(await visitor_says(made, "How long is the warranty?", 3))
    assert getattr(end, "text", None) == "" and getattr(end, "finish_reason", "") == "human"
    asked = await office.shows(card, "How long is the warranty?")

    await office.says(card, ANA, "Five years.", reply_to=asked.id)
    assert (await visitor_hears(made, 3))[-1].text == "Five years."
    await office.says(card, BEN, "psst, they are on the phone, too")
    await made.quiet()
    await office.press(card, "resolve")
    posts = await visitor_hears(made, 4)
    assert [post.kind for post in posts] == ["notice", "said", "said", "notice"] and "phone" not in str(posts)
    end = await made.visitors.end(await visitor_says(made, FRAME, 4))
    assert "five years" in getattr(end, "text", "")


async def test_before_anybody_took_it(office: Office) -> None:
    """What a colleague writes is not sent, and they are told what to press; the bot goes on answering the visitor."""
    card = await office.opens()
    await office.says(card, ANA, "Hello?")
    await office.shows(card, "Take over")
    end = await office.made.visitors.end(await visitor_says(office.made, FRAME, 2))
    assert "five years" in getattr(end, "text", "")
    await office.shows(card, FRAME)
    assert office.made.visitors.posted == []


async def test_a_telegram_visitor_and_a_telegram_desk(office: Office) -> None:
    """Both ends with the same bot: the visitor's chat and the case's thread are two conversations."""
    made, telegram = office.made, office.telegram
    telegram.user(ANNA, "Vera", last_name="Visser")
    await made.ask(ANNA, ANNA, FRAME)
    await made.ask(ANNA, ANNA, "/human")
    card = await office.card()
    assert "Vera Visser" in card.text
    await office.press(card, "take")
    assert "Ana Alves has joined" in (await made.answer(ANNA, 2)).text
    await office.says(card, ANA, "I will call you")
    said = await made.answer(ANNA, 3)
    assert "I will call you" in said.text and "Ana" in said.text
    await telegram.say(ANNA, ANNA, "Thanks, at five?")
    await office.shows(card, "Thanks, at five?")
    await office.press(card, "return")
    await made.answer(ANNA, 4)
    _, shown = await made.ask(ANNA, ANNA, BATTERY)
    assert "two years" in shown.text


async def test_a_button_asks_for_a_person(office: Office) -> None:
    """Pressing is as good as saying it; pressing twice opens one case."""
    made = office.made
    _, shown = await made.ask(ANNA, ANNA, FRAME)
    for count in (1, 2):
        pressed = await office.telegram.press(shown, "human", ANNA)
        await office.telegram.until(lambda pressed=pressed: pressed.answer is not None)
        await made.answer(ANNA, count)
        card = await office.card()
    await made.quiet()
    assert len([one for one in office.telegram.chat(DESK).said if "take" in data(one)]) == 1 and card


async def test_the_bot_at_the_desk(office: Office) -> None:
    """A colleague may ask the bot by its name or a command in a case's thread: that stays there."""
    card = await office.opens()
    await office.press(card, "take")
    await visitor_hears(office.made, 1)
    await office.says(card, ANA, f"@{NAME} {FRAME}")
    await office.shows(card, "five years")
    await office.says(card, ANA, f"/ask@{NAME} {BATTERY}")
    await office.shows(card, "two years")
    await office.says(card, ANA, f"/summarize@{NAME}")
    await office.shows(card, "talk to a human")
    assert len(office.made.visitors.posted) == 1


async def test_colleagues_words_in_a_chain_of_replies(plain: Office) -> None:
    """A reply to anything in the chain, a colleague's words too, belongs to the case; what replies to none does not."""
    card = await plain.opens()
    await plain.press(card, "take")
    await visitor_hears(plain.made, 1)
    first = await plain.says(card, ANA, "One")
    await plain.telegram.settled()
    second = await plain.telegram.say(DESK, ANA, "Two", reply_to=first)
    await plain.telegram.settled()
    await plain.telegram.say(DESK, ANA, "Three", reply_to=second)
    await plain.telegram.say(DESK, ANA, "Lunch?")
    await plain.made.quiet()
    posts = await visitor_hears(plain.made, 4)
    assert [post.text for post in posts[1:]] == ["One", "Two", "Three"]


async def test_a_colleagues_edit_is_told_as_one(office: Office) -> None:
    """The visitor reads the newer form as such; an edit without a change of text says nothing."""
    card = await office.opens()
    await office.press(card, "take")
    await visitor_hears(office.made, 1)
    message = await office.says(card, ANA, "I will call you at five")
    await visitor_hears(office.made, 2)
    await office.telegram.unfurl(DESK, message)
    await office.telegram.edit(DESK, message, "I will call you at six")
    posts = await visitor_hears(office.made, 3)
    await office.made.quiet()
    assert len(posts) == 3 and "edited" in posts[-1].text and "six" in posts[-1].text


async def test_strangers_cannot_act_on_cases(plain: Office) -> None:
    """A case's button works at the desk alone, and words elsewhere reach no visitor."""
    card = await plain.opens()
    _, shown = await plain.made.ask(ANNA, ANNA, FRAME)
    shown.markup = card.markup
    await plain.press(shown, "take", ANNA)
    await plain.made.quiet()
    case = await plain.made.store.case(VISITOR)
    assert case and case.state == "waiting"


async def test_a_case_outlives_the_process(tmp_path: Path) -> None:
    """Taken before a stop, spoken in after the next start."""
    async with fake_telegram() as telegram:
        furnish(telegram, topics=True)
        async with running(telegram, tmp_path, handover=HANDOVER) as first:
            office = Office(first, topics=True)
            card = await office.opens()
            await office.press(card, "take")
            await visitor_hears(first, 1)
            await first.quiet()
        await office.says(card, ANA, "Still here")
        async with running(telegram, tmp_path, visitors=Channel("web"), handover=HANDOVER) as second:
            (post,) = await visitor_hears(second, 1)
            assert (post.name, post.text) == ("Ana Alves", "Still here")
        assert telegram.violations == []
