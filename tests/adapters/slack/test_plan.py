"""The writer's policy, against a Slack that does as it likes: it always comes to the right end."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.slack.plan import Append, Delete, Part, Put, Start, Stop, next_call

TEXTS = st.lists(st.text("ab c", min_size=1, max_size=6), max_size=4)
FATE = st.sampled_from(("done", "done", "done", "refused", "ended", "gone", "unknown"))
"""What becomes of a call: it is done, it is refused, the stream was ended, the message is gone, nobody knows."""


@st.composite
def parts(draw):
    found = []
    for number in range(draw(st.integers(0, 4))):
        ts = draw(st.sampled_from(("", f"{number}.1")))
        streaming = draw(st.booleans()) if ts else False
        shown = draw(st.one_of(st.none(), st.text("ab c", max_size=6))) if ts else None
        found.append(Part(number, ts, shown, streaming))
    return found


class Thread:
    """What a reader sees, and what the writer believes of it."""

    def __init__(self, believed):
        self.parts = believed
        self.seen = {part.number: part.shown if part.shown is not None else "?" for part in believed if part.ts}
        self.open = {part.number for part in believed if part.streaming}

    def part(self, number):
        while len(self.parts) <= number:
            self.parts.append(Part(len(self.parts)))
        return self.parts[number]

    def make(self, call, fate):
        part = self.part(call.number)
        match call:
            case Start(number, text):
                assert not part.ts
                if fate == "done":
                    self.seen[number], part.ts, part.shown, part.streaming = text, "1", text, True
                    self.open.add(number)
            case Append(number, text, whole):
                assert text and number in self.open and part.shown is not None and part.shown + text == whole
                self._streamed(part, text, whole, fate)
            case Stop(number, text, whole, ended):
                assert number in self.open
                self._streamed(part, text, whole, fate)
                if fate == "done":
                    part.streaming, part.ended = False, ended
                    self.open.discard(number)
            case Put(number, text, ended):
                assert number not in self.open or part.ts
                if fate in ("gone", "unknown", "refused", "ended") and part.ts:
                    if fate == "gone":
                        del self.seen[number]
                        part.ts, part.shown, part.streaming = "", None, False
                elif fate == "done":
                    self.seen[number], part.ts, part.shown, part.ended = text, "1", text, ended
            case Delete(number):
                if fate in ("done", "gone"):
                    del self.seen[number]
                    self.open.discard(number)
                    part.ts, part.streaming = "", False

    def _streamed(self, part, text, whole, fate):
        if fate == "done":
            self.seen[part.number] = (
                (self.seen[part.number] + text) if part.shown is not None else self.seen[part.number]
            )
            part.shown = whole
        elif fate in ("ended", "gone"):
            part.streaming, part.shown = False, None
            self.open.discard(part.number)
        elif fate == "unknown":
            part.shown = None


@given(
    parts(),
    st.lists(TEXTS, max_size=4),
    TEXTS,
    st.lists(FATE, max_size=30),
    st.sampled_from(("stream", "edit", "whole")),
)
@settings(max_examples=400, deadline=None)
def test_in_the_end_the_thread_shows_what_was_wanted(believed, growing, wanted, fates, mode):
    """From any state, through any fates, in a number of calls that is bounded; and the last alone has the buttons."""
    thread, fate = Thread(believed), iter(fates)
    for live in growing:
        for _ in range(4):
            call = next_call(thread.parts, live, final=False, mode=mode)
            if call is None:
                break
            assert not isinstance(call, Delete)
            thread.make(call, next(fate, "done"))
    calls = 0
    while (call := next_call(thread.parts, wanted, final=True, mode=mode)) is not None:
        thread.make(call, next(fate, "done"))
        calls += 1
        assert calls < 60
    assert [thread.seen[number] for number in sorted(thread.seen)] == wanted
    assert not thread.open
    assert [part.ended for part in thread.parts[: len(wanted)]] == ["part"] * (len(wanted) - 1) + ["last"] * bool(
        wanted
    )


def test_a_text_that_became_shorter_stays_while_it_is_written():
    """A new attempt begins from nothing: a reader is not shown how it catches up."""
    shown = [Part(0, "1.1", "Hello there", streaming=True)]
    assert next_call(shown, ["Hel"], final=False, mode="stream") is None
    assert next_call(shown, [], final=False, mode="stream") is None
    assert next_call(shown, ["Hello there!"], final=False, mode="stream") == Append(0, "!", "Hello there!")
    assert next_call(shown, ["Other"], final=False, mode="stream") == Stop(0, "", "Hello there", "")
