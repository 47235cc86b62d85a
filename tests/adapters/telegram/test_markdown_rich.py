"""Rich Markdown: what another parser of GitHub's dialect reads in it is what was written; its own signs are not."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from markdown_it import MarkdownIt
from markdown_it.token import Token

from adapters.telegram.rich import LIMIT, rich
from tests.adapters.telegram.test_markdown import CITATIONS
from tests.adapters.telegram.written import ANYTHING, MARKDOWN, bare, seen

_GITHUB = MarkdownIt("commonmark", {"maxNesting": 200}).enable(["table", "strikethrough"])
_APART = MarkdownIt("commonmark").enable(["table", "strikethrough"]).disable("text_join")
"""Tells text from escaped signs."""
_OURS = re.compile(r"</?[bis]>")


def read(markdown: str) -> str:
    """What somebody else's parser, which takes HTML, shows of it."""
    return bare("".join(_read(_GITHUB.parse(markdown))))


def _read(tokens: list[Token]) -> Iterator[str]:
    numbers = []
    for token in tokens:
        assert token.type not in ("image", "html_block")
        if token.type == "html_inline":
            assert _OURS.fullmatch(token.content)
        elif token.type == "inline":
            text = "".join(_read(token.children or []))
            yield re.sub(r"\A\[[ xX]\]\s+", "", text)
        elif token.type == "ordered_list_open":
            numbers.append(int(token.attrs.get("start", 1)))
        elif token.type == "bullet_list_open":
            numbers.append(-1)
        elif token.type in ("ordered_list_close", "bullet_list_close"):
            numbers.pop()
        elif token.type == "list_item_open" and numbers[-1] >= 0:
            yield f"{numbers[-1]}{token.markup}"
            numbers[-1] += 1
        elif token.nesting == 0:
            yield token.content


@given(MARKDOWN)
@settings(max_examples=300, deadline=None)
def test_what_is_read_in_it_is_what_the_markdown_says(markdown):
    """To a parser that takes HTML: so nothing that a model writes is a tag, an image, or one of the dialect's signs."""
    written = rich(markdown)
    assert read(written) == (seen(markdown) if written else "") or len(markdown) > LIMIT // 4
    for token in _APART.parse(written):
        for child in token.children or []:
            assert child.type != "text" or not re.search(r"\$|==|\|\||\[\^|`", child.content)


@given(ANYTHING)
@settings(max_examples=200, deadline=None)
def test_anything_at_all_can_be_written(text):
    assert "<tg-button" not in re.sub(r"`.*`", "", rich(text), flags=re.DOTALL)
    read(rich(text, CITATIONS, "https://desk.example"))


@pytest.mark.parametrize(
    ("markdown", "written"),
    [
        ("# A **b**\nText", "# A <b>b</b>\n\nText"),
        ("a\nb", "a  \nb"),
        ("**注意：**请看", "<b>注意：</b>请看"),
        ("$5 and $6, ==a== ||b||", "\\$5 and \\$6, \\=\\=a\\=\\= \\|\\|b\\|\\|"),
        (
            '<tg-button type="callback_data">x</tg-button>',
            '&lt;tg-button type\\="callback\\_data"&gt;x&lt;/tg-button&gt;',
        ),
        ("&lt;b> &amp;lt;", "&lt;b&gt; &amp;lt;"),
        ("`<b>` ``a`b``", "`<b>` ``a`b``"),
        ("- a\n  - b\n- [x] c", "- a\n  - b\n- [x] c"),
        ("3. a\n\n   b\n4. c", "3. a\n\n   b\n4. c"),
        ("\\- a", "\\- a"),
        ("1986\\. A year", "1986\\. A year"),
        ("> a\n>\n> b", "> a\n>\n> b"),
        ("```math\nx\n```", "```\nx\n```"),
        ("```py\n```\n", ""),
        ("1. a\n\n>\n\n1. b", "1. a\n\n>\n\n1. b"),
        ("a\n***", "a\n\n---"),
        ("| a | b |\n|:--|:-:|\n| `x\\|y` | z\\|w |", "| a | b |\n| :--- | :---: |\n| `x\\|y` | z\\|w |"),
        ("![a cat](https://a.example/c.png)", "[a cat](https://a.example/c.png)"),
        ("See https://a.example/x_y.", "See [https://a.example/x\\_y](https://a.example/x_y)."),
        ("[a](https://a.example/(b)) [c](tg://user?id=1)", "[a](https://a.example/%28b%29) c"),
    ],
)
def test_each_form_has_its_own(markdown, written):
    assert rich(markdown) == written


def test_citations_are_links_and_sources_are_listed():
    assert rich("It takes a day [1].", CITATIONS) == (
        "It takes a day [\\[1\\]](https://shop.example/d).\n\n<b>Sources:</b>  \n"
        "[\\[1\\] Delivery and returns](https://shop.example/d)  \n\\[2\\] prices.md"
    )


def test_what_a_rich_message_cannot_hold_is_none():
    """Then the answer goes out in several ordinary ones."""
    assert rich("word " * 6_000)
    assert rich("word " * 7_000) == ""
    assert rich("a\n\n" * 300)
    assert rich("a\n\n" * 501) == ""
    assert rich(f"{'|a' * 20}|\n{'|-' * 20}|")
    assert rich(f"{'|a' * 21}|\n{'|-' * 21}|") == ""
    assert rich("> " * 15 + "x")
    assert rich("> " * 16 + "x") == ""
    assert rich(" ") == rich("&#8203;", CITATIONS) == ""


def test_entities_in_addresses_stay_what_they_are():
    assert html.unescape(rich("[a](https://a.example/?b=1&amp;copy;=2)")) == "[a](https://a.example/?b=1&copy;=2)"
