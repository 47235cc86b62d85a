"""Where a reader sees one character end and the next begin. Pure.

It says "not here" a little more often than Unicode's rules do (https://unicode.org/reports/tr29/): for a text that must
not be cut inside an emoji or an accented letter, that is the safe side.
"""

from __future__ import annotations

import unicodedata

_JOINER = "\u200d"
_MARKS = frozenset({"Mn", "Me", "Mc"})
_VIRAMA = 9
_MOST_FLAGS = 1_000
_PREPENDED = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\u0d4e\U000110bd\U000110cd")
_EXTENDING = frozenset("\u200c\u200d\u0e33\u0eb3\uff9e\uff9f")


def may_cut(text: str, at: int) -> bool:
    """Whether `text` may be cut before index `at` without a character being torn."""
    if at <= 0 or at >= len(text):
        return True
    before, after = text[at - 1], text[at]
    if before in "\r\n" or (before < "\u0300" and after < "\u0300"):
        return before + after != "\r\n"
    if _regional(before) and _regional(after):
        return _run_of_flags(text, at) % 2 == 0
    return not (_extends(after) or _continues(before) or (_jamo(after) and _hangul(before)))


def _continues(character: str) -> bool:
    return character == _JOINER or character in _PREPENDED or unicodedata.combining(character) == _VIRAMA


def _extends(character: str) -> bool:
    return (
        unicodedata.category(character) in _MARKS
        or character in _EXTENDING
        or "\U0001f3fb" <= character <= "\U0001f3ff"
        or "\U000e0020" <= character <= "\U000e007f"
    )


def _regional(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _run_of_flags(text: str, at: int) -> int:
    """How many regional indicators stand just before `at`; two of them are one flag."""
    first = at
    while first and at - first < _MOST_FLAGS and _regional(text[first - 1]):
        first -= 1
    return at - first


def _jamo(character: str) -> bool:
    """A Korean vowel or final, or an initial: it may belong to the syllable before."""
    return "\u1100" <= character <= "\u11ff" or "\ua960" <= character <= "\ua97f" or "\ud7b0" <= character <= "\ud7ff"


def _hangul(character: str) -> bool:
    return _jamo(character) or "\uac00" <= character <= "\ud7a3"
