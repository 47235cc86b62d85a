"""Updates as Telegram writes them, for what needs no Telegram. Person 7 writes to bot 123456 unless a test says so."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from adapters.telegram.api import Me
from adapters.telegram.heard import Heard
from adapters.telegram.inbound import heard
from adapters.telegram.shape import checked, read

BOT, GROUP = 123456, -1_000_000_000_077
NAME = "frontdesk_bot"
ME = Me(
    id=BOT,
    username=NAME,
    name="Frontdesk",
    can_join_groups=True,
    can_read_all_group_messages=False,
    supports_inline_queries=True,
)
OURS = {"id": BOT, "is_bot": True, "first_name": "Frontdesk", "username": NAME}
ANNA = {"id": 7, "is_bot": False, "first_name": "Anna", "last_name": "Alt", "language_code": "de-AT"}
PRIVATE = {"id": 7, "type": "private", "first_name": "Anna"}
ROOM = {"id": GROUP, "type": "supergroup", "title": "Room"}
FORUM = {**ROOM, "is_forum": True}

Json = dict[str, Any]
_numbers = itertools.count(1)


def message(
    text: str = "", *, chat: Mapping[str, Any] = PRIVATE, user: Mapping[str, Any] | None = ANNA, **more: Any
) -> Json:
    """A message; `marks` is what its entities are."""
    found: Json = {"message_id": 10, "date": 1_700_000_000, "chat": dict(chat)}
    found |= {"from": dict(user)} if user else {}
    found |= {"text": text} if text else {}
    return found | more


def mark(kind: str, text: str, part: str, **more: Any) -> Json:
    """The entity that covers `part` of `text`."""
    before, covered = text[: text.index(part)], part
    offset, length = (len(one.encode("utf-16-le")) // 2 for one in (before, covered))
    return {"type": kind, "offset": offset, "length": length, **more}


def named(text: str, **more: Any) -> Json:
    """A message in a group that mentions the bot wherever its name stands."""
    marks: Sequence[Json] = [mark("mention", text, f"@{NAME}")] if f"@{NAME}" in text else []
    return message(text, chat=ROOM, entities=marks, **more)


def update(kind: str, payload: Any) -> Json:
    return {"update_id": next(_numbers), kind: payload}


def told(kind: str, payload: Any, me: Me = ME) -> Heard:
    """What is heard of an update."""
    return heard(read(checked(update(kind, payload))), me)
