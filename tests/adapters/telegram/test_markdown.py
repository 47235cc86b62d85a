"""Markdown as messages: all that it says, nothing else, as the server takes it."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings

from adapters.telegram.entities import Entity, Rendered
from adapters.telegram.markdown import render
from bot.events import Citation
from tests.adapters.telegram.written import ANYTHING, LONG, MARKDOWN, accepted, bare, seen

CITATIONS = (
    Citation(number=1, title="Delivery  and\nreturns", location="docs/delivery.md", url="https://shop.example/d"),
    Citation(number=2, title="", location="docs/prices.md"),
)


def of(message: Rendered) -> list[tuple[str, str]]:
    """(type, what it covers) of each entity."""
    raw = message.text.encode("utf-16-le")
    return [(e.type, raw[2 * e.offset : 2 * (e.offset + e.length)].decode("utf-16-le")) for e in message.entities]


def only(markdown: str, **options) -> Rendered:
    (message,) = render(markdown, **options)
    accepted(message)
    return message


@given(MARKDOWN)
@settings(max_examples=300, deadline=None)
def test_what_is_seen_is_what_the_markdown_says(markdown):
    """The messages' texts, joined, are the texts of the Markdown's tokens in their order: no more, no less."""
    messages = render(markdown)
    for message in messages:
        accepted(message)
    assert bare("".join(message.text for message in messages)) == seen(markdown)


@given(LONG)
@settings(max_examples=60, deadline=None)
def test_long_answers_are_said_in_full(markdown):
    """However many messages it takes: nothing is lost at the borders, and each is within the limits."""
    messages = render(markdown)
    for message in messages:
        accepted(message)
    assert bare("".join(message.text for message in messages)) == seen(markdown)


@given(ANYTHING)
@settings(max_examples=300, deadline=None)
@example("&#8203;")
@example("\ud800")
@example("**e**\u0301")
@example("[](https://shop.example)")
@example("[![](https://shop.example/i.png)](https://shop.example)")
@example("`\u3000`")
@example("|a|\n|-|\n")
@example("||\n|-|\n||")
def test_anything_at_all_is_taken_by_the_server(text):
    for message in render(text, CITATIONS, "https://desk.example"):
        accepted(message)


@pytest.mark.parametrize(
    ("markdown", "text", "entities"),
    [
        ("**a** *b* ~~c~~ `d`", "a b c d", [("bold", "a"), ("italic", "b"), ("strikethrough", "c"), ("code", "d")]),
        ("***x***", "x", [("bold", "x"), ("italic", "x")]),
        ("**use `x` now**", "use x now", [("bold", "use"), ("code", "x"), ("bold", "now")]),
        ("[`x` and **y**](https://a.example)", "x and y", [("text_link", "x and y"), ("bold", "y")]),
        ("**a **b** c**", "a b c", None),
        ("# One *two*\n\nText", "One two\n\nText", [("bold", "One two"), ("italic", "two")]),
        ("A\nb\\\nc", "A\nb\nc", []),
        ("- a\n- b\n  - c\n    1. d\n", "• a\n• b\n   ◦ c\n      1. d", []),
        ("- a\n\n- b\n\n  more", "• a\n\n• b\n\n   more", []),
        ("7) a\n8) b", "7) a\n8) b", []),
        ("- [ ] a\n- [x] b\n1. [X] c", "☐ a\n☑ b\n1. ☑ c", []),
        ("a\n\n---\n\nb", "a\n\n———\n\nb", []),
        ("> a\n> > b\n\nc", "a\nb\n\nc", [("blockquote", "a\nb")]),
        ("> **a** [b](https://a.example)", "a b", [("blockquote", "a b"), ("bold", "a"), ("text_link", "b")]),
        ("1. x:\n\n   ```py\n   y\n   ```", "1. x:\n\ny", [("pre", "y")]),
        ("```\n\tx\n  y\n```", "    x\n  y", [("pre", "    x\n  y")]),
        ("![a cat](https://a.example/c.png)", "a cat", [("text_link", "a cat")]),
        ("![](https://a.example/c.png)", "https://a.example/c.png", [("text_link", "https://a.example/c.png")]),
        ("<b>x</b> <!-- y -->", "<b>x</b> <!-- y -->", []),
        ("[us](mailto:me%2Bx@a.example?subject=x)", "us (me+x@a.example)", []),
        ("[call](tel:+491234)", "call (+491234)", []),
        ("[home](http://localhost:8080/)", "home (http://localhost:8080/)", []),
        ("[him](tg://user?id=1)", "him", []),
        ("[x](ftp://a.example) [y](#z)", "x y", []),
        ("**注意：**请看", "注意：请看", [("bold", "注意：")]),
        ("请看**“重点”**部分", "请看“重点”部分", [("bold", "“重点”")]),
        ("5 * 3 * 2, snake_case_name", "5 * 3 * 2, snake_case_name", []),
        ("👍🏽 **x** 👩\u200d👧", "👍🏽 x 👩\u200d👧", [("bold", "x")]),
        ("[a <https://b.example>](https://a.example)", "a https://b.example", [("text_link", "a https://b.example")]),
        ("[a][1] b\n\n[1]: https://a.example", "a b", [("text_link", "a")]),
    ],
)
def test_each_form_has_its_own(markdown, text, entities):
    message = only(markdown)
    assert message.text == text
    if entities is not None:
        assert of(message) == entities


def test_code_says_what_it_is_written_in():
    assert only("```python title=x\nx\n```").entities == (Entity("pre", 0, 1, language="python"),)
    assert only("```<b>\nx\n```").entities == (Entity("pre", 0, 1),)


def test_offsets_are_in_utf16_units():
    assert only("👍👍 **x**").entities == (Entity("bold", 5, 1),)


def test_citations_are_links_where_the_source_has_an_address():
    """And the sources are listed: by a link, or by their name alone."""
    message = only("It takes a day [1]. It costs 5 € [2][7].", citations=CITATIONS)
    assert message.text == (
        "It takes a day [1]. It costs 5 € [2][7].\n\nSources:\n[1] Delivery and returns\n[2] prices.md"
    )
    assert of(message) == [("text_link", "[1]"), ("bold", "Sources:"), ("text_link", "[1] Delivery and returns")]
    assert {entity.url for entity in message.entities if entity.url} == {"https://shop.example/d"}


def test_our_pages_stand_for_sources_that_have_none_where_they_can_be_read():
    options = {"citations": CITATIONS[1:], "root": "https://desk.example", "heading": "来源："}
    assert not [e for e in only("[2]", **options).entities if e.url]
    shown = only("[2]", pages=True, **options)
    assert {e.url for e in shown.entities if e.url} == {"https://desk.example/web/source?location=docs%2Fprices.md"}
    assert "来源：" in shown.text
    local = only("[2]", **{**options, "root": "http://localhost:8080"}, pages=True)
    assert not [e for e in local.entities if e.url]  # the server refuses a message for it


def test_numbers_in_code_and_in_links_cite_nothing():
    message = only("`[1]` [see [1]](https://a.example)\n\n```\n[1]\n```", citations=CITATIONS)
    assert [kind for kind, covered in of(message) if covered == "[1]"] == ["code", "pre"]


def test_a_style_that_ends_inside_of_a_citation_is_cut_there():
    message = only("**y [1**]", citations=CITATIONS)
    assert of(message)[:3] == [("bold", "y"), ("text_link", "[1]"), ("bold", "[1")]


def test_nobody_is_called():
    """@names are set as code, which the server leaves alone; not addresses, and not in private."""
    markdown = "Ask @maria, (@john_1) or me@shop.example. See https://x.example/@you."
    assert of(only(markdown)) == [("code", "@maria"), ("code", "@john_1")]
    assert of(only(markdown, quiet=False)) == []
    assert of(only("**@maria** [@maria](https://a.example) `@maria`")) == [
        ("code", "@maria"),
        ("text_link", "@maria"),
        ("code", "@maria"),
    ]


def test_nothing_to_see_is_no_message():
    for markdown in ("", " \n", "&#8203;", "[x]: https://a.example", "```\n```", "&nbsp;"):
        assert render(markdown, CITATIONS) == []


def test_what_is_nested_too_deeply_to_read_is_still_said():
    deep = only("> " * 60 + "x")
    assert deep.text.endswith("x")
    assert bare(only("- " * 60 + "x").text).endswith("x")
    assert render("![" * 3_000 + "x" + "](https://a.example)" * 3_000)
    assert render("[" * 3_000 + "x" + "](https://a.example)" * 3_000)
    assert render("*a **b " * 2_000)
