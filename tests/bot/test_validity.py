"""Until when something holds, by what it says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.validity import PAST, asks_for_the_past, day_of, held_until


@pytest.mark.parametrize(
    ("title", "until"),
    [
        ("Prices until 31 March 2025", "2025-03-31"),
        ("Prices up to and including March 31, 2025", "2025-03-31"),
        ("Returns for orders before September 2026 (old policy)", "2026-08-31"),
        ("Preise bis zum 31. März 2025", "2025-03-31"),
        ("Preise bis 31.03.2025", "2025-03-31"),
        ("Bestellungen vor dem 1. April 2026", "2026-03-31"),
        ("Tarifas hasta el 31 de marzo de 2025", "2025-03-31"),
        ("价格（有效期至2025年3月31日）", "2025-03-31"),
        ("2025 年 3 月以前的订单", "2025-03-31"),
        ("Terms until February 2024", "2024-02-29"),
        ("Returns (old policy)", PAST),
        ("Former price list", PAST),
        ("Alte Preisliste", PAST),
        ("Condiciones anteriores", PAST),
        ("退换货政策（2024 年存档）", PAST),
        ("旧版会员规则", PAST),
        ("سياسة قديمة", PAST),
    ],
)
def test_titles_that_say_it(title: str, until: str) -> None:
    """With a date or without, in every language of the house."""
    assert held_until(title) == until


@pytest.mark.parametrize(
    "title",
    [
        "Trade in your old phone",
        "以旧换新",
        "Returns (orders from 1 September 2026)",
        "Up to 5 devices",
        "Altgeräte zurückgeben",
        "Open until 6 p.m.",
        "Seit dem 1. April 2026",
        "",
    ],
)
def test_titles_that_do_not(title: str) -> None:
    """Old things, beginnings and hours limit no rule."""
    assert held_until(title) == ""


@pytest.mark.parametrize(
    ("beginning", "until"),
    [
        ("This policy was valid until 31 August 2026. It still counts for older orders.", "2026-08-31"),
        ("Sold until 31 March 2025. The other article describes what we sell today.", "2025-03-31"),
        ("Diese Regelung gilt nicht mehr.", PAST),
        ("Diese Preise galten bis zum 31. März 2025.", "2025-03-31"),
        ("本政策已废止，请看新版。", PAST),
        ("Esta política ya no está vigente.", PAST),
        ("Bring it back until 31 January 2026.", ""),
        ("We keep an old router for 30 days.", ""),
    ],
)
def test_beginnings_have_to_say_more(beginning: str, until: str) -> None:
    """A date in a sentence is a document's end only when the sentence speaks of what holds."""
    assert held_until("Returns", beginning) == until


@pytest.mark.parametrize(
    ("question", "past"),
    [
        ("What did roaming cost in 2024?", True),
        ("what was your old policy", True),
        ("Ich habe am 3. April 2026 bestellt", True),
        ("旧政策怎么退货", True),
        ("How much is roaming?", False),
        ("Can I cancel before the end of 2027?", False),
        ("until when can I return it", False),
        ("bis wann kann ich zurückgeben", False),
    ],
)
def test_questions_about_the_past(question: str, past: bool) -> None:
    """They name an earlier day, or what was before."""
    assert asks_for_the_past(question, "2026-11-22") is past


@given(st.dates())
def test_days_are_read_back(day: object) -> None:
    """In the forms that front matter has."""
    assert day_of(f"{day:%Y-%m-%d}".zfill(10)) in (str(day), "")
    if str(day) > "1000":
        assert day_of(f"{day:%d} {day:%B} {day:%Y}") == day_of(f"{day:%d}.{day:%m}.{day:%Y}") == str(day)


@given(st.text(max_size=500), st.text(max_size=500))
def test_nothing_that_is_written_is_an_error(above: str, beginning: str) -> None:
    """Titles and beginnings come from anywhere."""
    until = held_until(above, beginning)
    assert until in ("", PAST) or len(until) == 10
