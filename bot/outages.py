"""What the log says of channels that do not take what is sent to them: that it begins, now and then how it goes on, and
that it is over. In an outage every try fails, thirty times a second and for hours; a line for each would hide all else.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

log = structlog.get_logger()

FIRST, LONGEST = 10.0, 600.0
"""Seconds between the first lines of one run of failures, and at most; each time they double."""
QUIET = 120.0
"""After so many seconds without a failure the next one is a new run's first."""


@dataclass(slots=True)
class _Run:
    """Failures of one channel. A channel that fails now and then stays in one run, so that it fills no log either."""

    began: float
    failed_at: float
    next_at: float
    interval: float = FIRST
    errors: set[str] = field(default_factory=set)
    failed: int = 0
    held_back: int = 0
    told: bool = False


class Outages:
    """`left` tells how many ends of a channel wait for the sweeper."""

    def __init__(self, left: Callable[[str], int], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._left, self._clock = left, clock
        self._runs: dict[str, _Run] = {}

    def failed(self, channel: str, error: str) -> None:
        """`channel` did not take something. `error` is its kind, of which there are few; a new one is told at once."""
        now = self._clock()
        run = self._run(channel, now)
        run.failed_at, run.failed = now, run.failed + 1
        if error in run.errors and now < run.next_at:
            run.held_back += 1
            return
        left = self._left(channel)
        tell = log.error if left else log.warning
        tell("delivery.failing", channel=channel, error=error, held_back=run.held_back, left=left)
        run.errors.add(error)
        run.held_back, run.told = 0, True
        if now >= run.next_at:
            run.next_at, run.interval = now + run.interval, min(LONGEST, 2 * run.interval)

    def taken(self, channel: str) -> None:
        """`channel` took an end."""
        run = self._runs.get(channel)
        if run is None or not run.told:
            return
        seconds = round(self._clock() - run.began, 1)
        log.info("delivery.healthy", channel=channel, failed=run.failed, held_back=run.held_back, seconds=seconds)
        run.failed, run.held_back, run.told = 0, 0, False

    def _run(self, channel: str, now: float) -> _Run:
        run = self._runs.get(channel)
        if run is None or (not run.told and now >= run.failed_at + QUIET):
            held_back = run.held_back if run else 0
            run = self._runs[channel] = _Run(began=now, failed_at=now, next_at=now, held_back=held_back)
        elif not run.failed:
            run.began = now
        return run
