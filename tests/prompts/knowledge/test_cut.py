"""Cutting: nothing is lost, tables, lists and sentences stay whole, and no passage is too large."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prompts.knowledge.cut import cut
from prompts.knowledge.sizes import sentences, tokens

words = st.text(alphabet="abcdefgäöé退货政策运费", min_size=1, max_size=12)
sentence = st.lists(words, min_size=1, max_size=15).map(lambda found: " ".join(found) + ".")
paragraph = st.lists(sentence, min_size=1, max_size=8).map(" ".join)
bullets = st.lists(sentence, min_size=1, max_size=12).map(lambda items: "\n".join(f"- {item}" for item in items))
steps = st.lists(sentence, min_size=1, max_size=12).map(
    lambda items: "\n".join(f"{number}. {item}" for number, item in enumerate(items, 1))
)
rows = st.lists(st.tuples(words, words, words), min_size=1, max_size=20)
grid = rows.map(
    lambda found: "\n".join(["| k | v | w |", "| --- | --- | --- |", *(f"| {a} | {b} | {c} |" for a, b, c in found)])
)
heading = st.tuples(st.integers(1, 4), words).map(lambda pair: f"{'#' * pair[0]} {pair[1]}")
quote = paragraph.map(lambda text: f"> {text}")
code = st.lists(words, min_size=1, max_size=20).map(lambda lines: "```\n" + "\n".join(lines) + "\n```")
documents = st.lists(st.one_of(heading, paragraph, bullets, steps, grid, quote, code), max_size=12).map("\n\n".join)
budgets = st.integers(50, 300)


def written(text: str) -> list[str]:
    """The words of a text, without what stands at the head of each part of a table that was cut."""
    text = re.sub(r"^\| k \| v \| w \|$|^\|[ |-]+$|^#+ |^```$|^\d+\. ", "", text, flags=re.MULTILINE)
    return re.findall(r"[^\W\d_]+", text)


@settings(deadline=None)
@given(documents, budgets)
def test_no_word_is_lost_or_moved(markdown: str, budget: int) -> None:
    """The words of all passages with their new headings are the words of the document, in its order."""
    found: list[str] = []
    path: tuple[str, ...] = ()
    for piece in cut(markdown, title="", budget=budget):
        if piece.heading != path:
            same = 0
            while same < min(len(path), len(piece.heading)) and path[same] == piece.heading[same]:
                same += 1
            found += [word for name in piece.heading[same:] for word in written(name)]
            path = piece.heading
        found += written(piece.text)
    everything = written(markdown)
    assert sorted(set(found)) == sorted(set(everything))
    body = [word for piece in cut(markdown, title="", budget=budget) for word in written(piece.text)]
    at = iter(everything)
    assert all(word in at for word in body)


@settings(deadline=None)
@given(documents, budgets)
def test_no_passage_is_too_large_or_empty(markdown: str, budget: int) -> None:
    """Four budgets are the most, for a row that is kept whole; two for anything else."""
    for piece in cut(markdown, title="", budget=budget):
        assert piece.text.strip()
        assert tokens(piece.text) <= (4 if "| k |" in piece.text else 2) * budget


@settings(deadline=None)
@given(rows, st.integers(50, 120))
def test_a_table_is_cut_between_rows_with_its_header(found: list[tuple[str, str, str]], budget: int) -> None:
    """Each part of a table is a table, and together they have all of its rows once, in order."""
    lines = [f"| {a} | {b} | {c} |" for a, b, c in found]
    pieces = cut("\n".join(["| k | v | w |", "|---|---|---|", *lines]), title="", budget=budget)
    parts = [piece.text.split("\n") for piece in pieces]
    assert all(part[:2] == ["| k | v | w |", "|---|---|---|"] for part in parts)
    assert [row for part in parts for row in part[2:]] == lines


@settings(deadline=None)
@given(st.lists(sentence, min_size=1, max_size=20), st.integers(100, 200))
def test_no_sentence_is_cut(found: list[str], budget: int) -> None:
    """Every sentence of a paragraph stands whole in one passage, as long as two budgets hold it."""
    pieces = [piece.text for piece in cut("A " + " A ".join(found), title="", budget=budget)]
    for text in found:
        assert any(text in piece for piece in pieces)


@settings(deadline=None)
@given(st.text(max_size=3_000), budgets)
def test_any_text_can_be_cut(text: str, budget: int) -> None:
    """Whatever is written, cutting ends and keeps its bounds."""
    for piece in cut(text, title="", budget=budget):
        assert tokens(piece.text) <= 4 * budget + 16


@settings(deadline=None)
@given(st.text(max_size=500))
def test_sentences_joined_are_the_text(text: str) -> None:
    """Splitting into sentences loses nothing."""
    assert "".join(sentences(text)) == text


def test_headings_become_the_path() -> None:
    """The path names all headings above, without the title, and levels may be left out."""
    markdown = "# Shop\n\nIntro\n\n## A\n\ntext a\n\n#### Deep *one*\n\ntext b\n\n## B\n\ntext c"
    assert [(piece.heading, piece.text) for piece in cut(markdown, title="Shop", budget=100)] == [
        ((), "Intro"),
        (("A",), "text a"),
        (("A", "Deep one"), "text b"),
        (("B",), "text c"),
    ]


def test_a_heading_alone_is_a_passage() -> None:
    """A heading with nothing under it says something, too."""
    pieces = cut("# T\n\n## No dogs allowed\n\n## Cats\n\nYes.", title="T", budget=100)
    assert [(piece.heading, piece.text) for piece in pieces] == [((), "No dogs allowed"), (("Cats",), "Yes.")]


def test_what_leads_in_stays_with_its_list() -> None:
    """A paragraph that ends with a colon is not parted from the list below it."""
    before = "word " * 45 + "."
    steps = "\n".join(f"{number}. do the thing number {number}" for number in range(1, 5))
    pieces = cut(f"{before}\n\nDo this:\n\n{steps}", title="", budget=60)
    assert pieces[-1].text == f"Do this:\n\n{steps}"


def test_a_long_list_is_cut_between_items_and_keeps_its_numbers() -> None:
    """The second part of a list goes on counting."""
    steps = [f"{number}. turn the screw of the cover to the left" for number in range(1, 15)]
    pieces = cut("\n".join(steps), title="", budget=60)
    assert len(pieces) > 1
    assert "\n".join(piece.text for piece in pieces).split("\n") == steps


def test_links_by_reference_survive_the_cut() -> None:
    """A passage is read alone, so a link must not need a definition elsewhere; comments go."""
    markdown = "See [the prices][p] and [FAQ].\n\n## B\n\nMore <!-- not this -->text.\n\n[p]: /prices\n[faq]: https://x.example/"
    assert [piece.text for piece in cut(markdown, title="", budget=100)] == [
        "See [the prices](/prices) and [FAQ](https://x.example/).",
        "More text.",
    ]


def test_html_within_markdown_is_read() -> None:
    """A table that is written in HTML is a table."""
    pieces = cut("<table><tr><th>A</th><th>B</th></tr><tr><td>1</td><td>2</td></tr></table>", title="", budget=100)
    assert [piece.text for piece in pieces] == ["| A | B |\n| --- | --- |\n| 1 | 2 |"]


def test_a_row_that_is_far_too_large_becomes_lines() -> None:
    """Its cells stay with the names of their columns."""
    pieces = cut(f"| Name | Story |\n|---|---|\n| A | x |\n| B | {'It goes on. ' * 100}|", title="", budget=50)
    assert pieces[0].text == "| Name | Story |\n|---|---|\n| A | x |"
    assert pieces[1].text.startswith("Name: B\nStory: It goes on.")
    assert all(tokens(piece.text) <= 50 for piece in pieces[1:])


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("It costs 3.50 euros. Fine.", 2),
        ("Ask Dr. Miller, e.g. today. Then wait.", 2),
        ("您好。请问？好！", 3),
        ("z.B. am 3. Mai. Danach nicht.", 2),
        ("See www.example.org for more", 1),
        ('He said "no." Then left.', 2),
    ],
)
def test_sentences_end_where_they_end(text: str, number: int) -> None:
    """Not at abbreviations, decimals, dates or addresses; in Chinese without a space."""
    assert len(sentences(text)) == number
