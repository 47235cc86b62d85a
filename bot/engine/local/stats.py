"""What the engine counts and times. Its thread writes, anybody reads: each figure is a number or list of its own."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

_RATE_SECONDS = 10
_BATCHES = 64
TTFT_BOUNDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 16, 32, 64)
ITL_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5)
STEP_BOUNDS = ITL_BOUNDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """How often a time fell below each of `bounds` (seconds); `counts` has one more, for what is beyond them all."""

    bounds: Sequence[float]
    counts: Sequence[int]
    total: float

    @property
    def count(self) -> int:
        return sum(self.counts)

    def buckets(self) -> list[tuple[str, float]]:
        """Cumulative counts by upper bound, as Prometheus wants them."""
        names = [*(f"{bound:g}" for bound in self.bounds), "+Inf"]
        return list(zip(names, map(float, accumulate(self.counts)), strict=True))

    def quantile(self, share: float) -> float:
        """A time that `share` of all stay below: the upper bound of the bucket where it falls (inf beyond the last)."""
        wanted = share * self.count
        for bound, reached in zip((*self.bounds, float("inf")), accumulate(self.counts), strict=True):
            if reached >= wanted:
                return bound
        return float("inf")


class Timing:
    """A distribution while it grows."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(bounds) + 1)
        self._total = 0.0

    def add(self, seconds: float) -> None:
        self._counts[bisect_left(self._bounds, seconds)] += 1
        self._total += seconds

    def taken(self) -> Distribution:
        return Distribution(bounds=self._bounds, counts=tuple(self._counts), total=self._total)


class Rate:
    """Things a second over the last whole seconds."""

    def __init__(self, seconds: int = _RATE_SECONDS) -> None:
        self._counts = [0] * (seconds + 1)
        self._seconds = [-1] * (seconds + 1)
        self._began = time.monotonic()

    def add(self, count: int, now: float) -> None:
        second = int(now)
        at = second % len(self._counts)
        if self._seconds[at] != second:
            self._seconds[at], self._counts[at] = second, 0
        self._counts[at] += count

    def taken(self, now: float) -> float:
        """The second that is not over yet is left out."""
        current = int(now)
        window = max(1, min(len(self._counts) - 1, current - int(self._began)))
        counted = zip(self._seconds, self._counts, strict=True)
        return sum(count for second, count in counted if current - window <= second < current) / window


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """A moment of the engine. Counters begin at its start; times are in seconds, KV in blocks of the cache.

    `batch` is the mean number of requests in the last 64 steps. `faults` counts requests by why they failed:
    "step" (a computation failed), "memory", "nan", "grammar" (an answer left its form), "closed", "internal".
    """

    state: str
    waiting: int
    running: int
    batch: float
    tokens_per_second: float
    requests: int
    finished: int
    cancelled: int
    expired: int
    refused: int
    faults: Mapping[str, int]
    steps: int
    failed_steps: int
    shrinks: int
    leaks: int
    prompt_tokens: int
    generated_tokens: int
    kv_used: int
    kv_total: int
    prefix_hit_tokens: int
    prefix_query_tokens: int
    preemptions: int
    ttft: Distribution
    itl: Distribution
    step: Distribution


@dataclass(slots=True)
class Counts:
    """The figures of `Stats` while they grow."""

    waiting: int = 0
    running: int = 0
    requests: int = 0
    finished: int = 0
    cancelled: int = 0
    expired: int = 0
    refused: int = 0
    faults: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("step", "memory", "nan", "grammar", "closed", "internal"), 0)
    )
    steps: int = 0
    failed_steps: int = 0
    shrinks: int = 0
    leaks: int = 0
    prompt_tokens: int = 0
    generated_tokens: int = 0
    kv_used: int = 0
    kv_total: int = 0
    prefix_hit_tokens: int = 0
    prefix_query_tokens: int = 0
    preemptions: int = 0
    ttft: Timing = field(default_factory=lambda: Timing(TTFT_BOUNDS))
    itl: Timing = field(default_factory=lambda: Timing(ITL_BOUNDS))
    step: Timing = field(default_factory=lambda: Timing(STEP_BOUNDS))
    rate: Rate = field(default_factory=Rate)
    batches: list[int] = field(default_factory=list)

    def stepped(self, requests: int, seconds: float) -> None:
        """A step of `requests` was computed in `seconds`."""
        if len(self.batches) < _BATCHES:
            self.batches.append(requests)
        else:
            self.batches[self.steps % _BATCHES] = requests
        self.steps += 1
        self.step.add(seconds)

    def taken(self, state: str, now: float) -> Stats:
        batches = tuple(self.batches)
        return Stats(
            state=state,
            waiting=self.waiting,
            running=self.running,
            batch=sum(batches) / len(batches) if batches else 0.0,
            tokens_per_second=self.rate.taken(now),
            requests=self.requests,
            finished=self.finished,
            cancelled=self.cancelled,
            expired=self.expired,
            refused=self.refused,
            faults=dict(self.faults),
            steps=self.steps,
            failed_steps=self.failed_steps,
            shrinks=self.shrinks,
            leaks=self.leaks,
            prompt_tokens=self.prompt_tokens,
            generated_tokens=self.generated_tokens,
            kv_used=self.kv_used,
            kv_total=self.kv_total,
            prefix_hit_tokens=self.prefix_hit_tokens,
            prefix_query_tokens=self.prefix_query_tokens,
            preemptions=self.preemptions,
            ttft=self.ttft.taken(),
            itl=self.itl.taken(),
            step=self.step.taken(),
        )
