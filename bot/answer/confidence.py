"""How sure an answer is: the probability that the knowledge answers the question, from a handful of shares.

A logistic model; `python -m bench.calibrate` fits its coefficients (`words/confidence.toml`) to questions of which it
is known whether they can be answered. What it reads of an answer has nothing to do with any one language or subject.
There is one model for search by words, and one for where nearness in meaning is known too.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from bot.answer.choose import strengths
from bot.answer.expect import marked
from bot.answer.feature import CODE, STRONG
from bot.answer.piece import Piece
from bot.answer.question import Question
from bot.answer.score import Scorer
from bot.answer.words import words
from bot.terms import terms

SPOKEN = 0.3
"""From this strength on something is spoken of."""

LONG = 10
"""Features of a question that count as a long one."""

_NOUNS_ARE_CAPITAL = frozenset({"de"})
_WORD = re.compile(r"[^\W\d_]+")


def confidence(scorer: Scorer, pieces: Sequence[Piece]) -> float:
    """The probability (0 to 1) that `pieces` answer; 0 when there is nothing to go by, and for what gives orders to the
    bot instead of asking.
    """
    question = scorer.question
    if not pieces or not question.features or marked("orders", question.text, question.language):
        return 0.0
    model: Mapping[str, Any] = words("confidence")["nearness" if scorer.knows_nearness else "words"]
    found = measures(scorer, pieces)
    total = model["constant"] + sum(weight * found[name] for name, weight in model["weights"].items())
    return round(1 / (1 + math.exp(-total)), 4)


def measures(scorer: Scorer, pieces: Sequence[Piece]) -> dict[str, float]:
    """What speaks for and against an answer, each from 0 to 1.

    - `source`: the share of the question's weight that is spoken of by what is told of the best piece's source;
    - `found`: what the search thought of the best piece's passage;
    - `lost`: the share of the strong features that are not spoken of there; `heaviest`: the weight of what of them
      weighs most, as a share of the question's; `name`: 1 where one of them is a name, by its capital letter;
    - `above`: the share that titles and headings above the best member speak of;
    - `ahead`: by how much the best unit scores more than those of other sources (-1 to 1);
    - `code`: 1 where a code or numbered name is spoken of, -1 where one is missing;
    - `length`: how many features the question has, since of a long one more remains unsaid;
    - `near`, `nearest`: how near the best piece, and the nearest unit of all, is in meaning.
    """
    question, best = scorer.question, pieces[0]
    location = best.section.passage.location
    told = strengths([piece for piece in pieces if piece.section.passage.location == location])
    missing = [one for one, strength in zip(question.features, told, strict=True) if strength < SPOKEN]
    strong = [one for one in question.features if one.weight >= STRONG]
    names = _names(question)
    return {
        "source": scorer.coverage(told),
        "found": min(1.0, max(0.0, best.section.passage.score)),
        "lost": sum(one.weight >= STRONG for one in missing) / max(1, len(strong)),
        "heaviest": max((one.weight for one in missing), default=0.0) / question.weight,
        "name": float(any(one.terms & names for one in missing)),
        "above": scorer.coverage(max(best.members, key=lambda member: member.score).above),
        "ahead": scorer.ahead(location),
        "code": _code(question, told),
        "length": min(1.0, len(question.features) / LONG),
        "near": scorer.near_best(best.members),
        "nearest": scorer.near_best(scorer.scored),
    }


def _code(question: Question, told: Sequence[float]) -> float:
    codes = [strength for one, strength in zip(question.features, told, strict=True) if one.weight >= CODE]
    return 0.0 if not codes else 1.0 if min(codes) > SPOKEN else -1.0


def _names(question: Question) -> frozenset[str]:
    """The terms of words with a capital letter inside a question, in languages where that makes a name."""
    if question.language in _NOUNS_ARE_CAPITAL:
        return frozenset()
    inside = [word for word in _WORD.findall(question.text)[1:] if word[0].isupper() and len(word) > 1]
    return frozenset(term for word in inside for term in terms(word, question.language))
