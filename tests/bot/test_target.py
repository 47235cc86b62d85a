"""Which language is named at the beginning of what is to be translated."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.phrases import languages_by_name
from bot.target import target


@pytest.mark.parametrize(
    ("text", "code", "rest"),
    [
        ("to German: Good morning", "de", "Good morning"),
        ("German: hi", "de", "hi"),
        ("to german hi there", "de", "hi there"),
        ("into de: x", "de", "x"),
        ("to Chinese", "zh", ""),
        ("in French\nline\nline", "fr", "line\nline"),
        ("nach Englisch: Hallo", "en", "Hallo"),
        ("al alemán: hola", "de", "hola"),
        ("成德语：早上好", "de", "早上好"),
        ("译成德语早上好", "de", "早上好"),
        ("إلى الألمانية: صباح الخير", "de", "صباح الخير"),
        ("to Ukrainian: hello", "uk", "hello"),
    ],
)
def test_a_language_is_understood_by_its_name(text: str, code: str, rest: str) -> None:
    """In each of the house's languages, in capitals or not, with a colon or without."""
    assert target(text) == (code, rest)


@pytest.mark.parametrize(
    "text",
    ["no: thanks", "Germanic peoples", "Hello there", "", "to whom it may concern: hello", "It is in German: hello"],
)
def test_other_texts_are_what_is_to_be_translated(text: str) -> None:
    """Nothing is taken off a text that names no language; the reader's own is meant then."""
    assert target(text) == ("", text)


def test_a_language_that_nobody_knows_is_named() -> None:
    """It is plainly one, so translating into another would be wrong."""
    with pytest.raises(LookupError, match="Klingon"):
        target("to Klingon: hello")


@given(st.sampled_from(sorted(languages_by_name().items())), st.text("ab ü中", min_size=1).map(str.strip))
def test_every_name_of_ours_is_known(named: tuple[str, str], text: str) -> None:
    """Whatever the phrases call a language, it can be asked for."""
    name, code = named
    assert target(f"to {name}: {text}") == (code, text)
