"""From an update to what was heard: who says what, where, and to whom."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.telegram.heard import (
    Nothing,
    Said,
)
from adapters.telegram.names import Place
from tests.adapters.telegram.updates import (
    ANNA,
    BOT,
    FORUM,
    GROUP,
    NAME,
    OURS,
    ROOM,
    mark,
    message,
    named,
    told,
)

BORIS = {"id": 8, "is_bot": False, "first_name": "Boris"}
OTHER_BOT = {"id": 99, "is_bot": True, "first_name": "Other", "username": "other_bot"}


def said(kind: str, payload: Any) -> Said:
    heard = told(kind, payload)
    assert isinstance(heard, Said), heard
    return heard


# -- who and where -----------------------------------------------------------------------------------------
def test_a_private_message() -> None:
    """It is said to us by a person with a name and a language, in a chat of their own."""
    heard = said("message", message("Hello"))
    assert (heard.place, heard.private, heard.message, heard.text) == (Place(BOT, 7), True, 10, "Hello")
    assert (heard.who.id, heard.who.name, heard.who.language, heard.who.bot) == (7, "Anna Alt", "de", False)
    assert heard.at == 1_700_000_000 and not heard.edited_at and not heard.named


@pytest.mark.parametrize(
    ("code", "language"), [("pt-br", "pt"), ("zh-hans", "zh"), ("EN", "en"), ("fil", ""), ("", ""), ("ÄÖ", "")]
)
def test_the_clients_language(code: str, language: str) -> None:
    """The first two letters of it, when it has no more than two: "fil" is Filipino and not Finnish."""
    assert said("message", message("Hi", user={**ANNA, "language_code": code})).who.language == language


def test_a_topic_is_a_place_and_a_chain_of_replies_is_none() -> None:
    """`message_thread_id` is a topic's only when the message says so; the general topic has none."""
    topic = said("message", message("Hi", chat=FORUM, message_thread_id=5, is_topic_message=True))
    chain = said("message", message("Hi", chat=ROOM, message_thread_id=5))
    assert topic.place == Place(BOT, GROUP, 5)
    assert chain.place == Place(BOT, GROUP) and chain.root == 5


def test_what_opened_a_topic_is_not_replied_to() -> None:
    """In a topic every message replies to the one that opened it, which may be ours: that means nobody."""
    opening = message(chat=FORUM, user=OURS, forum_topic_created={"name": "T", "icon_color": 1}) | {"message_id": 5}
    heard = said(
        "message", message("Hi", chat=FORUM, message_thread_id=5, is_topic_message=True, reply_to_message=opening)
    )
    assert (heard.answers, heard.answers_us, heard.quoted) == (0, False, "")


def test_an_anonymous_administrator_speaks_as_the_group() -> None:
    """The user that stands for them all is nobody, and no bot."""
    ghost = {"id": 1087968824, "is_bot": True, "first_name": "Group", "username": "GroupAnonymousBot"}
    who = said("message", named(f"@{NAME} hi", user=ghost, sender_chat=ROOM)).who
    assert (who.id, who.name, who.bot) == (GROUP, "Room", False)


@pytest.mark.parametrize(
    "payload",
    [
        message("Hi", user=OURS),
        message("Hi", via_bot=OURS),
        message("Hi", sender_business_bot=OTHER_BOT),
        message("Hi", is_from_offline=True),
        message("Hi", chat=ROOM, is_automatic_forward=True),
        message("Hi", user={"id": 777000, "is_bot": False, "first_name": "Telegram"}),
        message("Hi", user=None),
        message("Hi", chat={"id": GROUP, "type": "channel", "title": "News"}, user=None),
        message(new_chat_members=[BORIS]),
        message(),
    ],
)
def test_nobody_speaks(payload: Any) -> None:
    """We ourselves, what was passed on for us, for others or by Telegram, channels and service messages say nothing."""
    assert isinstance(told("message", payload), Nothing)


def test_what_comes_by_other_updates_is_nothing() -> None:
    """Whatever Telegram may invent."""
    for kind in ("poll", "channel_post", "guest_message", "a_thing_of_tomorrow"):
        assert isinstance(told(kind, message("Hi")) if kind != "poll" else told(kind, None), Nothing)


