"""A request's bytes as one JSON object in the shape that Slack's have. Pure.

Whatever bytes arrive, the outcome is an object whose parts are what their names promise, or `Denied` (400): Bolt and
everything behind it may then read them without looking twice.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn
from urllib.parse import parse_qsl

from adapters.slack.signature import Denied

FIELDS = 64
"""Fields of a form, at most; a slash command has about a dozen."""
DEPTH = 64
"""Levels of nesting, at most; a message with blocks has about ten."""

_NO_TEXT = re.compile("[\0\ud800-\udfff]")
_PLACES = ("team", "enterprise", "user", "channel", "message", "view", "container")
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TS = re.compile(r"[0-9]{1,16}(\.[0-9]{1,9})?")


def parse(body: bytes, content_type: str) -> dict[str, Any]:
    """The object in `body`: JSON, or a form with its JSON in `payload`, or (slash commands) a plain form."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise Denied(400, "The body is not UTF-8.") from None
    if content_type == "application/json" or text.startswith("{"):
        return checked(_object(text))
    try:
        form = dict(
            parse_qsl(text, keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=FIELDS)
        )
    except ValueError:
        raise Denied(400, "The body is neither JSON nor a form.") from None
    return checked(_object(form["payload"]) if "payload" in form else dict(form))


def checked(payload: object) -> dict[str, Any]:
    """`payload` when it has the shape that Slack's have. Raises `Denied` (400).

    Only what others would stumble over is refused; a field that is not what it should be counts as missing.
    """
    if not isinstance(payload, dict):
        raise Denied(400, "The body is not an object.")
    _no_surprises(payload, DEPTH)
    for name in _PLACES:
        if not isinstance(payload.get(name), str | dict | None):
            raise Denied(400, f"`{name}` is neither an id nor an object.")
    for name in ("authorizations", "actions"):
        given = payload.get(name)
        if given is not None and objects(payload, name) != given:
            raise Denied(400, f"`{name}` is not a list of objects.")
    if payload.get("type") == "event_callback" and not string(inner(payload, "event"), "type"):
        raise Denied(400, "The event has no type.")
    return payload


def string(given: Mapping[str, Any], name: str) -> str:
    """The string at `name`, "" when there is none."""
    value = given.get(name)
    return value if isinstance(value, str) else ""


def inner(given: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The object at `name`, an empty one when there is none."""
    value = given.get(name)
    return value if isinstance(value, dict) else {}


def objects(given: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """The objects in the list at `name`; none when there is no list."""
    value = given.get(name)
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def is_id(value: object) -> bool:
    """Whether it can be the id of something of Slack's. An id never holds what separates the house's names."""
    return isinstance(value, str) and bool(_ID.fullmatch(value))


def is_ts(value: object) -> bool:
    """Whether it can be a message's timestamp, such as "1700000000.000100"."""
    return isinstance(value, str) and bool(_TS.fullmatch(value))


def _object(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_not_a_number)
    except (ValueError, RecursionError):
        raise Denied(400, "The body is not JSON.") from None


def _no_surprises(value: object, depth: int) -> None:
    """No half characters, which no database takes, and no nesting that a later walk could not bear."""
    if depth == 0:
        raise Denied(400, "The body is nested too deeply.")
    if isinstance(value, str):
        if _NO_TEXT.search(value):
            raise Denied(400, "The body holds characters that are no text.")
    elif isinstance(value, dict):
        for name, inner in value.items():
            _no_surprises(name, depth)
            _no_surprises(inner, depth - 1)
    elif isinstance(value, list):
        for inner in value:
            _no_surprises(inner, depth - 1)


def _not_a_number(name: str) -> NoReturn:
    raise ValueError(name)
