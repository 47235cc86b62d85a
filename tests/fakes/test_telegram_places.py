"""Chats, topics, files, buttons, queries and accounts of the fake Telegram."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from telegram import (
    Bot,
    BotCommand,
    ForumTopic,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InlineQueryResultArticle,
    InputTextMessageContent,
    ReplyParameters,
)
from telegram.error import (
    ChatMigrated,
    Forbidden,
)

from tests.fakes.telegram.client import connected, refused
from tests.fakes.telegram.server import FakeTelegram, fake_telegram

STOP = InlineKeyboardMarkup.from_button(InlineKeyboardButton("Stop", callback_data="stop"))
GROUP, FORUM = -1_001_234_567_890, -1_009_876_543_210


@pytest.fixture
async def telegram(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeTelegram]:
    monkeypatch.setenv("PTB_TIMEDELTA", "1")
    async with fake_telegram() as running:
        running.world.place(7)
        yield running


@pytest.fixture
async def bot(telegram: FakeTelegram) -> AsyncIterator[Bot]:
    async with connected(telegram) as running:
        yield running


async def test_topics(telegram: FakeTelegram, bot: Bot) -> None:
    """Topics are for forums and for administrators; what is sent to one that is not there or closed is refused."""
    telegram.group(GROUP)
    telegram.group(FORUM, forum=True)
    assert await refused(bot.create_forum_topic(GROUP, "x")) == "The chat is not a forum"
    assert await refused(bot.create_forum_topic(FORUM, "x")) == "Not enough rights to manage topics"
    telegram.group(FORUM, forum=True, bot="administrator")
    topic = await bot.create_forum_topic(FORUM, "Case 1")
    assert isinstance(topic, ForumTopic) and topic.name == "Case 1"
    sent = await bot.send_message(FORUM, "hello", message_thread_id=topic.message_thread_id)
    assert sent.is_topic_message and sent.message_thread_id == topic.message_thread_id
    assert telegram.chat(FORUM, thread=topic.message_thread_id).texts == ["hello"]
    assert await refused(bot.edit_forum_topic(FORUM, topic.message_thread_id, "Case 1")) == "Topic_not_modified"
    await bot.edit_forum_topic(FORUM, topic.message_thread_id, "Case 1: solved")
    await bot.close_forum_topic(FORUM, topic.message_thread_id)
    telegram.world.place(FORUM).members[bot.id] = "member"
    assert await refused(bot.send_message(FORUM, "x", message_thread_id=topic.message_thread_id)) == "Topic_closed"
    assert await refused(bot.send_message(FORUM, "x", message_thread_id=77)) == "Message thread not found"


async def test_where_the_bot_is_not_wanted(telegram: FakeTelegram, bot: Bot) -> None:
    """Blocked, thrown out, or a group that has another id now: each is told in its own way."""
    telegram.set_bot(7, "kicked", 7)
    assert "blocked by the user" in await refused(bot.send_message(7, "x"), Forbidden)
    await telegram.say(7, 7, "I am back")
    await bot.send_message(7, "x")
    telegram.group(-5)
    telegram.set_bot(-5, "kicked", 7)
    assert "kicked from the group chat" in await refused(bot.send_message(-5, "x"), Forbidden)
    telegram.set_bot(-5, "member", 7)
    new = telegram.migrate(-5)
    with pytest.raises(ChatMigrated) as caught:
        await bot.send_message(-5, "x")
    assert caught.value.new_chat_id == new
    await bot.send_message(new, "x")
    assert (await bot.get_chat(new)).type == "supergroup"
    assert (await bot.get_chat_member(new, bot.id)).status == "member"
    kinds = [next(name for name in update.to_dict() if name != "update_id") for update in await bot.get_updates()]
    assert kinds == ["my_chat_member"] * 2 + ["message"] + ["my_chat_member"] * 2 + ["message"] * 2


async def test_profile(telegram: FakeTelegram, bot: Bot) -> None:
    """Commands, descriptions and the menu are kept by language, within their limits."""
    await bot.set_my_commands([BotCommand("ask", "Ask something")], language_code="en")
    assert [command.command for command in await bot.get_my_commands(language_code="en")] == ["ask"]
    assert not await bot.get_my_commands()
    assert await refused(bot.set_my_commands([("Ask", "x")])) == "Bot_command_invalid"
    assert await refused(bot.set_my_commands([("ask", "x" * 257)])) == "Bot_command_description_invalid"
    await bot.set_my_description("x" * 512)
    await refused(bot.set_my_description("x" * 513))
    await refused(bot.set_my_short_description("x" * 121))
    await bot.set_chat_menu_button()
    assert (await bot.get_chat_menu_button()).type == "default"
    assert len(telegram.violations) == 4


async def test_files(telegram: FakeTelegram, bot: Bot) -> None:
    """A file is got by its id and then its path, with the bot's token alone, and not above 20 MB."""
    await telegram.document(7, 7, "prices.csv", b"desk,12\n", "text/csv", caption="our prices")
    await telegram.voice(7, 7, seconds=4)
    await telegram.photo(7, 7, caption="what is this?")
    await telegram.document(7, 7, "big.bin", bytes(20_000_001))
    messages = [update.message for update in await bot.get_updates()]
    document, voice, photo, big = [message for message in messages if message is not None]
    assert document.document is not None and document.document.file_name == "prices.csv"
    assert document.caption == "our prices" and document.text is None
    assert await (await document.document.get_file()).download_as_bytearray() == b"desk,12\n"
    assert voice.voice is not None and voice.voice._duration.total_seconds() == 4
    assert len(photo.photo) == 2 and (await photo.photo[-1].get_file()).file_size == 3
    assert big.document is not None and await refused(big.document.get_file()) == "File is too big"
    sent = await bot.send_document(7, b"x", filename="report.txt", caption="yours")
    assert telegram.message(7, sent.message_id).file.body == b"x"  # type: ignore[union-attr]
    assert not telegram.violations


