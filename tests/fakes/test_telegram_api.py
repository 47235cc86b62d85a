"""The fake Telegram is as strict as Telegram: what python-telegram-bot may not do there, it may not do here."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from telegram import (
    Bot,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    Message,
    MessageEntity,
    ReplyParameters,
)
from telegram.error import (
    EndPointNotFound,
    InvalidToken,
)
from telegram.request import HTTPXRequest

from tests.fakes.telegram.client import connected, refused
from tests.fakes.telegram.server import FakeTelegram, fake_telegram

STOP = InlineKeyboardMarkup.from_button(InlineKeyboardButton("Stop", callback_data="stop"))
GROUP = -1_001_234_567_890


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


def keyboard(**button: Any) -> dict[str, Any]:
    return {"inline_keyboard": [[{"text": "x", **button}]]}


async def test_only_the_bots_own_token_is_taken(telegram: FakeTelegram, bot: Bot) -> None:
    """A malformed token is not found, another's and a dead one are not authorised; unknown methods are not found."""
    me = await bot.get_me()
    assert (me.id, me.username, me.can_read_all_group_messages) == (123456, "frontdesk_bot", False)
    for token in ("123456:TEST-other", "TEST"):
        async with HTTPXRequest() as request:
            await refused(Bot(token, base_url=telegram.base_url, request=request).get_me(), InvalidToken)
    await refused(bot.do_api_request("sendCarrierPigeon"), EndPointNotFound)
    telegram.revoke()
    await refused(bot.get_me(), InvalidToken)


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({}, "Message text is empty"),
        ({"text": " \n"}, "Message text is empty"),
        ({"text": "x" * 4_097}, "Message is too long"),
        ({"text": "😀" * 2_049}, "Message is too long"),
        ({"text": "x", "colour": "red"}, "Unknown parameters ['colour']"),
        ({"text": "x", "protect_content": "perhaps"}, "Can't parse protect_content: bool expected"),
        ({"text": "x", "parse_mode": "HTML"}, "Unsupported parse_mode 'HTML': send entities"),
        ({"text": "x", "reply_markup": keyboard(callback_data="é" * 33)}, "Button_data_invalid"),
        ({"text": "x", "reply_markup": keyboard(callback_data="")}, "Button_data_invalid"),
        ({"text": "x", "reply_markup": keyboard(url="x y")}, "Button_url_invalid"),
        ({"text": "x", "reply_markup": keyboard()}, "exactly one action"),
        ({"text": "x", "reply_markup": {"inline_keyboard": [{"text": "x"}]}}, "array of arrays"),
        ({"text": "x", "reply_markup": {"inline_keyboard": [[{"text": "", "callback_data": "x"}]]}}, "empty"),
        ({"text": "x", "reply_parameters": {"message_id": 5}}, "Message to be replied not found"),
        ({"text": "x", "reply_parameters": {"message": 5}}, "Can't parse reply parameters"),
        ({"text": "x", "message_thread_id": 5}, "Message thread not found"),
        ({"text": "x", "business_connection_id": "BC1"}, "Business connection not found"),
        ({"text": "x", "link_preview_options": {"is_off": True}}, "Can't parse link preview options"),
        ({"text": "x", "chat_id": 8}, "Chat not found"),
        ({"text": "x", "chat_id": "seven"}, "Can't parse chat_id"),
    ],
)
async def test_messages_keep_to_the_limits(telegram: FakeTelegram, bot: Bot, given: dict[str, Any], error: str) -> None:
    """Every limit and every rule of sendMessage answers with an error of Telegram's, and nothing is shown."""
    said = bot._post("sendMessage", {"chat_id": 7, **given})
    assert error.lower() in (await refused(said)).lower()
    assert not telegram.chat(7).messages


async def test_what_is_said_stands(telegram: FakeTelegram, bot: Bot) -> None:
    """Texts with entities, buttons and answers are as they were sent, white space at the ends left away."""
    ident = await telegram.say(7, 7, "hello")
    keys = InlineKeyboardMarkup([[InlineKeyboardButton("Stop", callback_data="x" * 64)]])
    sent = await bot.send_message(
        7, "  one 😀 two \n", entities=[MessageEntity("bold", 6, 6)], reply_markup=keys,
        reply_parameters=ReplyParameters(ident),
    )  # fmt: skip
    assert sent.text == "one 😀 two" and sent.parse_entities() == {sent.entities[0]: "😀 two"}
    assert sent.reply_to_message is not None and sent.reply_to_message.message_id == ident
    assert sent.reply_markup == keys and sent.from_user is not None and sent.from_user.id == bot.id
    (shown,) = telegram.chat(7).said
    assert (shown.text, shown.reply_to, shown.buttons[0]["text"]) == ("one 😀 two", ident, "Stop")
    await bot.send_message(7, "x", reply_parameters=ReplyParameters(999, allow_sending_without_reply=True))
    assert not telegram.violations


