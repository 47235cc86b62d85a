"""How often which label was told where which was right: for declines, and for classifiers of any labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bot.scoring.share import Share


@dataclass(frozen=True, slots=True, kw_only=True)
class Confusion:
    """`counts` of (what is right, what was told); `labels` are all that occur on either side, sorted."""

    labels: tuple[str, ...]
    counts: Mapping[tuple[str, str], int]

    def count(self, right: str, told: str) -> int:
        return self.counts.get((right, told), 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """How well one label is told: of how often it was told it was right, of how often it is right it was told."""

    label: str
    precision: Share
    recall: Share

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall, 0 where there is neither: C. J. van Rijsbergen, Information
        Retrieval (second edition, 1979), chapter 7, with equal weights. 2 TP / (2 TP + FP + FN)."""
        both = self.precision.of + self.recall.of
        return 2 * self.recall.count / both if both else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """`accuracy` over all labels, the measures of each, and the plain mean of their F1, in which rare ones count alike.

    `macro_f1` is 0 of nothing.
    """

    accuracy: Share
    labels: tuple[Measures, ...]
    macro_f1: float

    def of(self, label: str) -> Measures:
        """The measures of `label`; of one that never occurs, shares of nothing."""
        nothing = Share(count=0, of=0)
        found = (one for one in self.labels if one.label == label)
        return next(found, Measures(label=label, precision=nothing, recall=nothing))


def confusion(pairs: Iterable[tuple[str, str]]) -> Confusion:
    """Count the pairs (what is right, what was told)."""
    counts = Counter(pairs)
    return Confusion(labels=tuple(sorted({label for pair in counts for label in pair})), counts=counts)


def report(counted: Confusion) -> Report:
    """Accuracy, precision, recall and F1 of what was counted."""
    measures = tuple(_measures(counted, label) for label in counted.labels)
    hits = sum(counted.count(label, label) for label in counted.labels)
    return Report(
        accuracy=Share(count=hits, of=sum(counted.counts.values())),
        labels=measures,
        macro_f1=sum(one.f1 for one in measures) / len(measures) if measures else 0.0,
    )


def _measures(counted: Confusion, label: str) -> Measures:
    hits = counted.count(label, label)
    told = sum(counted.count(other, label) for other in counted.labels)
    right = sum(counted.count(label, other) for other in counted.labels)
    return Measures(label=label, precision=Share(count=hits, of=told), recall=Share(count=hits, of=right))
