"""How common words are in what is for everybody: counted once from the index, then kept up with what is added."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from bot.homophones import Written
from bot.spelling import Spelling
from bot.terms import is_dense
from prompts.knowledge.synonyms import Group, Synonyms, usable
from storage.base import TermCounts

_FORGOTTEN = 0.02
"""The share of passages whose removal the counts may not know of yet: it changes no weight that anybody could see."""

_GROWN = 1.01
"""How many times as many terms there have to be before new ones are proposed for misspelt ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """How common terms are: in how many of the `passages` each one stands, and which languages those have.

    `length` is how many terms a passage has on average. `characters` says for the scripts without spaces about how many
    passages hold a character: the sum over the terms that it is part of. `spelling` finds words that
    others may stand for, `synonyms` other
    words for the same, `sounds` what Chinese characters were heard as.
    """

    passages: int = 0
    frequency: Mapping[str, int] = field(default_factory=dict)
    languages: frozenset[str] = frozenset()
    length: float = 0.0
    characters: Mapping[str, int] = field(default_factory=dict)
    spelling: Spelling = field(default_factory=lambda: Spelling({}), compare=False)
    synonyms: Synonyms = field(default_factory=Synonyms, compare=False)
    sounds: Written = field(default_factory=lambda: Written((), tuple), compare=False)


def frequency(term: str, vocabulary: Vocabulary) -> int:
    """How many passages hold a term; for one that ends in "*", about how many hold its character."""
    if not term.endswith("*"):
        return vocabulary.frequency.get(term, 0)
    return min(vocabulary.passages, vocabulary.characters.get(term[:-1], 0))


class Counts(Protocol):
    """What of a store is needed here."""

    async def count_terms(self, *, after: int = 0) -> TermCounts: ...


class Words:
    """The vocabulary of a store, with the operator's `synonyms`.

    The first count reads every term once; later ones read what is new. What was removed stays counted until it is more
    than a fiftieth; then all is counted anew.
    """

    def __init__(self, store: Counts, synonyms: Sequence[Group] = ()) -> None:
        self._store, self._listed = store, synonyms
        self._aliases: frozenset[tuple[str, str]] = frozenset()
        self._synonyms = Synonyms(synonyms)
        self._counting = asyncio.Lock()
        self._version = -1
        self._newest = self._removed = self._terms = 0
        self._frequency: Counter[str] = Counter()
        self._characters: Counter[str] = Counter()
        self._spelling, self._spelled = Spelling({}), 0
        self._sounds, self._heard = Written((), tuple), frozenset[str]()
        self._vocabulary = Vocabulary(synonyms=self._synonyms)

    @property
    def languages(self) -> frozenset[str]:
        """Those of the vocabulary as it is now."""
        return self._vocabulary.languages

    async def current(self, version: int) -> Vocabulary:
        """The vocabulary of the store's `version`. While one search counts, the others go on with the old figures."""
        if version == self._version or (self._counting.locked() and self._version >= 0):
            return self._vocabulary
        async with self._counting:
            if version != self._version:
                counts = await self._store.count_terms(after=self._newest)
                if counts.removed - self._removed > _FORGOTTEN * counts.passages:
                    self._newest, self._terms = 0, 0
                    self._frequency, self._characters, self._spelled = Counter(), Counter(), 0
                    self._sounds, self._heard = Written((), tuple), frozenset()
                    counts = await self._store.count_terms()
                await asyncio.to_thread(self._add, counts)
                self._version = version
        return self._vocabulary

    def _add(self, counts: TermCounts) -> None:
        if not self._newest:
            self._removed = counts.removed
        self._newest = counts.newest
        self._terms += counts.terms
        self._frequency.update(counts.frequency)
        self._characters.update(_characters(counts.frequency))
        if len(self._frequency) > self._spelled * _GROWN:
            self._spelling, self._spelled = Spelling(self._frequency), len(self._frequency)
        if not self._characters.keys() <= self._heard:
            self._heard = frozenset(self._characters)
            self._sounds = Written(self._frequency, self._heard.copy)
        if counts.aliases != self._aliases:
            self._aliases = counts.aliases
            self._synonyms = Synonyms([*self._listed, *usable(sorted(counts.aliases))])
        self._vocabulary = Vocabulary(
            passages=counts.passages,
            frequency=self._frequency,
            languages=counts.languages,
            length=self._terms / max(1, counts.passages),
            characters=self._characters,
            spelling=self._spelling,
            synonyms=self._synonyms,
            sounds=self._sounds,
        )


def count(passages: Iterable[Collection[str]], languages: Iterable[str]) -> Vocabulary:
    """The vocabulary of passages, each given as its terms."""
    frequency: Counter[str] = Counter()
    number = terms = 0
    for number, found in enumerate(passages, 1):  # noqa: B007  the last number is how many there were
        terms += len(found)
        frequency.update(set(found))
    return Vocabulary(
        passages=number,
        frequency=frequency,
        languages=frozenset(languages) - {""},
        length=terms / max(1, number),
        characters=_characters(frequency),
        spelling=Spelling(frequency),
        sounds=Written(frequency, lambda: _characters(frequency)),
    )


def _characters(frequency: Mapping[str, int]) -> Mapping[str, int]:
    found: Counter[str] = Counter()
    for term, passages in frequency.items():
        if is_dense(term):
            for character in set(term):
                found[character] += passages
    return found