async def test_edits(telegram: FakeTelegram, bot: Bot) -> None:
    """Only own messages are edited, only to something else, and only while they stand; entities' order is nothing."""
    ident = await telegram.say(7, 7, "hello")
    own = await bot.send_message(7, "one", reply_markup=STOP)
    assert await refused(bot.edit_message_text("two", 7, ident)) == "Message can't be edited"
    assert await refused(bot.edit_message_text("two", 7, 999)) == "Message to edit not found"
    assert await refused(bot.edit_message_text("x" * 4_097, 7, own.message_id)) == "Message_too_long"
    entities = [MessageEntity("bold", 0, 3), MessageEntity("italic", 0, 3)]
    edited = await bot.edit_message_text("two", 7, own.message_id, entities=entities)
    assert isinstance(edited, Message) and edited.edit_date is not None and edited.reply_markup is None
    same = bot.edit_message_text("two", 7, own.message_id, entities=entities[::-1])
    assert (await refused(same)).startswith("Message is not modified")
    assert (await refused(bot.edit_message_reply_markup(7, own.message_id))).startswith("Message is not modified")
    assert telegram.message(7, own.message_id).texts == ["one", "two"]
    await bot.delete_message(7, own.message_id)
    assert await refused(bot.delete_message(7, own.message_id)) == "Message to delete not found"
    assert await refused(bot.edit_message_text("three", 7, own.message_id)) == "Message to edit not found"
    assert [shown.id for shown in telegram.chat(7).deleted] == [own.message_id]


async def test_drafts_are_for_private_chats_and_are_forgotten(telegram: FakeTelegram, bot: Bot) -> None:
    """A draft is seen for 30 s after its last refresh, or until a message is sent; not in groups, nor without an id."""
    now = 0.0
    telegram.world.clock._monotonic = lambda: now
    telegram.group(GROUP)
    assert await refused(bot.send_message_draft(GROUP, 1, "x")) == "Textdraft_peer_invalid"
    assert (await refused(bot.send_message_draft(7, 0, "x"))).startswith("Draft_id_invalid")
    assert len(telegram.violations) == 2
    await bot.send_message_draft(7, 1, "")
    now = 29.0
    await bot.send_message_draft(7, 1, "one two")
    now = 58.0
    assert [draft.texts for draft in telegram.chat(7).drafts] == [["", "one two"]]
    now = 59.0
    assert not telegram.chat(7).drafts
    await bot.send_message_draft(7, 2, "three")
    await bot.send_message(7, "three four")
    assert not telegram.chat(7).drafts and telegram.chat(7).texts == ["three four"]


async def test_stop_belongs_to_drafts_that_allow_it(telegram: FakeTelegram, bot: Bot) -> None:
    """Who presses Stop sees no more of the draft and the bot is told of it; older servers show no button."""
    await bot.send_message_draft(7, 4, "one", api_kwargs={"can_stop": True, "keep_on_stop": True})
    assert await telegram.stop(7) == 4
    await bot.send_message_draft(7, 4, "one two", api_kwargs={"can_stop": True})
    assert [draft.text for draft in telegram.chat(7).drafts] == ["one"]
    (update,) = await bot.get_updates()
    assert update.api_kwargs["stopped_message_generation"]["draft_id"] == 4
    telegram.world.version = (10, 2)
    await bot.send_message_draft(7, 5, "two", api_kwargs={"can_stop": True})
    with pytest.raises(LookupError):
        await telegram.stop(7)
    assert not telegram.violations


async def test_rich_messages_need_a_server_that_knows_them(telegram: FakeTelegram, bot: Bot) -> None:
    """sendRichMessage takes one of Markdown, HTML and blocks within its limits; an older server does not know it."""

    async def say(method: str = "sendRichMessage", **rich: Any) -> Any:
        kwargs = {"chat_id": 7, "rich_message": rich, **({"draft_id": 3} if "Draft" in method else {})}
        return await bot.do_api_request(method, api_kwargs=kwargs)

    await say("sendRichMessageDraft", markdown="# Prices")
    assert telegram.chat(7).drafts[0].rich == {"markdown": "# Prices"}
    text = "# Prices\n\n" + "| a | b |\n|---|---|\n" + "| 1 | 2 |\n" * 100 + "\n" + "word " * 5_000
    sent = await say(markdown=text)
    assert sent["rich_message"]["blocks"][0] == {"type": "paragraph", "text": "# Prices"}
    assert telegram.chat(7).texts == [text]
    rich = {"rich_message": {"html": "<b>x</b>"}}
    await bot.edit_message_text("", 7, sent["message_id"], api_kwargs=rich)
    for wrong in (
        {"markdown": "x", "html": "x"}, {}, {"markdown": "x" * 32_769}, {"markdown": "|x" * 21 + "|"},
        {"markdown": "- x\n" * 501}, {"text": "x"},
    ):  # fmt: skip
        await refused(say(**wrong))
    assert len(telegram.violations) == 6
    telegram.world.version = (10, 0)
    await refused(say(markdown="x"), EndPointNotFound)
    late = bot.edit_message_text("", 7, sent["message_id"], api_kwargs=rich)
    assert await refused(late) == "Message text is empty"
