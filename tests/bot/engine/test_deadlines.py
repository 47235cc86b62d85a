"""Waiting that can be ended for everybody at once."""

from __future__ import annotations

import asyncio

import pytest

from bot.engine.base import EngineFault
from bot.engine.deadlines import Deadlines


async def test_close_wakes_everybody_and_lets_nobody_wait_again() -> None:
    """However far away the deadline is, and whatever is waited for."""
    deadlines = Deadlines()
    far = asyncio.get_running_loop().time() + 1_000_000

    async def wait() -> None:
        async with deadlines.until(far):
            await asyncio.Event().wait()

    waiting = [asyncio.create_task(wait()), asyncio.create_task(deadlines.sleep_until(far))]
    await asyncio.sleep(0)
    deadlines.close()
    for task in waiting:
        with pytest.raises(EngineFault, match="closed"):
            await task
    with pytest.raises(EngineFault, match="closed"):
        await deadlines.sleep_until(far)


async def test_a_deadline_that_comes_is_a_timeout_and_a_sleep_just_ends() -> None:
    """The two ends of waiting are told apart."""
    deadlines = Deadlines()
    past = asyncio.get_running_loop().time() - 1
    await deadlines.sleep_until(past)
    with pytest.raises(TimeoutError):
        async with deadlines.until(past):
            await asyncio.Event().wait()


async def test_a_cancelled_wait_is_cancelled_and_not_a_fault() -> None:
    """Cancelling is the turn's way to stop, and has to stay what it is."""
    deadlines = Deadlines()
    waiting = asyncio.create_task(deadlines.sleep_until(asyncio.get_running_loop().time() + 1_000_000))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
