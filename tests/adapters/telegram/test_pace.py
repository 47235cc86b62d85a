"""Turns: never more than Telegram allows in any window, room kept for what is final, and each chat for itself."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.pace import NEVER, Budget
from adapters.telegram.pace import Busy, Pace
from bot.config import TelegramRates

PERSON, OTHER, GROUP = 7, 8, -1_001_234_567_890


class Time:
    """A clock that is moved by hand."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def pace(clock=None, second=1.0, **rates):
    return Pace(TelegramRates(**rates), second=second, **({"clock": clock} if clock else {}))


async def spend(turns, chat, **how):
    async with turns.turn(chat, **how):
        pass


CALL = st.tuples(
    st.sampled_from((0.0, 0.1, 0.4, 1.0, 3.0, 20.0)), st.floats(0, 2), st.floats(0, 1), st.booleans(), st.integers(0, 2)
)
"""(seconds until the next is tried, how long it takes, when in it the server sees it, whether it is live, ahead)"""


@given(st.integers(1, 30), st.floats(0.5, 60), st.integers(0, 8), st.lists(CALL, max_size=100))
@settings(max_examples=200, deadline=None)
def test_no_window_of_the_server_holds_more_than_the_budget(most, window, reserve, calls):
    """Wherever in its call a request reaches the server, wherever a window begins, and whatever is kept for whom."""
    budget, now, running, arrivals = Budget(most, window, min(reserve, most - 1)), 0.0, [], []
    for pause, takes, seen, live, ahead in calls:
        now += pause
        for ends in sorted(one for one in running if one <= now):
            budget.end(ends)
            running.remove(ends)
        if budget.wait(now, live=live, ahead=ahead) <= 0:
            budget.begin(now, live=live)
            running.append(now + takes)
            arrivals.append(now + takes * seen)
    arrivals.sort()
    for first in range(len(arrivals)):
        assert sum(arrivals[first] <= at < arrivals[first] + window for at in arrivals) <= most


