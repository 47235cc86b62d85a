"""Families of English words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.answer.feature import BY_ROOT, Feature
from bot.answer.meaning import meaning
from bot.roots import root
from bot.terms import terms


def family(word: str) -> str:
    return root(terms(word, "en")[0])


@pytest.mark.parametrize(
    "words",
    [
        "trainer training train",
        "membership member",
        "payment payer paid pay",
        "bought buy buyer",
        "stolen theft stole steal",
        "swimmer swimming swam swim",
        "locker lock locked",
        "delivery deliver",
        "sold sale seller sell",
    ],
)
def test_words_of_one_family_meet(words: str) -> None:
    """Whatever the ending, and where forms follow no rule."""
    assert len({family(word) for word in words.split()}) == 1


@pytest.mark.parametrize("pair", ["shower show", "corner corn", "counter count", "number numb", "tower tow"])
def test_what_only_looks_alike_stays_apart(pair: str) -> None:
    """A shower shows nothing."""
    one, other = pair.split()
    assert family(one) != family(other)


@given(st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=16))
def test_the_root_of_a_root_is_itself(stem: str) -> None:
    """So that question and text meet, whichever form either has."""
    assert root(root(stem)) == root(stem)


def test_a_word_of_the_same_family_says_a_little_less() -> None:
    """And only in English: the list knows no other language."""
    trainer = Feature(terms=frozenset(terms("trainer", "en")))
    assert trainer.match(meaning("Training costs extra.", "en")) == BY_ROOT
    assert trainer.match(meaning("A trainer costs extra.", "en")) == 1.0
    assert trainer.match(meaning("Training kostet extra.", "de")) == 0.0
