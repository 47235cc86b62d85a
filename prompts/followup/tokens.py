"""The words of a sentence, with where they stand."""

from __future__ import annotations

import re
from dataclasses import dataclass

_WORD = re.compile(r"[^\W_]+(?:[-'’.,][^\W_]+)*")
_BORDER = re.compile(r"[,;:.!?()\n–—]")


@dataclass(frozen=True, slots=True)
class Token:
    """A word: as written, in small letters, from `start` to `end`; `border`: a punctuation mark stands before it."""

    text: str
    low: str
    start: int
    end: int
    border: bool
    first: bool


def tokenized(text: str) -> list[Token]:
    """The words of `text` in order."""
    found: list[Token] = []
    before = 0
    for match in _WORD.finditer(text):
        border = bool(_BORDER.search(text, before, match.start()))
        low = match[0].casefold().replace("’", "'")
        found.append(Token(match[0], low, match.start(), match.end(), border, not found))
        before = match.end()
    return found