@given(st.integers(1, 30), st.lists(CALL, max_size=60))
@settings(max_examples=200, deadline=None)
def test_a_live_call_never_waits_less_than_one_that_is_not(most, calls):
    """And who asks for room for more waits no less than who does not; nobody waits for ever once all have ended."""
    budget, now = Budget(most, 10.0, most // 2), 0.0
    for pause, _, _, live, ahead in calls:
        now += pause
        final = budget.wait(now)
        assert final <= budget.wait(now, spare=True) <= budget.wait(now, live=True) < NEVER
        assert final <= budget.wait(now, ahead=ahead) < NEVER
        if budget.wait(now, live=live) <= 0:
            budget.begin(now, live=live)
            budget.end(now)


async def test_a_part_of_every_budget_is_kept_for_what_is_final():
    """Live texts never use up a chat, a group, or everything."""
    clock = Time()
    turns = pace(clock)
    await spend(turns, PERSON, live=True)
    clock.now += 1.6
    await spend(turns, PERSON, live=True)
    assert not turns.free(PERSON)
    await spend(turns, PERSON, final=True)  # of three calls in three seconds one was left
    turns = pace(clock, chat_per_second=1e3)
    for _ in range(200):
        if turns.free(GROUP):
            await spend(turns, GROUP, live=True)
        clock.now += 0.25
    async with asyncio.timeout(5):
        for _ in range(5):
            await spend(turns, GROUP, final=True)


async def test_a_penalty_in_one_chat_stops_that_chat_alone():
    clock = Time()
    turns = pace(clock)
    turns.close(PERSON, 30)
    assert not turns.free(PERSON) and turns.free(OTHER) and turns.free(GROUP)
    async with asyncio.timeout(5):
        await spend(turns, OTHER, final=True)
    clock.now += 30.1
    assert turns.free(PERSON)
    turns.close(None, 5)
    assert not turns.free(PERSON) and not turns.free(OTHER)
    clock.now += 5.1
    assert turns.free(OTHER)


async def test_who_waits_for_a_closed_chat_holds_up_nobody():
    """Neither in front of the queue over all, nor when the chat is closed while it stands there."""
    turns, done = pace(all_per_second=100), []

    async def say(chat):
        await spend(turns, chat, final=True)
        done.append(chat)

    waiting = [asyncio.create_task(say(PERSON)) for _ in range(3)]
    turns.close(PERSON, 60)
    async with asyncio.timeout(5):
        await asyncio.gather(*(say(chat) for chat in range(10, 40)))
    assert sorted(done) == list(range(10, 40))
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert not turns._all.waiting and not turns._line(PERSON).waiting


async def test_over_all_it_is_one_chat_after_the_other():
    """Who has much to say takes no more turns than who has little."""
    turns, order = pace(chat_per_second=1e3, all_per_second=50, second=0.1), []

    async def say(chat):
        await spend(turns, chat, final=True)
        order.append(chat)

    many = [asyncio.create_task(say(PERSON)) for _ in range(120)]
    await asyncio.sleep(0)
    few = [asyncio.create_task(say(OTHER)) for _ in range(5)]
    await asyncio.gather(*many, *few)
    last = max(number for number, chat in enumerate(order) if chat == OTHER)
    assert last < 75  # fifty went at once, and from then on they take turns


async def test_finals_go_first_and_in_their_order():
    """What is not final leaves room for what is; a live call never waits."""
    turns, order = pace(chat_per_second=100), []

    async def say(name, **how):
        await spend(turns, PERSON, **how)
        order.append(name)

    turns.close(PERSON, 0.01)
    tasks = [asyncio.create_task(say("plain"))]
    tasks += [asyncio.create_task(say(number, final=True)) for number in range(4)]
    await asyncio.sleep(0)
    with pytest.raises(Busy):
        await spend(turns, PERSON, live=True)
    await asyncio.gather(*tasks)
    assert order == [0, 1, 2, 3, "plain"]


async def test_what_was_begun_is_ended_before_more_is_begun():
    """Answers that waited come whole, one after the other, and not all their beginnings before the first text."""
    turns, order = pace(all_per_second=10, second=0.02), []

    async def answer(chat):
        await spend(turns, chat, final=True, ahead=1)
        order.append("begun")
        await spend(turns, chat, final=True)
        order.append("ended")

    await asyncio.gather(*(answer(chat) for chat in range(1, 61)))
    ahead = [order[:number].count("begun") - order[:number].count("ended") for number in range(len(order))]
    assert len(order) == 120 and max(ahead) <= 20


async def test_live_calls_go_round():
    """Where there is no room for all of them, who has asked longest is the next, and who asks no more is in nobody's
    way."""
    time = Time()
    turns = pace(time, chat_per_second=100, all_per_second=8)
    again, shown = dict.fromkeys(range(1, 41), 0.0), []
    while len(shown) < 200:
        time.now += 0.01
        for chat in [chat for chat, at in again.items() if at <= time.now]:
            again[chat] = time.now + (wait := turns.live_wait(chat))
            if wait <= 0:
                shown.append(chat)
                await spend(turns, chat, live=True)
            if len(shown) == 10:
                again.pop(40, None)
    assert time.now < 100 + 200 / 6 * 1.2
    for chat in again:
        turn = [number for number, other in enumerate(shown) if other == chat]
        assert {later - earlier for earlier, later in pairwise(turn)} == {len(again)}


async def test_who_is_cancelled_takes_nobodys_turn():
    """While waiting, or while the call runs: the others get theirs, and what ran counts."""
    turns, done = pace(chat_per_second=10, second=0.1), []

    async def say(number):
        async with turns.turn(PERSON, final=True):
            if number == 0:
                await asyncio.Event().wait()
        done.append(number)

    tasks = [asyncio.create_task(say(number)) for number in range(36)]
    await asyncio.sleep(0)
    for number in (0, 31, 33, 35):
        tasks[number].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert done == [*range(1, 31), 32, 34]
    assert all(not budget.running for budget in turns._line(PERSON).budgets)


async def test_room_for_what_follows_is_waited_for():
    """A message is begun when its text can follow at once."""
    clock = Time()
    turns = pace(clock)
    await spend(turns, PERSON, final=True)
    clock.now += 1
    await spend(turns, PERSON, final=True)
    line = turns._line(PERSON)
    assert line.wait(clock.now) == 0 and 1.9 < line.wait(clock.now, ahead=1) < 2.1


async def test_chats_that_are_quiet_are_forgotten():
    """However many there ever were, only those in which something was shown lately take room."""
    clock = Time()
    turns = pace(clock)
    for number in range(1, 10_000):
        clock.now += 1
        await spend(turns, number, final=True)
    assert len(turns._lines) <= 4_096


def test_a_rate_of_less_than_one_call_is_one_in_a_longer_time():
    [budget] = pace(chat_per_second=0.2)._line(PERSON).budgets
    assert (budget.most, budget.window, budget.reserve) == (1, 5.0, 0)
    _, group = pace()._line(GROUP).budgets
    assert (group.most, group.window) == (20, 60.0)
