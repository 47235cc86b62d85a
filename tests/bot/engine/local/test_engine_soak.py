"""Many requests of every kind at once: each ends once, every answer is right, and nothing is left over."""

from __future__ import annotations

import logging

import pytest

from bench.engine_soak import soak

REQUESTS = 2_000


@pytest.mark.parametrize("overlap", [False, True], ids=["settled", "ahead"])
async def test_thousands_of_requests_leave_nothing_behind(overlap: bool, caplog: pytest.LogCaptureFixture) -> None:
    """Cancelled, late, refused, struck by failing steps and by want of memory, preempted, or simply answered.

    `python -m bench.engine_soak` does the same with 10,000.
    """
    caplog.set_level(logging.CRITICAL, "bot.engine.local")  # the strikes are ours
    soaked = await soak(REQUESTS, seed=7, overlap=overlap)
    assert not soaked.faults(REQUESTS)
    assert soaked.ends["answered"] > REQUESTS / 3
    assert {"left", "failed", "refused", "late"} <= soaked.ends.keys()
    assert soaked.stats is not None
    assert soaked.stats.preemptions
    assert soaked.stats.prefix_hit_tokens
