"""What a notification says, and what is read again of our own answers: words without marks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.slack import blocks, markdown
from adapters.slack.mrkdwn import as_markdown, escaped
from adapters.slack.unmarked import told_by, unmarked, without_sources
from bot.events import Citation
from bot.phrases import phrase_languages
from bot.typed import typed

CITATION = Citation(number=1, location="https://example.org/returns", title="Returns")
LINKS = {1: "https://example.org/returns_(new)"}


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("You have **60 days**. [[1]](https://example.org/a_(b))", "You have 60 days."),
        ("You have *60* ~~90~~ days [1], so [look](https://example.org).", "You have 60 90 days, so look."),
        ("# Title\n\n> quoted `code`\n- one", "Title\n\nquoted code\n- one"),
        ("| a | b |\n|---|:-:|\n| 1 | 2 |", "a · b\n1 · 2"),
        ("```python\nx = 2\n```", "x = 2"),
        ("2 * 3 * 4 = snake_case \\*", "2 * 3 * 4 = snake_case *"),
        ("&lt;@U1> &amp;", "<@U1> &"),
    ],
)
def test_the_words_are_left(written: str, read: str) -> None:
    """No mark and no address of a link stands in a notification."""
    assert unmarked(written) == read


def test_a_notification_is_an_answers_words() -> None:
    """Its length is counted without the addresses, which would fill it."""
    text = markdown.answer("You have **60 days**. [1]", [CITATION], {1: "https://example.org/" + "x" * 400}, "en")
    assert blocks.notified(text) == "You have 60 days. Sources: 1. Returns"
    assert blocks.notified("[1]") == "…"


@given(st.text(alphabet="ab*_~`[]()|\\#> \n-1&lt;é你", max_size=200))
def test_no_text_is_too_strange(text: str) -> None:
    """It never fails, and what is without marks is left as it is."""
    unmarked(text)
    words = "".join(character for character in text if character.isalpha() or character == " ").strip()
    assert unmarked(words) == words


@pytest.mark.parametrize("language", sorted(phrase_languages()))
def test_our_own_answers_come_back_without_their_sources(language: str) -> None:
    """Neither as they were written nor as Slack gives them back."""
    text = markdown.answer("You have 60 days. [1]\n\nThe label is free. [1]", [CITATION], LINKS, language)
    assert without_sources(text) == "You have 60 days.\n\nThe label is free."
    assert without_sources("You have 60 days. <https://example.org|[1]>") == "You have 60 days."


@pytest.mark.parametrize("name", ["Ana", "Vera_Visser", "O'Neil (desk)", "安娜"])
def test_whose_words_are_passed_on_is_known(name: str) -> None:
    """In a summary they are that person's, not the bot's."""
    assert told_by(markdown.said(name, "I will **call** you")) == (name, "I will **call** you")
    assert told_by(f"*{name}:* Hello") == (name, "Hello")
    assert told_by(markdown.said(name, typed("a *b* [c](d)"))) == (name, "a *b* [c](d)")
    assert told_by("Our **price:** is high") == ("", "Our **price:** is high")


@pytest.mark.parametrize(
    ("sent", "seen"),
    [
        ("I am *Ana*, ~not~ *not a bot*!", "I am **Ana**, ~~not~~ **not a bot**!"),
        ("• one\n   ◦ two", "- one\n   - two"),
        ("2*3*4 and _so_ `*x*` ```\n• *x*\n```", "2*3*4 and _so_ `*x*` ```\n• *x*\n```"),
        ("<https://example.org/*a*|*a*> **b** * c *", "<https://example.org/*a*|*a*> **b** * c *"),
    ],
)
def test_what_colleagues_mark_is_marked_in_markdown(sent: str, seen: str) -> None:
    """Slack writes bold with one star, and lists with bullets; elsewhere that is something else."""
    assert as_markdown(sent) == seen


@given(st.text(max_size=200).map(lambda text: escaped(text.replace("*", "").replace("~", ""))))
def test_what_is_not_marked_stays(text: str) -> None:
    """But for bullets."""
    assert as_markdown(text).replace("- ", "") == text.replace("- ", "") or any(sign in text for sign in "•◦▪")
