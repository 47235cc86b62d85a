"""What we say to the widget."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from adapters.web import protocol
from bot.events import Address, Case, CaseState, Citation, Failed, Message, Post, PostKind, Reply
from storage.base import Exchange, Outgoing
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
    page.feed(protocol.durable_frame(Outgoing(number=3, event=reply(text, final=True), at=1.5)))
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
    assert protocol.end(final, 2.0) == {
        "kind": "final",
        "message_id": "question-1",
        "text": "Yes [1]",
        "citations": [{"number": 1, "title": "Returns", "url": "/web/source?location=knowledge%2Freturns.md"}],
        "finish_reason": "stop",
        "language": "en",
        "at": 2.0,
    }
    failed = Failed(message_id="v1:question-1", address=ADDRESS, reason="the key sk-1 is wrong", said="Sorry.")
    assert protocol.end(failed, 2.0) == {
        "kind": "failed", "message_id": "question-1", "said": "Sorry.", "at": 2.0,
    }  # fmt: skip


CASE = Case(
    id="case-4711",
    visitor=ADDRESS,
    desk=Address(channel="desk", account="T0123", conversation="C0123", thread="case-4711"),
    state="taken",
    opened_at=1.0,
    agent="T0123:U0123",
    agent_name="Ana",
    name="pseudonym",
    reason="my order is broken",
)


def post(text: str, *, kind: PostKind = "said", state: CaseState = "taken") -> Post:
    case = dataclasses.replace(CASE, state=state)
    return Post(id=f"case-4711-T0123-{text}", address=ADDRESS, kind=kind, text=text, case=case, name="Ana")


@pytest.mark.parametrize(
    ("state", "person"), [("waiting", None), ("taken", "Ana"), ("resolved", None), ("returned", None)]
)
def test_a_post_says_no_more_than_a_visitor_may_know(state: CaseState, person: str | None) -> None:
    """Who says what, when, and who has the conversation from then on; of the desk's accounts and threads nothing."""
    told = protocol.post(post("Hello", state=state), 2.0)
    assert told == {"kind": "said", "text": "Hello", "name": "Ana", "at": 2.0, "person": person}
    page = Page()
    page.feed(protocol.durable_frame(Outgoing(number=9, event=post("Hello", state=state), at=2.0)))
    assert (page.posts, page.number) == ([told], 9)


def test_a_card_is_for_the_desk_alone() -> None:
    """The card of a case is neither sent nor remembered to a visitor."""
    card = Outgoing(number=9, event=post("reason: my order is broken", kind="case"), at=2.0)
    assert protocol.durable_frame(card) == b""
    assert protocol.history([], [card], whole=True)["posts"] == []


def past(number: int, at: float, *, ended: bool = True) -> Exchange:
    said = Message(id=f"v1:question-{number}", address=ADDRESS, sender="v1", text="?", sent_at=at)
    event = reply("!", message=said.id, final=True)
    return Exchange(message=said, outgoing=Outgoing(number=number, event=event, at=at + 1) if ended else None)


def test_where_events_go_on_is_never_beyond_an_end_that_was_not_read() -> None:
    """Posts are read after the ends, so theirs may be the higher number of an end that was committed in between."""
    posts = [Outgoing(number=number, event=post(f"post {number}"), at=number) for number in (4, 6, 8)]
    history = protocol.history([past(3, 2.5), past(5, 4.5), past(7, 6.5, ended=False)], posts, whole=True)
    assert history["cursor"] == 5
    assert [said["number"] for said in history["posts"]] == [4, 6, 8]


def test_what_belongs_to_messages_that_are_left_out_is_left_out_too() -> None:
    """A history that begins in the middle of a conversation begins there on both sides."""
    posts = [Outgoing(number=number, event=post(f"post {number}"), at=number) for number in (1, 2, 3)]
    for whole, numbers in [(True, [1, 2, 3]), (False, [3])]:
        history = protocol.history([past(5, 2.5)], posts, whole=whole)
        assert [said["number"] for said in history["posts"]] == numbers


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
