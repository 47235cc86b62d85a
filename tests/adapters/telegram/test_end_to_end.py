"""A person asks in Telegram and is answered in Telegram, through the whole house."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.adapters.telegram.bureau import (
    ANNA,
    BATTERY,
    BELGIUM,
    BORIS,
    FRAME,
    Bureau,
    bureau,
    ident,
    running,
)
from tests.fakes.telegram.server import Faults, fake_telegram

SLOW = {"quote": {"delay_ms": 100}}


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


async def test_a_question_in_a_private_chat(way: Bureau) -> None:
    """It is answered once, from the knowledge, with its source."""
    _, shown = await way.ask(ANNA, ANNA, FRAME)
    assert "five years" in shown.text and "Warranty" in shown.text
    await way.quiet()
    assert len(way.telegram.chat(ANNA).said) == 1


async def test_an_edited_question_is_answered_anew_in_the_same_place(made: Bureau) -> None:
    """The answer stands where the old one stood."""
    message, first = await made.ask(ANNA, ANNA, FRAME)
    await made.telegram.edit(ANNA, message, BELGIUM)
    await made.telegram.until(lambda: "nine euros" in first.text)
    await made.quiet()
    assert made.telegram.chat(ANNA).said == [first]


async def test_what_is_told_twice_is_answered_once(way: Bureau) -> None:
    """Copies and another order change nothing."""
    way.telegram.faults = Faults(copies=4, shuffle=0.2, seed=3)
    people = range(100, 112)
    for person in people:
        await way.telegram.say(person, person, FRAME)
    for person in people:
        await way.telegram.answers(person)
    await way.quiet()
    assert all(len(way.telegram.chat(person).said) == 1 for person in people)


async def test_telegrams_stop_in_a_private_chat(slow: Bureau) -> None:
    """The draft's Stop ends the answer that it shows."""
    message = await slow.telegram.say(ANNA, ANNA, FRAME)
    await slow.telegram.until(lambda: any(draft.can_stop and draft.text for draft in slow.telegram.chat(ANNA).drafts))
    await slow.telegram.stop(ANNA)
    assert await slow.ended(ident(ANNA, message)) == "cancelled"
    shown = await slow.answer(ANNA)
    assert "five years" not in shown.text


async def test_feedback_by_button(way: Bureau) -> None:
    """The newest opinion counts, the button shows it, and whoever pressed is thanked."""
    message, shown = await way.ask(ANNA, ANNA, FRAME)
    for data, opinion in (("f+", 1), ("f-", -1)):
        pressed = await way.telegram.press(shown, data, ANNA)
        answer = await way.telegram.until(lambda pressed=pressed: pressed.answer)
        assert "Thank you" in answer["text"]
        exchange = await way.store.exchange("telegram", ident(ANNA, message))
        assert exchange and exchange.feedback == opinion


async def test_feedback_by_reaction(made: Bureau) -> None:
    """A thumb is an opinion, taking it away takes it back, and other emoji say nothing."""
    message, shown = await made.ask(ANNA, ANNA, FRAME)
    for emoji, opinion in ((("👍",), 1), (("🔥",), 0), (("🔥", "👎"), -1), ((), 0)):
        await made.telegram.react(ANNA, shown.id, ANNA, *emoji)
        await made.telegram.settled()
        exchange = await made.store.exchange("telegram", ident(ANNA, message))
        assert exchange and exchange.feedback == opinion


async def test_opinions_are_of_the_form_that_was_answered(made: Bureau) -> None:
    """An answer to an edited question is another answer, in the same place."""
    message, shown = await made.ask(ANNA, ANNA, FRAME)
    await made.telegram.edit(ANNA, message, BELGIUM)
    await made.telegram.until(lambda: "nine euros" in shown.text)
    await made.quiet()
    await made.telegram.react(ANNA, shown.id, ANNA, "👍")
    await made.telegram.settled()
    first = await made.store.exchange("telegram", ident(ANNA, message))
    assert first
    opinions = {one.message.edited: one.feedback for one in await made.store.history(first.message.address)}
    assert opinions == {False: 0, True: 1}


