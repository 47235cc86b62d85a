"""What the widget says to us, without sockets: bodies and parameters in, values out.

Whatever bytes arrive, the outcome is a value of the right type or a `Problem` (4xx) that says what to do.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from adapters.commands import command_of
from adapters.web.protocol import Problem
from bot.events import Command

MAIN = "main"
COMMENT_CHARACTERS = 2_000
IDENTITY_CHARACTERS = 8_000
LARGEST_NUMBER = 2**63 - 1

_CLIENT_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
_CONVERSATION = re.compile(r"[a-z0-9-]{1,32}")
_LANGUAGE = re.compile(r"([A-Za-z]{2,3})(?:[-_][A-Za-z0-9]{1,8}){0,4}")
_NUMBER = re.compile(r"[0-9]{1,19}")
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """The body of POST /web/messages. `language` is an ISO 639-1 code, "" when the page did not say.

    `command` is what the visitor typed with a slash; `text` is what it is applied to.
    """

    id: str
    command: Command
    text: str
    conversation: str
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rated:
    """The body of POST /web/feedback."""

    message_id: str
    conversation: str
    value: int
    comment: str


def parse_object(body: bytes) -> dict[str, Any]:
    """The JSON object in `body`: UTF-8, no NaN or infinity; of a key given twice the last counts."""
    try:
        parsed = json.loads(body.decode("utf-8"), parse_constant=_not_a_number, parse_float=_finite)
    except UnicodeDecodeError:
        raise Problem(400, "not_utf8", "The body is not UTF-8.") from None
    except RecursionError:
        raise Problem(400, "too_deep", "The body is nested too deeply.") from None
    except ValueError:
        raise Problem(400, "not_json", "The body is not JSON.") from None
    if not isinstance(parsed, dict):
        raise Problem(400, "not_an_object", "The body must be a JSON object.")
    return parsed


def parse_message(body: bytes, characters: int) -> Said:
    """What a visitor says; `characters` is how long it may be."""
    given = parse_object(body)
    text = _string(given, "text", characters)
    if not text.strip():
        raise Problem(400, "empty", "`text` is empty.")
    command, text = command_of(text)
    return Said(
        id=client_id(given.get("id"), "id"),
        command=command,
        text=text,
        conversation=conversation(given.get("conversation", MAIN)),
        language=_language(given.get("language", "")),
    )


def parse_stop(body: bytes) -> tuple[str, str]:
    """(conversation, client's message id)"""
    given = parse_object(body)
    return conversation(given.get("conversation", MAIN)), client_id(given.get("message_id"), "message_id")


def parse_feedback(body: bytes) -> Rated:
    given = parse_object(body)
    value = given.get("value")
    if type(value) is not int or value not in (-1, 0, 1):
        raise Problem(400, "bad_value", "`value` must be 1, -1 or 0.")
    return Rated(
        message_id=client_id(given.get("message_id"), "message_id"),
        conversation=conversation(given.get("conversation", MAIN)),
        value=value,
        comment=_string({"comment": ""} | given, "comment", COMMENT_CHARACTERS),
    )


def parse_session(body: bytes) -> str:
    """The site's JWT, "" when there is none. An empty body stands for an empty object."""
    given = {"identity": ""} | (parse_object(body) if body.strip() else {})
    if given["identity"] is None:
        return ""
    return _string(given, "identity", IDENTITY_CHARACTERS)


def client_id(value: object, name: str) -> str:
    if not isinstance(value, str) or not _CLIENT_ID.fullmatch(value):
        raise Problem(400, "bad_id", f"`{name}` must be 8 to 64 letters, digits, - or _.")
    return value


def conversation(value: object) -> str:
    if not isinstance(value, str) or not _CONVERSATION.fullmatch(value):
        raise Problem(400, "bad_conversation", "`conversation` must be 1 to 32 of a-z, 0-9 and -.")
    return value


def position(last_event_id: str | None, after: str | None) -> int:
    """Where to go on: the header wins over the query; nothing means from the start."""
    value = last_event_id or after or "0"
    if not _NUMBER.fullmatch(value) or int(value) > LARGEST_NUMBER:
        raise Problem(400, "bad_position", "`after` and Last-Event-ID must be the number of an event.")
    return int(value)


def primary_language(value: str) -> str:
    """The primary subtag of a BCP 47 tag in lower case, "" for anything else."""
    match = _LANGUAGE.fullmatch(value)
    return match[1].lower() if match else ""


def _language(value: object) -> str:
    if not isinstance(value, str) or (value and not _LANGUAGE.fullmatch(value)):
        raise Problem(400, "bad_language", '`language` must be a language code such as "en".')
    return primary_language(value)


def _string(given: Mapping[str, Any], name: str, characters: int) -> str:
    value = given.get(name)
    if not isinstance(value, str):
        raise Problem(400, "bad_type", f"`{name}` must be a string.")
    if len(value) > characters:
        raise Problem(413, "too_long", f"`{name}` is longer than {characters} characters.")
    if "\0" in value or _SURROGATE.search(value):
        raise Problem(400, "bad_text", f"`{name}` holds characters that are no text.")
    return value


def _not_a_number(name: str) -> NoReturn:
    raise ValueError(name)


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(digits)
    return number
