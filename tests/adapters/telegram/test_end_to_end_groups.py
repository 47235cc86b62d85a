"""Groups, topics and business accounts: who is answered there, and how, through the whole house."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.adapters.telegram.bureau import (
    ANNA,
    BELGIUM,
    BORIS,
    FORUM,
    FRAME,
    GROUP,
    NAME,
    Bureau,
    bureau,
    ident,
)
from tests.fakes.telegram.server import Faults

SLOW = {"quote": {"delay_ms": 300}}


@pytest.fixture(params=["polling", "webhook"])
async def way(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with bureau(tmp_path, request.param) as made:
        yield made


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[Bureau]:
    async with bureau(tmp_path) as made:
        yield made


@pytest.fixture
async def slow(tmp_path: Path) -> AsyncIterator[Bureau]:
    async with bureau(tmp_path, engine=SLOW) as made:
        yield made


async def test_a_group_is_answered_when_the_bot_is_meant(made: Bureau) -> None:
    """By its name, by a reply to what it said, by a command; each answer replies to its question."""
    asked, first = await made.ask(GROUP, ANNA, f"@{NAME} {FRAME}")
    assert "five years" in first.text and first.reply_to == asked
    asked, second = await made.ask(GROUP, BORIS, "And on batteries?", reply_to=first.id)
    assert "two years" in second.text and second.reply_to == asked
    asked, third = await made.ask(GROUP, BORIS, f"/ask@{NAME} {BELGIUM}")
    assert "nine euros" in third.text and third.reply_to == asked
    _, fourth = await made.ask(GROUP, BORIS, f"/ask {FRAME}")
    assert "five years" in fourth.text


async def test_a_group_talks_without_the_bot(tmp_path: Path) -> None:
    """Also where Telegram shows it everything: what is said to others, or to other bots, is not answered."""
    async with bureau(tmp_path, fake={"privacy": False}) as made:
        other = await made.telegram.say(GROUP, ANNA, FRAME)
        await made.telegram.say(GROUP, BORIS, "Five years, I think.", reply_to=other)
        await made.telegram.say(GROUP, BORIS, "/help@another_bot")
        await made.telegram.say(GROUP, BORIS, f"@{NAME}x {FRAME}")
        await made.telegram.say(GROUP, BORIS, "/unheard_of")
        _, shown = await made.ask(GROUP, ANNA, f"@{NAME} {BELGIUM}")
        await made.quiet()
        assert made.telegram.chat(GROUP).said == [shown]


async def test_a_message_of_somebody_else_is_asked_about(made: Bureau) -> None:
    """The bot's name alone, in a reply, asks about what it replies to."""
    other = await made.telegram.say(GROUP, ANNA, FRAME)
    _, shown = await made.ask(GROUP, BORIS, f"@{NAME}", reply_to=other)
    assert "five years" in shown.text


async def test_a_topic_is_a_conversation(made: Bureau) -> None:
    """It is answered there, remembers what was said there, and the general topic is another one."""
    made.telegram.group(FORUM, forum=True)
    topic = made.telegram.topic(FORUM, "Warranty", ANNA)
    await made.telegram.say(FORUM, ANNA, f"@{NAME} {FRAME}", thread=topic)
    first = await made.answer(FORUM)
    assert first.thread == topic and "five years" in first.text
    await made.telegram.say(FORUM, ANNA, f"@{NAME} {BELGIUM}")
    second = await made.answer(FORUM, 1)
    assert second.thread == 0 and "nine euros" in second.text
    addresses = {
        exchange.message.address.thread
        for message in (first.reply_to, second.reply_to)
        if (exchange := await made.store.exchange("telegram", ident(FORUM, message)))
    }
    assert addresses == {str(topic), ""}


async def test_a_stop_button_in_a_group(slow: Bureau) -> None:
    """Only who asked can use it. What was written so far stays, the button goes, and the next question has its turn."""
    message = await slow.telegram.say(GROUP, ANNA, f"@{NAME} {FRAME}")
    (shown,) = await slow.telegram.answers(GROUP)
    foreign = await slow.telegram.press(shown, "stop", BORIS)
    assert "Only" in (await slow.telegram.until(lambda: foreign.answer))["text"]
    exchange = await slow.store.exchange("telegram", ident(GROUP, message))
    assert exchange and exchange.outgoing is None
    pressed = await slow.telegram.press(shown, "stop", ANNA)
    assert await slow.ended(ident(GROUP, message)) == "cancelled"
    answer = await slow.telegram.until(lambda: pressed.answer)
    await slow.answer(GROUP)
    assert "five years" not in shown.text and "stop" in answer["text"].lower()


async def test_everybody_in_a_group_has_an_opinion(made: Bureau) -> None:
    """What one thinks of an answer replaces nobody else's, and is kept as theirs."""
    asked, shown = await made.ask(GROUP, ANNA, f"@{NAME} {FRAME}")
    for who, data, together in ((ANNA, "f+", 1), (BORIS, "f+", 2), (BORIS, "f-", 0)):
        pressed = await made.telegram.press(shown, data, who)
        await made.telegram.until(lambda pressed=pressed: pressed.answer)
        exchange = await made.store.exchange("telegram", ident(GROUP, asked))
        assert exchange and exchange.feedback == together
    (given,) = (await made.store.export(str(BORIS)))["opinions"]
    assert (given["message_id"], given["value"]) == (ident(GROUP, asked), -1)


async def test_being_taken_into_a_group(made: Bureau) -> None:
    """The bot says once when it answers there, and where it was thrown out it says nothing."""
    made.telegram.group(GROUP, bot="left")
    made.telegram.faults = Faults(copies=3, seed=2)
    made.telegram.set_bot(GROUP, "member", ANNA)
    (shown,) = await made.telegram.answers(GROUP)
    assert f"@{NAME}" in shown.text
    made.telegram.set_bot(GROUP, "administrator", ANNA)
    made.telegram.set_bot(GROUP, "kicked", ANNA)
    await made.quiet()
    assert len(made.telegram.chat(GROUP).said) == 1


async def test_a_group_that_moves(made: Bureau) -> None:
    """It is answered under its new id."""
    small = -55
    await made.ask(small, ANNA, f"@{NAME} {FRAME}")
    large = made.telegram.migrate(small)
    _, shown = await made.ask(large, ANNA, f"@{NAME} {BELGIUM}")
    assert "nine euros" in shown.text


async def test_a_business_account_is_answered_for(way: Bureau) -> None:
    """Its customers are answered in its name; what the owner writes is not, nor anything where it may not reply."""
    owner, customer = 30, 31
    connection = await way.telegram.connect(owner)
    await way.telegram.write_to(connection, customer, "I am here myself.", by=owner)
    await way.telegram.write_to(connection, customer, FRAME)
    shown = (await way.telegram.answers(customer, business=connection))[0]
    await way.quiet()
    assert "five years" in shown.text and len(way.telegram.chat(customer, business=connection).said) == 1
    silent = await way.telegram.connect(32, can_reply=False)
    await way.telegram.write_to(silent, customer, FRAME)
    await way.telegram.disconnect(connection)
    await way.telegram.write_to(connection, customer, FRAME)
    await way.quiet()
    assert not way.telegram.chat(customer, business=silent).said
    assert len(way.telegram.chat(customer, business=connection).said) == 1
