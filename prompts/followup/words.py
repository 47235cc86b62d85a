"""The words by which follow-ups are known: `words.toml`, read once."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any


@lru_cache(maxsize=1)
def _file() -> Mapping[str, Mapping[str, Any]]:
    return tomllib.loads(Path(__file__).with_name("words.toml").read_text("utf-8"))


class Words:
    """One language's part of the file."""

    def __init__(self, language: str) -> None:
        self._table = _file()[language]

    def words(self, key: str) -> frozenset[str]:
        return frozenset(self._table[key].split())

    def pattern(self, key: str) -> str:
        return str(self._table[key])

    def groups(self, key: str) -> tuple[frozenset[str], ...]:
        return tuple(frozenset(group.split()) for group in self._table[key])


def other_of_kind(word: str, among: str | list[str], groups: tuple[frozenset[str], ...]) -> str:
    """A word of `among` (or found in that text) that stands in one group with `word`; "" when there is none."""
    for group in groups:
        if word in group:
            found = sorted((it for it in group - {word} if it in among), key=len, reverse=True)
            if found:
                return found[0]
    return ""
