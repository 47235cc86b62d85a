"""What chats, topics, edits and other bots are known to do to the unwary, and what we do instead: a test for each."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.adapters.telegram.bureau import (
    ANNA,
    BELGIUM,
    BOT,
    FORUM,
    FRAME,
    GROUP,
    NAME,
    Bureau,
    bureau,
    ident,
)
from tests.adapters.telegram.inlet import inlet
from tests.adapters.telegram.updates import message

SLOW = {"quote": {"delay_ms": 100}}


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[Bureau]:
    async with bureau(tmp_path) as made:
        yield made


# -- where and to whom -------------------------------------------------------------------------------------
async def test_message_thread_id_is_not_always_a_topic(tmp_path: Path) -> None:
    """In a group without topics it is a chain of replies: no conversation, and nothing that one could send to."""
    async with bureau(tmp_path) as made:
        first, _ = await made.ask(GROUP, ANNA, f"@{NAME} {FRAME}")
        message_id, shown = await made.ask(GROUP, ANNA, f"@{NAME} {BELGIUM}", reply_to=first)
        exchange = await made.store.exchange("telegram", ident(GROUP, message_id))
        assert exchange and exchange.message.address.thread == "" and "nine euros" in shown.text


async def test_everything_in_a_topic_replies_to_its_opening(tmp_path: Path) -> None:
    """Where the bot opened it, everything there would seem to be said to the bot."""
    async with bureau(tmp_path, fake={"privacy": False}) as made:
        made.telegram.group(FORUM, forum=True, bot="administrator")
        topic = made.telegram.topic(FORUM, "Opened by the bot", BOT)
        await made.telegram.say(FORUM, ANNA, FRAME, thread=topic, reply_to=topic)
        await made.telegram.say(FORUM, ANNA, f"@{NAME} {BELGIUM}", thread=topic)
        await made.quiet()
        said = made.telegram.chat(FORUM).said
        assert len(said) == 1 and "nine euros" in said[0].text


async def test_conversations_of_one_chat(tmp_path: Path) -> None:
    """A topic, the chat it is in, and the chat of a business with the same person are three conversations."""
    async with inlet(tmp_path) as made:
        connection = await made.telegram.connect(30)
        for number, more in enumerate(
            ({}, {"message_thread_id": 5, "is_topic_message": True}, {"business_connection_id": connection}), 20
        ):
            kind = "business_message" if "business_connection_id" in more else "message"
            await made.take(kind, message("Hi", **more) | {"message_id": number})
        assert len({asked.address for asked in made.messages}) == len({asked.id for asked in made.messages}) == 3


async def test_two_chats_number_their_messages_alike(tmp_path: Path) -> None:
    """Supergroups have rows of numbers of their own: a message's id is nothing without its chat's."""
    async with bureau(tmp_path) as made:
        one, _ = await made.ask(GROUP, ANNA, f"@{NAME} {FRAME}")
        other, shown = await made.ask(FORUM, ANNA, f"@{NAME} {BELGIUM}")
        assert one == other and "nine euros" in shown.text


async def test_an_answer_of_ours_that_somebody_sent(tmp_path: Path) -> None:
    """What was chosen in inline mode comes back as a message, by a person: it asks nothing."""
    async with bureau(tmp_path) as made:
        bot = {"id": BOT, "is_bot": True, "first_name": "Frontdesk", "username": NAME}
        await made.telegram.say(ANNA, ANNA, FRAME, via_bot=bot)
        await made.quiet()
        assert not made.telegram.chat(ANNA).said


async def test_bots_hear_bots(tmp_path: Path) -> None:
    """Two that answer each other never stop: others are ignored, and nobody's answer is answered for being a reply."""
    async with bureau(tmp_path, fake={"privacy": False}, channel={"bots": [88]}) as made:
        for bot in (88, 89):
            made.telegram.user(bot, f"Bot {bot}", is_bot=True)
        _, shown = await made.ask(GROUP, ANNA, f"@{NAME} {FRAME}")
        await made.telegram.say(GROUP, 88, FRAME, reply_to=shown.id)
        await made.telegram.say(GROUP, 89, f"@{NAME} {FRAME}")
        await made.telegram.say(GROUP, 88, f"@{NAME} {BELGIUM}")
        await made.quiet()
        assert len(made.telegram.chat(GROUP).said) == 2


