"""From an update to what was heard: files, edits, buttons, thumbs, and what becomes of chats."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.telegram.heard import (
    Asked,
    Connected,
    Deleted,
    Joined,
    Left,
    Moved,
    Nothing,
    Pressed,
    Reacted,
    Said,
    Stopped,
)
from adapters.telegram.names import Place
from bot.events import Attachment
from tests.adapters.telegram.updates import (
    ANNA,
    BOT,
    FORUM,
    GROUP,
    OURS,
    PRIVATE,
    ROOM,
    message,
    told,
)


def said(kind: str, payload: Any) -> Said:
    heard = told(kind, payload)
    assert isinstance(heard, Said), heard
    return heard


# -- what is sent ------------------------------------------------------------------------------------------
FILE = {"file_id": "AbC-1", "file_unique_id": "u", "file_size": 42}


@pytest.mark.parametrize(
    ("field", "media", "expected"),
    [
        ("document", {"file_name": "a b.csv", "mime_type": "text/csv"}, ("a b.csv", "text/csv")),
        ("document", {}, ("document-10", "application/octet-stream")),
        ("voice", {"duration": 3, "mime_type": "audio/ogg"}, ("voice-10.ogg", "audio/ogg")),
        ("audio", {"duration": 3, "mime_type": "audio/mpeg", "file_name": "s.mp3"}, ("s.mp3", "audio/mpeg")),
        ("video", {"duration": 3, "width": 1, "height": 1, "mime_type": "video/mp4"}, ("video-10.mp4", "video/mp4")),
        ("video_note", {"duration": 3, "length": 9}, ("video-10.mp4", "video/mp4")),
    ],
)
def test_files(field: str, media: Any, expected: tuple[str, str]) -> None:
    """They are found by Telegram's id, with the name and kind that it tells, or some."""
    (file,) = said("message", message(caption="Look", **{field: FILE | media})).files
    assert file == Attachment(name=expected[0], media_type=expected[1], size=42, location="file:AbC-1")


def test_the_largest_picture_is_taken() -> None:
    """Telegram sends several sizes of a photo."""
    sizes = [
        {**FILE, "file_id": name, "width": side, "height": side} for name, side in (("s", 90), ("l", 800), ("m", 320))
    ]
    (file,) = said("message", message(photo=sizes)).files
    assert (file.location, file.media_type, file.name) == ("file:l", "image/jpeg", "photo-10.jpg")


def test_an_animation_is_one_file() -> None:
    """Telegram tells of it twice, as a document too."""
    animation = FILE | {"duration": 1, "width": 1, "height": 1}
    assert len(said("message", message(animation=animation, document=FILE)).files) == 1


def test_what_can_be_said_in_words() -> None:
    """A place, a contact, a sticker, a poll: text, since there is no file of them."""
    place = {"latitude": 52.5, "longitude": 13.4}
    venue = {"location": place, "title": "Paddle", "address": "Main St 1"}
    sticker = FILE | {
        "type": "regular",
        "width": 1,
        "height": 1,
        "is_animated": False,
        "is_video": False,
        "emoji": "👍",
    }
    assert said("message", message(location=place)).text == "📍 52.500000, 13.400000"
    assert said("message", message(location=place, venue=venue)).text.startswith("📍 Paddle, Main St 1")
    assert said("message", message(contact={"first_name": "Bo", "phone_number": "+123"})).text == "👤 Bo: +123"
    heard = said("message", message(sticker=sticker))
    assert heard.text == "👍" and heard.files == ()


# -- other updates -----------------------------------------------------------------------------------------
def test_edits() -> None:
    """They carry when they were made; in business chats as well."""
    for kind in ("edited_message", "edited_business_message"):
        assert said(kind, message("New", edit_date=1_700_000_009)).edited_at == 1_700_000_009
    assert said("business_message", message("Hi", business_connection_id="BC1")).place == Place(BOT, 7, 0, "BC1")


def test_business_accounts() -> None:
    """A change of what may be done for one, and messages that were deleted there."""
    connection = {
        "id": "BC1",
        "user": ANNA,
        "user_chat_id": 7,
        "date": 1,
        "is_enabled": True,
        "rights": {"can_reply": True},
    }
    deleted = {"business_connection_id": "BC1", "chat": PRIVATE, "message_ids": [3, 4]}
    assert told("business_connection", connection) == Connected(connection="BC1")
    assert told("deleted_business_messages", deleted) == Deleted(place=Place(BOT, 7, 0, "BC1"), messages=(3, 4))


