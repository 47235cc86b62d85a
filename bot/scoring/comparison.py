"""Two runs over the same questions, question by question."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.scoring.judge import Score
from bot.scoring.result import Result
from bot.scoring.share import Share
from bot.scoring.significance import RARE, mcnemar, median_interval
from bot.scoring.summary import FEWER_IS_BETTER, FIGURES, Figure

RIGHT = "right"
Pair = tuple[Score, Score]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One figure before and after, over the questions to which it applies in both runs.

    `better` and `worse` count questions; `chance` is how often luck alone makes them so unequal.
    """

    figure: str
    before: Share
    after: Share
    better: int
    worse: int
    chance: float

    @property
    def significant(self) -> bool:
        return self.chance < RARE


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """By how much a measure changed: the median over questions, and where the true one lies (None: too few)."""

    median: float
    interval: tuple[float, float] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """`changes` hold "right" over all first, then each figure. `better` and `worse` are the questions, after."""

    changes: tuple[Change, ...]
    better: tuple[Score, ...]
    worse: tuple[Score, ...]
    seconds: Shift
    length: Shift


def compared(before: Sequence[Score], after: Sequence[Score]) -> Comparison:
    """Compare the scores of two runs over the same questions, given in the same order."""
    pairs = list(zip(before, after, strict=True))
    figures: dict[str, Figure] = {RIGHT: lambda one: one.right, **FIGURES}
    return Comparison(
        changes=tuple(_change(name, figure, pairs) for name, figure in figures.items()),
        better=tuple(new for old, new in pairs if new.right and not old.right),
        worse=tuple(new for old, new in pairs if old.right and not new.right),
        seconds=_shift(pairs, lambda result: result.seconds),
        length=_shift(pairs, lambda result: None if result.declined else len(result.answer)),
    )


def _change(name: str, figure: Figure, pairs: Sequence[Pair]) -> Change:
    both = [(was, now) for old, new in pairs if (was := figure(old)) is not None and (now := figure(new)) is not None]
    gained, lost = both.count((False, True)), both.count((True, False))
    better, worse = (lost, gained) if name in FEWER_IS_BETTER else (gained, lost)
    return Change(
        figure=name,
        before=Share.among(was for was, _ in both),
        after=Share.among(now for _, now in both),
        better=better,
        worse=worse,
        chance=mcnemar(better, worse),
    )


def _shift(pairs: Sequence[Pair], of: Callable[[Result], float | None]) -> Shift:
    found = [
        now - was
        for old, new in pairs
        if old.result and new.result and (was := of(old.result)) is not None and (now := of(new.result)) is not None
    ]
    return Shift(median=statistics.median(found) if found else 0.0, interval=median_interval(found))
