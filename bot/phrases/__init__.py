"""What the desk says by itself: greetings, regrets, lead-ins, as one TOML file for each language."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from string import Template
from typing import Any

_FOLDER = Path(__file__).parent
FALLBACK = "en"


def said(key: str, language: str, **values: str) -> str:
    """The phrase `key` in `language`, or in English where there is none; `values` fill in its $names.

    Raises `KeyError` for a key that no file has, or a value that is missing: both are mistakes in the code.
    """
    phrases = _phrases(language)
    text = phrases[key] if key in phrases else _phrases(FALLBACK)[key]
    return Template(text).substitute(values)


def language_name(code: str, language: str) -> str:
    """What the language `code` is called in `language`; the code itself when that is not known."""
    for phrases in (_phrases(language), _phrases(FALLBACK)):
        names: Mapping[str, str] = phrases.get("languages", {})
        if code in names:
            return names[code]
    return code


def languages_by_name() -> dict[str, str]:
    """The codes of languages by their names, case-folded, in every language that has a file of phrases."""
    return {
        name.casefold(): code
        for language in sorted(phrase_languages())
        for code, name in _phrases(language)["languages"].items()
    }


def phrase_languages() -> frozenset[str]:
    """The languages that have a file of phrases."""
    return frozenset(file.stem for file in _FOLDER.glob("*.toml"))


@lru_cache(maxsize=64)
def _phrases(language: str) -> Mapping[str, Any]:
    if language not in phrase_languages():
        language = FALLBACK
    return tomllib.loads((_FOLDER / f"{language}.toml").read_text("utf-8"))
