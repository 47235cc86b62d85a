"""What a confidence means: how often something of that confidence can be answered, and is answered rightly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.scoring.judge import Score
from bot.scoring.share import Share

STEPS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The questions whose confidence is from `low` to below `high` (1 belongs to the last step).

    `confidence` is their mean; `answerable` the share that can be answered; `right` that of the answers that are right.
    """

    low: float
    high: float
    confidence: float
    answerable: Share
    right: Share


def steps(scores: Sequence[Score]) -> list[Step]:
    """Steps of a tenth, those without a question left out: the numbers behind a reliability diagram (M. H. DeGroot,
    S. E. Fienberg, The Comparison and Evaluation of Forecasters, The Statistician 32 (1983), 12-22)."""
    within: dict[int, list[tuple[float, Score]]] = {}
    for one in scores:
        if one.result and one.result.score is not None:
            step = min(STEPS - 1, int(one.result.score * STEPS))
            within.setdefault(step, []).append((one.result.score, one))
    return [_step(number, within[number]) for number in sorted(within)]


def _step(number: int, told: Sequence[tuple[float, Score]]) -> Step:
    return Step(
        low=number / STEPS,
        high=(number + 1) / STEPS,
        confidence=sum(confidence for confidence, _ in told) / len(told),
        answerable=Share.among(not one.question.declined for _, one in told),
        right=Share.among(one.right for _, one in told if not one.declined),
    )
