"""The tables of a run as text, for a terminal and for a report alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.scoring.calibration import steps
from bot.scoring.comparison import Comparison, Shift
from bot.scoring.confusion import Confusion, Report
from bot.scoring.groups import BY, groups
from bot.scoring.judge import Score
from bot.scoring.roc import Point, Roc
from bot.scoring.share import Share
from bot.scoring.significance import RARE
from bot.scoring.summary import FIGURES, rows, spans

WORSE = "▼"
"""The mark of a group that fares worse than the others, and not by chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """`rows` have as many cells as `heads`. `note` stands below."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


def figures_table(scores: Sequence[Score], by: str = "kind") -> Table:
    """A row for each group and one for all; below it how long answers are and how long they took."""
    told = spans(scores)
    return Table(
        title="Figures",
        heads=("language · kind" if by == "both" else by, "n", *FIGURES),
        rows=tuple(
            (row.name, str(row.questions), *(str(row.shares[figure]) for figure in FIGURES))
            for row in rows(scores, BY[by])
        ),
        note=f"Length: median {told.median_length:.0f}, longest {told.longest} characters. "
        f"Seconds: p50 {told.p50:.3f}, p95 {told.p95:.3f}.",
    )


def groups_table(scores: Sequence[Score], by: str) -> Table:
    """What each group got right, within which limits, and whether it is worse than the rest."""
    found = groups(scores, BY[by])
    return Table(
        title=f"Right by {'language and kind' if by == 'both' else by}",
        heads=("group", "right", "95 % interval", "chance", ""),
        rows=tuple(
            (one.name, str(one.right), _between(one.right), _chance(one.chance), WORSE if one.worse else "")
            for one in found
        ),
        note=f"{WORSE} is worse than the other groups together; luck alone would do that in fewer than "
        f"{100 * RARE:.0f} of 100 such tables.",
    )


def declines_table(told: Report, label: str) -> Table:
    """Accuracy over all, and precision, recall and F1 of `label`."""
    one = told.of(label)
    return Table(
        title="Declines",
        heads=("accuracy", "precision", "recall", "F1"),
        rows=((str(told.accuracy), str(one.precision), str(one.recall), f"{one.f1:.3f}"),),
    )


def labels_table(told: Report) -> Table:
    """Precision, recall and F1 of each label of a classifier."""
    return Table(
        title="Labels",
        heads=("label", "precision", "recall", "F1"),
        rows=tuple((one.label, str(one.precision), str(one.recall), f"{one.f1:.3f}") for one in told.labels),
        note=f"Accuracy {told.accuracy}, between {_between(told.accuracy)}; mean F1 {told.macro_f1:.3f}.",
    )


def confusion_table(counted: Confusion) -> Table:
    """A row for each label that is right, a column for each that was told."""
    return Table(
        title="Right (rows) and told (columns)",
        heads=("", *counted.labels),
        rows=tuple((right, *(str(counted.count(right, told)) for told in counted.labels)) for right in counted.labels),
    )


def curve_table(curve: Roc, threshold: float | None) -> Table:
    """What the threshold in use does (None: not known), beside those that would keep false declines within limits."""
    low, high = curve.interval
    used = [_point(f"{threshold:.3f} (in use)", curve.at(threshold))] if threshold is not None else []
    limited = [(most, curve.best(most_false=most)) for most in (0.05, 0.1)]
    return Table(
        title="Threshold of the confidence",
        heads=("threshold", "declines right", "false declines"),
        rows=(
            *used,
            *(_point(f"{one.threshold:.3f} (at most {100 * most:.0f} % false)", one) for most, one in limited),
        ),
        note=f"Area under the curve {curve.area:.3f}, between {low:.3f} and {high:.3f}; 0.5 is chance.",
    )


def calibration_table(scores: Sequence[Score]) -> Table:
    """What became of questions of each confidence."""
    return Table(
        title="What the confidence means",
        heads=("confidence", "mean", "can be answered", "answers right"),
        rows=tuple(
            (f"{one.low:.1f}–{one.high:.1f}", f"{one.confidence:.2f}", str(one.answerable), str(one.right))
            for one in steps(scores)
        ),
    )


def comparison_table(found: Comparison) -> Table:
    """Each figure before and after, how many questions changed, and whether that is more than luck."""
    return Table(
        title="Before and after",
        heads=("figure", "before", "after", "better", "worse", "chance", "more than luck"),
        rows=tuple(
            (
                *(one.figure, str(one.before), str(one.after), str(one.better), str(one.worse)),
                *(_chance(one.chance), "yes" if one.significant else "no"),
            )
            for one in found.changes
        ),
        note=f"Median change: seconds {_shift(found.seconds, '+.4f')}, characters {_shift(found.length, '+.0f')}.",
    )


def _point(name: str, point: Point) -> tuple[str, ...]:
    return name, str(point.declines_right), str(point.false_declines)


def _chance(chance: float) -> str:
    return f"{chance:.3f}" if chance >= 0.001 else "< 0.001"


def _between(share: Share) -> str:
    low, high = share.interval
    return f"{100 * low:.0f}–{100 * high:.0f} %"


def _shift(shift: Shift, form: str) -> str:
    if shift.interval is None:
        return f"{shift.median:{form}}"
    low, high = shift.interval
    return f"{shift.median:{form}} (between {low:{form}} and {high:{form}})"