def test_buttons() -> None:
    """Where the message stands on which it was, also when Telegram does not know that message any more."""
    query = {"id": "42", "from": ANNA, "chat_instance": "1", "data": "f+"}
    shown = message("Five.", chat=FORUM, user=OURS, message_thread_id=5, is_topic_message=True)
    pressed = told("callback_query", query | {"message": shown})
    assert isinstance(pressed, Pressed)
    assert (pressed.place, pressed.message, pressed.data, pressed.query) == (Place(BOT, GROUP, 5), 10, "f+", "42")
    gone = told("callback_query", query | {"message": {"chat": PRIVATE, "message_id": 9, "date": 0}})
    assert isinstance(gone, Pressed) and (gone.place, gone.message) == (Place(BOT, 7), 9)
    assert isinstance(told("callback_query", query | {"inline_message_id": "x"}), Nothing)


@pytest.mark.parametrize(
    ("old", "new", "value"), [([], ["👍"], 1), (["👍"], ["👎", "🔥"], -1), (["👎"], [], 0), (["👍"], ["🎉"], 0)]
)
def test_thumbs(old: list[str], new: list[str], value: int) -> None:
    """What is below a message now counts."""
    reactions = {
        "old_reaction": [{"type": "emoji", "emoji": one} for one in old],
        "new_reaction": [{"type": "emoji", "emoji": one} for one in new],
    }
    reacted = told("message_reaction", {"chat": PRIVATE, "message_id": 3, "user": ANNA, "date": 1, **reactions})
    assert isinstance(reacted, Reacted) and (reacted.message, reacted.value) == (3, value)


def test_reactions_that_are_no_thumbs() -> None:
    """Other emoji, a custom one, or a thumb that stood there before."""
    for old, new in (
        ([], [{"type": "emoji", "emoji": "🔥"}]),
        ([], [{"type": "custom_emoji", "custom_emoji_id": "1"}]),
    ):
        told_of = {"chat": PRIVATE, "message_id": 3, "user": ANNA, "date": 1, "old_reaction": old, "new_reaction": new}
        assert isinstance(told("message_reaction", told_of), Nothing)


def test_telegrams_own_stop() -> None:
    """It is newer than the library, and stands in what that does not know."""
    stopped = told("stopped_message_generation", {"chat": PRIVATE, "draft_id": 77, "message_thread_id": 5})
    assert stopped == Stopped(place=Place(BOT, 7, 5), draft=77)


def test_inline_queries() -> None:
    """What somebody types after the bot's name, in one line."""
    asked = told("inline_query", {"id": "5", "from": ANNA, "query": " how  long? ", "offset": ""})
    assert isinstance(asked, Asked) and (asked.query, asked.text, asked.who.id) == ("5", "how long?", 7)


@pytest.mark.parametrize(
    ("chat", "old", "new", "kind"),
    [
        (ROOM, "left", "member", Joined),
        (ROOM, "kicked", "administrator", Joined),
        (ROOM, "member", "administrator", Nothing),
        (ROOM, "member", "left", Left),
        (PRIVATE, "member", "kicked", Left),
        (PRIVATE, "kicked", "member", Nothing),
    ],
)
def test_the_bots_own_place(chat: Any, old: str, new: str, kind: type) -> None:
    """It was taken into a group, thrown out, or blocked."""
    before, after = ({"user": OURS, "status": status, **_member(status)} for status in (old, new))
    change = {"chat": chat, "from": ANNA, "date": 1, "old_chat_member": before, "new_chat_member": after}
    assert isinstance(told("my_chat_member", change), kind)


def test_a_group_that_moves() -> None:
    """It becomes a supergroup, with another id."""
    room = {"id": -55, "type": "group", "title": "Room"}
    assert told("message", message(chat=room, migrate_to_chat_id=GROUP)) == Moved(old=-55, new=GROUP)
    assert isinstance(told("message", message(chat=ROOM, migrate_from_chat_id=-55)), Nothing)


def _member(status: str) -> dict[str, Any]:
    if status == "kicked":
        return {"until_date": 0}
    rights = ("can_manage_chat", "can_delete_messages", "can_manage_video_chats", "can_restrict_members",
              "can_promote_members", "can_change_info", "can_invite_users", "can_post_stories", "can_edit_stories",
              "can_delete_stories", "can_be_edited", "is_anonymous")  # fmt: skip
    return dict.fromkeys(rights, True) if status == "administrator" else {}
