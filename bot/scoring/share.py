"""How many of how many, and what such a share is worth."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

LIKELY = 1.959963984540054
"""The 97.5 % point of the normal distribution: an interval of 95 %."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """How many of how many."""

    count: int
    of: int

    @classmethod
    def among(cls, values: Iterable[bool | None]) -> Share:
        """The share of True among the values that apply (that are not None)."""
        known = [value for value in values if value is not None]
        return cls(count=sum(known), of=len(known))

    @property
    def value(self) -> float | None:
        """0 to 1; None of nothing."""
        return self.count / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float]:
        """Between which shares the true one lies, 95 times in 100."""
        return wilson(self.count, self.of)

    def __str__(self) -> str:
        return f"{100 * self.count / self.of:.1f} % {self.count}/{self.of}" if self.of else "–"


def wilson(count: int, of: int, *, quantile: float = LIKELY) -> tuple[float, float]:
    """The score interval for a share: E. B. Wilson, Probable Inference, the Law of Succession, and Statistical
    Inference, Journal of the American Statistical Association 22 (1927), 209-212.

    `quantile` is the normal one. Of nothing it is 0 to 1. Raises `ValueError` unless 0 <= count <= of.
    """
    if not 0 <= count <= of:
        raise ValueError(f"{count} of {of} is no share")
    if not of:
        return 0.0, 1.0
    square = quantile * quantile
    middle = (count + square / 2) / (of + square)
    half = quantile / (of + square) * math.sqrt(count * (of - count) / of + square / 4)
    return (max(0.0, middle - half) if count else 0.0), (min(1.0, middle + half) if count < of else 1.0)
