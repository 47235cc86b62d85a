"""What servers say when they refuse, and what of it is repeated."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.engine.base import ChatMessage
from bot.engine.completions import OPTIONAL_FIELDS
from bot.engine.refusal import Refusal, repeatable
from bot.engine.server import retry_after

_BODY = {"model": "small", "stream_options": {}, "temperature": 0, "max_tokens": 5, "top_k": 4, "seed": 1}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"error": {"message": "No such model.", "code": 404}}, "No such model."),
        ({"error": "model 'x' not found"}, "model 'x' not found"),
        ({"object": "error", "message": "too long", "code": 400}, "too long"),
        ({"detail": "Not here"}, "Not here"),
        ({"detail": [{"loc": ["body", "top_k"], "msg": "Extra inputs"}]}, "Extra inputs"),
        ({"error": {"message": None}}, ""),
        (["no", "object"], ""),
    ],
)
def test_the_message_is_found_in_every_shape(body: object, message: str) -> None:
    """OpenAI's, Ollama's, vLLM's older one and FastAPI's."""
    assert message in Refusal.read(400, json.dumps(body).encode()).message


@given(st.binary())
def test_any_body_can_be_read(body: bytes) -> None:
    """A proxy's page or a broken body is an error without a message, never an exception."""
    assert Refusal.read(502, body).status == 502


def test_a_document_nested_too_deeply_is_no_message() -> None:
    """The reader does not fall over a hostile server."""
    assert Refusal.read(500, b"[" * 60_000).message == ""


@pytest.mark.parametrize(
    ("refusal", "fields"),
    [
        (Refusal(status=400, message="Unrecognized request argument supplied: top_k"), {"top_k"}),
        (Refusal(status=400, message="This is not supported here", parameter="temperature"), {"temperature"}),
        (Refusal(status=400, message="stream_options is wrong"), {"stream_options"}),
        (Refusal(status=422, message="Extra inputs: stream_options.include_usage"), {"stream_options"}),
        (Refusal(status=400, message="temperature must be at most 1"), set()),
        (Refusal(status=400, message="Unsupported: the model small"), set()),
        (Refusal(status=400, message="Unknown argument: presence_penalty"), set()),
        (Refusal(status=404, message="Unknown argument: top_k"), set()),
    ],
)  # fmt: skip
def test_only_optional_fields_that_were_sent_and_named_as_unknown_are_left_out(
    refusal: Refusal, fields: set[str]
) -> None:
    """A wrong value stays an error: leaving it out would change the answer silently."""
    assert refusal.refused_fields(_BODY, OPTIONAL_FIELDS) == fields


@given(st.text(st.sampled_from("abcdef gh"), min_size=12, max_size=80), st.text(max_size=30), st.text(max_size=30))
def test_no_run_of_what_was_said_is_repeated(said: str, before: str, after: str) -> None:
    """A server that quotes the conversation in its error does not get it into our logs."""
    text = repeatable(before + said + after, key="", messages=[ChatMessage(role="user", content=said)])
    heard = " ".join(said.split())
    assert not any(heard[at : at + 12] in text for at in range(len(heard) - 11))


def test_what_is_repeated_is_one_short_line_without_the_key() -> None:
    """Line breaks and control characters would forge log lines."""
    text = repeatable("bad key sk-secret\r\n\x1b[31m" + "x" * 900, key="sk-secret", messages=[])
    assert text.startswith("bad key [key] [31mxxx")
    assert len(text) <= 300
    assert text.isprintable()


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("2", 2),
        ("0.5", 0.5),
        ("Fri, 31 Dec 1999 23:59:59 GMT", 59),
        ("Fri, 31 Dec 1999 23:00:00 GMT", 0),
        ("-3", 0),
        ("inf", 0),
        ("nan", 0),
        ("soon", 0),
        ("", 0),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str, seconds: float) -> None:
    """RFC 9110; nonsense and the past ask for nothing."""
    assert retry_after({"Retry-After": value}, now=946_684_740.0) == pytest.approx(seconds)