# -- to whom -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "bare"),
    [
        (f"@{NAME} how are you?", "how are you?"),
        (f"@{NAME.upper()}, how are you?", "how are you?"),
        (f"how are you @{NAME}", "how are you"),
        (f"so @{NAME}: how are you?", "so how are you?"),
        (f"🚲🚲 @{NAME} how 🙂", "🚲🚲 how 🙂"),
        (f"@{NAME}\nhow\n  are you?", "how\n  are you?"),
        (f"@{NAME}", ""),
    ],
)
def test_the_bots_name_is_taken_out(text: str, bare: str) -> None:
    """It says whom it is for and not what is asked; Telegram counts in UTF-16 units."""
    name = next(word for word in text.replace("\n", " ").replace(",", " ").replace(":", " ").split() if word[0] == "@")
    heard = said("message", message(text, chat=ROOM, entities=[mark("mention", text, name)]))
    assert heard.named and heard.text == bare


def test_a_mention_without_a_username() -> None:
    """A bot's name can be written as a link to it."""
    entity = mark("text_mention", "Frontdesk, hello", "Frontdesk", user=OURS)
    heard = said("message", message("Frontdesk, hello", chat=ROOM, entities=[entity]))
    assert heard.named and heard.text == "hello"


@pytest.mark.parametrize("text", ["@frontdesk_bot2 hi", "me@frontdesk_bot.org", "hi"])
def test_others_are_meant(text: str) -> None:
    """Only an entity that covers the bot's whole name is a mention of it."""
    marks = [mark("mention", text, text.split()[0])] if text.startswith("@") else []
    assert not said("message", message(text, chat=ROOM, entities=marks)).named


def test_a_mention_in_a_caption() -> None:
    """What is written below a file is text like any other."""
    caption = f"@{NAME} what is this?"
    photo = [{"file_id": "p", "file_unique_id": "u", "width": 9, "height": 9}]
    heard = said(
        "message",
        message(chat=ROOM, photo=photo, caption=caption, caption_entities=[mark("mention", caption, f"@{NAME}")]),
    )
    assert heard.named and heard.text == "what is this?" and heard.files


def test_replies() -> None:
    """To us or to somebody else; what stands there comes along, or the part of it that was chosen."""
    ours = message("Five years.", user=OURS) | {"message_id": 3}
    theirs = message("How long?", user=BORIS) | {"message_id": 4}
    heard = said("message", message("Sure?", chat=ROOM, reply_to_message=ours))
    assert (heard.answers, heard.answers_us, heard.quoted) == (3, True, "Five years.")
    heard = said("message", message("Sure?", chat=ROOM, reply_to_message=theirs, quote={"text": "long", "position": 4}))
    assert (heard.answers, heard.answers_us, heard.quoted) == (4, False, "long")


@given(st.integers(0, 60), st.integers(0, 60), st.text(max_size=40))
def test_entities_that_lie_break_nothing(offset: int, length: int, text: str) -> None:
    """Wherever an entity says that it is."""
    entity = {"type": "mention", "offset": offset, "length": length}
    text = text.replace("\0", "").encode("utf-8", "ignore").decode() or "x"
    assert said("message", message(text, chat=ROOM, entities=[entity])).message == 10


# -- commands ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "command", "rest"),
    [
        ("/ask how long?", "ask", "how long?"),
        (f"/ask@{NAME} how long?", "ask", "how long?"),
        (f"/ASK@{NAME.upper()} how long?", "ask", "how long?"),
        ("/start", "start", ""),
        ("/start bike-repair_now", "start", "bike repair now"),
        ("/start R2FyYW50aWU", "start", "Garantie"),
        ("/start inline", "start", ""),
        ("/translate de: Good morning", "translate", "de: Good morning"),
    ],
)
def test_commands(text: str, command: str, rest: str) -> None:
    """They name the bot or not, and begin the text."""
    heard = said("message", message(text))
    assert (heard.command, heard.text, heard.named, heard.unknown) == (command, rest, True, False)


@pytest.mark.parametrize(("text", "unknown"), [("/unheard_of now", True), ("/etc/hosts", False), ("and /help", False)])
def test_what_is_no_command_of_ours(text: str, *, unknown: bool) -> None:
    """What looks like a command is told from what merely begins with a slash."""
    heard = said("message", message(text))
    assert (heard.command, heard.text, heard.unknown) == ("", text, unknown)


def test_a_command_for_another_bot() -> None:
    """Where several hear it, the one that is named takes it."""
    assert told("message", message("/ask@other_bot hi", chat=ROOM)) == Nothing(why="other_bot")
