"""Slips of the keyboard in questions."""

from __future__ import annotations

import pytest

from bot.answer.meaning import meaning
from bot.answer.spelt import spelt

KNOWN = [
    meaning("A resident's card that is lost is replaced for €10. The terminal opens at 6:00, the Brook at noon.", "en")
]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("hwo much is a recident card", "how much is a resident card"),
        ("wich terminl", "which terminal"),
        ("when does the brok open", "when does the brook open"),
        ("can i exchnage it", "can i exchange it"),
    ],
)
def test_a_slip_is_put_right(written: str, meant: str) -> None:
    """By what the texts say, else by the words that a language usually has."""
    assert spelt(written, "en", KNOWN) == meant


@pytest.mark.parametrize(
    "written",
    [
        "How much do three tablets cost?",  # usual words, however near to others
        "Where can I park my caravan in Zürich?",
        "What does E-1042 mean?",
        "lost@example.com and shop.example/cardd",
        "The terminals open, the cards are replaced",  # forms of what is known
        "什么时候开门",
        "?",
        "",
    ],
)
def test_what_is_no_slip_stays(written: str) -> None:
    """Usual words, forms of known ones, codes, addresses and other scripts are left as they are."""
    assert spelt(written, "en", KNOWN) == written