async def test_a_deep_link(made: Bureau) -> None:
    """It begins a conversation about its topic, in plain words or in base64url; without one it greets."""
    before = 0
    topics = ("warranty-frame", base64.urlsafe_b64encode(b"Shipping to Belgium").decode().rstrip("="))
    for payload, text in zip(topics, ("five years", "nine euros"), strict=True):
        await made.telegram.start(ANNA, payload)
        assert text in (await made.answer(ANNA, before)).text
        before += 1
    await made.telegram.start(ANNA)
    assert "Paddle" in (await made.answer(ANNA, before)).text


async def test_commands(made: Bureau) -> None:
    """Help says what there is; a command that nobody knows asks for help."""
    for text in ("/help", "/HELP", "/what_is_this now"):
        _, shown = await made.ask(ANNA, ANNA, text)
        assert "Paddle" in shown.text and "ummar" in shown.text


async def test_the_clients_language_is_a_prior(made: Bureau) -> None:
    """A message that says nothing of its language is answered in that of the person's app."""
    made.telegram.user(ANNA, language_code="de-AT")
    _, shown = await made.ask(ANNA, ANNA, "/start")
    assert "Guten Tag" in shown.text or "Hallo" in shown.text


async def test_a_document_joins_the_conversation(made: Bureau) -> None:
    """What somebody sends is read, and answers come from it, in this conversation alone."""
    body = b"# Loyalty\n\nMembers of the Paddle Club get a free tyre change every spring.\n"
    await made.telegram.document(ANNA, ANNA, "club.md", body, "text/markdown", "What do Paddle Club members get?")
    assert "tyre change" in (await made.answer(ANNA)).text
    _, shown = await made.ask(BORIS, BORIS, "What do Paddle Club members get?")
    assert "tyre change" not in shown.text


async def test_voice_notes_and_pictures(made: Bureau) -> None:
    """Without a model that hears or sees, the bot says what it can do; words below a picture are answered."""
    await made.telegram.voice(ANNA, ANNA)
    assert "voice" in (await made.answer(ANNA)).text.lower()
    await made.telegram.photo(ANNA, ANNA)
    assert "picture" in (await made.answer(ANNA, 1)).text.lower()
    await made.telegram.photo(ANNA, ANNA, caption=FRAME)
    assert "five years" in (await made.answer(ANNA, 2)).text


async def test_an_album_is_answered_once(made: Bureau) -> None:
    """Pictures that were sent together come one by one."""
    for _ in range(3):
        await made.telegram.photo(ANNA, ANNA, media_group_id="13378887766")
    await made.answer(ANNA)
    await made.quiet()
    assert len(made.telegram.chat(ANNA).said) == 1


async def test_what_is_too_long_is_told_once(tmp_path: Path) -> None:
    """However often Telegram tells of it."""
    async with bureau(tmp_path, telegram={"limits": {"message_characters": 50}}) as made:
        made.telegram.faults = Faults(copies=4, seed=2)
        await made.telegram.say(ANNA, ANNA, "very " * 20)
        (shown,) = await made.telegram.answers(ANNA)
        await made.quiet()
        assert "50" in shown.text and len(made.telegram.chat(ANNA).said) == 1


async def test_a_blocked_bot_says_nothing_more(slow: Bureau) -> None:
    """What was being written ends, and who comes back is answered again."""
    message = await slow.telegram.say(ANNA, ANNA, FRAME)
    await slow.telegram.until(lambda: slow.telegram.chat(ANNA).drafts)
    slow.telegram.set_bot(ANNA, "kicked", ANNA)
    assert await slow.ended(ident(ANNA, message)) == "cancelled"
    await slow.quiet()
    assert not slow.telegram.chat(ANNA).said
    _, shown = await slow.ask(ANNA, ANNA, BATTERY)
    assert "two years" in shown.text


async def test_an_answer_outlives_the_process(tmp_path: Path) -> None:
    """What was accepted before a stop is answered after the next start, once."""
    async with fake_telegram() as telegram:
        async with running(telegram, tmp_path, engine=SLOW, server={"drain_seconds": 0}) as first:
            await telegram.say(ANNA, ANNA, FRAME)
            await telegram.until(lambda: telegram.chat(ANNA).drafts)
        assert first
        async with running(telegram, tmp_path) as second:
            shown = await second.answer(ANNA)
            await second.quiet()
        assert "five years" in shown.text and len(telegram.chat(ANNA).said) == 1
        assert telegram.violations == []
