"""Amounts and codes have one spelling each."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.measures import measured, parted_codes, unit_code


@pytest.mark.parametrize(
    ("texts", "term"),
    [
        (("€3.90", "3,90 €", "3.90 EUR", "EUR 3.90", "3,90 Euro", "€ 3,9", "３．９０ euros", "3.90 欧元"), "3p9eur"),
        (
            ("€1,000", "1.000 €", "1000 euros", "1 000 EUR".replace(" ", "\u202f", 1), "€1,000.00", "1.000,00 €"),
            "1000eur",
        ),
        (("$20", "20 dollars", "US$20", "USD 20", "20.00 USD", "20 dólares"), "20usd"),
        (("¥699", "699元", "699 块", "RMB 699", "699 人民币"), "699cny"),
        (("5GB", "5 GB", "5 gigabytes", "5-gigabyte", "５ＧＢ", "5 Gigas"), "5gb"),
        (("100 Mbit/s", "100 Mbps", "100Mbit"), "100mbit"),
        (("14 days", "14-day", "14 Tage", "14 días", "14天", "14 天"), "14day"),
        (("3 months", "3 Monate", "3个月", "3 meses"), "3month"),
        (("20%", "20 %", "20 percent", "20 Prozent"), "20percent"),
        (("24 hours", "24h", "24 Stunden", "24小时", "24 个小时"), "24hour"),
    ],
)
def test_one_spelling(texts: tuple[str, ...], term: str) -> None:
    """However it is written, and in whichever language."""
    for text in texts:
        assert measured(f"It is {text}, or so.")[:1] == [term], text


@pytest.mark.parametrize(
    "text",
    ["in 2024", "Drift 5 router", "version 3.4", "5 gbx", "E-1042", "5 goats", "no digits", "", "a5 gb", "٣ أيام"],
)
def test_what_is_no_amount(text: str) -> None:
    """A number alone, a code, and words that only begin like a unit."""
    assert measured(text) == []


@pytest.mark.parametrize("text", ["E1042", "E-1042", "E 1042", "E.1042", "E/1042"])
def test_codes_in_two_parts(text: str) -> None:
    """They are one, with capitals anywhere, in questions also without."""
    assert parted_codes(f"It shows {text}.") == ["e1042"]
    assert parted_codes(text.lower()) == []
    assert parted_codes(text.lower(), capitals=False) == ["e1042"]


@given(st.text(max_size=300))
def test_terms_hold_letters_and_digits_only(text: str) -> None:
    """Whatever stands there: they are put between spaces and quotes."""
    assert all(term.isalnum() and term.isascii() for term in (*measured(text), *parted_codes(text, capitals=False)))


@given(st.integers(0, 10**9), st.sampled_from(["gb", "€", "days", "元"]))
def test_the_number_decides(number: int, unit: str) -> None:
    """Two amounts are the same exactly when their numbers are."""
    assert measured(f"{number} {unit}") != measured(f"{number + 1} {unit}")
    assert measured(f"{number:,} {unit}") == measured(f"{number} {unit}")


def test_unit_names() -> None:
    """A name alone leads to its code."""
    assert (unit_code("Gigabytes"), unit_code("€"), unit_code("router")) == ("gb", "eur", "")
