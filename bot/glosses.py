"""What Chinese words mean, as English stems: by them other languages meet Chinese, and Chinese words their like."""

from __future__ import annotations

from functools import lru_cache

from bot.chinese import Word, words
from bot.terms import content_terms

Gloss = frozenset[str]
"""One meaning: all of its stems together say it."""

_MOST, _LONGEST = 5, 3
_VAGUE = frozenset(
    content_terms(
        "be have do make get take go come put become one's sb sth someone something etc oneself not no so very more "
        "most can could will would must may kind way thing part use person people case time place state act matter "
        "give let set side order able certain such that this what how",
        "",
    )
)


@lru_cache(maxsize=65_536)
def glosses(word: Word) -> frozenset[Gloss]:
    """The meanings of a word that are short enough to stand for it, the first ones only: the others are rare."""
    found = []
    for meaning in word.meanings[: _MOST if len(word.text) > 1 else _MOST - 2]:
        stems = frozenset(content_terms(meaning, "en"))
        if 0 < len(stems) <= _LONGEST and not stems <= _VAGUE:
            found.append(stems)
    return frozenset(found)


@lru_cache(maxsize=16_384)
def glosses_of(text: str, *, shortest: int = 1) -> frozenset[Gloss]:
    """The meanings of the words of a Chinese text; those of single characters are many and vague."""
    return frozenset().union(*(glosses(word) for word in words(text) if len(word.text) >= shortest))
