"""Yes or no before an answer, only where the text decides it: a wrong yes does more harm than none."""

from __future__ import annotations

import re
from typing import Literal

from bot.answer.blocks import Paragraph
from bot.answer.expect import marked
from bot.answer.feature import STRONG
from bot.answer.lexicon import DENSE
from bot.answer.piece import Piece
from bot.answer.score import Scorer

COVERED, ABOUT = 0.85, 0.6
"""How much of the question a sentence has to say itself, and how much of the sentence the question, to decide it."""

Verdict = Literal["", "yes", "no"]


def verdict(scorer: Scorer, piece: Piece) -> Verdict:
    """What `piece` says to a question of yes or no.

    Nothing when the sentence or the question sets a condition, an exception or a number, when the sentence speaks of
    more or of less than the question, or when it begins with yes or no anyway.
    """
    question, language = scorer.question, scorer.question.language
    told = max(piece.members, key=lambda member: member.score).unit.text
    if not _decidable(scorer, piece, told) or not _same_matter(scorer, piece):
        return ""
    may = marked("may", question.text, language)
    if marked("negation", told, language):
        return "no" if may or language not in DENSE else ""
    return "yes" if may and marked("permission", told, language) else ""


def _decidable(scorer: Scorer, piece: Piece, told: str) -> bool:
    """Whether the question is one of yes or no, and neither it nor the answer has an if or a but."""
    question, language = scorer.question, scorer.question.language
    paragraph = isinstance(piece.section.blocks[piece.block], Paragraph)
    if not paragraph or piece.section.language != language or not question.waits_for("polar"):
        return False
    text = " ".join((*(member.unit.text for member in piece.members), *piece.limits))
    hedged = any(marked(mark, question.text, language) for mark in ("condition", "negation"))
    hedged = hedged or any(marked(mark, text, language) for mark in ("reply", "strong_exception"))
    return not hedged and not marked("condition", told, language) and not re.search(r"\d", question.text + told)


def _same_matter(scorer: Scorer, piece: Piece) -> bool:
    """Whether the best sentence says nearly all of the question itself, and little else."""
    best = max(piece.members, key=lambda member: member.score)
    strong = [feature for feature in scorer.question.features if feature.weight >= STRONG]
    return len(strong) >= 2 and scorer.coverage(best.own) >= COVERED and scorer.precision(best.unit) >= ABOUT
