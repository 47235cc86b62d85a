"""Which passages are looked at for a question, and how well their words fit: from a store of any size, in little time.

A full-text search takes time in proportion to the passages that hold any of its words, and nearly all hold the common
ones. So a question is searched by its rarest words, as many as stand in `MOST` passages together; what the others say
of a passage is counted once it has been found (`coverage`, and BM25 here). A question of common words alone is
searched in titles and headings.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from prompts.knowledge.analyze import Asked
from prompts.knowledge.counted import Counted, counted
from prompts.knowledge.vocabulary import Vocabulary, frequency
from storage.base import StoredPassage

MOST = 10_000
"""Passages that a full-text search goes through at most, but for a question whose rarest word stands in more."""

_K1, _B = 1.2, 0.75
_LEAST = 1e-6
_OTHER_WAYS = 0.5
"""What ways to say a word add that stand there beside the best one: a word with many meanings is not more of a word."""

_Terms = tuple[tuple[str, float], ...]


def full_text_query(words: Sequence[Asked], vocabulary: Vocabulary, most: int = MOST) -> str:
    """A query for FTS5: any of the rarest words. "" for no words."""
    costs = sorted(((_cost(word, vocabulary), at) for at, word in enumerate(words)))
    chosen, left = [], most
    for cost, at in costs:
        if cost > left:
            break
        chosen.append(at)
        left -= cost
    if chosen or not words:
        return _any(words[at] for at in sorted(chosen))
    return f"{{title_terms heading_terms}} : ({_any(words[at] for _, at in costs[:2])})"


def scored(words: Sequence[Asked], found: Sequence[StoredPassage], vocabulary: Vocabulary) -> list[StoredPassage]:
    """The passages with their BM25 over all of the words as the score; of a term, as SQLite's FTS5 computes it.

    A word has that of the best of its ways, and a little of the others'; a way of several terms that of the least one.
    A title weighs 3, a heading 2, the body 1. How rare a term is comes from the vocabulary, so that what was left out
    of the search counts here, and no visitor's file changes what another visitor finds.
    https://www.sqlite.org/fts5.html#the_bm25_function
    """
    sought = [(word.counts, [_with_rarity(way, vocabulary) for way in word.every]) for word in words]
    return [_with_score(stored, sought, vocabulary.length) for stored in found]


def _with_rarity(way: frozenset[str], vocabulary: Vocabulary) -> _Terms:
    return tuple((term, _rarity(term, vocabulary)) for term in sorted(way))


def _with_score(
    stored: StoredPassage, sought: Sequence[tuple[float, Sequence[_Terms]]], average: float
) -> StoredPassage:
    here = counted(stored)
    long = _K1 * (1 - _B + _B * here.length / (average or 1.0))
    score = 0.0
    for counts, ways in sought:
        said = [_of_way(way, here, long) for way in ways]
        best = max(said, default=0.0)
        score += counts * (best + _OTHER_WAYS * (sum(said) - best))
    return replace(stored, passage=replace(stored.passage, score=score))


def _of_way(way: _Terms, here: Counted, long: float) -> float:
    least = 0.0
    for term, rare in way:
        times = here.beginnings.get(term[0], 0.0) if term.endswith("*") else here.times.get(term, 0.0)
        if not times:
            return 0.0
        value = rare * times * (_K1 + 1) / (times + long)
        least = min(least, value) if least else value
    return least


def _rarity(term: str, vocabulary: Vocabulary) -> float:
    holding = min(frequency(term, vocabulary), vocabulary.passages)
    return max(_LEAST, math.log((vocabulary.passages - holding + 0.5) / (holding + 0.5)))


def _cost(word: Asked, vocabulary: Vocabulary) -> int:
    """How many passages a search for the word goes through, at most."""
    return sum(min(frequency(term, vocabulary) for term in way) for way in word.every)


def _any(words: Iterator[Asked]) -> str:
    ways = dict.fromkeys(way for word in words for way in word.every)
    return " OR ".join(dict.fromkeys(_all(way) for way in ways))


def _all(way: frozenset[str]) -> str:
    quoted = [f'"{term[:-1]}" *' if term.endswith("*") else f'"{term}"' for term in sorted(way)]
    return quoted[0] if len(quoted) == 1 else f"({' AND '.join(quoted)})"
