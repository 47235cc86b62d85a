"""What the bot says by itself in Telegram: in every language, whole, and within what Telegram takes."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from string import Template

import pytest

from adapters.telegram import words
from adapters.telegram.words import said
from bot.phrases import phrase_languages

_FOLDER = Path(words.__file__).parent
_ENGLISH = words._TEXTS["en"]
_ANSWER_TO_A_PRESS = 200
"""Characters of a callback query's answer: https://core.telegram.org/bots/api#answercallbackquery"""
_FROM_TABLES = {"take", "resolve", "return", "stop", "human", "waiting", "taken", "resolved", "returned"}
"""Keys that are states and buttons, and are called so there."""


def test_it_speaks_the_languages_of_the_house() -> None:
    assert set(words._TEXTS) == phrase_languages()


@pytest.mark.parametrize("language", sorted(words._TEXTS))
def test_every_language_says_everything(language: str) -> None:
    """The same keys, with the same things to fill in, and nothing that is blank or was left in English."""
    texts = words._TEXTS[language]
    assert set(texts) == set(_ENGLISH)
    for key, text in texts.items():
        assert text.strip() == text != ""
        assert set(Template(text).get_identifiers()) == set(Template(_ENGLISH[key]).get_identifiers()), key
        assert Template(text).is_valid()
    if language not in ("en", "de", "es"):  # those share words with English
        assert [key for key, text in texts.items() if text == _ENGLISH[key]] == []


@pytest.mark.parametrize("language", sorted(words._TEXTS))
def test_what_is_shown_on_a_press_fits(language: str) -> None:
    """And what stands on a button is one line."""
    for key in ("thanks", "stopped", "not_yours"):
        assert len(said(key, language)) <= _ANSWER_TO_A_PRESS
    for key in _FROM_TABLES:
        assert "\n" not in said(key, language, **({"agent": "Ana"} if key == "taken" else {}))


def test_what_is_asked_for_is_there() -> None:
    """Every key that the channel names has its text, and every text is asked for."""
    asked = set()
    for file in sorted(_FOLDER.glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and file.name != "words.py":
                asked.add(node.value)
        for key in re.findall(r"\b(?:said|word|spoken)\(\s*\"(\w+)\"", file.read_text("utf-8")):
            assert key in _ENGLISH, f"{file.name} says {key!r}"
    assert set(_ENGLISH) - asked == set()


def test_a_language_that_is_not_there_is_english() -> None:
    """And a key that is nowhere, or a value that is missing, is a mistake in the code."""
    assert said("stop", "fi") == _ENGLISH["stop"]
    assert said("taken", "de", agent="Ana") == "Bei Ana"
    with pytest.raises(KeyError):
        said("nothing", "de")
    with pytest.raises(KeyError):
        said("taken", "de")
