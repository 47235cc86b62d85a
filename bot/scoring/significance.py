"""Whether a difference is more than chance. All tests are exact: they hold for small counts as well."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb

RARE = 0.05
"""What happens by chance less often than this is taken for a difference."""


def mcnemar(better: int, worse: int) -> float:
    """How often chance alone makes the counts of changed answers so unequal, in either direction.

    Of the questions that one run got right and the other wrong, each is as likely to be better as worse when nothing
    has changed: Q. McNemar, Note on the sampling error of the difference between correlated proportions or percentages,
    Psychometrika 12 (1947), 153-157, here with the binomial distribution itself instead of its approximation.
    """
    changed = better + worse
    return min(1.0, 2 * _tail(min(better, worse), changed))


def fisher_less(hits: int, of: int, other_hits: int, other_of: int) -> float:
    """How often chance alone gives a group so few hits or fewer, when its share is no lower than the others'.

    R. A. Fisher, The Logic of Inductive Inference, Journal of the Royal Statistical Society 98 (1935), 39-82: all four
    sums given, the hits of the group are hypergeometric.
    """
    everything, all_hits = of + other_of, hits + other_hits
    least = max(0, all_hits - other_of)
    ways = sum(comb(of, count) * comb(other_of, all_hits - count) for count in range(least, hits + 1))
    return ways / comb(everything, all_hits)


def holm(chances: Sequence[float]) -> list[float]:
    """The chances of several tests at once, raised so that one false alarm among them stays as rare as with one test.

    S. Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6 (1979),
    65-70.
    """
    raised, highest = [0.0] * len(chances), 0.0
    for rank, index in enumerate(sorted(range(len(chances)), key=chances.__getitem__)):
        highest = max(highest, min(1.0, (len(chances) - rank) * chances[index]))
        raised[index] = highest
    return raised


def median_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """Between which of `values` the true median lies, at least 95 times in 100; None of fewer than six.

    W. R. Thompson, On confidence ranges for the median and other expectation distributions for populations of unknown
    distribution form, Annals of Mathematical Statistics 7 (1936), 122-128: it supposes nothing of the distribution.
    """
    ranked, skipped, below = sorted(values), 0, 1
    allowed = RARE / 2 * 2 ** len(ranked)
    while below <= allowed:
        skipped += 1
        below += comb(len(ranked), skipped)
    return (ranked[skipped - 1], ranked[-skipped]) if skipped else None


def _tail(most: int, of: int) -> float:
    """The chance of at most `most` heads among `of` throws of a fair coin."""
    return float(sum(comb(of, count) for count in range(most + 1)) / 2**of)
