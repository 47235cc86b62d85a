"""Which pieces make the answer: the best one, and others that add to it without speaking of something else."""

from __future__ import annotations

from collections.abc import Sequence

from bot.answer.blocks import Listing
from bot.answer.expect import marked, shows
from bot.answer.feature import STRONG
from bot.answer.piece import LONG, Piece, piece_of
from bot.answer.score import Scored, Scorer

NEARLY, CLOSE, TIED = 0.8, 0.88, 0.9
"""What scores at least this share of the best is told as well: when it adds something; when the source is the same; in
any case."""

MOST_PIECES, LOOKED_AT = 3, 40
NEW = 0.25
"""The share of the question's weight that a further piece has to speak of and the others do not."""

_SAME = 0.7


def choose(scorer: Scorer) -> list[Piece]:
    """The pieces of the answer, the best first; empty when there is nothing to choose from."""
    ranked = sorted((*scorer.scored, *scorer.groups), key=lambda scored: -scored.score)
    if not ranked:
        return []
    _steps_first(scorer, ranked)
    best = ranked[0]
    pieces = [piece_of(scorer, best)]
    for scored in ranked[1:LOOKED_AT]:
        if len(pieces) == MOST_PIECES or scored.score < NEARLY * best.score:
            break
        if _other(scored, pieces) and _is_told(scorer, scored, best, pieces):
            piece = piece_of(scorer, scored)
            if sum(other.size for other in pieces) + piece.size <= LONG:
                pieces.append(piece)
    return pieces


def _is_told(scorer: Scorer, scored: Scored, best: Scored, pieces: Sequence[Piece]) -> bool:
    """Whether a unit is told beside the best one: it is as good, so that either may be meant; it is nearly as
    good and from the same source; or it adds something of the same subject."""
    if scorer.validity(scored) < scorer.validity(best):
        return False
    if scored.score >= TIED * best.score:
        return True
    close = scored.score >= CLOSE * best.score and _location(scorer, scored) == _location(scorer, best)
    return _same_subject(scorer, scored, best) and (close or _adds(scorer, scored, pieces))


def strengths(pieces: Sequence[Piece]) -> tuple[float, ...]:
    """For each feature of the question how well the pieces, taken together, speak of it."""
    members = [member.all for piece in pieces for member in piece.members]
    return tuple(max(column) for column in zip(*members, strict=True))


def _steps_first(scorer: Scorer, ranked: list[Scored]) -> None:
    """Who asks how to do something wants the steps, not the sentence that introduces them in the same source."""
    if not scorer.question.waits_for("steps") or ranked[0].group:
        return
    for at, scored in enumerate(ranked):
        if scored.score < CLOSE * ranked[0].score:
            return
        block = scorer.sections[scored.unit.passage].blocks[scored.unit.block]
        ordered = isinstance(block, Listing) and block.ordered
        if scored.group and ordered and _location(scorer, scored) == _location(scorer, ranked[0]):
            ranked.insert(0, ranked.pop(at))
            return


def _other(scored: Scored, pieces: Sequence[Piece]) -> bool:
    """Whether a unit is of another block than the pieces, and says something else."""
    unit = scored.unit
    told = [member.unit for piece in pieces for member in piece.members]
    return not any(
        (unit.passage, unit.block) == (other.passage, other.block) or _same(unit.own.terms, other.own.terms)
        for other in told
    )


def _same_subject(scorer: Scorer, scored: Scored, best: Scored) -> bool:
    """Whether a unit speaks of the same thing as the best one: of every name in the question.

    A second sentence about another product would contradict the first.
    """
    if marked("both", scorer.question.text, scorer.question.language):
        return True
    return all(
        there >= 0.3
        for feature, here, there in zip(scorer.question.features, best.all, scored.all, strict=True)
        if feature.weight >= STRONG and not feature.classes and here >= 0.8
    )


def _location(scorer: Scorer, scored: Scored) -> str:
    return scorer.sections[scored.unit.passage].passage.location


def _adds(scorer: Scorer, scored: Scored, pieces: Sequence[Piece]) -> bool:
    """Whether a unit speaks of something that the pieces do not, or shows a kind that is asked for and missing."""
    covered = strengths(pieces)
    new = sum(
        feature.weight * max(0.0, here - there)
        for feature, here, there in zip(scorer.question.features, scored.all, covered, strict=True)
    )
    if new >= NEW * scorer.question.weight:
        return True
    told = [member.unit.text for piece in pieces for member in piece.members]
    kinds = [wanted.kind for wanted in scorer.question.wanted if wanted.must >= 0.6]
    missing = [kind for kind in kinds if not any(shows(kind, text) for text in told)]
    return any(shows(kind, scored.unit.text) for kind in missing)


def _same(one: frozenset[str], other: frozenset[str]) -> bool:
    both = len(one & other)
    return both >= _SAME * max(1, len(one) + len(other) - both)
