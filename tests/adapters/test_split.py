"""Markdown in pieces: nothing lost, nothing too long, nothing torn that a reader sees as one thing."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from adapters.graphemes import may_cut
from adapters.growing import ripe
from adapters.marks import Spans, blocks
from adapters.split import grow, split, utf16

_WORDS = st.sampled_from(
    (
        *("order", "deliver", "e.g.", "3.5", "Hello!", "Why?", "**very bold**", "_soft_", "\\*", "a|b"),
        *("[a link](https://shop.example/a_(b)?c=1&d=2)", "![image](https://shop.example/i.png)", "[1]"),
        *("[[2]](https://shop.example)", "`code x`", "``a`b``", "&amp;", "&#128512;", "<https://shop.example/x>"),
        *("https://shop.example/a/long/path?with=a&query=1", "<@U0123>", "你好，世界。", "退款政策：", "مرحبا بالعالم"),
        *("👩\u200d👩\u200d👧\u200d👦", "👍🏽", "🇩🇪🇫🇷", "é", "e\u0301", "क्षि", "각", "\u2066x\u2069", "שלום"),
        *("(", "[", "]", "`", "*", "<", "&", "!"),
    )
)
_SENTENCE = st.lists(_WORDS, min_size=1, max_size=14).map(" ".join)
_FENCE = st.builds(
    lambda mark, info, code: "\n".join((mark + info, *(mark.rstrip("`~") + line for line in code), mark)),
    st.sampled_from(("```", "~~~~", "  ```", "> ```")),
    st.sampled_from(("", "python", "mermaid title=x")),
    st.lists(st.sampled_from(("x = 1", "    if a[0]:", "", "print('`')", "长代码 = 1", "a" * 70)), max_size=15),
)
_TABLE = st.builds(
    lambda rows: "| name | price |\n|---|---:|" + "".join(f"\n| {left} | {right} |" for left, right in rows),
    st.lists(st.tuples(_WORDS.filter(lambda w: "|" not in w), st.sampled_from(("1 €", "2,50", "x" * 30))), max_size=12),
)
_BLOCK = st.one_of(
    _SENTENCE,
    _SENTENCE.map(lambda s: f"## {s}"),
    st.lists(_SENTENCE, min_size=1, max_size=4).map(lambda items: "\n".join(f"- {item}" for item in items)),
    st.lists(_SENTENCE, min_size=1, max_size=3).map(
        lambda items: "\n".join(f"{n}. {s}\n   - x" for n, s in enumerate(items))
    ),
    _FENCE,
    _TABLE,
)
MARKDOWN = st.lists(_BLOCK, max_size=8).flatmap(
    lambda parts: st.sampled_from(("\n\n", "\n", "\n \n\n", "\r\n\r\n")).map(lambda between: between.join(parts))
)
ANYTHING = st.one_of(
    MARKDOWN, st.text(max_size=300), st.text(alphabet="`|-\n [](<>&*~ax\u0301👍🏽\u200d", max_size=200)
)
MEASURES = st.sampled_from((len, utf16))


@given(ANYTHING, st.integers(1, 400), MEASURES)
@settings(max_examples=400, deadline=None)
@example("```\n\n\n\n\n\n```", 3, len)
@example("   \n \n", 1, len)
@example("👍👍", 1, utf16)
@example("x" + "\n" * 50 + "y", 5, len)
def test_joined_the_pieces_are_the_text_and_none_is_empty_or_too_long(text, limit, measure):
    """Law 1. A character that is over the limit by itself, as an emoji is over one unit, is a piece all the same."""
    pieces = split(text, limit, measure)
    assert "".join(piece.text for piece in pieces) == text
    assert all(piece.text for piece in pieces)
    assert all(piece.shown.strip() for piece in pieces) or (not text.strip() and len(pieces) <= 1)
    assert all(measure(piece.shown) <= limit or len(piece.shown.strip()) == 1 for piece in pieces)


@given(MARKDOWN, st.integers(220, 600), MEASURES)
@settings(max_examples=300, deadline=None)
def test_nothing_that_fits_is_torn(text, limit, measure):
    """Law 2 and 3: between two pieces there is neither a character, nor a span, nor a block that would have fitted."""
    found, place = blocks(text), 0
    spans = Spans(text, found)
    for piece in split(text, limit, measure)[:-1]:
        place += len(piece.text)
        assert may_cut(text, place)
        torn = spans.around(place)
        assert torn is None or measure(text[slice(*torn)]) > limit
        for block in found:
            if block.start < place < block.end:
                assert measure(text[block.start : block.end]) > limit
                assert text[place - 1] == "\n"  # between lines, rows


@given(MARKDOWN, st.integers(220, 600))
@settings(max_examples=200, deadline=None)
def test_every_piece_closes_the_fences_that_it_opens(text, limit):
    """Law 3: no piece but one whose text never closes it ends inside code, whatever was cut."""
    pieces = split(text, limit)
    for piece in pieces[:-1]:
        found = blocks(piece.shown)
        assert not [block for block in found if block.kind == "fence" and block.open]


def _prose() -> st.SearchStrategy[str]:
    whole = st.lists(
        _WORDS.filter(lambda w: w not in {"(", "[", "]", "`", "*", "<", "&", "!", "a|b"}), min_size=1, max_size=14
    )
    sentence = whole.map(" ".join)
    return st.lists(sentence, min_size=1, max_size=10).map("\n\n".join)


@given(_prose(), st.integers(150, 400), MEASURES, st.data())
@settings(max_examples=200, deadline=None)
def test_what_is_shown_of_a_growing_text_stands(text, limit, measure, data):
    """Law 4: of any beginning, every piece but the last is one of the whole's, and the last begins the whole's."""
    whole = split(text, limit, measure)
    for end in sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=12))):
        shown = grow(text[:end], limit, measure)
        assert [piece.shown for piece in shown[:-1]] == [piece.shown for piece in whole[: max(0, len(shown) - 1)]]
        if shown:
            assert whole[len(shown) - 1].shown.startswith(shown[-1].shown)


@given(ANYTHING, st.integers(30, 400), st.data())
@settings(max_examples=200, deadline=None)
def test_growing_pieces_are_pieces(text, limit, data):
    """Of anything at all: what is shown while it grows is within the limit, and is a beginning of the text."""
    end = data.draw(st.integers(0, len(text)))
    pieces = grow(text[:end], limit)
    assert text.startswith("".join(piece.text for piece in pieces))
    assert all(piece.text and piece.shown.strip() and len(piece.shown) <= limit for piece in pieces)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("See [the shop](https://sh", "See"),
        ("See [the shop]", "See"),
        ("See [shop](https://sh", "See"),
        ("See [1", "See"),
        ("See [1](https://shop.example) and", "See [1](https://shop.example) and"),
        ("Fish &am", "Fish"),
        ("Use `pip inst", "Use"),
        ("This is **ver", "This is"),
        ("| a | b |\n|--", ""),
        ("Prices:\n\n| a | b |", "Prices:"),
        ("Prices:\n\n| a | b |\n|---|---|\n| 1 | 2 |\n| 3", "Prices:\n\n| a | b |\n|---|---|\n| 1 | 2 |"),
        ("```python\nx = a[0] # `", "```python\nx = a[0] # `"),
        ("A wall <b", "A wall"),
        ("1 < 2 and", "1 < 2 and"),
    ],
)
def test_nothing_half_written_is_shown(text, shown):
    """A reader never sees the signs of a link, of code, of an entity or of a table before they mean something."""
    assert text[: ripe(text)].rstrip() == shown


def test_it_is_cut_where_a_reader_would_cut_it():
    """A paragraph before a line, a line before a sentence, a sentence before a word."""
    paragraphs = "A first sentence here. A second one.\n\nThe next paragraph begins. It goes on."
    assert [piece.shown for piece in split(paragraphs, 48)] == [
        "A first sentence here. A second one.",
        "The next paragraph begins. It goes on.",
    ]
    sentences = "One two three four five six. Seven eight nine ten eleven twelve."
    assert split(sentences, 34)[0].shown == "One two three four five six."
    assert split("one two three four", 9)[0].shown == "one two"
    heading = "Some words that come first, as is usual.\n\n## A heading\n\nWhat it says."
    assert split(heading, 52)[0].shown == "Some words that come first, as is usual."


def test_long_code_is_opened_again_with_its_language():
    text = "Look:\n\n```python\n" + "\n".join(f"line_{n} = {n}" for n in range(40)) + "\n```\n\nThat is all."
    pieces = split(text, 200)
    assert pieces[0].shown == "Look:"
    assert all(piece.shown.startswith("```python\n") for piece in pieces[1:-1])
    assert all("\n```" in piece.shown for piece in pieces[1:])
    assert [line for piece in pieces for line in piece.shown.split("\n") if line.startswith("line_")] == [
        f"line_{n} = {n}" for n in range(40)
    ]


def test_a_long_table_has_its_header_on_every_piece():
    text = "| name | price |\n|---|---|\n" + "\n".join(f"| thing {n} | {n} |" for n in range(60))
    pieces = split(text, 300)
    assert len(pieces) > 2
    assert all(piece.shown.startswith("| name | price |\n|---|---|\n| thing") for piece in pieces)
    assert "".join(piece.text for piece in pieces).count("| name |") == 1


@pytest.mark.parametrize(
    "unit",
    [
        "word ",
        "[",
        "`",
        "|",
        "a|b\n",
        "```\n",
        "**a ",
        "<a",
        "e\u0301",
        "🇩🇪",
        "> ",
        "[a](b",
        "&",
        "\n ",
        "- -|\n",
        "`` ` ",
    ],
)
def test_it_takes_time_in_proportion_to_the_text(unit):
    """Ten times the text takes about ten times as long, not a hundred times as long, whatever it is made of."""

    def seconds(length: int) -> float:
        text = (unit * length)[:length]
        start = time.process_time()
        split(text, 4_000, utf16)
        grow(text, 4_000)
        return time.process_time() - start

    seconds(1_000)
    small = min(seconds(20_000) for _ in range(3))
    most = 40 * max(small, 0.005)
    assert any(seconds(200_000) < most for _ in range(3))  # a busy machine may be slow for once, not each time
