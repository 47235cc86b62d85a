"""The event reader: bytes cut anywhere give the same events."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.engine.sse import EventReader, EventTooLong, ServerEvent

_LINE_ENDS = st.sampled_from(["\n", "\r\n", "\r"])
_LINE_TEXT = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=20)
_NAMES = st.one_of(st.just("message"), _LINE_TEXT.filter(lambda name: name.strip(" ") == name and name != ""))
_EVENTS = st.lists(
    st.builds(lambda lines, name: ServerEvent("\n".join(lines), name), st.lists(_LINE_TEXT, min_size=1), _NAMES)
)


@st.composite
def _streams(draw: st.DrawFn) -> tuple[list[ServerEvent], bytes]:
    """Events and one of the ways to write them down: any line ends, with comments and unknown fields between."""
    events = draw(_EVENTS)
    lines: list[str] = []
    for event in events:
        if draw(st.booleans()):
            lines += [": keep-alive", ""]
        if event.name != "message":
            lines.append(f"event:{draw(st.sampled_from(['', ' ']))}{event.name}")
        for line in event.data.split("\n"):
            space = " " if line.startswith(" ") else draw(st.sampled_from(["", " "]))
            lines += [f"data:{space}{line}"]
            lines += draw(st.sampled_from([[], ["id: 7"], [": a comment"], ["unknown"]]))
        lines.append("")
    text = ""
    for line in lines:
        end = draw(_LINE_ENDS)
        # After a carriage return, the newline of an empty line would belong to the line before.
        text += line + ("\r\n" if end == "\n" and not line and text.endswith("\r") else end)
    return events, draw(st.sampled_from([b"", b"\xef\xbb\xbf"])) + text.encode()


def _cut(stream: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({cut % (len(stream) + 1) for cut in cuts} | {0, len(stream)})
    return [stream[start:end] for start, end in pairwise(places)]


@given(_streams(), st.lists(st.integers(0, 10_000)))
def test_every_split_of_a_stream_gives_the_events_that_were_written(
    written: tuple[list[ServerEvent], bytes], cuts: list[int]
) -> None:
    """Line ends, comments, a byte order mark and cuts inside characters change nothing."""
    events, stream = written
    reader = EventReader()
    read = [event for part in _cut(stream, cuts) for event in reader.feed(part)]
    assert read == events
    assert reader.end() == []


@given(st.binary(), st.lists(st.integers(0, 10_000)))
def test_any_bytes_read_the_same_however_they_are_cut(stream: bytes, cuts: list[int]) -> None:
    """Garbage is no exception: the events depend on the bytes alone, and nothing is raised."""
    whole, cut = EventReader(), EventReader()
    expected = [*whole.feed(stream), *whole.end()]
    assert [event for part in _cut(stream, cuts) for event in cut.feed(part)] + cut.end() == expected


def test_an_event_comes_as_soon_as_its_blank_line_does() -> None:
    """A carriage return ends a line without waiting for a newline that may never follow."""
    reader = EventReader()
    assert reader.feed(b"data: one\r\n\r") == [ServerEvent("one")]
    assert reader.feed(b"\ndata: two\n\n") == [ServerEvent("two")]


def test_what_is_left_without_a_blank_line_is_given_at_the_end() -> None:
    """A server that forgets the last blank line loses nothing."""
    reader = EventReader()
    assert reader.feed(b"data: [DO") == []
    assert reader.feed(b"NE]") == []
    assert reader.end() == [ServerEvent("[DONE]")]


def test_other_data_fields_name_their_event() -> None:
    """llama.cpp has written errors as lines of a field of their own."""
    reader = EventReader(data_fields=("data", "error"))
    assert reader.feed(b'error: {"code":500}\n\n') == [ServerEvent('{"code":500}', "error")]


@pytest.mark.parametrize("part", [b"data: " + b"x" * 64, b"data: xxxxxxxx\n"])
def test_an_endless_event_is_refused(part: bytes) -> None:
    """Neither one long line nor many short ones fill the memory."""
    reader = EventReader(limit=100)
    with pytest.raises(EventTooLong):
        _feed_often(reader, part)


def _feed_often(reader: EventReader, part: bytes) -> None:
    for _ in range(20):
        reader.feed(part)