# -- edits and deletions -----------------------------------------------------------------------------------
async def test_an_unfurled_link_is_no_edit(made: Bureau) -> None:
    """Telegram tells of it as of one."""
    message_id, shown = await made.ask(ANNA, ANNA, f"{FRAME} https://example.org/frame")
    await made.telegram.unfurl(ANNA, message_id)
    await made.quiet()
    edits = len(shown.texts)
    await made.telegram.unfurl(ANNA, message_id)
    await made.quiet()
    assert len(shown.texts) == edits


async def test_two_edits_in_one_second(made: Bureau) -> None:
    """They carry the same date: the last one is answered all the same."""
    message_id, shown = await made.ask(ANNA, ANNA, "Hello")
    await made.telegram.edit(ANNA, message_id, FRAME)
    await made.telegram.edit(ANNA, message_id, BELGIUM)
    await made.telegram.until(lambda: "nine euros" in shown.text)
    await made.quiet()
    assert made.telegram.chat(ANNA).said == [shown] and "nine euros" in shown.text


async def test_an_edit_while_it_is_answered(tmp_path: Path) -> None:
    """The answer to the old form ends, and nothing of it comes late."""
    async with bureau(tmp_path, engine=SLOW) as made:
        message_id = await made.telegram.say(ANNA, ANNA, FRAME)
        await made.telegram.until(lambda: made.telegram.chat(ANNA).drafts)
        await made.telegram.edit(ANNA, message_id, BELGIUM)
        assert await made.ended(ident(ANNA, message_id)) == "replaced"
        shown = await made.answer(ANNA)
        await made.quiet()
        assert "nine euros" in shown.text and made.telegram.chat(ANNA).said == [shown]


async def test_a_deleted_question_is_not_answered(tmp_path: Path) -> None:
    """Telegram tells of it in business chats alone."""
    async with bureau(tmp_path, engine=SLOW) as made:
        connection = await made.telegram.connect(30)
        message_id = await made.telegram.write_to(connection, 31, FRAME)
        await made.telegram.settled()
        await made.telegram.delete(31, message_id, business=connection)
        assert await made.ended(ident(31, message_id, business=connection)) == "withdrawn"
        await made.quiet()
        assert not made.telegram.chat(31, business=connection).said


async def test_an_answer_outlives_its_question(tmp_path: Path) -> None:
    """Who deletes what was answered takes back nothing: the answer stays, and is remembered; the deletion is noted."""
    async with bureau(tmp_path) as made:
        connection = await made.telegram.connect(30)
        message_id = await made.telegram.write_to(connection, 31, FRAME)
        name = ident(31, message_id, business=connection)
        assert await made.ended(name) == "stop"
        await made.quiet()
        await made.telegram.delete(31, message_id, business=connection)
        await made.quiet()
        (shown,) = made.telegram.chat(31, business=connection).said
        known = await made.store.exchange("telegram", name)
        assert known and known.withdrawn and "five years" in shown.text and shown.texts[-1] == shown.text
        remembered = [turn.text for _, turn in await made.store.turns(known.message.address)]
        assert remembered[0] == FRAME and "five years" in remembered[1]


async def test_elsewhere_nobody_tells_of_a_deletion(made: Bureau) -> None:
    """A question that was deleted in a group while its answer was on the way is answered, in reply to nothing."""
    made.telegram.group(GROUP)
    gate = made.telegram.hold_next("sendMessage")
    message_id = await made.telegram.say(GROUP, ANNA, f"@{NAME} {FRAME}")
    await gate.reached.wait()
    await made.telegram.delete(GROUP, message_id)
    gate.release()
    shown = await made.answer(GROUP)
    assert "five years" in shown.text and not shown.reply_to
