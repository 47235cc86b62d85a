"""How well each unit answers a question.

A unit's score is the share of the question's weight that it speaks of, itself or through what stands above it, with
rare words of the question weighing more among these units (inverse document frequency), and something added or taken
for the kind of answer that is waited for, for the passage's place in the search, and for rules that are out of date.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bot.answer.blocks import Listing
from bot.answer.expect import marked, shows
from bot.answer.meaning import meaning
from bot.answer.question import Feature, Question, compounding
from bot.answer.ranges import within
from bot.answer.units import Section, Unit

FITS, MISSES = 0.16, 0.12
"""Added when a unit is of the kind that is waited for; taken when it is not and the kind cannot be paraphrased."""

STEPS = 0.15
"""Added to the items of a numbered list when a way of doing something is asked for."""

RELEVANCE, STALE, RARITY, AHEAD = 0.2, 0.25, 0.6, 0.03
"""The search's opinion; a rule out of date; how far rarity matters; being in the passage that was found first."""

WITHIN = 0.3
"""Added when a measure in the question lies in a range that the unit states."""

OWN_SHARE = 0.15
"""Added in proportion to what the unit says itself rather than what stands above it."""


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """A unit with its score; `own` and `all` say how well it speaks of each feature, without and with its context."""

    unit: Unit
    score: float
    own: tuple[float, ...]
    all: tuple[float, ...]


class Scorer:
    """Scores the units of some sections for one question."""

    def __init__(self, question: Question, sections: Sequence[Section]) -> None:
        self.question, self.sections = question, sections
        self._compounds = compounding(question.language)
        self._best = max((section.passage.score for section in sections), default=0.0) or 1.0
        self._asks_stale = marked("stale", question.text, question.language)
        units = [unit for section in sections for unit in section.units]
        self._own = {id(unit): self._match_own(unit) for unit in units}
        self._rarity = self._rarities(units)
        self.scored = [self._score(unit) for unit in units]

    def coverage(self, strengths: Sequence[float]) -> float:
        """The share of the question's weight that is spoken of; rarity does not count. 0 when it has no features."""
        whole = self.question.weight
        features = zip(self.question.features, strengths, strict=True)
        return sum(feature.weight * strength for feature, strength in features) / whole if whole else 0.0

    def within(self, scored: Scored) -> bool:
        """Whether a measure in the question lies in a range that the unit states."""
        return within(self.question.text, scored.unit.text)

    def named(self, header: str, members: Sequence[Scored]) -> float:
        """The weight of what the question says of a column, leaving out what the rows chosen say themselves."""
        language = self.sections[members[0].unit.passage].language
        title = meaning(header, language)
        return sum(
            feature.weight * feature.match(title)
            for at, feature in enumerate(self.question.features)
            if not all(member.own[at] >= 0.5 for member in members)
        )

    def _match_own(self, unit: Unit) -> tuple[float, ...]:
        return tuple(self._match(feature, unit) for feature in self.question.features)

    def _match(self, feature: Feature, unit: Unit) -> float:
        return feature.match(unit.own, compounds=self._compounds)

    def _rarities(self, units: Sequence[Unit]) -> tuple[float, ...]:
        """For each feature 1 where one unit in all speaks of it, falling to 0 where every unit does."""
        whole = math.log(len(units) + 1) or 1.0
        counts = [sum(self._own[id(unit)][at] >= 0.5 for unit in units) for at in range(len(self.question.features))]
        return tuple(max(0.0, math.log((len(units) + 1) / (count + 1))) / whole for count in counts)

    def _score(self, unit: Unit) -> Scored:
        own = self._own[id(unit)]
        passage = self.sections[unit.passage].passage
        everything = tuple(
            max(mine, *(above.strength * feature.match(above.meaning) for above in unit.context), 0.0)
            for mine, feature in zip(own, self.question.features, strict=True)
        )
        weights = [
            feature.weight * (1 - RARITY + RARITY * rarity)
            for feature, rarity in zip(self.question.features, self._rarity, strict=True)
        ]
        whole = sum(weights) or 1.0
        said = sum(w * s for w, s in zip(weights, everything, strict=True)) / whole
        itself = sum(w * s for w, s in zip(weights, own, strict=True)) / whole
        score = said + OWN_SHARE * itself + self._kind(unit) + self._steps(unit)
        score += RELEVANCE * passage.score / self._best
        score += AHEAD if unit.passage == 0 else 0.0
        score += WITHIN if within(self.question.text, unit.text) else 0.0
        return Scored(unit, score - (STALE if unit.stale and not self._asks_stale else 0.0), own, everything)

    def _kind(self, unit: Unit) -> float:
        hard = [expectation for expectation in self.question.wanted if expectation.kind not in ("steps", "polar")]
        if not hard:
            return 0.0
        fits = [shows(expectation.kind, unit.text) for expectation in hard]
        if any(fits):
            return FITS
        return -MISSES * max(expectation.must for expectation in hard)

    def _steps(self, unit: Unit) -> float:
        block = self.sections[unit.passage].blocks[unit.block]
        if not self.question.waits_for("steps") or not isinstance(block, Listing):
            return 0.0
        return STEPS if block.ordered else STEPS / 3
