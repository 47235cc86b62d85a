"""Text is read as its writer saw it; the bot's own name is no part of a question; a first word may be a command."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.slack.mrkdwn import addressed_to_others, escaped, mentions, readable, without
from adapters.slack.words import Link, Order, link_in, said_to_bot, slash

BOT = "U0BOT0001"


@given(st.text(max_size=200))
def test_escaping_and_reading_give_the_text_back(text: str) -> None:
    """Whatever people type, Slack escapes it and we undo exactly that."""
    assert readable(escaped(text)) == text


@pytest.mark.parametrize(
    ("sent", "seen"),
    [
        ("Tom &amp; Ann: 1 &lt; 2 &gt; 0", "Tom & Ann: 1 < 2 > 0"),
        ("&amp;lt;b&amp;gt;", "&lt;b&gt;"),
        ("&nbsp; &copy;", "&nbsp; &copy;"),
        ("<https://example.org>", "https://example.org"),
        ("<https://example.org/a?x=1&amp;y=2>", "https://example.org/a?x=1&y=2"),
        ("<https://example.org|our page>", "our page (https://example.org)"),
        ("<http://example.org|example.org>", "example.org"),
        ("<https://example.org/|https://example.org/>", "https://example.org/"),
        ("<mailto:ann@example.org|ann@example.org>", "ann@example.org"),
        ("<mailto:ann@example.org|Ann>", "Ann (ann@example.org)"),
        ("<tel:+31201234567|+31 20 123 4567>", "+31 20 123 4567 (+31201234567)"),
        ("<#C0123|general> and <#C0456>", "#general and #C0456"),
        ("<@U0123> and <@U0456|bo>", "@Ann and @bo"),
        ("<!here> <!channel> <!everyone>", "@here @channel @everyone"),
        ("<!subteam^S0123|@support> <!subteam^S0456>", "@support @S0456"),
        ("<!date^1700000000^{date}|14 November>", "14 November"),
        ("a <b> c", "a <b> c"),
    ],
)
def test_what_stands_between_angle_brackets(sent: str, seen: str) -> None:
    """Links keep their address and what they are called, mentions become names."""
    assert readable(sent, {"U0123": "Ann"}) == seen


@pytest.mark.parametrize(
    ("sent", "left"),
    [
        (f"<@{BOT}> hello", "hello"),
        (f"<@{BOT}>, hello", "hello"),
        (f"<@{BOT}|frontdesk>: hello", "hello"),
        (f"  <@{BOT}> <@{BOT}> hello", "hello"),
        (f"hello <@{BOT}> there", "hello there"),
        (f"hello <@{BOT}>", "hello"),
        (f"hello <@{BOT}>, how are you?", "hello, how are you?"),
        (f"<@{BOT}> ask <@U0123>", "ask <@U0123>"),
        (f"<@{BOT}>\n  code\n    more", "code\n    more"),
        ("hello  there", "hello  there"),
    ],
)
def test_the_bots_name_is_taken_out_and_others_stay(sent: str, left: str) -> None:
    """A question is the same with and without it."""
    assert without(sent, BOT) == left


def test_who_is_addressed() -> None:
    """A message that begins with somebody else's name is theirs, unless it names the bot as well."""
    assert addressed_to_others("<@U0123> can you look?", BOT)
    assert not addressed_to_others(f"<@U0123> and <@{BOT}>, look", BOT)
    assert not addressed_to_others("can <@U0123> look?", BOT)
    assert mentions(f"hi <@{BOT}>", BOT) and not mentions(f"hi @{BOT}", BOT) and not mentions("<@U0123>", "")


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("help", Order("help", "")),
        ("Help!", Order("", "Help!")),
        ("help me with my order", Order("", "help me with my order")),
        ("human", Order("human", "")),
        ("human rights?", Order("", "human rights?")),
        ("summarize", Order("summarize", "")),
        ("Summarise: a long text", Order("summarize", "a long text")),
        ("sentiment: it broke!", Order("sentiment", "it broke!")),
        ("translate to German: good morning", Order("translate", "to German: good morning")),
        ("write an e-mail", Order("write", "an e-mail")),
        ("ask away", Order("", "ask away")),
        ("what is this?", Order("", "what is this?")),
        ("", Order("", "")),
        ("language", Order("language", "")),
        ("Language: Deutsch", Order("language", "Deutsch")),
        ("language support in your app", Order("", "language support in your app")),
        ("settings", Order("settings", "")),
        ("/forget", Order("forget", "")),
        ("forget my last order", Order("", "forget my last order")),
        ("start", Order("", "start")),
    ],
)
def test_a_first_word_may_be_a_command(text: str, order: Order) -> None:
    """But "help me with my order" is a question."""
    assert said_to_bot(text) == order


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("", Order("help", "")),
        ("  ", Order("help", "")),
        ("help", Order("help", "")),
        ("ask how long?", Order("ask", "how long?")),
        ("how long?", Order("ask", "how long?")),
        ("help me with my order", Order("ask", "help me with my order")),
        ("summarize", Order("summarize", "")),
        ("human", Order("human", "")),
        ("language de", Order("help", "")),
        ("forget", Order("help", "")),
        ("forget about my order", Order("ask", "forget about my order")),
        ("start", Order("ask", "start")),
    ],
)
def test_the_slash_command(text: str, order: Order) -> None:
    """Without a command everything is a question, and nothing at all asks for help.

    What is said of a conversation is said in it: then it is told how.
    """
    assert slash(text) == order


@pytest.mark.parametrize(
    ("text", "link"),
    [
        (
            "<https://example.slack.com/archives/C0123/p1700000000000100>",
            Link("C0123", "1700000000.000100", "1700000000.000100"),
        ),
        (
            "this: https://example.slack.com/archives/C0123/p1700000009000200?thread_ts=1700000000.000100&amp;cid=C0123",
            Link("C0123", "1700000009.000200", "1700000000.000100"),
        ),
        (
            "<https://example.enterprise.slack.com/archives/C0123/p1700000000000100?thread_ts=soon|x>",
            Link("C0123", "1700000000.000100", "1700000000.000100"),
        ),
        ("https://slack.example.org/archives/C0123/p1700000000000100", None),
        ("https://example.slack.com/archives/C0123", None),
        ("http://[ no address", None),
        ("", None),
    ],
)
def test_links_to_messages(text: str, link: Link | None) -> None:
    """They lead to the thread that the message is in."""
    assert link_in(text) == link


@given(st.text(max_size=100))
def test_no_text_is_too_strange(text: str) -> None:
    """Nothing that anybody writes breaks the reading."""
    readable(text)
    without(text, BOT)
    addressed_to_others(text, BOT)
    said_to_bot(text)
    slash(text)
    link_in(text)
