"""Whatever bytes arrive: an update in the shape of the Bot API, or `Malformed`."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.telegram.inbound import understood
from adapters.telegram.lanes import lane
from adapters.telegram.shape import DEPTH, Malformed, checked, parse
from tests.adapters.telegram.updates import ANNA, GROUP, ME, NAME, OURS, PRIVATE, ROOM, mark, message, update

_FULL = [
    ("message", message(f"@{NAME} hi", chat=ROOM, entities=[mark("mention", f"@{NAME} hi", f"@{NAME}")])),
    ("message", message("Hi", reply_to_message=message("Ho", user=OURS), quote={"text": "H", "position": 0})),
    ("message", message(document={"file_id": "a", "file_unique_id": "b", "file_size": 3}, caption="c")),
    ("message", message(photo=[{"file_id": "p", "file_unique_id": "u", "width": 9, "height": 9}])),
    ("edited_business_message", message("Hi", edit_date=1_700_000_001, business_connection_id="B")),
    ("callback_query", {"id": "1", "from": ANNA, "chat_instance": "2", "data": "f+",
                        "message": message("Hi", user=OURS)}),
    ("inline_query", {"id": "1", "from": ANNA, "query": "how?", "offset": ""}),
    ("message_reaction", {"chat": PRIVATE, "message_id": 1, "user": ANNA, "date": 1, "old_reaction": [],
                          "new_reaction": [{"type": "emoji", "emoji": "👍"}]}),
    ("my_chat_member", {"chat": ROOM, "from": ANNA, "date": 1, "old_chat_member": {"user": OURS, "status": "left"},
                        "new_chat_member": {"user": OURS, "status": "member"}}),
    ("business_connection", {"id": "B", "user": ANNA, "user_chat_id": 7, "date": 1, "is_enabled": True}),
    ("deleted_business_messages", {"business_connection_id": "B", "chat": PRIVATE, "message_ids": [1]}),
    ("stopped_message_generation", {"chat": PRIVATE, "draft_id": 7}),
]  # fmt: skip

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where something stands in a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, one in inner for found in paths(one, (*path, key)))]


def with_other(value: Any, path: tuple[Any, ...], other: Any) -> Any:
    """`value` with something else at `path`."""
    if not path:
        return other
    copied = dict(value) if isinstance(value, dict) else list(value)
    copied[path[0]] = with_other(value[path[0]], path[1:], other)
    return copied


def understand(given: Any) -> None:
    """All that is done with an update before anything is published."""
    known = checked(given)
    lane(known)
    understood(known, ME)


@pytest.mark.parametrize(("kind", "payload"), _FULL)
def test_what_telegram_sends_is_taken(kind: str, payload: Any) -> None:
    """Every kind that is asked for."""
    understand(update(kind, payload))


@given(st.sampled_from(_FULL), st.data(), _JSON)
def test_anything_in_any_place(full: tuple[str, Any], data: st.DataObject, other: Any) -> None:
    """An update with one part exchanged for whatever there is in JSON is understood, or is malformed."""
    given_update = update(*full)
    path = data.draw(st.sampled_from(paths(given_update)))
    with suppress(Malformed):
        understand(with_other(given_update, path, other))


@given(_JSON)
def test_anything_at_all(given_value: Any) -> None:
    """It is no update, most of the time."""
    with suppress(Malformed):
        understand(given_value)


@given(st.binary(max_size=200))
def test_any_bytes(body: bytes) -> None:
    """They are parsed, or malformed."""
    with suppress(Malformed):
        parse(body)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"1", b"{", b"\xff", b'{"update_id": "1"}', b'{"update_id": 1.5}', b'{"update_id": true}', b"{}",
        b'{"update_id": NaN}', b'{"update_id": 1e999}', b'{"update_id": 1, "message": "text"}',
        b'{"update_id": 1, "message": {}}', b'{"update_id": 1, "x": "\\ud800"}', b'{"update_id": 1, "x": "\\u0000"}',
        b'{"update_id": 1, "x": ' + b"[" * (DEPTH + 1) + b"]" * (DEPTH + 1) + b"}", b"[" * 100_000,
        b'{"update_id": ' + b"9" * 5_000 + b"}", b'{"update_id": 99999999999999999999}',
    ],
)  # fmt: skip
def test_what_is_no_update(body: bytes) -> None:
    """It says why, in words that hold nothing of what was sent."""
    with pytest.raises(Malformed) as caught:
        parse(body)
    assert "text" not in str(caught.value) or "characters" in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        {"message_id": "1"}, {"message_id": -1}, {"message_id": 1.0}, {"date": 10**12}, {"date": -1}, {"chat": 7},
        {"chat": {"id": "7", "type": "private"}}, {"chat": {"id": 7}}, {"from": {"id": 7}}, {"text": 5},
        {"entities": "x"}, {"entities": [{"type": "mention", "offset": "0", "length": 1}]}, {"entities": [[]]},
        {"reply_to_message": {"message_id": 1}}, {"photo": [{}]},
        {"document": {"file_id": "a b", "file_unique_id": ""}}, {"text": ["a"]},
        {"from": {"id": 2**60, "is_bot": False, "first_name": "x"}}, {"business_connection_id": "a:b/c d"},
    ],
)  # fmt: skip
def test_messages_that_are_not_in_shape(change: dict[str, Any]) -> None:
    """The library would take most of them."""
    with pytest.raises(Malformed):
        checked(update("message", message("Hi") | change))


def test_what_is_newer_than_the_library_is_taken() -> None:
    """Fields, kinds of entities and of chats that nobody knows yet."""
    newer = message("Hi", entities=[{"type": "sparkle", "offset": 0, "length": 1}], aura={"colour": "blue"})
    understand(update("message", newer) | {"another": 1})
    understand(update("message", message("Hi", chat={"id": GROUP, "type": "hypergroup"})))
    understand(update("new_kind_of_update", {"x": 1}))


def test_lanes() -> None:
    """Whatever belongs to one chat is in one lane; what belongs to none is in its person's."""
    for kind, payload in _FULL:
        number, person = lane(update(kind, payload))
        assert (number or person) in (7, GROUP)
    assert lane(update("new_kind", {"x": 1})) == (0, 0)
    assert json.dumps(_FULL)
