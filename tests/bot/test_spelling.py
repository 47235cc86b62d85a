"""Words that a misspelt or compound one may stand for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

from bot.spelling import Spelling

letters = st.text(alphabet="abcdeg", min_size=4, max_size=10)


@given(st.lists(letters, min_size=1, max_size=30), letters)
def test_near_words_are_those_with_the_fewest_slips(known: list[str], word: str) -> None:
    """Never the word itself, never further than its length allows, and nothing nearer is overlooked."""
    found = Spelling(dict.fromkeys(known, 1)).near(word, most=100)
    allowed = 2 if len(word) >= 8 else 1 if len(word) >= 5 else 0
    away = {other: OSA.distance(word, other) for other in known if other != word}
    within = {other: slips for other, slips in away.items() if slips <= (allowed if other[0] == word[0] else 1)}
    assert all(0 < away[other] <= allowed for other in found)
    same_beginning = {slips for other, slips in within.items() if other[0] == word[0] and slips <= allowed}
    if same_beginning:
        assert {away[other] for other in found} == {min({away[other] for other in found})}
        assert away[found[0]] <= min(same_beginning)


@given(letters.filter(lambda word: len(word) >= 5), st.integers(0, 9), st.sampled_from("abcdefg"))
def test_one_slip_is_found_back(word: str, at: int, letter: str) -> None:
    """A letter more, less or other, or two exchanged, anywhere, the beginning too."""
    at %= len(word)
    slips = {word[:at] + word[at + 1 :], word[:at] + letter + word[at:], word[:at] + letter + word[at + 1 :]}
    slips.add(word[:at] + word[at : at + 2][::-1] + word[at + 2 :])
    spelling = Spelling({word: 1, "gggg": 1, "aaaa": 1, "bbbb": 1, "cccc": 1, "dddd": 1, "eeee": 1})
    for slip in slips - {word}:
        if len(slip) >= 5 and slip[0] in "abcdeg":
            assert word in spelling.near(slip)


def test_usual_words_come_first_and_rare_ones_not_at_all() -> None:
    """What stands in few passages beside a usual word is likely a slip itself."""
    spelling = Spelling({"receipt": 50, "recaipt": 2, "receipts": 40})
    assert spelling.near("recipt") == ["receipt"]
    assert spelling.near("receiptx") == ["receipt", "receipts"]


def test_slips_in_endings_lead_to_the_stem() -> None:
    """A stem is known without its ending, so a slip there is none of the stem's."""
    spelling = Spelling({"activ": 5, "kundig": 2, "actual": 3})
    assert spelling.forms("activaton") == ["activ"]
    assert spelling.forms("kundigugen") == ["kundig"]
    assert spelling.forms("activists") == []


def test_codes_numbers_and_dense_scripts_have_no_slips() -> None:
    """One digit makes another thing of them."""
    spelling = Spelling({"e10425": 5, "123456": 5, "退货政策运费": 5})
    for word in ("e10426", "123457", "退货政策运输", "", "a", "x" * 500):
        assert spelling.near(word) == []
        assert spelling.parts(word) is None
        assert spelling.compounds(word) == []


def test_compounds_and_their_parts() -> None:
    """With a linking letter or without; words that only begin alike are none."""
    spelling = Spelling({"versand": 9, "kosten": 9, "versandkosten": 3, "rahmen": 2, "rahmens": 2, "gewahrleistung": 4})
    assert spelling.parts("versandkosten") == ("versand", "kosten")
    assert spelling.parts("gewahrleistungskosten") == ("gewahrleistung", "kosten")
    assert spelling.parts("versandhaus") is None
    assert spelling.compounds("kosten") == ["versandkosten"]
    assert spelling.compounds("versand") == ["versandkosten"]
    assert spelling.compounds("rahmen") == []
