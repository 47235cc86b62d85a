"""Cutting loses no character, keeps whole sentences, rows and lines, and stays within its tokens."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prompts.cut import MARKER, assemble, fit, shorten, units
from prompts.sentences import sentences
from prompts.tokens import estimate_tokens

ANY = st.text(st.sampled_from("ab Z.!?。！，,;\n|-`~#1 9…\u201d"), max_size=300) | st.text(max_size=200)
SENTENCE = st.sampled_from(
    [
        "A lamp costs 4.50 EUR today. ",
        "Is it blue? ",
        "我们三天内发货。",
        "退货免费！",
        "Am 3. Mai liefern wir z. B. Lampen. ",
        "Go! ",
    ]
)
TABLE = "| size | price |\n|---|---|\n| S | 1 |\n| M | 2 |\n| L | 3 |\n"
CODE = "```python\none = 1\ntwo = 2\nthree = 3\n```\n"


@settings(deadline=None)
@given(ANY)
def test_sentences_and_units_join_to_the_text(text: str) -> None:
    """Nothing is lost and nothing added when a text is taken apart."""
    assert "".join(sentences(text)) == text
    assert assemble(units(text)) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It costs 4.50 EUR. Is that all? Yes!", ["It costs 4.50 EUR. ", "Is that all? ", "Yes!"]),
        ("Mr. Ito, e.g. Ken, came. He left.", ["Mr. Ito, e.g. Ken, came. ", "He left."]),
        ("Wir öffnen am 3. Mai. Bis dann z. B. online.", ["Wir öffnen am 3. Mai. ", "Bis dann z. B. online."]),
        ("It costs 5. Shipping is free.", ["It costs 5. ", "Shipping is free."]),
        ("他说：“好。”然后走了。真的？是的！", ["他说：“好。”", "然后走了。", "真的？", "是的！"]),
        ("1. Open it.\n2. Close it.", ["1. Open it.\n", "2. Close it."]),
        ("¿Cuánto cuesta? Nada.", ["¿Cuánto cuesta? ", "Nada."]),
        ("كم السعر؟ مجاني.", ["كم السعر؟ ", "مجاني."]),
        ("He said (softly.) Then left.", ["He said (softly.) ", "Then left."]),
        ("well… maybe not. Ok.", ["well… maybe not. ", "Ok."]),
        ("x" * 70 + " wrapped\nline goes on. End.", ["x" * 70 + " wrapped\nline goes on. ", "End."]),
        ("name: Ann\nsize: L", ["name: Ann\n", "size: L"]),
    ],
)
def test_sentence_borders(text: str, expected: list[str]) -> None:
    """Decimals, abbreviations, ordinals and list numbers end no sentence; East Asian stops need no blank."""
    assert sentences(text) == expected


@settings(deadline=None)
@given(st.lists(SENTENCE, min_size=1, max_size=40), st.integers(20, 200))
def test_shorten_keeps_whole_sentences_within_its_tokens(parts: list[str], tokens: int) -> None:
    """What is left are whole sentences from both ends around one marker, in order, within the budget."""
    text = "".join(parts)
    result, cut = shorten(text, tokens, estimate_tokens)
    assert estimate_tokens(result) <= tokens
    assert cut == (result != text)
    if not cut:
        return
    before, after = result.split(MARKER)
    whole = sentences(text)
    head = next(n for n in range(len(whole) + 1) if "".join(whole[:n]).strip() == before.strip())
    tail = next(n for n in range(len(whole) + 1) if "".join(whole[len(whole) - n :]).strip() == after.strip())
    assert 0 < head + tail < len(whole)


@settings(deadline=None)
@given(ANY, st.integers(12, 80))
def test_shorten_always_answers_within_its_tokens(text: str, tokens: int) -> None:
    """Any text gets into any budget, and something of it is always left."""
    for count in (estimate_tokens, len):
        result, cut = shorten(text, tokens, count)
        assert count(result) <= tokens
        if cut and text.strip() and count is estimate_tokens:
            assert result.replace(MARKER, "").strip()


@settings(deadline=None)
@given(ANY, st.integers(0, 80))
def test_fit_keeps_a_beginning_of_whole_units(text: str, tokens: int) -> None:
    """The result is the text itself, nothing, or its first units and the marker."""
    result = fit(text, tokens, estimate_tokens)
    assert result == text or estimate_tokens(result) <= tokens
    if result not in (text, ""):
        whole = units(text)
        kept = result.removesuffix(MARKER).rstrip()
        assert any(assemble(whole[:n]).rstrip() == kept for n in range(1, len(whole)))


def test_a_table_keeps_its_header_and_whole_rows() -> None:
    """A table is cut between rows; both remains of it have the header."""
    long = TABLE + "".join(f"| size {n} | {n} |\n" for n in range(60))
    assert fit(long, 40, estimate_tokens).startswith("| size | price |\n|---|---|\n| S | 1 |\n")
    result, cut = shorten(long, 90, estimate_tokens)
    assert cut
    assert result.count("| size | price |\n|---|---|\n") == 2
    rows = [line for line in result.splitlines() if line and line != MARKER]
    assert set(rows) <= set(long.splitlines())


def test_code_is_cut_by_line_and_stays_fenced() -> None:
    """Both remains of a code block open and close their fences."""
    long = CODE.replace("one = 1\n", "".join(f"one = {n}\n" for n in range(60)))
    result, _ = shorten(long, 80, estimate_tokens)
    assert result.count("```") == 4
    assert result.startswith("```python\none = 0\n")
    assert result.endswith("three = 3\n```\n")


def test_one_endless_sentence_is_cut_between_words() -> None:
    """Only a sentence that alone is over the budget is cut, and not inside a word."""
    text = " ".join(f"word{n}" for n in range(500))
    result, cut = shorten(text, 50, estimate_tokens)
    assert cut
    assert set(result.replace(MARKER, " ").split()) <= set(text.split())
    assert result.startswith("word0 ")
    assert result.endswith("word499")


@settings(deadline=None)
@given(ANY, ANY)
def test_the_estimate_is_subadditive(one: str, two: str) -> None:
    """A text never counts more than its parts together, and never less than one of them."""
    whole = estimate_tokens(one + two)
    assert max(estimate_tokens(one), estimate_tokens(two)) <= whole <= estimate_tokens(one) + estimate_tokens(two)
