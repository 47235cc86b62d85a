"""How the fake Telegram is polled: an update comes again and again until it is confirmed; and what updates tell."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, Update
from telegram.error import BadRequest, Conflict, NetworkError

from tests.fakes.telegram.client import connected, refused
from tests.fakes.telegram.server import FakeTelegram, Faults, fake_telegram

GROUP, FORUM = -1_001_234_567_890, -1_009_876_543_210


@pytest.fixture
async def telegram() -> AsyncIterator[FakeTelegram]:
    async with fake_telegram(second=0.1) as running:
        yield running


@pytest.fixture
async def bot(telegram: FakeTelegram) -> AsyncIterator[Bot]:
    async with connected(telegram) as running:
        yield running


def texts(updates: tuple[Update, ...]) -> list[str]:
    return [str(update.message.text) for update in updates if update.message is not None]


async def test_updates_come_until_they_are_confirmed(telegram: FakeTelegram, bot: Bot) -> None:
    """Without a higher offset the same ones come again; an answer that got lost loses nothing; a limit is kept."""
    for text in ("one", "two", "three"):
        await telegram.say(7, 7, text)
    first = await bot.get_updates(limit=2)
    assert texts(first) == ["one", "two"]
    assert texts(await bot.get_updates()) == ["one", "two", "three"]
    telegram.drop_next("getUpdates")
    await refused(bot.get_updates(first[1].update_id + 1), NetworkError)
    rest = await bot.get_updates(first[1].update_id + 1)
    assert texts(rest) == ["three"]
    assert not await bot.get_updates(rest[0].update_id + 1)
    await telegram.settled()
    assert not telegram.violations


async def test_polling_waits(telegram: FakeTelegram, bot: Bot) -> None:
    """A long poll is answered as soon as there is something, or with nothing when its time is over."""
    polled = asyncio.create_task(bot.get_updates(timeout=50))
    await telegram.until(lambda: telegram.calls_of("getUpdates"))
    await telegram.say(7, 7, "one")
    (update,) = await polled
    assert await bot.get_updates(update.update_id + 1, timeout=1) == ()


async def test_two_pollers_are_one_too_many(telegram: FakeTelegram, bot: Bot) -> None:
    """Who polls later ends the polling of who polled before; polling and a webhook exclude each other."""
    earlier = asyncio.create_task(bot.get_updates(timeout=50))
    await telegram.until(lambda: telegram.calls_of("getUpdates"))
    async with connected(telegram) as other:
        assert await other.get_updates(timeout=0) == ()
    with pytest.raises(Conflict, match="terminated by other getUpdates"):
        await earlier
    assert len(telegram.violations) == 1
    await bot.set_webhook("http://127.0.0.1:9/telegram/webhook")
    await refused(bot.get_updates(), Conflict)
    await bot.delete_webhook()
    assert await bot.get_updates() == ()


async def test_ids_jump_and_an_offset_of_before_loses_nothing(telegram: FakeTelegram, bot: Bot) -> None:
    """After a pause the ids go on anywhere, mostly below the offset that the bot knows."""
    await telegram.say(7, 7, "one")
    (first,) = await bot.get_updates()
    assert await bot.get_updates(first.update_id + 1) == ()
    telegram.updates._next = 17
    await telegram.say(7, 7, "two")
    (second,) = await bot.get_updates(first.update_id + 1)
    assert (texts((second,)), second.update_id) == (["two"], 17)
    assert await bot.get_updates(18) == ()
    telegram.jump()
    await telegram.say(7, 7, "three")
    assert texts(await bot.get_updates(18)) == ["three"]


async def test_polled_updates_are_repeated_and_reordered_on_demand(telegram: FakeTelegram, bot: Bot) -> None:
    """With `copies` every update comes up to so often under its one id; what was confirmed can come again."""
    telegram.faults = Faults(copies=3, shuffle=0.01, seed=3)
    for number in range(50):
        await telegram.say(7, 7, str(number))
    seen: list[Update] = []
    offset = 0
    while len(seen) < 50 or not telegram.updates.settled:
        batch = await bot.get_updates(offset, timeout=1)
        seen += batch
        offset = max((update.update_id for update in batch), default=offset - 1) + 1
    ids = [update.update_id for update in seen]
    assert 50 < len(ids) <= 150 and len(set(ids)) == 50 and ids != sorted(ids)
    assert sorted(set(texts(tuple(seen))), key=int) == [str(number) for number in range(50)]
    telegram.faults = Faults()
    telegram.repeat(2)
    assert {update.update_id for update in await bot.get_updates(offset)} <= set(ids)


async def test_only_what_is_asked_for_comes(telegram: FakeTelegram, bot: Bot) -> None:
    """Reactions come to who asks for them by name; a list stays until another is given; unknown names are wrong."""
    ident = await telegram.say(7, 7, "one")
    await telegram.react(7, ident, 7, "👍")
    first = await bot.get_updates(allowed_updates=["message_reaction"])
    assert texts(first) == ["one"] and telegram.updates.dropped == ["message_reaction"]
    await telegram.say(7, 7, "two")
    await telegram.react(7, ident, 7, "👎")
    (update,) = await bot.get_updates(first[-1].update_id + 1)
    assert update.message_reaction is not None
    assert [one.to_dict()["emoji"] for one in update.message_reaction.old_reaction] == ["👍"]
    await refused(bot.get_updates(allowed_updates=["smoke_signal"]))
    await refused(bot.get_updates(limit=101))
    await bot.get_updates(allowed_updates=[*Update.ALL_TYPES, "stopped_message_generation"])
    assert len(telegram.violations) == 2


async def test_privacy_mode(telegram: FakeTelegram, bot: Bot) -> None:
    """In a group the bot hears commands to it, its name, answers to it and what happens there; administrators all."""
    telegram.group(GROUP)
    await telegram.say(GROUP, 7, "hello all")
    await telegram.command(GROUP, 7, "ask", "what?", at=True)
    await telegram.command(GROUP, 7, "ask", "what?")
    await telegram.say(GROUP, 7, "/ask@another_bot what?")
    await telegram.say(GROUP, 7, "so @Frontdesk_Bot what?")
    own = await bot.send_message(GROUP, "I do not know")
    await telegram.say(GROUP, 8, "why not?", reply_to=own.message_id)
    telegram.join(GROUP, 9)
    updates = await bot.get_updates()
    heard = ["/ask@frontdesk_bot what?", "/ask what?", "so @Frontdesk_Bot what?", "why not?"]
    assert texts(updates)[:4] == heard and updates[-1].message is not None
    assert [person.id for person in updates[-1].message.new_chat_members] == [9]
    telegram.set_bot(GROUP, "administrator", 7)
    await telegram.say(GROUP, 7, "hello again")
    promoted, said = await bot.get_updates(updates[-1].update_id + 1)
    assert promoted.my_chat_member is not None and promoted.my_chat_member.new_chat_member.status == "administrator"
    assert texts((said,)) == ["hello again"]


async def test_what_misleads_about_threads_and_answers(telegram: FakeTelegram, bot: Bot) -> None:
    """In supergroups answers carry a message_thread_id that nothing can be sent to; what is said in a topic comes as
    an answer to the message that tells of the topic."""
    telegram.group(GROUP, bot="administrator")
    telegram.group(FORUM, forum=True, bot="administrator")
    root = await telegram.say(GROUP, 7, "one")
    answer = await telegram.say(GROUP, 8, "two", reply_to=root)
    await telegram.say(GROUP, 7, "three", reply_to=answer)
    topic = telegram.topic(FORUM, "Prices", 7)
    await telegram.say(FORUM, 7, "four", thread=topic)
    messages = [update.message for update in await bot.get_updates()]
    three, opened, four = [message for message in messages if message is not None][2:]
    assert (three.message_thread_id, bool(three.is_topic_message)) == (root, False)
    await refused(bot.send_message(GROUP, "x", message_thread_id=root), BadRequest)
    assert opened.forum_topic_created is not None and opened.forum_topic_created.name == "Prices"
    assert four.reply_to_message is not None and four.reply_to_message.message_id == topic
    assert (four.message_thread_id, four.is_topic_message) == (topic, True)


async def test_edits_and_presses_are_told(telegram: FakeTelegram, bot: Bot) -> None:
    """An edit tells the new text, a preview an edit without one; a press below a deleted message has no message."""
    ident = await telegram.say(7, 7, "one https://example.org")
    await telegram.edit(7, ident, "two https://example.org")
    await telegram.unfurl(7, ident)
    keys = InlineKeyboardMarkup.from_button(InlineKeyboardButton("Stop", callback_data="stop"))
    own = await bot.send_message(7, "x", reply_markup=keys)
    await bot.delete_message(7, own.message_id)
    await telegram.press(telegram.message(7, own.message_id), "stop", 7)
    _said, edited, again, pressed = await bot.get_updates()
    assert edited.edited_message is not None and again.edited_message is not None
    assert edited.edited_message.text == again.edited_message.text == "two https://example.org"
    assert pressed.callback_query is not None and pressed.callback_query.message is not None
    assert not pressed.callback_query.message.is_accessible


async def test_own_messages_and_other_bots_come_as_they_are(telegram: FakeTelegram, bot: Bot) -> None:
    """Who looks at `from` and `sender_chat` knows bots, itself and anonymous administrators."""
    telegram.user(55, "Helper", is_bot=True)
    await telegram.say(-5, 55, "/ask beep")
    await telegram.say(-5, 1_087_968_824, "/ask who?", sender_chat={"id": -5, "type": "group", "title": "Group 5"})
    own = await bot.send_message(-5, "boop")
    await telegram.echo(telegram.message(-5, own.message_id))
    other, anonymous, echo = [update.message for update in await bot.get_updates()]
    assert other is not None and other.from_user is not None and other.from_user.is_bot
    assert anonymous is not None and anonymous.sender_chat is not None and anonymous.sender_chat.id == -5
    assert echo is not None and echo.from_user is not None and echo.from_user.id == bot.id


async def test_looking_at_a_chat_does_not_open_it(telegram: FakeTelegram, bot: Bot) -> None:
    """A bot can't begin a conversation: until somebody wrote or pressed start there is no chat."""
    assert not telegram.chat(7).messages
    assert await refused(bot.send_message(7, "x")) == "Chat not found"
    await telegram.start(7, "prices")
    assert texts(await bot.get_updates()) == ["/start prices"]
    await bot.send_message(7, "x")
