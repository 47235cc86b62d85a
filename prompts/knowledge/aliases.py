"""What articles themselves call by two names: "Fair Use Policy (FUP)", "the hub, also called router", “又称”.

Abbreviations are recognised as Schwartz and Hearst do, by their letters, in any language ("A simple algorithm for
identifying abbreviation definitions in biomedical text", PSB 2003). Other names follow words such as "also called".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import takewhile

from bot.terms import STOP_WORDS

_SHORT = re.compile(r"[(（](?P<other>[A-Za-z][\w.-]{1,9})[)）]")
_WORD = r"[^\W_][\w'’.-]*"
_NAME = rf"[\"'“”„«‚‘]?(?P<other>{_WORD}(?: {_WORD}){{0,2}})"
_CALLED = re.compile(
    r"\b(?:(?:also|sometimes|often) (?:called|known as|referred to as)|aka|a\.k\.a\.|auch bekannt als"
    r"|auch bezeichnet als|también (?:llamad[oa]s?|conocid[oa]s? como)|aussi appelée?s?)"
    rf"\s+(?:the |a |an |el |la |der |die |das )?{_NAME}",
    re.IGNORECASE,
)
_GENANNT = re.compile(rf"(?<=[,(（ ])auch {_NAME} genannt", re.IGNORECASE)
_HAN = r"[\u3400-\u9fffA-Za-z0-9]"
_CHINESE = re.compile(
    r"[，,（(]?\s*(?:又称为?|又叫做?|也叫做?|也称为?|俗称|(?:以下|下)?简称为?|亦称)[：:]?"
    rf"[“\"「『]?(?P<other>{_HAN}{{2,8}})"
)
_CLAUSE = re.compile(r"[^()（）\n.!?;:|。！？；：，、]+$")
_HAN_BEFORE = re.compile(rf"{_HAN}{{2,12}}$")
_ARTICLES = frozenset(
    (
        *("the", "a", "an", "our", "your", "this", "each", "der", "die", "das", "ein", "eine", "unser"),
        *("el", "la", "los", "las", "un", "una", "le", "les"),
    )
)
_MOST_WORDS, _MOST_FOUND, _LONGEST, _CLAUSE_LENGTH = 3, 50, 200_000, 120


def aliases(text: str, language: str) -> list[tuple[str, str]]:
    """Pairs of names for one thing, in their order, each once; at most 50 of a document."""
    text = text[:_LONGEST]
    found = dict.fromkeys((*_abbreviations(text), *_called(text, language), *_chinese(text)))
    return [pair for pair in found if pair[0].casefold() != pair[1].casefold()][:_MOST_FOUND]


def _abbreviations(text: str) -> Iterator[tuple[str, str]]:
    for match in _SHORT.finditer(text):
        short = match["other"]
        if sum(map(str.isupper, short)) >= 2 and (long := _long_form(short, _before(text, match.start()))):
            yield long, short


def _before(text: str, at: int) -> str:
    """What of a clause stands before a place in a text."""
    clause = _CLAUSE.search(text[max(0, at - _CLAUSE_LENGTH) : at].rstrip(" ,(（"))
    return clause.group() if clause else ""


def _long_form(short: str, before: str) -> str:
    """The words before an abbreviation whose letters it has, the first one at a word's beginning; "" for none."""
    letters = [letter for letter in short.casefold() if letter.isalnum()]
    words = before.split()[-min(len(letters) + 5, 2 * len(letters)) :]
    held = " ".join(words)
    at = len(held)
    for number, letter in enumerate(reversed(letters), 1):
        at = held.casefold().rfind(letter, 0, at)
        while number == len(letters) and at > 0 and held[at - 1].isalnum():
            at = held.casefold().rfind(letter, 0, at)
        if at < 0:
            return ""
    long = held[at:]
    return long if len(long) > len(short) and len(long.split()) <= len(letters) else ""


def _called(text: str, language: str) -> Iterator[tuple[str, str]]:
    stop = STOP_WORDS.get(language, frozenset()) | _ARTICLES
    for pattern in (_CALLED, _GENANNT):
        for match in pattern.finditer(text):
            before = re.findall(_WORD, _before(text, match.start()))
            own = list(takewhile(lambda word: word.casefold() not in stop, reversed(before)))[:_MOST_WORDS]
            other = list(takewhile(lambda word: word.casefold() not in stop, match["other"].rstrip(".").split()))
            if own and other:
                yield " ".join(reversed(own)), " ".join(other)


def _chinese(text: str) -> Iterator[tuple[str, str]]:
    for match in _CHINESE.finditer(text):
        if own := _HAN_BEFORE.search(text[max(0, match.start() - _CLAUSE_LENGTH) : match.start()]):
            yield own.group(), match["other"]
