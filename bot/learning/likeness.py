"""How much two questions ask the same: by their rare words, and by meaning where a model can tell.

By words it is the cosine of vectors of terms weighted by rarity, ln(1 + N / n), with n of N texts that have the term:
Salton and Buckley, "Term-weighting approaches in automatic text retrieval", 1988. The texts are the questions and the
passages of the knowledge together: a handful of questions alone cannot tell "return" from "kayak". Terms carry their
language, so that questions in different languages share none. With vectors of meaning it is a mean of both cosines;
those may be of different languages.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.terms import content_terms

if TYPE_CHECKING:
    import numpy

    Row = numpy.ndarray[Any, numpy.dtype[numpy.float32]]

WORDS = 0.2
"""How much words count where meaning does, too."""

ALIKE_BY_WORDS, ALIKE_BY_MEANING = 0.18, 0.33
"""From here on questions are taken to ask the same, on average. Chosen on 145 questions about two trades, of which 128
stand in groups of four that ask one thing in other words (tests/bot/learning/alike.toml); docs/learning.md has the
figures."""

_REDACTED = re.compile(r"\[(?:email|phone|card|iban)\]")


@dataclass(frozen=True, slots=True, eq=False)
class Vector:
    """A question, or the sum of several: weights by term (of unit length for one question), and a direction of meaning
    (of unit length, too) or None."""

    words: Mapping[str, float]
    meaning: Row | None = None

    def __add__(self, other: Vector) -> Vector:
        words = dict(self.words)
        for term, weight in other.words.items():
            words[term] = words.get(term, 0.0) + weight
        if self.meaning is None or other.meaning is None:
            return Vector(words)
        return Vector(words, self.meaning + other.meaning)

    def likeness(self, other: Vector) -> float:
        """For two questions 0 to 1; for two sums the sum of what it is for each pair."""
        few, many = sorted((self.words, other.words), key=len)
        words = sum(weight * many[term] for term, weight in few.items() if term in many)
        if self.meaning is None or other.meaning is None:
            return words
        return WORDS * words + (1 - WORDS) * float(self.meaning @ other.meaning)


def vectors(
    texts: Sequence[tuple[str, str]],
    frequency: Mapping[str, int],
    passages: int,
    meanings: Sequence[bytes | None] = (),
) -> list[Vector]:
    """A vector for each (text, language).

    `frequency` says in how many of the `passages` of the knowledge a term stands; `meanings` are float32,
    little-endian, of unit length, one for each text or None.
    """
    said = [frozenset(content_terms(_REDACTED.sub(" ", text), language)) for text, language in texts]
    asked = Counter(term for terms in said for term in terms)
    whole = len(texts) + passages
    rarity = {term: math.log(1 + whole / (count + frequency.get(term, 0))) for term, count in asked.items()}
    rows = _rows(meanings or [None] * len(texts))
    return [
        Vector(_unit({f"{language}:{term}": rarity[term] for term in terms}), row)
        for (_, language), terms, row in zip(texts, said, rows, strict=True)
    ]


def _unit(weights: Mapping[str, float]) -> Mapping[str, float]:
    length = math.sqrt(sum(weights[term] ** 2 for term in sorted(weights)))
    return {term: weights[term] / length for term in sorted(weights)}


def _rows(meanings: Sequence[bytes | None]) -> list[Row | None]:
    if not any(meanings):
        return [None] * len(meanings)
    import numpy

    return [numpy.frombuffer(raw, "<f4") if raw else None for raw in meanings]
