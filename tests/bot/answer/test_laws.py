"""Laws of quoted answers, on arbitrary Markdown and questions."""

from __future__ import annotations

import re

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.answer.blocks import blocks
from bot.answer.figures import figures
from bot.answer.ground import ground
from bot.answer.intent import intent
from bot.answer.markdown import quoted
from bot.answer.quote import Quoter
from bot.answer.sentences import sentences
from bot.answer.stream import pieces
from bot.config import Site
from bot.events import Passage
from tests.bot.answer.shop import CHINESE, ENGLISH

QUOTER = Quoter(Site(name="Foxglove"))

WORDS = st.sampled_from(
    ["lantern", "Moth", "£34", "45 days", "does", "not", "except", "the", "cost", "E-12", "灯笼", "30 天", "不", "**"]
)  # fmt: skip
LINE = st.one_of(
    st.lists(WORDS, max_size=8).map(" ".join),
    st.lists(WORDS, min_size=1, max_size=4).map(lambda cells: "| " + " | ".join(cells) + " |"),
    st.sampled_from(["| - | - |", "|---|---|", "- ", "1. ", "  - x", "# ", "> ", "```", "***", "|", "||", "", "a: "]),
    st.text(max_size=20),
)
MARKDOWN = st.lists(LINE, max_size=12).map("\n".join)
PASSAGES = st.lists(
    st.builds(
        Passage,
        text=MARKDOWN,
        title=st.lists(WORDS, max_size=3).map(" ".join),
        location=st.sampled_from(["a.md", "b.md"]),
        score=st.floats(0, 1),
        heading=st.lists(st.lists(WORDS, max_size=3).map(" ".join), max_size=2).map(tuple),
        language=st.sampled_from(["", "en", "zh", "de", "xx"]),
    ),
    max_size=4,
)
QUESTION = st.one_of(st.lists(WORDS, max_size=8).map(lambda words: " ".join(words) + "?"), st.text(max_size=40))
LANGUAGE = st.sampled_from(["en", "zh", "de", "es", "ar", "fr", ""])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(QUESTION, PASSAGES, LANGUAGE)
def test_the_quoter_always_answers(question: str, passages: list[Passage], language: str) -> None:
    """Whatever is asked of whatever Markdown: there is a text, and its citations are named; declines have none."""
    answer = QUOTER.answer(question, passages, language)
    assert answer.text.strip()
    named = {int(number) for number in re.findall(r"\[(\d+)\](?!\()", answer.text)}
    if answer.kind == "decline":
        assert answer.citations == ()
        return
    assert {citation.number for citation in answer.citations} == named == set(range(1, len(named) + 1))
    known = {(passage.title, passage.location) for passage in passages}
    assert {(citation.title, citation.location) for citation in answer.citations} <= known
    assert answer == QUOTER.answer(question, passages, language)


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(["How much is {}?", "How long does {} take?", "{}", "Can I return {}?", "多少钱 {}", "怎么 {}"]),
    st.sampled_from(["a parcel to Wales", "the Moth", "engraved lanterns", "灯芯", "包裹", "the wick", "Saturday"]),
    st.permutations([*ENGLISH, *CHINESE]),
)
def test_every_number_of_an_answer_is_its_sources(form: str, thing: str, passages: list[Passage]) -> None:
    """A quote states no figure that the passages do not have (citations and list marks are no figures)."""
    answer = QUOTER.answer(form.format(thing), passages[:8], "en")
    text = re.sub(r"\[\d+\]", "", answer.text)
    stated = figures("\n".join("\n".join((p.text, p.title, *p.heading)) for p in passages))
    assert figures(text) <= stated


@given(st.text())
def test_pieces_joined_are_the_text(text: str) -> None:
    """Streaming loses and adds nothing, and no piece is empty."""
    found = list(pieces(text))
    assert "".join(found) == text
    assert all(found)


def test_pieces_are_words_and_single_characters() -> None:
    """An English text comes word by word, a Chinese one character by character with its mark."""
    assert list(pieces("Yes, it is. [1]")) == ["Yes,", " it", " is.", " [1]"]
    assert list(pieces("可以退货。")) == ["可", "以", "退", "货。"]


@settings(deadline=None)
@given(st.text(), LANGUAGE)
def test_intent_is_total(text: str, language: str) -> None:
    """Every text has an intent, the same each time."""
    assert intent(text, language) == intent(text, language)


@settings(deadline=None)
@given(MARKDOWN)
def test_blocks_lose_no_words(markdown: str) -> None:
    """Taken apart, Markdown keeps its words (but for marks), and every row has as many cells as its header."""
    for block in blocks(markdown):
        if hasattr(block, "rows"):
            assert all(len(row) == len(block.header) for row in block.rows)
    told = repr(blocks(markdown))
    for word in ("lantern", "Moth"):
        assert (word in markdown) <= (word in told)


@settings(deadline=None)
@given(st.text())
def test_sentences_keep_every_letter(text: str) -> None:
    """Only white space may go between sentences."""
    assert "".join("".join(sentences(text)).split()) == "".join(text.split())


@settings(deadline=None)
@given(st.text(alphabet="[]()!<>ahtps:/.\"' 1\n*_`", max_size=200))
def test_quoted_markdown_has_no_picture_and_no_tag(text: str) -> None:
    """Nothing that a renderer would load or run survives, and no number that reads as a citation."""
    clean = quoted(text)
    assert not re.search(r"!\[[^\[\]\n]*\]\([^()\n]*\)", clean)
    assert not re.search(r"\[\d{1,4}\](?!\()", clean)
    for target in re.findall(r"\[[^\[\]\n]*\]\(([^()\n]*)\)", clean):
        assert target.startswith(("http://", "https://"))


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(st.lists(st.one_of(WORDS, st.sampled_from(["[1]", "[9]", "[1, 2]", ".", "?"]))).map(" ".join), st.text()),
    PASSAGES,
)
def test_grounding_is_total_and_cites_what_exists(text: str, passages: list[Passage]) -> None:
    """Any text can be checked; the citations left exist, and checking again changes nothing."""
    found = ground(text, passages)
    named = {int(number) for number in re.findall(r"\[(\d{1,4})\](?!\()", found.text)}
    assert named == {citation.number for citation in found.citations} <= set(range(1, len(passages) + 1))
    again = ground(found.text, passages)
    assert (again.text, again.supported) == (found.text, found.supported)