async def test_presses_and_queries_are_answered_once_and_soon(telegram: FakeTelegram, bot: Bot) -> None:
    """A press waits a minute for its one answer; results in line have ids and something to say."""
    now = 0.0
    telegram.world.clock._monotonic = lambda: now
    sent = await bot.send_message(7, "x", reply_markup=STOP)
    pressed = await telegram.press(telegram.message(7, sent.message_id), "stop", 7)
    asked = await telegram.inline(7, "opening hours")
    press, query = await bot.get_updates()
    assert press.callback_query is not None and press.callback_query.data == "stop"
    await press.callback_query.answer("Stopped")
    assert pressed.answer is not None and pressed.answer["text"] == "Stopped"
    assert query.inline_query is not None and query.inline_query.query == "opening hours"
    await query.inline_query.answer([InlineQueryResultArticle("1", "Opening hours", InputTextMessageContent("9 to 5"))])
    assert asked.answer is not None and asked.answer["results"][0]["title"] == "Opening hours"
    late = await telegram.press(telegram.message(7, sent.message_id), "stop", 7)
    now = 61.0
    assert "too old" in await refused(bot.answer_callback_query(late.id))
    assert "too old" in await refused(bot.answer_callback_query("12"))
    assert "Result_id_duplicate" in await refused(bot.answer_inline_query(asked.id, [
        InlineQueryResultArticle("1", "a", InputTextMessageContent("a")),
        InlineQueryResultArticle("1", "b", InputTextMessageContent("b")),
    ]))  # fmt: skip


async def test_reactions_and_typing(telegram: FakeTelegram, bot: Bot) -> None:
    """The bot may react with one emoji of those that everybody may use; actions are of a fixed list."""
    ident = await telegram.say(7, 7, "hello")
    await bot.set_message_reaction(7, ident, "👀")
    assert telegram.message(7, ident).reactions == {bot.id: ("👀",)}
    assert await refused(bot.set_message_reaction(7, ident, "🪵")) == "Reaction_invalid"
    await bot.send_chat_action(7, "typing")
    await refused(bot.send_chat_action(7, "dancing"))
    assert telegram.world.place(7).actions == ["typing"]


async def test_business_accounts(telegram: FakeTelegram, bot: Bot) -> None:
    """Through a connection the bot writes as the account's owner, while it is connected and may reply."""
    connection = await telegram.connect(9)
    ident = await telegram.write_to(connection, 10, "are you open?")
    opened, asked = await bot.get_updates()
    assert opened.business_connection is not None and opened.business_connection.id == connection
    message = asked.business_message
    assert message is not None and (message.chat.id, message.business_connection_id) == (10, connection)
    sent = await bot.send_message(10, "yes", business_connection_id=connection, reply_parameters=ReplyParameters(ident))
    assert sent.from_user is not None and sent.from_user.id == 9
    assert sent.sender_business_bot is not None and sent.sender_business_bot.id == bot.id
    assert telegram.chat(10, business=connection).texts == ["yes"]
    assert await refused(bot.send_message(10, "yes")) == "Chat not found"
    await telegram.delete(10, ident, business=connection)
    (deleted,) = await bot.get_updates(asked.update_id + 1)
    assert deleted.deleted_business_messages is not None and deleted.deleted_business_messages.message_ids == (ident,)
    assert (await bot.get_business_connection(connection)).is_enabled
    await telegram.disconnect(connection)
    ended = bot.send_message(10, "x", business_connection_id=connection)
    assert await refused(ended) == "Business connection not found"
