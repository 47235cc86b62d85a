"""Turns: never more calls than Slack allows in any window, ends before what is live, and nobody waits for ever."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.slack.pace import NEVER, Budget, Busy, Pace
from bot.config import SlackRates

TEAM = "T0123"
CALL = st.tuples(st.floats(0, 30), st.floats(0, 5), st.floats(0, 1), st.booleans())
"""(seconds until the next is tried, how long the call takes, when in it the server sees it, whether it is live)"""


@given(st.integers(1, 30), st.floats(0.5, 60), st.lists(CALL, max_size=120))
@settings(max_examples=300, deadline=None)
def test_no_window_of_the_server_holds_more_than_the_budget(most, window, calls):
    """Wherever in its call a request reaches the server, and wherever a window begins."""
    budget, now, running, arrivals = Budget(most, window), 0.0, [], []
    for pause, takes, seen, live in calls:
        now += pause
        for ends in sorted(one for one in running if one <= now):
            budget.end(ends)
            running.remove(ends)
        if budget.wait(now, live=live) <= 0:
            budget.begin(now, live=live)
            running.append(now + takes)
            arrivals.append(now + takes * seen)
    arrivals.sort()
    for first in range(len(arrivals)):
        assert sum(arrivals[first] <= at < arrivals[first] + window for at in arrivals) <= most


@given(st.integers(1, 30), st.floats(0.5, 60), st.lists(CALL, max_size=60))
@settings(max_examples=200, deadline=None)
def test_what_waits_as_long_as_it_is_told_may_begin(most, window, calls):
    """A wait is never too short, and what is live never waits less than an end."""
    budget, now = Budget(most, window), 0.0
    for pause, takes, _, live in calls:
        now += pause
        wait = budget.wait(now, live=live)
        assert wait < NEVER and budget.wait(now) <= wait
        now += wait + 1e-6
        now += budget.wait(now, live=True) + 1e-6 if live else 0  # room first, then an even distance
        assert budget.wait(now, live=live) == 0
        budget.begin(now, live=live)
        now += takes
        budget.end(now)


def test_live_calls_leave_a_quarter_of_the_budget_to_ends():
    budget = Budget(20, 60.0)
    for _ in range(20):
        if budget.wait(0.0, live=True) == 0:
            budget.begin(0.0, live=True)
            budget.end(0.0)
    assert len(budget.ended) == 5 and 0 < budget.wait(0.0, live=True) < 60  # then they come evenly
    for number in range(1, 40):
        now = number * 1.4
        if budget.wait(now, live=True) == 0:
            budget.begin(now, live=True)
            budget.end(now)
    assert len(budget.ended) == 15
    assert budget.wait(56.0) == 0


def pace(**rates: float) -> Pace:
    return Pace(SlackRates(**rates), minute=6.0)


async def test_ends_come_in_their_order_and_a_live_call_never_waits():
    """First come, first served; whoever is live is told that it is busy."""
    turns, order = pace(post_per_second=1), []

    async def call(number: int) -> None:
        async with turns.turn(TEAM, "chat.postMessage", "C0123"):
            order.append(number)

    async with turns.turn(TEAM, "chat.postMessage", "C0123"):
        tasks = []
        for number in range(4):
            tasks.append(asyncio.create_task(call(number)))
            await asyncio.sleep(0)
        with pytest.raises(Busy):
            async with turns.turn(TEAM, "chat.postMessage", "C0123", live=True):
                raise AssertionError("it had to be busy")
        assert not turns.free(TEAM, "chat.postMessage", "C0123")
        assert turns.free(TEAM, "chat.postMessage", "C0124") and turns.free("T0124", "chat.postMessage", "C0123")
    await asyncio.gather(*tasks)
    assert order == [0, 1, 2, 3]


async def test_who_gives_up_waiting_takes_nobodys_turn():
    """Cancelled first, in the middle and last: the others get theirs."""
    turns, done = pace(post_per_second=10), []

    async def call(number: int) -> None:
        async with turns.turn(TEAM, "chat.postMessage", "C0123"):
            done.append(number)

    async with turns.turn(TEAM, "chat.postMessage", "C0123"):
        tasks = [asyncio.create_task(call(number)) for number in range(14)]
        await asyncio.sleep(0)
        for number in (9, 11, 13):  # nine of ten are through, the others wait
            tasks[number].cancel()
        await asyncio.sleep(0)
    await asyncio.gather(*tasks, return_exceptions=True)
    assert done == [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12]


async def test_a_method_that_slack_closed_is_closed_for_that_workspace_alone():
    now = [100.0]
    turns = Pace(SlackRates(), clock=lambda: now[0])
    turns.close(TEAM, "chat.update", 30)
    assert not turns.free(TEAM, "chat.update") and turns.free("T0124", "chat.update")
    assert turns.free(TEAM, "chat.startStream")
    now[0] += 30.1
    assert turns.free(TEAM, "chat.update")


async def test_conversations_that_are_quiet_are_forgotten():
    """However many there ever were, only those in which something was posted lately take room."""
    now = [100.0]
    turns = Pace(SlackRates(), clock=lambda: now[0])
    for number in range(10_000):
        now[0] += 1
        async with turns.turn(TEAM, "chat.postMessage", f"C{number}"):
            pass
    assert len(turns._lines) <= 4_096


def test_a_rate_below_one_is_one_in_a_longer_window():
    turns = Pace(SlackRates(post_per_second=0.5))
    budget = turns._line(TEAM, "chat.postMessage", "C0123").budget
    assert (budget.most, budget.window) == (1, 2.0)
