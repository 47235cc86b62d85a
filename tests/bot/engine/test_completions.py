"""The protocol without sockets: what is asked, and what the bytes of an answer mean."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.engine.base import ChatMessage, EngineBusy, EngineFault, Usage
from bot.engine.completions import AnswerReader, Chunk, model_names, request_body
from bot.events import Sampling
from tests.fakes.openai_shapes import FLAVOURS, Flavour, Shapes

_ASKED = [ChatMessage(role="user", content="How long?")]


def _stream(*events: object, end: bytes = b"data: [DONE]\n\n") -> bytes:
    return b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events) + end


def _delta(text: str | None, finish: str | None = None) -> dict[str, object]:
    return {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish}]}


def _read(*parts: bytes) -> list[Chunk]:
    reader = AnswerReader()
    chunks = [chunk for part in parts for chunk in reader.feed(part)]
    return chunks if reader.done else chunks + reader.end()


def _text(chunks: list[Chunk]) -> str:
    return "".join(chunk.text for chunk in chunks)


def test_settings_at_rest_are_not_sent() -> None:
    """Hosted servers refuse fields that they do not know, so a plain request holds none."""
    assert request_body("small", _ASKED, Sampling(max_tokens=9)) == {
        "model": "small",
        "messages": [{"role": "user", "content": "How long?"}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0.0,
        "max_tokens": 9,
    }


def test_every_setting_that_was_made_is_sent() -> None:
    """Under the name that servers know, with no more than four stop strings."""
    sampling = Sampling(
        temperature=0.7, top_p=0.9, top_k=40, min_p=0.05, stop=("a", "b", "c", "d", "e"), seed=0,
        frequency_penalty=0.1, presence_penalty=0.2, repetition_penalty=1.1,
    )  # fmt: skip
    body = request_body("small", _ASKED, sampling)
    assert {name: body[name] for name in body.keys() - {"model", "messages", "stream", "stream_options"}} == {
        "temperature": 0.7, "top_p": 0.9, "top_k": 40, "min_p": 0.05, "stop": ["a", "b", "c", "d"], "seed": 0,
        "frequency_penalty": 0.1, "presence_penalty": 0.2, "repetition_penalty": 1.1, "max_tokens": 512,
    }  # fmt: skip


def test_refused_fields_are_left_out_and_max_tokens_goes_by_its_newer_name() -> None:
    """What a server refused once is not sent again; the length stays bounded."""
    body = request_body("small", _ASKED, Sampling(max_tokens=9), without={"max_tokens", "stream_options"})
    assert "max_tokens" not in body
    assert "stream_options" not in body
    assert body["max_completion_tokens"] == 9


@given(st.sampled_from(FLAVOURS), st.lists(st.text(min_size=1), min_size=1), st.lists(st.integers(0, 9_999)))
def test_the_stream_of_every_server_reads_the_same_however_it_is_cut(
    flavour: Flavour, pieces: list[str], cuts: list[int]
) -> None:
    """Role first, nulls, empty choices with usage: the text is what was sent, wherever the bytes are cut."""
    shapes = Shapes(flavour, "small")
    usage = {"prompt_tokens": 7, "completion_tokens": len(pieces)}
    deltas = [shapes.chunk({"content": piece}) for piece in pieces]
    stream = _stream(shapes.role(), *deltas, shapes.last("stop"), shapes.usage(usage))
    places = sorted({cut % (len(stream) + 1) for cut in cuts} | {0, len(stream)})
    chunks = _read(*(stream[start:end] for start, end in pairwise(places)))
    assert _text(chunks) == "".join(pieces)
    assert [chunk.finish_reason for chunk in chunks if chunk.finish_reason] == ["stop"]
    assert [chunk.usage for chunk in chunks if chunk.usage] == [Usage(prompt_tokens=7, completion_tokens=len(pieces))]


@given(st.integers(0, 9_999))
def test_a_stream_cut_anywhere_before_its_finish_is_never_taken_for_whole(cut: int) -> None:
    """In mid-line, in mid-character, between events: it raises."""
    stream = _stream(_delta(None), _delta("Zwölf 天"), _delta(" lang"), end=b"")
    with pytest.raises(EngineFault):
        _read(stream[: cut % (len(stream) + 1)])


@pytest.mark.parametrize(
    "end", [b"", b"data: [DO", b"data: [DONE]", b"data: {garbage\n\n", b'data: {"error":"late"}\n\n']
)
def test_nothing_after_the_finish_can_spoil_an_answer(end: bytes) -> None:
    """A server that forgets [DONE], or breaks after the last word, has answered."""
    chunks = _read(_stream(_delta("Yes"), _delta(None, "stop"), end=end))
    assert (_text(chunks), chunks[-1].finish_reason) == ("Yes", "stop")


def test_done_without_a_finish_reason_is_a_whole_answer() -> None:
    """The server said that it is done."""
    assert _text(_read(_stream(_delta("Yes")))) == "Yes"


def test_the_last_event_may_lack_its_blank_line() -> None:
    """Sloppy, and whole."""
    stream = _stream(_delta("Yes"), _delta(".", "length"), end=b"").rstrip()
    assert [chunk.finish_reason for chunk in _read(stream)] == ["", "length"]


def test_thoughts_are_a_sign_of_life_and_no_text() -> None:
    """reasoning_content (vLLM, llama.cpp) and reasoning (Ollama) are not the answer."""
    think = [{"choices": [{"delta": {name: "hm", "content": None}}]} for name in ("reasoning_content", "reasoning")]
    chunks = _read(_stream(*think, _delta("Yes", "stop")))
    assert [(chunk.alive, chunk.text) for chunk in chunks] == [(True, ""), (True, ""), (True, "Yes")]


def test_a_document_instead_of_a_stream_is_read_whole() -> None:
    """Some servers ignore `stream`; content may be a list of parts."""
    document = Shapes("llama.cpp", "small").document("Twelve days", "length", {"prompt_tokens": 3})
    assert _read(b"\n ", json.dumps(document).encode()) == [
        Chunk(text="Twelve days", alive=True, finish_reason="length", usage=Usage(prompt_tokens=3, completion_tokens=0))
    ]
    parts = {"choices": [{"message": {"content": [{"type": "text", "text": "Yes"}, {"type": "image_url"}]}}]}
    assert _text(_read(json.dumps(parts).encode())) == "Yes"


def test_only_the_first_choice_is_read() -> None:
    """One answer was asked for."""
    other = {"choices": [{"index": 1, "delta": {"content": "No"}}]}
    assert _text(_read(_stream(other, _delta("Yes", "stop")))) == "Yes"


def test_a_character_sent_in_two_escapes_is_put_together() -> None:
    """JSON writes 🙂 as two escapes, and a server may cut between them; half of one is shown as a replacement."""
    halves = [b'data: {"choices":[{"delta":{"content":"%s"}}]}\n\n' % half for half in (rb"a\ud83d", rb"\ude42b")]
    assert _text(_read(*halves, _stream(_delta(None, "stop")))) == "a🙂b"
    assert _text(_read(halves[0], _stream(_delta("b", "stop")))) == "a\ufffdb"
    assert _text(_read(halves[0], _stream(_delta(None, "stop")))) == "a\ufffd"


@pytest.mark.parametrize(
    ("event", "fault"),
    [
        (b'data: {"error": {"message": "CUDA out of memory", "code": 500}}\n\n', EngineBusy),
        (b'data: {"error": {"message": "overloaded", "code": 503}}\n\n', EngineBusy),
        (b'data: {"error": {"message": "bad request", "code": 400}}\n\n', EngineFault),
        (b'data: {"error": "an error was encountered while running the model"}\n\n', EngineFault),
        (b'data: {"object": "error", "message": "too long", "code": 400}\n\n', EngineFault),
        (b'error: {"code": 500, "message": "slot failed"}\n\n', EngineBusy),
        (b'event: error\ndata: {"message": "gone"}\n\n', EngineFault),
        (b'{"error": {"message": "no stream for you", "code": 400}}', EngineFault),
    ],
)
def test_an_error_in_the_stream_ends_it(event: bytes, fault: type[EngineFault]) -> None:
    """Each server has its own shape; what may pass is told apart from what may not."""
    with pytest.raises(EngineFault, match=r"reported an error.*: \w+") as raised:
        _read(_stream(_delta("Twel"), end=b"") * (not event.startswith(b"{")) + event)
    assert type(raised.value) is fault


@pytest.mark.parametrize(
    "garbage",
    [
        b"<!doctype html><title>Sign in</title>",
        b"",
        b"\x00\xff\xfe" * 50,
        b"data: not json\n\n",
        b'data: "text"\n\n',
        b'data: {"answer": 1}\n\n',
        b'data: {"choices": 5}\n\n',
        b'data: {"choices": ["x"]}\n\n',
        b'data: {"choices": [{"delta": {"content": 5}}]}\n\n',
        b'data: {"choices": [], "usage": {"prompt_tokens": "x"}}\n\n',
        b"data: [DONE]\n\n",
        b"data: " + b"[" * 60_000 + b"\n\n",
        b'{"choices": []}',
        b'{"choices": [{"message": null}]}',
        b"[1, 2]",
        b'{"choices": [{"mess',
    ],
)
def test_what_is_not_the_protocol_is_a_fault(garbage: bytes) -> None:
    """A page, a wrong address, a broken proxy: one clear fault, no other exception."""
    with pytest.raises(EngineFault):
        _read(garbage)


@given(st.lists(st.binary(max_size=200)))
def test_no_bytes_raise_anything_but_a_fault(parts: list[bytes]) -> None:
    """Whatever a server sends, the turn can handle."""
    with pytest.raises(EngineFault):
        _read(*parts)


@pytest.mark.parametrize("reason", ["content_filter", "abort"])
def test_an_answer_that_the_server_broke_off_is_a_fault(reason: str) -> None:
    """A filtered or aborted answer is not passed off as whole."""
    with pytest.raises(EngineFault, match="not whole"):
        _read(_stream(_delta("Twel"), _delta(None, reason)))


@pytest.mark.parametrize("start", [b"data: ", b"{"])
def test_an_endless_answer_is_a_fault(start: bytes) -> None:
    """Neither a line nor a document fills the memory."""
    with pytest.raises(EngineFault, match=r"(?i)long"):
        _read(start, *[b"x" * 1_000_000] * 10)


def test_models_are_listed_by_their_ids() -> None:
    """And what is no list is a fault."""
    assert model_names(b'{"object": "list", "data": [{"id": "a"}, {"id": "b"}]}') == ("a", "b")
    assert model_names(b'{"object": "list", "data": null}') == ()
    for body in (b"<html>", b"[]", b'{"data": [1]}'):
        with pytest.raises(EngineFault):
            model_names(body)
