"""One thing that a question speaks of, and how well a text speaks of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from bot.answer.lexicon import DENSE, EXACT
from bot.answer.meaning import Meaning
from bot.answer.ranges import compares
from bot.answer.words import words
from bot.glosses import Gloss
from bot.roots import root
from bot.terms import terms
from bot.thesaurus import EVERYDAY

EXACT_NUMBER = 0.9
"""What it is worth that an age is the very number in a text."""

STRONG, WEAK, NUMBER, CODE, EXACT_CODE, IMPLICIT = 1.0, 0.25, 0.6, 1.3, 1.6, 0.5
"""What a word weighs: one that names the subject; one that could be left out; a number; a code or a
numbered name; a code that the texts have; one only implied."""

BY_NAME, BY_CLASS, BY_ROOT, BY_EVERYDAY, BY_NEAR, BY_WIDER = 0.95, 0.88, 0.85, 0.75, 0.88, 0.6
BY_COMPOUND, BY_PAIRS, BY_HEAD, BY_GLOSS, BY_KIND, BY_PARTS = 0.6, 0.75, 0.3, 0.65, 0.25, 0.95
"""What a match is worth beside the very word: another name; a synonym; a word of the same family; one that stands for
it in everyday speech; what it lies in; what is around that; a part of a compound; some of its characters; the word
without its number where no other number stands; the same meaning, by the dictionary of Chinese; what it is a kind of,
which is too little to be spoken of; each word of a phrase ("rent a bike" where bicycles are for hire), as the worst of
them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """Said by its `terms`, `text` (characters), `phrase`, `classes`, by all `parts`, by `head` with `number`, or by a
    range of the kind of `measure`.
    """

    terms: frozenset[str] = frozenset()
    classes: frozenset[str] = frozenset()
    near: frozenset[str] = frozenset()
    wider: frozenset[str] = frozenset()
    weight: float = STRONG
    glosses: frozenset[Gloss] = frozenset()
    text: str = ""
    phrase: str = ""
    head: frozenset[str] = frozenset()
    number: str = ""
    measure: str = ""
    parts: tuple[Feature, ...] = ()

    def match(self, other: Meaning, *, compounds: bool = False) -> float:
        """How well `other` speaks of it, 0 to 1."""
        if self.number:
            return self._numbered(other)
        if self.measure:
            return max(EXACT_NUMBER * bool(self.terms & other.terms), compares(self.measure, other.plain))
        if self.terms & other.terms or (self.text and self.text in other.plain):
            return 1.0
        if self.phrase and self.phrase in other.plain:
            return 1.0
        best = self._by_class(other)
        if best < BY_ROOT and other.roots and self._roots & other.roots:
            best = BY_ROOT
        if self.parts and best < BY_PARTS:
            best = max(best, BY_PARTS * min(part.match(other, compounds=compounds) for part in self.parts))
        if best < BY_GLOSS and self._glossed(other):
            best = BY_GLOSS
        if best < BY_PAIRS and len(self.text) > 2:
            pairs = [self.text[at : at + 2] for at in range(len(self.text) - 1)]
            best = max(best, BY_PAIRS * sum(pair in other.plain for pair in pairs) / len(pairs))
        if compounds and best < BY_COMPOUND and any(_in_compound(mine, other.terms) for mine in self.terms):
            best = BY_COMPOUND
        return best

    @property
    def _roots(self) -> frozenset[str]:
        return _roots(self.terms)

    def _by_class(self, other: Meaning) -> float:
        shared = self.classes & other.classes
        if shared:
            return max(_worth(name) for name in shared)
        if self.near & other.classes:
            return BY_NEAR
        around = self.wider & other.classes
        return 0.0 if not around else BY_KIND if all(name.startswith(EVERYDAY) for name in around) else BY_WIDER

    def _glossed(self, other: Meaning) -> bool:
        """Whether a Chinese word means the same here and there, or what a word of another language means."""
        if not self.glosses:
            return False
        if self.text:
            same = len(self.text) > 1 and self.glosses & other.glosses
            return bool(same) or any(gloss <= other.terms for gloss in self.glosses)
        return any(gloss <= other.glossed for gloss in self.glosses)

    def _numbered(self, other: Meaning) -> float:
        if not self.head & other.terms:
            return 0.0
        if any(_follows(stem, self.number, other.plain) for stem in self.head):
            return 1.0
        return 0.0 if any(_follows(stem, r"\d", other.plain) for stem in self.head) else BY_HEAD


@lru_cache(maxsize=4_096)
def _roots(terms: frozenset[str]) -> frozenset[str]:
    return frozenset(map(root, terms))


def _worth(name: str) -> float:
    if name.startswith(EXACT):
        return BY_NAME
    return BY_EVERYDAY if name.startswith(EVERYDAY) else BY_CLASS


@lru_cache(maxsize=4_096)
def _follower(stem: str, number: str) -> re.Pattern[str]:
    return re.compile(rf"\b{re.escape(stem[:-1] or stem)}\w*[\s-]{{0,3}}{number}(?![\d.,]\d|\d)")


@lru_cache(maxsize=65_536)
def _follows(stem: str, number: str, plain: str) -> bool:
    return bool(_follower(stem, number).search(plain))


@lru_cache(maxsize=16)
def weak_words(language: str) -> frozenset[str]:
    """Stems (in Chinese: words) that say little about the subject."""
    listed = words("marks")["weak"].get(language, "").split()
    if language in DENSE:
        return frozenset(listed)
    return frozenset(stem for word in listed for stem in terms(word, language)[:1])


def _in_compound(mine: str, others: frozenset[str]) -> bool:
    """Whether one is the beginning or the end of the other, at least five letters long."""
    return any(
        min(len(mine), len(other)) >= 5
        and (mine.startswith(other) or mine.endswith(other) or other.startswith(mine) or other.endswith(mine))
        for other in others
    )
