"""What we say to the widget."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from adapters.web import protocol
from bot.events import Citation, Failed, Reply
from storage.base import Outgoing
from tests.adapters.web.widget import Page

ADDRESS = protocol.address("v1", "main")


def reply(text: str, *, attempt: int = 1, seq: int = 0, final: bool = False, message: str = "v1:question-1") -> Reply:
    return Reply(message_id=message, attempt=attempt, address=ADDRESS, text=text, seq=seq, final=final)


@settings(deadline=None)
@given(some.lists(some.tuples(some.text(max_size=20), some.integers(1, 3)), max_size=12))
def test_a_reader_who_skips_sees_the_newest_text(states: list[tuple[str, int]]) -> None:
    """Whatever states a reply goes through, after each the page shows exactly that text."""
    page, before = Page(), None
    for seq, (text, attempt) in enumerate(states):
        now = reply(text, attempt=attempt, seq=seq)
        page.feed(protocol.progress_frame(now, before))
        assert page.shown["question-1"] == text
        before = now


def test_what_grows_is_sent_once() -> None:
    """Text that was shown is not sent again; a new attempt starts with all of it."""
    first, second = reply("Hello"), reply("Hello world", seq=1)
    assert b'"text":" world"' in protocol.progress_frame(second, first)
    assert protocol.progress_frame(reply("Hello", seq=1), first) == b""
    assert protocol.progress_frame(reply("Hello world", attempt=2), first).startswith(b"event: reply\n")
    assert protocol.progress_frame(reply("Hell"), first).startswith(b"event: reply\n")


@settings(deadline=None)
@given(some.text())
def test_any_text_fits_into_one_event(text: str) -> None:
    """Line breaks of every kind stay inside the data of one event."""
    page = Page()
    page.feed(protocol.end_frame(Outgoing(number=3, event=reply(text, final=True), at=1.5)))
    assert page.shown["question-1"] == text
    assert page.number == 3


def test_a_lone_surrogate_ends_no_stream() -> None:
    """What a broken model writes is shown as well as it can be."""
    assert b'"text":"a?"' in protocol.progress_frame(reply("a\ud800"), None)


def test_an_end_says_all_that_a_page_needs() -> None:
    """Final and failed carry the visitor's own id of the message, never the durable one."""
    sources = (Citation(number=1, title="Returns", location="knowledge/returns.md"),)
    final = Reply(
        message_id="user:a@b.c:question-1", attempt=1, address=ADDRESS, text="Yes [1]", seq=4, final=True,
        citations=sources, finish_reason="stop", language="en",
    )  # fmt: skip
    assert protocol.end(Outgoing(number=1, event=final, at=2.0)) == {
        "kind": "final",
        "message_id": "question-1",
        "text": "Yes [1]",
        "citations": [{"number": 1, "title": "Returns", "url": "/web/source?location=knowledge%2Freturns.md"}],
        "finish_reason": "stop",
        "language": "en",
        "at": 2.0,
    }
    failed = Failed(message_id="v1:question-1", address=ADDRESS, reason="the key sk-1 is wrong", said="Sorry.")
    assert protocol.end(Outgoing(number=1, event=failed, at=2.0)) == {
        "kind": "failed", "message_id": "question-1", "said": "Sorry.", "at": 2.0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("location", "url", "opened"),
    [
        ("https://example.org/a?b=c", "", "https://example.org/a?b=c"),
        ("shop/a b&c.md", "", "/web/source?location=shop%2Fa%20b%26c.md"),
        ("shop/a.md", "https://shop.example/a", "https://shop.example/a"),
        ("shop/a.md", "/help/a", "/help/a"),
        ("shop/a.md", "//evil.example/a", "/web/source?location=shop%2Fa.md"),
        ("shop/a.md", "/\\evil.example", "/web/source?location=shop%2Fa.md"),
        ("shop/a.md", "javascript:alert(1)", "/web/source?location=shop%2Fa.md"),
        ("javascript:alert(1)", "", "/web/source?location=javascript%3Aalert%281%29"),
        ("https://user:pw@evil.example/", "", "/web/source?location=https%3A%2F%2Fuser%3Apw%40evil.example%2F"),
        ("https://[broken/", "", "/web/source?location=https%3A%2F%2F%5Bbroken%2F"),
        ("https:///nowhere", "", "/web/source?location=https%3A%2F%2F%2Fnowhere"),
        ("http://a.example/\n", "", "/web/source?location=http%3A%2F%2Fa.example%2F%0A"),
    ],
)
def test_a_source_opens_somewhere_harmless(location: str, url: str, opened: str) -> None:
    """A citation leads to a web page or to our own rendering, and never to a script or a disguised host."""
    assert protocol.source_url(Citation(number=1, title="", location=location, url=url)) == opened


def test_addresses_of_ours_can_be_whole() -> None:
    """Behind a proxy, our own addresses begin with what visitors see."""
    cited = Citation(number=1, title="", location="a.md")
    assert protocol.source_url(cited, "https://chat.example") == "https://chat.example/web/source?location=a.md"
