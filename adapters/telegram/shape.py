"""An update's bytes as a `telegram.Update` whose parts are what their names promise. Pure.

The library takes nearly anything: a chat whose id is a list, a text that is a number. Whatever arrives, the outcome is
an update that may be read without looking twice, or `Malformed`. What Telegram has added since the library was made is
no fault; it stands in `api_kwargs`. The shapes: https://core.telegram.org/bots/api#available-types
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

from telegram import Update

DEPTH = 64
"""Levels of nesting, at most; a message that answers another has about ten."""
_BITS = 2**53
"""No number of Telegram's is beyond; most fit into 52 bits, all into a double."""
_LATEST = 2**33
"""Dates are before the year 2242: the library makes calendar dates of them, which do not go on for ever."""

_NO_TEXT = re.compile("[\0\ud800-\udfff]")
_TOKEN = re.compile(r"[A-Za-z0-9_=.:-]{1,256}")

_USER = {"id": "number!", "is_bot": "truth!", "first_name": "text!", "last_name": "text", "username": "text",
         "language_code": "text"}  # fmt: skip
_CHAT = {"id": "number!", "type": "text!", "title": "text", "username": "text", "first_name": "text",
         "last_name": "text"}  # fmt: skip
_ENTITY = {"type": "text!", "offset": "count!", "length": "count!", "user": "user", "url": "text"}
_FILE = {"file_id": "name!", "file_unique_id": "text!", "file_size": "count", "file_name": "text", "mime_type": "text"}
_SHAPES: Mapping[str, Mapping[str, str]] = {
    "update": {
        "update_id": "number!",
        "message": "message", "edited_message": "message", "channel_post": "message", "edited_channel_post": "message",
        "business_message": "message", "edited_business_message": "message", "guest_message": "message",
        "business_connection": "connection", "deleted_business_messages": "deleted", "callback_query": "press",
        "inline_query": "query", "message_reaction": "reaction", "my_chat_member": "change",
        "stopped_message_generation": "stop",
    },
    "user": _USER,
    "chat": _CHAT,
    "entity": _ENTITY,
    "file": _FILE,
    "message": {
        "message_id": "count!", "date": "date!", "chat": "chat!", "from": "user", "sender_chat": "chat",
        "edit_date": "date", "message_thread_id": "count", "is_topic_message": "truth", "text": "text",
        "caption": "text", "entities": "[entity", "caption_entities": "[entity", "reply_to_message": "message",
        "quote": "quote", "external_reply": "object", "via_bot": "user", "sender_business_bot": "user",
        "business_connection_id": "name", "media_group_id": "text", "document": "file", "voice": "file",
        "audio": "file", "video": "file", "video_note": "file", "animation": "file", "sticker": "file",
        "photo": "[file", "migrate_to_chat_id": "number", "migrate_from_chat_id": "number",
        "is_automatic_forward": "truth", "is_from_offline": "truth",
    },
    "quote": {"text": "text!"},
    "connection": {"id": "name!", "user": "user!", "date": "date!", "is_enabled": "truth!", "rights": "object"},
    "deleted": {"business_connection_id": "name!", "chat": "chat!", "message_ids": "[count!"},
    "press": {"id": "name!", "from": "user!", "message": "message", "data": "text"},
    "query": {"id": "name!", "from": "user!", "query": "text!", "offset": "text!", "chat_type": "text"},
    "reaction": {"chat": "chat!", "message_id": "count!", "date": "date!", "user": "user", "actor_chat": "chat",
                 "old_reaction": "[kind!", "new_reaction": "[kind!"},
    "kind": {"type": "text!", "emoji": "text"},
    "change": {"chat": "chat!", "from": "user!", "date": "date!", "old_chat_member": "member!",
               "new_chat_member": "member!"},
    "member": {"status": "text!", "user": "user!"},
    "stop": {"chat": "chat!", "draft_id": "number!", "message_thread_id": "count"},
    "object": {},
}  # fmt: skip
"""Fields that are read here, with what they are: "!" has to be there, "[" is a list of them."""


class Malformed(ValueError):
    """No update of Telegram's. What it says holds nothing of what was sent."""


def parse(body: bytes) -> Mapping[str, Any]:
    """The object in `body`, in the shape that updates have. Raises `Malformed`."""
    try:
        given = json.loads(body.decode("utf-8"), parse_constant=_not_a_number)
    except (ValueError, RecursionError):
        raise Malformed("The body is not JSON.") from None
    return checked(given)


def checked(given: object) -> Mapping[str, Any]:
    """`given` when it is in the shape that updates have. Raises `Malformed`."""
    if not isinstance(given, dict):
        raise Malformed("The update is not an object.")
    _no_surprises(given, DEPTH)
    _check("update", given)
    return given


def read(update: Mapping[str, Any]) -> Update:
    """What was `checked`, as the library has it. Raises `Malformed` where that can make nothing of it."""
    try:
        return Update.de_json(dict(update), None)
    except Exception:  # whatever the library stumbles over, which does not promise anything
        raise Malformed("The update is not in the shape of the Bot API.") from None


def _check(shape: str, given: Mapping[str, Any]) -> None:
    for name, kind in _SHAPES[shape].items():
        value = given.get(name)
        if value is None:
            if kind.endswith("!"):
                raise Malformed(f"`{name}` is missing.")
        elif not _is(kind.removesuffix("!"), value):
            raise Malformed(f"`{name}` is not what it should be.")


def _is(kind: str, value: object) -> bool:
    if kind.startswith("["):
        return isinstance(value, list) and all(_is(kind[1:], one) for one in value)
    if kind in _SHAPES:
        if isinstance(value, dict):
            _check(kind, value)
        return isinstance(value, dict)
    if kind in ("text", "name"):
        return isinstance(value, str) and (kind == "text" or _TOKEN.fullmatch(value) is not None)
    if kind == "truth":
        return isinstance(value, bool)
    least, most = {"number": (-_BITS, _BITS), "count": (0, _BITS), "date": (0, _LATEST)}[kind]
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _no_surprises(value: object, depth: int) -> None:
    """No half characters, which no database takes, and no nesting that a later walk could not bear."""
    if depth == 0:
        raise Malformed("The update is nested too deeply.")
    if isinstance(value, str):
        if _NO_TEXT.search(value):
            raise Malformed("The update holds characters that are no text.")
    elif isinstance(value, dict):
        for name, inner in value.items():
            _no_surprises(name, depth)
            _no_surprises(inner, depth - 1)
    elif isinstance(value, list):
        for inner in value:
            _no_surprises(inner, depth - 1)


def _not_a_number(name: str) -> NoReturn:
    raise ValueError(name)
