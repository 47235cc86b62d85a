"""How much of a question stands in a passage, for as many passages as a search looks at."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from prompts.knowledge.analyze import AKIN, NEAR, RELATED, Asked


@dataclass(frozen=True, slots=True)
class _Ways:
    """Ways to say a word, all worth `share`: those of one term, those of several, and those with a character in them
    that may stand anywhere in a term ("*")."""

    share: float
    single: frozenset[str]
    several: tuple[frozenset[str], ...]
    pieces: tuple[frozenset[str], ...]

    def stand(self, present: frozenset[str], characters: frozenset[str]) -> bool:
        if not self.single.isdisjoint(present) or any(way <= present for way in self.several):
            return True
        return any(all(_stands(term, present, characters) for term in way) for way in self.pieces)


class Covering:
    """The words of one question, so arranged that passages are held against them quickly."""

    def __init__(self, words: Sequence[Asked]) -> None:
        self._whole = sum(word.weight for word in words)
        self._words = [(word.weight, tuple(_ways(word))) for word in words]
        self._in_pieces = any(ways.pieces for _, found in self._words for ways in found)

    def of(self, present: frozenset[str]) -> float:
        """The share of the words' weight that the terms of a passage cover, 0 to 1."""
        if not self._whole:
            return 0.0
        characters = frozenset[str]().union(*present) if self._in_pieces else frozenset[str]()
        return sum(weight * _covered(ways, present, characters) for weight, ways in self._words) / self._whole


def coverage(words: Sequence[Asked], present: Collection[str]) -> float:
    """How much of a question stands in one passage."""
    return Covering(words).of(frozenset(present))


def _ways(word: Asked) -> Iterator[_Ways]:
    for share, ways in ((1.0, word.ways), (NEAR, word.near), (RELATED, word.related), (AKIN, word.akin)):
        if ways:
            yield _sorted_out(share, ways)


def _sorted_out(share: float, ways: Iterable[frozenset[str]]) -> _Ways:
    pieces = tuple(way for way in ways if any(term.endswith("*") for term in way))
    whole = [way for way in ways if way not in pieces]
    single = frozenset(term for way in whole if len(way) == 1 for term in way)
    return _Ways(share, single, tuple(way for way in whole if len(way) != 1), pieces)


def _covered(found: Sequence[_Ways], present: frozenset[str], characters: frozenset[str]) -> float:
    return next((ways.share for ways in found if ways.stand(present, characters)), 0.0)


def _stands(term: str, present: frozenset[str], characters: frozenset[str]) -> bool:
    return term[:-1] in characters if term.endswith("*") else term in present
