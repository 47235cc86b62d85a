"""After a shortage of memory: back to the whole batch, slowly, since what was short may be there again."""

from __future__ import annotations

import logging

from bot.engine.local.scheduler import Scheduler

CALM_STEPS = 1_000
"""Steps without a shortage after which more is tried. When it fails, one step in so many is computed twice."""

_log = logging.getLogger(__name__)


class Recovery:
    """Undoes what `Scheduler.shrink` did, in its order backwards."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._calm = 0
        self._whole = (scheduler.requests, scheduler.step_tokens)

    def shrunk(self) -> None:
        """Memory was short just now."""
        self._calm = 0

    def stepped(self) -> None:
        """A step was computed."""
        self._calm += 1
        if self._calm >= CALM_STEPS:
            self._calm = 0
            self._grow()

    def _grow(self) -> None:
        scheduler, (requests, step_tokens) = self._scheduler, self._whole
        most = min(requests, scheduler.step_tokens)  # each who runs gets a token a step
        if scheduler.requests < most:
            scheduler.requests = min(most, 2 * scheduler.requests)
        elif scheduler.step_tokens < step_tokens:
            scheduler.step_tokens = min(step_tokens, 2 * scheduler.step_tokens)
        else:
            return
        _log.info("Memory was not short for %d steps: the batch grows again.", CALM_STEPS)
