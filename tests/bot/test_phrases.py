"""The phrases are complete, and every language of the interface has its own."""

from __future__ import annotations

import tomllib
from pathlib import Path
from string import Template

import pytest

import bot.phrases as phrases
from bot.phrases import language_name, phrase_languages, said

FOLDER = Path(phrases.__file__).parent
ENGLISH = tomllib.loads((FOLDER / "en.toml").read_text("utf-8"))


def test_the_languages_of_the_interface_are_there() -> None:
    """English, Chinese, German, Spanish and Arabic."""
    assert {"en", "zh", "de", "es", "ar"} <= phrase_languages()


@pytest.mark.parametrize("language", sorted(phrase_languages()))
def test_every_language_has_every_phrase(language: str) -> None:
    """The same keys with the same values to fill in, and names of the same languages."""
    own = tomllib.loads((FOLDER / f"{language}.toml").read_text("utf-8"))
    assert own.keys() == ENGLISH.keys()
    assert own["languages"].keys() == ENGLISH["languages"].keys()
    for key in ENGLISH.keys() - {"languages"}:
        assert set(Template(own[key]).get_identifiers()) == set(Template(ENGLISH[key]).get_identifiers()), key


@pytest.mark.parametrize("key", ["failed", "busy", "too_long_note", "unavailable"])
def test_what_the_turn_says_needs_no_values(key: str) -> None:
    """These are said when something went wrong: nothing may be missing then."""
    assert all(said(key, language) for language in (*phrase_languages(), "fr", ""))


def test_other_languages_fall_back_to_english() -> None:
    """A language without phrases is answered in English; unknown keys are a mistake."""
    assert said("busy", "fr") == said("busy", "en")
    assert said("busy", "../de") == said("busy", "en")
    with pytest.raises(KeyError):
        said("no such phrase", "en")


def test_values_are_filled_in_as_they_are() -> None:
    """A value with a dollar sign stays what it is."""
    assert "$5 desk" in said("greeting", "en", name="$5 desk")


def test_languages_are_named_in_the_visitors_language() -> None:
    """An unknown language is named by its code."""
    assert language_name("en", "de") == "Englisch"
    assert language_name("xx", "de") == "xx"
