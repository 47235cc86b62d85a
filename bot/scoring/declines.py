"""How well a run tells what it cannot answer."""

from __future__ import annotations

from collections.abc import Sequence

from bot.scoring.confusion import Report, confusion, report
from bot.scoring.judge import Score
from bot.scoring.roc import Roc, roc

DECLINED, ANSWERED = "declined", "answered"


def declines(scores: Sequence[Score]) -> Report:
    """Declines as a classifier: what should be declined, and what was. What has no result counts as answered."""
    return report(confusion((_label(one.question.declined), _label(one.declined)) for one in scores))


def decline_curve(scores: Sequence[Score]) -> Roc | None:
    """The curve over the confidence of the answers; None unless some of both kinds tell it."""
    return roc(
        (one.question.declined, one.result.score) for one in scores if one.result and one.result.score is not None
    )


def threshold_of(scores: Sequence[Score]) -> float | None:
    """The threshold that was in use, where the answers tell one and the same."""
    told = {one.result.threshold for one in scores if one.result and one.result.threshold is not None}
    return told.pop() if len(told) == 1 else None


def _label(declined: bool) -> str:
    return DECLINED if declined else ANSWERED
