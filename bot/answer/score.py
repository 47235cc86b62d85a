"""How well each unit answers a question.

A unit's score is the share of the question's weight that it speaks of, itself or through what stands above it, with
rare words of the question weighing more among these units (inverse document frequency). To that is added or taken: how
much of the unit is about the question at all, whether it is the kind of thing that is waited for, what the search
thought of its passage, and whether its rule is out of date. A list is scored whole as well as by its items.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from bot.answer.blocks import Listing, Table
from bot.answer.dates import agreement, ended
from bot.answer.expect import marked, shows
from bot.answer.feature import BY_CLASS, STRONG
from bot.answer.lexicon import COMPOUNDING, DENSE
from bot.answer.meaning import Meaning, meaning
from bot.answer.question import Question
from bot.answer.ranges import within
from bot.answer.units import Section, Unit, subject_of, view
from bot.events import Passage
from bot.terms import content_terms

FITS, MISSES = 0.22, 0.18
"""Added when a unit is of the kind that is waited for; taken when it is not and the kind cannot be paraphrased."""

STEPS, STEP, GROUP, MENTIONED = 0.35, 0.05, 0.05, 0.6
"""Added to a numbered list, and taken from a single step, when a way of doing something is asked for; taken from a
single step otherwise; taken from any list that is told whole; how much a word in one of its items says of the whole."""

RELEVANCE, RANK, RARITY = 0.15, 0.1, 0.15
"""The search's score; being in the passage that it put first; how far rarity matters."""

OWN, PRECISION, AUTHORITY, HEADED = 0.05, 0.3, 0.1, 0.3
"""Added for the share that a unit says itself, for the share of the unit that is about the question, and
when something that the question names is the very subject of the unit's source; for a heading that names it all."""

STALE, DATED, WITHIN, LIMITING, POINTING, FOREIGN = 0.4, 0.35, 0.3, 0.15, 0.3, 0.3
"""Taken from a rule out of date; added or taken when a date asked about is inside or outside of a rule's time; added
when a measure in the question lies in a range that the unit states; taken from what begins as an exception, from
what only points elsewhere, and from another language when some passages are in the question's."""

SHOWN, BY_SHOWING = {"price": "money", "open": "time", "email": "email", "phone": "phone"}, 0.8
"""A unit that shows a price speaks of the price without the word: classes by kind, and what that is worth."""

ROW = 0.8
"""What it is worth that the question names all of a row's first cell."""

NEARNESS = 1.1
"""Added for being near the question in meaning, where an embedding model can tell."""

RELATIVE = 0.25
"""Taken from an amount that only says how much more or less something costs."""


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """A unit with its score; `own` and `above` say how well it, and what stands above it, speak of each feature.

    `group` holds the items of a list that is scored whole; `unit` is then its first.
    """

    unit: Unit
    score: float
    own: tuple[float, ...]
    above: tuple[float, ...]
    group: tuple[Scored, ...] = ()

    @property
    def all(self) -> tuple[float, ...]:
        """How well each feature is spoken of, by the unit or above it."""
        return tuple(map(max, self.own, self.above))


