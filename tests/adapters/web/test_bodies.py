"""What the widget says to us."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from adapters.web import bodies
from adapters.web.protocol import Problem

ID = "abcdefgh-1"
JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ("id", "text", "conversation", "language", "message_id", "value", "comment", "identity")


def parse_all(body: bytes) -> None:
    """Every parser takes `body` or refuses it with a 4xx and a sentence."""
    for parse in (
        lambda: bodies.parse_message(body, 100),
        lambda: bodies.parse_stop(body),
        lambda: bodies.parse_feedback(body),
        lambda: bodies.parse_session(body),
    ):
        refusal: Problem | None = None
        try:
            parse()
        except Problem as problem:
            refusal = problem
        assert refusal is None or (refusal.status in (400, 413) and refusal.message.endswith("."))


@settings(deadline=None)
@given(some.binary(max_size=200))
def test_bytes_are_a_value_or_a_problem(body: bytes) -> None:
    """Whatever bytes come, the outcome is a value or a 4xx."""
    parse_all(body)


@settings(deadline=None)
@given(some.dictionaries(some.sampled_from(FIELDS), JSON, max_size=6))
def test_objects_are_a_value_or_a_problem(given_object: dict[str, Any]) -> None:
    """Whatever stands in the fields, the outcome is a value or a 4xx."""
    parse_all(json.dumps(given_object).encode())


@settings(deadline=None)
@given(
    some.text(min_size=1, max_size=100),
    some.from_regex(r"[A-Za-z0-9_-]{8,64}", fullmatch=True),
    some.from_regex(r"[a-z0-9-]{1,32}", fullmatch=True),
)
def test_a_message_is_taken_as_it_was_written(text: str, client_id: str, conversation: str) -> None:
    """Text, id and conversation arrive unchanged, spaces and line breaks included."""
    body = json.dumps({"id": client_id, "text": text, "conversation": conversation}).encode()
    if not text.strip() or "\0" in text:
        with pytest.raises(Problem):
            bodies.parse_message(body, 100)
        return
    said = bodies.parse_message(body, 100)
    assert (said.id, said.text, said.conversation, said.language) == (client_id, text, conversation, "")


@pytest.mark.parametrize(
    ("text", "command", "applied"),
    [("/help", "help", ""), ("/translate de: Hello", "translate", "de: Hello"), ("/etc is full", "", "/etc is full")],
)
def test_a_message_may_be_a_command(text: str, command: str, applied: str) -> None:
    """One that begins as a command does; one that merely begins with a slash is a message like others."""
    said = bodies.parse_message(json.dumps({"id": "abcdefgh", "text": text}).encode(), 100)
    assert (said.command, said.text) == (command, applied)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "not_json"),
        (b"null", 400, "not_an_object"),
        (b"[]", 400, "not_an_object"),
        (b'"text"', 400, "not_an_object"),
        (b"{", 400, "not_json"),
        (b"\xff\xfe", 400, "not_utf8"),
        ('{"id":"abcdefgh"}'.encode("utf-16"), 400, "not_utf8"),
        (b"\xef\xbb\xbf{}", 400, "not_json"),
        (b"[" * 50_000, 400, "too_deep"),
        (b'{"a":' * 20_000, 400, "too_deep"),
        (b'{"a":NaN}', 400, "not_json"),
        (b'{"a":-Infinity}', 400, "not_json"),
        (b'{"a":1e999}', 400, "not_json"),
        (b'{"a":' + b"9" * 5_000 + b"}", 400, "not_json"),
        (b"{}", 400, "bad_type"),
        (b'{"text":"hello"}', 400, "bad_id"),
        (b'{"id":"short","text":"hello"}', 400, "bad_id"),
        (b'{"id":"abcdefgh\\n","text":"hello"}', 400, "bad_id"),
        (b'{"id":"abcdef:gh","text":"hello"}', 400, "bad_id"),
        (b'{"id":12345678,"text":"hello"}', 400, "bad_id"),
        (b'{"id":"abcdefgh","text":7}', 400, "bad_type"),
        (b'{"id":"abcdefgh","text":null}', 400, "bad_type"),
        (b'{"id":"abcdefgh","text":["a"]}', 400, "bad_type"),
        (b'{"id":"abcdefgh","text":" \\n "}', 400, "empty"),
        (b'{"id":"abcdefgh","text":"a\\u0000b"}', 400, "bad_text"),
        (b'{"id":"abcdefgh","text":"a\\ud800b"}', 400, "bad_text"),
        (b'{"id":"abcdefgh","text":"hello","conversation":"../main"}', 400, "bad_conversation"),
        (b'{"id":"abcdefgh","text":"hello","conversation":"a:b"}', 400, "bad_conversation"),
        (b'{"id":"abcdefgh","text":"hello","conversation":""}', 400, "bad_conversation"),
        (b'{"id":"abcdefgh","text":"hello","conversation":null}', 400, "bad_conversation"),
        (b'{"id":"abcdefgh","text":"hello","language":"<script>"}', 400, "bad_language"),
        (b'{"id":"abcdefgh","text":"hello","language":1}', 400, "bad_language"),
        (b'{"id":"abcdefgh","text":"' + b"x" * 101 + b'"}', 413, "too_long"),
    ],
)
def test_what_is_wrong_is_named(body: bytes, status: int, code: str) -> None:
    """Each kind of fault has its own code."""
    with pytest.raises(Problem) as refused:
        bodies.parse_message(body, 100)
    assert (refused.value.status, refused.value.code) == (status, code)


@pytest.mark.parametrize("value", [2, -2, 1.0, True, "1", None, [1]])
def test_an_opinion_is_one_of_three(value: object) -> None:
    """`value` is 1, -1 or 0, as a number and not as something that compares equal."""
    with pytest.raises(Problem):
        bodies.parse_feedback(json.dumps({"message_id": ID, "value": value}).encode())


def test_feedback_and_stop_are_read() -> None:
    """A whole body is read, and what may be left out has its default."""
    rated = bodies.parse_feedback(json.dumps({"message_id": ID, "value": -1, "comment": "wrong price"}).encode())
    assert (rated.message_id, rated.value, rated.comment, rated.conversation) == (ID, -1, "wrong price", "main")
    assert bodies.parse_stop(json.dumps({"message_id": ID, "conversation": "b2"}).encode()) == ("b2", ID)


@pytest.mark.parametrize(
    ("given_tag", "language"),
    [("en", "en"), ("zh-Hans-CN", "zh"), ("DE", "de"), ("pt_BR", "pt"), ("", "")],
)
def test_a_language_is_its_primary_subtag(given_tag: str, language: str) -> None:
    """A page may tell its whole language tag; what is kept is the language."""
    body = json.dumps({"id": ID, "text": "hi", "language": given_tag}).encode()
    assert bodies.parse_message(body, 100).language == language


def test_a_key_given_twice_counts_once() -> None:
    """The last of equal keys counts."""
    assert bodies.parse_message(b'{"id":"abcdefgh","text":"a","text":"b"}', 100).text == "b"


@pytest.mark.parametrize(
    ("header", "query", "number"),
    [(None, None, 0), (None, "7", 7), ("9", "7", 9), ("", "7", 7), (None, str(2**63 - 1), 2**63 - 1)],
)
def test_the_header_wins_over_the_query(header: str | None, query: str | None, number: int) -> None:
    """Last-Event-ID is newer than the address that a page was first opened with."""
    assert bodies.position(header, query) == number


@pytest.mark.parametrize("value", ["-1", "1.5", "abc", "٣", "1_0", " 1", "9" * 30, str(2**63), "1\n"])
def test_a_position_is_a_plain_number(value: str) -> None:
    """Nothing that only looks like a number is one."""
    with pytest.raises(Problem):
        bodies.position(value, None)
