"""Short forms of texting, written out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.spelling import Spelling
from bot.terms import STOP_WORDS
from bot.texting import written_out


@pytest.mark.parametrize(
    ("language", "typed", "meant"),
    [
        ("en", "howmuch is it, im 16 n dont know", "how much is it, i'm 16 n don't know"),
        ("en", "wats B4 mean pls", "what is B4 mean please"),
        ("de", "gibts nen Rabatt u wielange", "gibt es einen Rabatt und wie lange"),
        ("es", "kiero saber xq", "quiero saber por qué"),
    ],
)
def test_short_forms_are_written_out(language: str, typed: str, meant: str) -> None:
    """Each by what it stands for; what is written in capitals is a code."""
    assert written_out(typed, language) == meant


@pytest.mark.parametrize("text", ["2 x 3 m", "US", "u@example.org", "MB-110", "/u/wat", "E-104 r2", "5 k"])
@pytest.mark.parametrize("language", ["en", "es", "zh", "fr"])
def test_codes_and_amounts_stay(text: str, language: str) -> None:
    """A letter beside a number is a unit or a sign, and one in an address a part of it."""
    assert written_out(text, language) == text


@given(st.sampled_from(["en", "de", "es"]), st.data())
def test_words_of_the_language_stay(language: str, data: st.DataObject) -> None:
    """A stop word is never read as a short form of another."""
    word = data.draw(st.sampled_from(sorted(word for word in STOP_WORDS[language] if len(word) > 3)))
    assert written_out(word, language) == word


@pytest.mark.parametrize(
    ("typed", "meant"), [("csh", "cash"), ("bil", "bill"), ("rong", "wrong"), ("acount", "account"), ("lckr", "locker")]
)
def test_a_word_is_known_by_its_consonants_its_single_letters_and_its_sound(typed: str, meant: str) -> None:
    """Vowels left out, a double letter written once, a first letter that nobody hears."""
    assert Spelling({"cash": 5, "bill": 3, "wrong": 2, "account": 9, "locker": 1, "bear": 1}).shortened(typed) == [
        meant
    ]


@given(st.text("abcdefgh", min_size=4, max_size=9))
def test_what_is_written_short_keeps_its_first_letter_or_loses_a_silent_one(word: str) -> None:
    """Nothing else begins otherwise than what it is short for."""
    short = word[0] + "".join(letter for letter in word[1:] if letter not in "aeiou")
    found = Spelling({word: 1}).shortened(short)
    assert found in ([], [word])
    assert (found == [word]) == (3 <= len(short) <= 8 and short != word)
