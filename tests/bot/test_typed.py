"""What people typed, in a text that is read as Markdown."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from adapters.slack import markdown as slack
from adapters.telegram.markdown import render
from bot.typed import open_links, typed

PIECES = st.sampled_from([
    "[x](https://evil.example)", "[x]", "[1]", ": https://evil.example", "https://a.example/b_c?d=1&e=2", "<b>", "</b>",
    "<https://a.example>", "<https://a.example|x>", "![a](b)", "`", "```", "~~~", "~", "~~", "*", "**", "_", "__",
    "***", "# ", "> ", "- ", "+ ", "* ", "1. ", "2) ", "---", "===", "| a | b |", "|---|---|", "|", "&lt;", "&#60;",
    "&", "<", "\\", "\n", "\n\n", "    ", "\t", " ", "word", "snake_case", "ü", "中", "！", "(", ")", "\\[", "[x][y]",
    "[x]:", "!",
])  # fmt: skip
TYPED = st.lists(PIECES, max_size=14).map("".join)
GFM = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def lines(text: str) -> list[str]:
    """As a reader sees them: no blank ones, and not how wide a space is."""
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


@given(TYPED)
@settings(max_examples=500, deadline=None)
@example("[x](https://evil.example)")
@example("[x][1]\n\n[1]: https://evil.example")
@example("a | b\n--- | ---\nc | d")
@example("words\n===")
def test_it_says_what_was_typed_and_nothing_else(text: str) -> None:
    """A parser finds paragraphs of text in it, and that text is what was typed."""
    tokens = GFM.parse(typed(text))
    assert {token.type for token in tokens} <= {"paragraph_open", "inline", "paragraph_close"}
    said = [child for token in tokens for child in token.children or []]
    assert {child.type for child in said} <= {"text", "text_special", "softbreak"}
    inline = [token.children or [] for token in tokens if token.type == "inline"]
    shown = ["".join(child.content if child.type != "softbreak" else "\n" for child in part) for part in inline]
    assert lines("\n".join(shown)) == lines(text)


@given(TYPED)
@settings(max_examples=300, deadline=None)
def test_it_stays_so_where_it_is_quoted_and_shown(text: str) -> None:
    """In Telegram nothing of it is a link or has a form, whatever stands around it."""
    quoted = "".join(f"> {line}\n" for line in typed(text).split("\n"))
    for name, markdown in (("Zoë:", f"**Zoë:** {typed(text)}"), ("Zoë", f"**Zoë**\n{quoted}")):
        pieces = render(markdown)
        shown = "\n".join(piece.text for piece in pieces)
        kinds = [entity.type for piece in pieces for entity in piece.entities]
        assert set(kinds) <= {"bold", "blockquote", "expandable_blockquote"} and kinds.count("bold") == 1
        assert re.sub(r"\s", "", shown) == name + re.sub(r"\s", "", text)


@given(TYPED)
@settings(max_examples=300, deadline=None)
def test_slack_finds_no_link_of_its_own_in_it(text: str) -> None:
    """There an address and what it is called may stand in angle brackets."""
    shown = slack.body(typed(text))
    assert not re.search(r"<[^<>]*>", shown)
    assert not re.search(r"(?<!\\)(?:\\\\)*\](?:\(|:|\[)", shown)


@pytest.mark.parametrize(
    "text",
    ["Where is my parcel?", "It is 5 €, isn't it?", "snake_case", "https://a.example/b_c?d=1&e=2", "a - b",
     "ja/nein (?)", "(edited) at 5", "#", "e-mail: ada@shop.example", "我的包裹在哪里？"],
)  # fmt: skip
def test_plain_words_stay_plain(text: str) -> None:
    """Nobody who reads them raw sees a mark that was not typed."""
    assert typed(text) == ("\\#" if text == "#" else text)


@given(TYPED)
@settings(max_examples=300, deadline=None)
@example("[x](https://evil.example)")
@example("[[x]](https://evil.example) ![y](https://evil.example)")
@example("[x][1]\n\n[1]: https://evil.example")
def test_no_link_hides_where_it_leads(text: str) -> None:
    """What is left of links in anybody's Markdown are addresses that stand there."""
    tokens = [child for token in GFM.parse(open_links(text)) for child in token.children or []]
    for number, token in enumerate(tokens):
        assert token.type != "image"
        if token.type == "link_open":
            assert tokens[number + 1].content == token.attrs["href"]
    assert not re.search(r"(?<!\\)<[^<>|\s]+\|", open_links(text))


def test_the_rest_of_markdown_stays() -> None:
    """It is the bot's own."""
    text = "**Bold**, `code` [1], and\n\n- a list: [2]\n"
    assert open_links(text) == text
