"""The figures of a run: one row for each kind of question, and one for all."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bot.scoring.judge import FIRST, Score
from bot.scoring.share import Share

Figure = Callable[[Score], bool | None]

FIGURES: Mapping[str, Figure] = {
    "answer right": lambda one: one.answer_right,
    f"source in first {FIRST}": lambda one: one.source_right,
    "declines right": lambda one: one.decline_right,
    "false declines": lambda one: one.false_decline,
    "language right": lambda one: one.language_right,
    "number unheld": lambda one: one.number_unheld,
}
"""What is counted of a run; False where it did not come about, None where it does not apply."""

FEWER_IS_BETTER = frozenset({"false declines", "number unheld"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The figures of one group of questions. `shares` are by the names of `FIGURES`."""

    name: str
    questions: int
    shares: Mapping[str, Share]


def row(name: str, scores: Sequence[Score]) -> Row:
    shares = {figure: Share.among(map(of, scores)) for figure, of in FIGURES.items()}
    return Row(name=name, questions=len(scores), shares=shares)


def grouped(scores: Sequence[Score], by: Callable[[Score], str]) -> dict[str, list[Score]]:
    """The scores of each group, groups in the order in which they come first."""
    groups: dict[str, list[Score]] = {}
    for one in scores:
        groups.setdefault(by(one) or "–", []).append(one)
    return groups


def rows(scores: Sequence[Score], by: Callable[[Score], str] = lambda one: one.question.kind) -> list[Row]:
    """A row for each group (kinds of questions, unless told otherwise), then one for all."""
    return [*(row(name, group) for name, group in grouped(scores, by).items()), row("all", scores)]


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of `values` that at least `share` of them do not exceed; 0 of nothing."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)] if values else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Spans:
    """How long answers are (characters; declines do not count) and how long they took (seconds)."""

    median_length: float
    longest: int
    p50: float
    p95: float


def spans(scores: Sequence[Score]) -> Spans:
    results = [one.result for one in scores if one.result]
    lengths = [len(result.answer) for result in results if not result.declined]
    seconds = [result.seconds for result in results]
    return Spans(
        median_length=statistics.median(lengths) if lengths else 0.0,
        longest=max(lengths, default=0),
        p50=percentile(seconds, 0.5),
        p95=percentile(seconds, 0.95),
    )
