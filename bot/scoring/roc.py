"""How well a confidence tells what must be declined from what can be answered, whatever the threshold."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.scoring.share import LIKELY, Share


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """What becomes of a threshold: answers of a lower confidence are declined, rightly or wrongly.

    `declines_right` is the share of what must be declined, `false_declines` that of what can be answered.
    """

    threshold: float
    declines_right: Share
    false_declines: Share


@dataclass(frozen=True, slots=True, kw_only=True)
class Roc:
    """The receiver operating characteristic of a confidence. Both lists hold confidences, sorted, neither is empty."""

    to_decline: Sequence[float]
    to_answer: Sequence[float]

    def at(self, threshold: float) -> Point:
        """What this threshold does."""
        return Point(
            threshold=threshold,
            declines_right=Share(count=bisect_left(self.to_decline, threshold), of=len(self.to_decline)),
            false_declines=Share(count=bisect_left(self.to_answer, threshold), of=len(self.to_answer)),
        )

    @property
    def points(self) -> list[Point]:
        """Every threshold that makes a difference, from none declined to all declined (threshold infinite)."""
        return [self.at(threshold) for threshold in (*sorted({*self.to_decline, *self.to_answer}), math.inf)]

    @property
    def area(self) -> float:
        """The area under the curve: how often something that must be declined has a lower confidence than something
        that can be answered, equal ones counting half (J. A. Hanley, B. J. McNeil, The meaning and use of the area
        under a receiver operating characteristic (ROC) curve, Radiology 143 (1982), 29-36). 0.5 is chance."""
        higher = sum(
            len(self.to_answer) - (bisect_left(self.to_answer, one) + bisect_right(self.to_answer, one)) / 2
            for one in self.to_decline
        )
        return higher / (len(self.to_decline) * len(self.to_answer))

    @property
    def interval(self) -> tuple[float, float]:
        """Where the area lies 95 times in 100: Hanley and McNeil's standard error (the same paper, equation 1)."""
        area, positives, negatives = self.area, len(self.to_decline), len(self.to_answer)
        one, other = area / (2 - area), 2 * area * area / (1 + area)
        spread = (positives - 1) * (one - area * area) + (negatives - 1) * (other - area * area)
        error = math.sqrt(max(0.0, area * (1 - area) + spread) / (positives * negatives))
        return max(0.0, area - LIKELY * error), min(1.0, area + LIKELY * error)

    def best(self, *, most_false: float) -> Point:
        """The highest threshold whose share of false declines is at most `most_false`."""
        return max(
            (point for point in self.points if (point.false_declines.value or 0.0) <= most_false),
            key=lambda point: point.threshold,
        )


def roc(pairs: Iterable[tuple[bool, float]]) -> Roc | None:
    """The curve of pairs (whether it must be declined, confidence); None unless there is some of both."""
    told = sorted(pairs, key=lambda pair: pair[1])
    to_decline = [confidence for wanted, confidence in told if wanted]
    to_answer = [confidence for wanted, confidence in told if not wanted]
    return Roc(to_decline=to_decline, to_answer=to_answer) if to_decline and to_answer else None
