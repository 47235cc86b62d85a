"""Whatever bytes are signed, they become an object of a known shape, or 400."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.slack.inbound import heard
from adapters.slack.payload import checked, is_id, is_ts, parse
from adapters.slack.signature import Denied

FORM = "application/x-www-form-urlencoded"
JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10), lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(max_size=8), inner, max_size=4), max_leaves=12,
)  # fmt: skip
NAMES = (
    "type", "event", "team_id", "team", "enterprise", "user", "channel", "message", "authorizations", "actions", "view",
    "container", "callback_id", "command", "text", "trigger_id", "channel_id", "user_id", "is_ext_shared_channel",
    "bot_access_token", "function_data", "response_url", "response_urls", "event_context",
)  # fmt: skip
EVENT_NAMES = (
    "type", "subtype", "channel", "user", "text", "ts", "thread_ts", "message", "previous_message", "files", "edited",
    "assistant_thread", "tab", "streaming_message_ts", "tokens", "deleted_ts", "channel_type", "bot_id", "bot_profile",
)  # fmt: skip
KINDS = st.sampled_from(
    ["event_callback", "block_actions", "message_action", "url_verification", "view_submission", ""]
)
EVENT_KINDS = st.sampled_from(
    ["message", "app_mention", "app_home_opened", "assistant_thread_started", "agent_session_stopped", "tokens_revoked"]
)


def outcome(read: Callable[[], Any]) -> tuple[int, Any]:
    """(200, what it gives), or (the status of its refusal, None)."""
    try:
        return 200, read()
    except Denied as denied:
        return denied.status, None


def refused(body: bytes, kind: str = "application/json") -> Denied:
    with pytest.raises(Denied) as denied:
        parse(body, kind)
    return denied.value


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b'"text"', b"{", b"{]", b"\xff\xfe", b'{"a": NaN}', b'{"a": Infinity}', b"null", b"12",
        b'{"text": "\\ud800"}', b'{"text": "\\u0000"}', b'{"\\udfff": 1}', b"[" * 50_000, b'{"a":' * 5_000,
        b'{"type": "event_callback"}', b'{"type": "event_callback", "event": []}',
        b'{"type": "event_callback", "event": {"type": 1}}', b'{"authorizations": ["T1"]}', b'{"authorizations": 7}',
        b'{"team": 7}', b'{"actions": {}}', b'{"user": []}',
    ],
)  # fmt: skip
def test_what_is_no_payload_is_400(body: bytes) -> None:
    """Bad JSON, bad UTF-8, half characters, nesting without end, lists for objects."""
    assert refused(body).status == 400


@pytest.mark.parametrize("body", [b"payload=%7B", b"payload=%FF", b"text", b"=&=&", b"payload=[]", b"a=1&" * 100])
def test_a_form_without_a_payload_is_400(body: bytes) -> None:
    """Interactions come as JSON in a form's field; slash commands as a plain form, of about a dozen fields."""
    assert refused(body, FORM).status == 400


def test_the_three_ways_of_sending_are_read() -> None:
    """An event as JSON, an interaction as JSON in a form, a command as a form."""
    assert parse(b'{"type": "url_verification", "challenge": "c"}', "application/json")["challenge"] == "c"
    interaction = urlencode({"payload": json.dumps({"type": "block_actions"})}).encode()
    assert parse(interaction, FORM) == {"type": "block_actions"}
    command = urlencode({"command": "/frontdesk", "text": "", "team_id": "T0123"}).encode()
    assert parse(command, FORM) == {"command": "/frontdesk", "text": "", "team_id": "T0123"}


@given(st.binary(max_size=300), st.sampled_from(["application/json", FORM, "text/plain", ""]))
def test_any_bytes_end_well(body: bytes, kind: str) -> None:
    """An object, or 400; never another exception."""
    status, parsed = outcome(lambda: parse(body, kind))
    assert status == 400 or isinstance(parsed, dict)


@given(
    st.dictionaries(st.sampled_from(NAMES), JSON_VALUES, max_size=8),
    KINDS,
    st.dictionaries(st.sampled_from(EVENT_NAMES), JSON_VALUES, max_size=8),
    EVENT_KINDS,
)
def test_any_shape_is_heard_or_refused(
    payload: dict[str, Any], kind: str, event: dict[str, Any], event_kind: str
) -> None:
    """What is let through can be heard without another look, and an id in it never holds what separates names."""
    payload = {**payload, "type": kind, "event": {**event, "type": event_kind}}
    status, told = outcome(lambda: heard(checked(payload)))
    assert status == 400 or told.of.team == "" or is_id(told.of.team)


@pytest.mark.parametrize(
    ("given_id", "good"), [("T0123", True), ("", False), ("T:1", False), ("T 1", False), (7, False)]
)
def test_ids_hold_no_separators(given_id: object, good: bool) -> None:
    """The house joins them with colons."""
    assert is_id(given_id) is good


@pytest.mark.parametrize(
    ("ts", "good"), [("1700000000.000100", True), ("1", True), ("", False), ("1.x", False), (1, False)]
)
def test_timestamps_are_numbers(ts: object, good: bool) -> None:
    """They are turned into times."""
    assert is_ts(ts) is good