class Scorer:
    """Scores the units of some sections for one question; prefers those in language `prefer`, "" is none."""

    def __init__(
        self,
        question: Question,
        sections: Sequence[Section],
        *,
        prefer: str,
        nearness: Mapping[str, float] = MappingProxyType({}),
    ) -> None:
        self.question, self.sections, self._nearness = question, sections, nearness
        self._compounds = question.language in COMPOUNDING
        self._classes = frozenset[str]().union(*(feature.classes for feature in question.features))
        self._stems = frozenset[str]().union(*(feature.terms | feature.head for feature in question.features))
        shown = [[kind for name, kind in SHOWN.items() if name in feature.classes] for feature in question.features]
        self._showing = [(at, kind) for at, kinds in enumerate(shown) for kind in kinds]
        self._matched: dict[Meaning, tuple[float, ...]] = {}
        self._heads: dict[tuple[int, int], float] = {}
        self._passages: dict[int, float] = {}
        self._best = max((section.passage.score for section in sections), default=0.0) or 1.0
        self._asks_stale = marked("stale", question.text, question.language)
        self._hard = [wanted.kind for wanted in question.wanted if wanted.kind not in ("steps", "polar")]
        units = [unit for section in sections for unit in section.units]
        self._preferred = prefer if any(section.language == prefer for section in sections) else ""
        own = [self._own(unit) for unit in units]
        self._weights = self._rarities(own)
        self._whole = sum(self._weights) or 1.0
        self.scored = [self._score(unit, mine) for unit, mine in zip(units, own, strict=True)]
        self.groups = list(self._groups())

    def coverage(self, strengths: Sequence[float]) -> float:
        """The share of the question's weight that is spoken of; rarity does not count. 0 when it has no features."""
        whole = self.question.weight
        features = zip(self.question.features, strengths, strict=True)
        return sum(feature.weight * strength for feature, strength in features) / whole if whole else 0.0

    def near(self, unit: Unit) -> float:
        """How near a unit is to the question in meaning, 0 to 1; 0 where nobody can tell."""
        return self._nearness.get(view(self.sections[unit.passage], unit), 0.0) if self._nearness else 0.0

    def near_best(self, members: Sequence[Scored]) -> float:
        """How near the nearest of some units is."""
        return max((self.near(member.unit) for member in members), default=0.0)

    @property
    def knows_nearness(self) -> bool:
        """Whether somebody could tell how near units are."""
        return bool(self._nearness)

    def ahead(self, location: str) -> float:
        """By how much the best of a source scores more than the best of every other, as a share of its score."""
        best: dict[bool, float] = {}
        for one in (*self.scored, *self.groups):
            here = self.sections[one.unit.passage].passage.location == location
            best[here] = max(best.get(here, 0.0), one.score)
        own, other = best.get(True, 0.0), best.get(False, 0.0)
        return max(-1.0, (own - other) / own) if own > 0 else 0.0

    def validity(self, scored: Scored) -> int:
        """1 for a rule that a date asked about falls into, -1 where it does not or the rule is out of date, else 0."""
        agrees = self._agreement(self.sections[scored.unit.passage].passage)
        return agrees or -(scored.unit.stale and not self._asks_stale)

    def precision(self, unit: Unit) -> float:
        """The share of a unit's content that the question speaks of; a row of a table is about what it begins with."""
        language = self._language(unit)
        share = self._precision(unit.own, language)
        if isinstance(self.sections[unit.passage].blocks[unit.block], Table):
            return max(share, ROW * self._precision(meaning(unit.text.split(" | ", 1)[0], language), language))
        return share

    def within(self, scored: Scored) -> bool:
        """Whether a measure in the question lies in a range that the unit states."""
        return within(self.question.text, scored.unit.measured)

    def named(self, headers: Sequence[str], members: Sequence[Scored]) -> list[float]:
        """For each column the weight of what the question says of it and not of every other, nor of all its rows.

        What stands above the table names a column only where that is the column's alone ("L" of plans S, M and L).
        """
        language = self.sections[members[0].unit.passage].language
        titles = [meaning(header, language) for header in headers]
        above = [context.meaning for context in members[0].unit.context[:-1]]
        found = [0.0] * len(headers)
        for at, feature in enumerate(self.question.features):
            matches = [feature.match(title) for title in titles]
            named = sum(match >= 0.5 for match in matches)
            told = any(feature.match(other) >= 0.5 for other in above) and not feature.number and named > 1
            if named == len(headers) or told or all(member.own[at] >= 0.5 for member in members):
                continue
            found = [weight + feature.weight * match for weight, match in zip(found, matches, strict=True)]
        return found

    def _matches(self, other: Meaning) -> tuple[float, ...]:
        """How well a text speaks of each feature. Many units have the same texts above them: each is matched once."""
        found = self._matched.get(other)
        if found is None:
            features, compounds = self.question.features, self._compounds
            found = self._matched[other] = tuple(feature.match(other, compounds=compounds) for feature in features)
        return found

    def _own(self, unit: Unit) -> tuple[float, ...]:
        found = self._matches(unit.own)
        shown = {at for at, kind in self._showing if shows(kind, unit.text)}
        return tuple(max(match, BY_SHOWING) if at in shown else match for at, match in enumerate(found))

    def _rarities(self, own: Sequence[Sequence[float]]) -> tuple[float, ...]:
        """Each feature's weight, less where many units speak of it."""
        whole = math.log(len(own) + 1) or 1.0
        found = []
        for at, feature in enumerate(self.question.features):
            count = sum(mine[at] >= 0.5 for mine in own)
            rarity = max(0.0, math.log((len(own) + 1) / (count + 1))) / whole
            found.append(feature.weight * (1 - RARITY + RARITY * rarity))
        return tuple(found)

    def _share(self, strengths: Sequence[float]) -> float:
        return sum(w * s for w, s in zip(self._weights, strengths, strict=True)) / self._whole

    def _score(self, unit: Unit, own: tuple[float, ...]) -> Scored:
        above = self._above(unit)
        steps = self.question.waits_for("steps")
        score = self._share(tuple(map(max, own, above))) + OWN * self._share(own)
        score += PRECISION * self.precision(unit)
        score += self._kind(unit.text) + self._passage(unit) + self._headed(unit) + NEARNESS * self.near(unit)
        score += WITHIN if within(self.question.text, unit.measured) else 0.0
        score -= LIMITING * unit.limiting + POINTING * unit.pointing + (STEPS if steps else STEP) * self._is_step(unit)
        return Scored(unit, score, own, above)

    def _above(self, unit: Unit) -> tuple[float, ...]:
        nothing = [0.0] * len(self.question.features)
        told = ([above.strength * match for match in self._matches(above.meaning)] for above in unit.context)
        return tuple(map(max, nothing, nothing, *told))

    def _headed(self, unit: Unit) -> float:
        """What it is worth that the heading right above asks, or names, the very thing that is asked."""
        place = (unit.passage, unit.block)
        if place not in self._heads:
            self._heads[place] = self._of_heading(unit)
        return self._heads[place]

    def _of_heading(self, unit: Unit) -> float:
        section = self.sections[unit.passage]
        title = meaning(section.passage.title, section.language)
        heading = meaning(section.heading(unit.block), section.language)
        asked = zip(self.question.features, self._matches(title), self._matches(heading), strict=True)
        rest = [(feature.weight, named) for feature, above, named in asked if above < 0.5]
        weight = sum(weight for weight, _ in rest)
        if weight < STRONG or heading.plain == title.plain:
            return 0.0
        return HEADED * (sum(weight * named for weight, named in rest) / weight) ** 2

    def _passage(self, unit: Unit) -> float:
        """What speaks for the passage as such."""
        if unit.passage not in self._passages:
            self._passages[unit.passage] = self._of_passage(unit)
        return self._passages[unit.passage]

    def _of_passage(self, unit: Unit) -> float:
        passage = self.sections[unit.passage].passage
        score = AUTHORITY if self._is_subject(passage.title, unit) else 0.0
        score += RELEVANCE * passage.score / self._best + RANK * (1 - unit.passage / max(1, len(self.sections)))
        agrees = self._agreement(passage)
        score += DATED * agrees
        if self._preferred and self.sections[unit.passage].language != self._preferred:
            score -= FOREIGN
        return score - (STALE if unit.stale and not self._asks_stale and agrees <= 0 else 0.0)

    def _agreement(self, passage: Passage) -> int:
        """Whether a date asked about is within the rule's time, by the nearest heading that limits it."""
        found = (agreement(self.question.text, above) for above in (*reversed(passage.heading), passage.title))
        return next((agrees for agrees in found if agrees), 0) or ended(self.question.text, passage.valid_until)

    def _language(self, unit: Unit) -> str:
        return self.sections[unit.passage].language

    def _heading(self, section: Section, block: int) -> Meaning:
        return meaning(subject_of(section.heading(block)), section.language)

    def _is_step(self, unit: Unit) -> bool:
        block = self.sections[unit.passage].blocks[unit.block]
        return isinstance(block, Listing) and block.ordered

    def _is_subject(self, title: str, unit: Unit) -> bool:
        """Whether the source's title begins with something that the question names."""
        subject = meaning(subject_of(title), self.sections[unit.passage].language)
        return any(
            feature.weight >= STRONG and not feature.classes and match >= 1.0
            for feature, match in zip(self.question.features, self._matches(subject), strict=True)
        )

    def _precision(self, told: Meaning, language: str) -> float:
        """The share of a text's content that the question speaks of."""
        if language in DENSE:
            said = sum(len(feature.text) for feature in self.question.features if feature.text in told.plain)
            return min(1.0, said / max(1, sum(character > "\u2e7f" for character in told.plain)))
        content = _content(told.plain, language)
        about = sum(1.0 if term in self._stems else self._by_class(term, language) for term in content)
        return about / len(content) if content else 0.0

    def _by_class(self, term: str, language: str) -> float:
        return BY_CLASS * bool(self._classes and meaning(term, language).classes & self._classes)

    def _kind(self, text: str) -> float:
        if not self._hard:
            return 0.0
        shown = sum(shows(kind, text) for kind in self._hard)
        if shown:
            return FITS * shown / len(self._hard) - RELATIVE * ("money" in self._hard and self._relative(text))
        return -MISSES * max(wanted.must for wanted in self.question.wanted if wanted.kind in self._hard)

    def _relative(self, text: str) -> bool:
        """Whether a text says how much more or less something costs, and the question does not ask for that."""
        return marked("relative", text, "en") and not marked("relative_asked", self.question.text, "en")

    def _groups(self) -> Iterator[Scored]:
        """Every list as a whole: it speaks of what any of its items speaks of."""
        blocks: dict[tuple[int, int], list[Scored]] = {}
        for one in self.scored:
            blocks.setdefault((one.unit.passage, one.unit.block), []).append(one)
        for section in self.sections:
            for at, block in enumerate(section.blocks):
                members = tuple(blocks.get((section.number, at), ()))
                if not isinstance(block, Listing) or not members:
                    continue
                own = tuple(MENTIONED * max(column) for column in zip(*(member.own for member in members), strict=True))
                first = members[0].unit
                above = members[0].above
                score = self._share(tuple(map(max, own, above))) + self._passage(first) + self._headed(first)
                score += PRECISION * self._precision(self._heading(section, at), section.language)
                score += NEARNESS * self.near_best(members)
                score += sum(self._kind(member.unit.text) for member in members) / len(members)
                if not self.question.waits_for("steps"):
                    score -= GROUP
                else:
                    score += STEPS if block.ordered else STEPS / 3
                yield Scored(first, score, own, above, members)


@lru_cache(maxsize=16_384)
def _content(plain: str, language: str) -> tuple[str, ...]:
    """What a text is about, without numbers."""
    return tuple(term for term in content_terms(plain, language) if not term.isdigit())
