"""Families of English words: "trainer" and "training", "bought" and "buy", "membership" and "member".

Snowball's stemmer takes away endings of inflection and the longer ones of derivation; what it leaves apart meets here.
"""

from __future__ import annotations

import tomllib
from functools import lru_cache
from pathlib import Path

_SUFFIXES = ("ship", "ment", "ness", "hood", "er", "or", "i")
"""Endings of nouns and adjectives that Snowball leaves on short words."""

_SHORTEST = 3


@lru_cache(maxsize=32_768)
def root(stem: str) -> str:
    """What an English stem, as Snowball leaves it, is derived from; itself where nothing is known of that."""
    base = _irregular().get(stem, stem)
    if base in _apart():
        return base
    for suffix in _SUFFIXES:
        shorter = base.removesuffix(suffix)
        if shorter != base and (found := _verb(shorter)):
            return found
    return base


def _verb(shorter: str) -> str:
    """`shorter` as a known basic form, with a doubled last letter made one ("swimm"); "" where it is none."""
    undoubled = shorter[:-1] if shorter[-2:-1] == shorter[-1:] else shorter
    forms = (form for form in (shorter, undoubled) if len(form) >= _SHORTEST and form in _basic())
    return next(forms, "")


@lru_cache(maxsize=1)
def _words() -> dict[str, str]:
    return dict(tomllib.loads((Path(__file__).parent / "roots.toml").read_text("utf-8")))


@lru_cache(maxsize=1)
def _irregular() -> dict[str, str]:
    """By the stem of each irregular form the stem of its basic form."""
    found: dict[str, str] = {}
    for line in _words()["irregular"].splitlines():
        base, *forms = line.split()
        found |= {_stem(form): _stem(base) for form in forms}
    return found


@lru_cache(maxsize=1)
def _basic() -> frozenset[str]:
    return frozenset(map(_stem, _words()["verbs"].split())) | frozenset(_irregular().values())


@lru_cache(maxsize=1)
def _apart() -> frozenset[str]:
    """Stems that only look derived: a shower shows nothing."""
    return frozenset(map(_stem, _words()["apart"].split()))


def _stem(word: str) -> str:
    from bot.terms import terms

    return terms(word, "en")[0]
