"""How sure an answer is: the probability that the knowledge answers the question, from a handful of shares.

A logistic model; `python -m bench.calibrate` fits its coefficients (`words/confidence.toml`) to questions of which it
is known whether they can be answered. What it reads of an answer has nothing to do with any one language or subject.
There is one model for search by words, and one for where nearness in meaning is known too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from bot.answer.choose import strengths
from bot.answer.expect import marked, picked
from bot.answer.feature import BY_NAME, EXACT_CODE, STRONG
from bot.answer.piece import Piece
from bot.answer.question import Question
from bot.answer.score import Scorer
from bot.answer.words import words
from bot.terms import terms

SPOKEN = 0.3
"""From this strength on something is spoken of."""

LONG, MANY = 10, 3
"""Features of a question that count as a long one; exact ones that count as many."""


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
    - `exact`: how many of its strong features are said there by the very word or name, of three;
    - `unsaid`: the weight of the strong features that are not spoken of there, as a share of the question's;
      `heaviest`: that of the one that weighs most; `nowhere`: the share of the strong features that are spoken of
      neither there nor in anything else that was found;
    - `asked`: 1 where a thing that is asked for by name ("which tyres", "do you have tyres") is not spoken of there;
    - `coded`: 1 where the best piece itself has a code of the question;
    - `found`, `top`: what the search thought of the best piece's passage, and of the best passage;
    - `above`: the share that titles and headings above the best member speak of;
    - `ahead`: by how much the best unit scores more than those of other sources (-1 to 1);
    - `length`: how many features the question has, since of a long one more remains unsaid;
    - `near`, `nearest`: how near the best piece, and the nearest unit of all, is in meaning.
    """
    question, best = scorer.question, pieces[0]
    location = best.section.passage.location
    told = strengths([piece for piece in pieces if piece.section.passage.location == location])
    anywhere = [max(column) for column in zip(*(one.all for one in scorer.scored), strict=True)]
    strong = [at for at, one in enumerate(question.features) if one.weight >= STRONG]
    missing = [at for at in strong if told[at] < SPOKEN]
    weights = [one.weight for one in question.features]
    unspoken = (weight for weight, strength in zip(weights, told, strict=True) if strength < SPOKEN)
    return {
        "source": scorer.coverage(told),
        "exact": min(MANY, sum(told[at] >= BY_NAME for at in strong)) / MANY,
        "unsaid": sum(weights[at] for at in missing) / question.weight,
        "asked": float(any(at in missing for at in _asked_for(question))),
        "coded": float(_has_code(question, best)),
        "heaviest": max(unspoken, default=0.0) / question.weight,
        "nowhere": sum(anywhere[at] < SPOKEN for at in missing) / max(1, len(strong)),
        "found": min(1.0, max(0.0, best.section.passage.score)),
        "top": min(1.0, max(section.passage.score for section in scorer.sections)),
        "above": scorer.coverage(max(best.members, key=lambda member: member.score).above),
        "ahead": scorer.ahead(location),
        "length": min(1.0, len(question.features) / LONG),
        "near": scorer.near_best(best.members),
        "nearest": scorer.near_best(scorer.scored),
    }


def _has_code(question: Question, best: Piece) -> bool:
    codes = [at for at, one in enumerate(question.features) if one.weight == EXACT_CODE]
    return any(member.own[at] >= BY_NAME for member in best.members for at in codes)


def _asked_for(question: Question) -> list[int]:
    """The places of the features that are asked for by name."""
    said = picked("asked_for", question.text, question.language)
    stems = frozenset(term for phrase in said for term in terms(phrase, question.language))
    return [
        at
        for at, one in enumerate(question.features)
        if one.terms & stems or (one.text and any(one.text in phrase for phrase in said))
    ]
