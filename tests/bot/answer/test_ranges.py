"""Measures in questions against what texts allow."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.answer.dates import agreement
from bot.answer.ranges import COMPARABLE, aged_out, compares, with_units, within


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("Can my 15-year-old go alone?", "Children under 16 need an adult."),
        ("she just turned three", "0–3 years"),
        ("I'm 67", "From the age of 65 you pay less."),
        ("I'm 67", "65 and over"),
        ("Ich bin 67", "65 und älter"),
        ("I am 20", "aged 18 to 25"),
        ("a 75-minute delay", "60–119 minutes late"),
        ("after three weeks", "within 14 to 30 days"),
        ("my head measures 57 cm", with_units("Size (cm)", "55–58")),
        ("my son is 5 years old", with_units("Age", "4–11")),
    ],
)
def test_a_measure_within_a_range(question: str, text: str) -> None:
    """Ages without their unit, numbers in words, and units that stand in the head of a column."""
    assert within(question, text)


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("I'm 30", "between 18 and 27 years old"),
        ("Can my 16-year-old go alone?", "Children under 16 need an adult."),
        ("a 75-minute delay", "120 minutes or more"),
        ("I'm 67% sure", "65 and over"),
        ("a parcel of 5 kg", "aged 4 to 11"),
    ],
)
def test_a_measure_outside_of_it(question: str, text: str) -> None:
    """Limits hold to the unit, and measures of other things are none."""
    assert not within(question, text)


@pytest.mark.parametrize(
    ("question", "inside", "outside"),
    [
        ("What is the fare in August?", "High season (15 May to 30 September)", "Low season (1 October to 14 May)"),
        ("and on 3 May?", "1 October to 14 May", "15 May to 30 September"),
        ("¿y en enero?", "1 de octubre al 14 de mayo", "15 de mayo al 30 de septiembre"),
        ("und im Januar?", "1. Oktober bis 14. Mai", "15. Mai bis 30. September"),
        ("8月多少钱", "5月15日至9月30日", "10月1日至5月14日"),
    ],
)
def test_a_month_lies_in_a_part_of_the_year(question: str, inside: str, outside: str) -> None:
    """Also in one that reaches over the end of the year."""
    assert agreement(question, inside) == 1
    assert agreement(question, outside) == -1


@given(st.text(max_size=200), st.text(max_size=200))
def test_any_text_may_be_compared(question: str, text: str) -> None:
    """Whatever is written, the comparison ends with a yes or a no."""
    assert within(question, text) in (True, False)
    assert agreement(question, text) in (-1, 0, 1)


@pytest.mark.parametrize(
    ("question", "ages"),
    [
        ("Can my 13 year old niece come?", ["13 years"]),
        ("an 80-year-old lady", ["80 years"]),
        ("I'm 76, can I take out a loan?", ["76 years"]),
        ("my baby is 8 months old", ["8 months"]),
        ("Ich bin 67, gibt es Rabatt?", ["67 years"]),
        ("mein 12-jähriger Sohn", ["12 years"]),
        ("Is 20 kg too much?", []),
        ("the fee is 5 euros", []),
    ],
)
def test_ages_are_told_from_other_numbers(question: str, ages: list[str]) -> None:
    """However they are typed; what else a question counts stays in it."""
    found, rest = aged_out(question)
    assert found == ages
    assert (rest == question) == (not ages)


def test_an_age_beyond_a_limit_is_spoken_of_too() -> None:
    """Who is 13 wants to read that guests must be 16; how long something takes has nothing to do with it."""
    assert compares("13 years", "A guest must be aged 16 or over.") == COMPARABLE
    assert compares("40 years", "A guest must be aged 16 or over.") == 1.0
    assert compares("13 years", "The contract runs for 12 to 24 months.") == 0.0
