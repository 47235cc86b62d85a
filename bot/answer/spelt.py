"""Slips of the keyboard in a question, put right before it is understood: "hwo mutch is shiping"."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from functools import lru_cache

from rapidfuzz.distance import OSA

from bot.answer.lexicon import listed
from bot.answer.meaning import Meaning
from bot.answer.words import words
from bot.spelling import Spelling
from bot.terms import STOP_WORDS, terms

_WORD = re.compile(r"(?<![\w@./-])[^\W\d_]{3,32}(?![\w@/-]|\.\w)")
_SHORTEST = 5


def spelt(text: str, language: str, known: Sequence[Meaning]) -> str:
    """`text` with each word that nobody wrote (neither `known` texts nor the language's lists have a form of it) as the
    nearest that one did, if that is but a slip away; what the texts say comes first. Codes and names stay.
    """
    said = frozenset().union(*(other.terms for other in known), _stems(language))
    found = dict.fromkeys(match.group().casefold() for match in _WORD.finditer(text))
    strange = [word for word in found if word not in _usual(language) and said.isdisjoint(terms(word, language))]
    if not strange:
        return text
    written = Counter(word for other in known for word in _words(other.plain))
    spelling = Spelling(written)
    right = {
        word: next(iter(spelling.shortened(word, 1) or _usual_spelling(language).shortened(word, 1)), "")
        or _right(word, language, spelling.near(word, 1), written)
        for word in strange
    }
    return _WORD.sub(lambda match: right.get(match.group().casefold()) or match.group(), text)


def _right(word: str, language: str, near: Sequence[str], written: Collection[str]) -> str:
    """What `word` was meant as; "" where nothing is near."""
    if len(word) >= _SHORTEST:
        usual = (one for one in _usual_spelling(language).near(word, 1) if OSA.distance(one, word) == 1)
        return next(iter((*near, *usual)), "")
    if len(word) == _SHORTEST - 1 and language in words("usual"):
        return _short(word, (written, STOP_WORDS.get(language, ()), _meant(language)))
    turned = (f"{word[:at]}{word[at + 1]}{word[at]}{word[at + 2 :]}" for at in reversed(range(len(word) - 1)))
    return next((one for one in turned if one in STOP_WORDS.get(language, ())), "")


def _short(word: str, order: Sequence[Collection[str]]) -> str:
    """What a word of four letters is one slip from, and begins like: a letter left out first, since it is usual."""
    for lengths in ((_SHORTEST,), (_SHORTEST - 1,)):
        for among in order:
            near = (one for one in among if len(one) in lengths and one[0] == word[0])
            if found := sorted(one for one in near if OSA.distance(one, word) == 1):
                return found[0]
    return ""


@lru_cache(maxsize=16_384)
def _words(plain: str) -> tuple[str, ...]:
    return tuple(match.group() for match in _WORD.finditer(plain))


@lru_cache(maxsize=16)
def _usual(language: str) -> frozenset[str]:
    """The language's stop words and what its lists of words hold; English ones, since everybody writes some."""
    return frozenset(
        word
        for one in {language, "en"}
        for word in (
            *STOP_WORDS.get(one, ()),
            *words("usual").get(one, "").split(),
            *(part for phrase in listed(one) for part in _words(phrase)),
        )
    )


@lru_cache(maxsize=16)
def _stems(language: str) -> frozenset[str]:
    return frozenset(term for word in _usual(language) for term in terms(word, language))


@lru_cache(maxsize=16)
def _usual_spelling(language: str) -> Spelling:
    """Over what a word may have been meant as: stop words first, then what the lists of meanings hold."""
    return Spelling(dict.fromkeys(_meant(language), 2) | dict.fromkeys(STOP_WORDS.get(language, ()), 9))


@lru_cache(maxsize=16)
def _meant(language: str) -> frozenset[str]:
    return frozenset(part for phrase in listed(language) for part in _words(phrase))
