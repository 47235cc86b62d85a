"""What fails, is late or is cancelled leaves everybody else as if it had not been."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bot.engine.local.blocks import BlockPool
from bot.engine.local.scheduler import InvariantError, Limits, Scheduler
from tests.bot.engine.local.asking import Asking, add, desk, shape
from tests.bot.engine.local.computer import alone


@pytest.fixture
def ask() -> Asking:
    return Asking()


@pytest.mark.parametrize("prefix_cache", [True, False])
def test_a_failed_step_is_computed_again(ask: Asking, prefix_cache: bool) -> None:
    """After `abandon` the requests have the tokens they had, and end with the answers they would have had."""
    at = desk(prefix_cache=prefix_cache)
    add(at, one := ask(6, 5), two := ask(7, 5))
    at.step(), at.step()
    before = [list(request.tokens) for request in (one, two)]
    step = at.scheduler.schedule()
    assert step is not None
    at.computer.spoil(at.computer.launch(step))
    at.scheduler.abandon(step)
    assert [request.tokens for request in (one, two)] == before and one.pending == two.pending == 0
    assert at.scheduler.running == 0 and at.scheduler.pool.used == 0 and at.scheduler.preemptions == 0
    assert [request.id for request in at.scheduler.front(2)] == [1, 2]
    at.scheduler.check(thorough=True)
    at.run()
    assert [request.tokens[request.prompt_length :] for request in (one, two)] == [alone([1] * 6, 5), alone([2] * 7, 5)]


def test_a_failed_step_leaves_the_others_in_the_next_one_undisturbed(ask: Asking) -> None:
    """The requests of the failed step end; who joined in the step after it gets its tokens."""
    at = desk()
    add(at, fails := ask(6, 5))
    first = at.scheduler.schedule()
    add(at, goes_on := ask(6, 5))
    second = at.scheduler.schedule()
    assert first and second
    at.scheduler.cancel(fails)
    at.scheduler.abandon(first)
    at.scheduler.settle(second, [7, 8])
    assert goes_on.tokens[6:] == [8] and fails.tokens == [1] * 6
    at.scheduler.check(thorough=True)


def test_what_follows_a_failed_step_is_not_believed(ask: Asking) -> None:
    """A step computed from what the failed one should have written draws nonsense for their requests: none is kept."""
    at = desk()
    add(at, request := ask(6, 5))
    first = at.scheduler.schedule()
    add(at, other := ask(6, 5))
    second = at.scheduler.schedule()
    assert first and second
    at.scheduler.abandon(first)
    assert request.pending == 0 and at.scheduler.schedule() is not None
    at.scheduler.settle(second, [7, 8])
    assert request.tokens == [1] * 6 and other.tokens[6:] == [8]
    at.scheduler.check(thorough=True)


def test_what_a_failed_step_was_to_write_is_not_remembered(ask: Asking) -> None:
    """A step is settled while the next one is in flight, which fails: only what the first one wrote is found again."""
    at = desk(step_tokens=4)
    add(at, request := ask(12, 3))
    assert at.launch() and at.launch()
    at.settle()
    assert at.scheduler.pool.remembered == 1
    failed = at.flying.pop()
    at.computer.spoil(failed)
    at.scheduler.abandon(failed.step)
    at.run()
    assert shape(at.steps[2]) == [(1, 4, 4, False)]
    assert request.tokens[12:] == alone([1] * 12, 3)


def test_out_of_memory_makes_smaller_steps_then_fewer_requests_and_then_gives_up(ask: Asking) -> None:
    """Each `shrink` halves what is computed at once, until a request alone is left; all come to their end still."""
    at = desk(requests=8, step_tokens=100)
    add(at, *(ask(30, 4) for _ in range(9)))
    seen = []
    while True:
        step = at.scheduler.schedule()
        assert step is not None and step.tokens <= at.scheduler.step_tokens
        at.scheduler.abandon(step)
        if not at.scheduler.shrink():
            break
        seen.append((at.scheduler.step_tokens, at.scheduler.requests))
    assert seen == [(50, 8), (25, 8), (16, 8), (16, 4), (16, 2), (16, 1)]
    at.run()
    assert len(at.finished) == 9 and max(len(step.chunks) for step in at.steps) == 1


def test_fewer_requests_take_effect_on_those_who_run(ask: Asking) -> None:
    """When fewer may run, the lowest in rank wait, with all that they have."""
    at = desk(requests=4, step_tokens=16)
    requests = [ask(2, 9) for _ in range(4)]
    add(at, *requests)
    at.step()
    assert at.scheduler.shrink() and at.scheduler.requests == 2
    at.step()
    assert [request.slot for request in requests] == [0, 1, -1, -1]
    at.run()
    assert all(request.tokens[2:] == alone([request.id] * 2, 9) for request in requests)


def test_the_overdue_are_named_until_they_are_ended(ask: Asking) -> None:
    """Whether it waits or runs, a request past its deadline is named; the caller ends it."""
    now = 0.0
    scheduler = Scheduler(
        Limits(requests=1, step_tokens=8, queue=8, context_tokens=99), BlockPool(9, 4), clock=lambda: now
    )
    runs, waits, patient = ask(3), ask(3), ask(3)
    runs.deadline, waits.deadline, patient.deadline = 5.0, 4.0, 9.0
    for request in (runs, waits, patient):
        scheduler.add(request)
    scheduler.schedule()
    assert scheduler.expired() == []
    now = 6.0
    assert scheduler.expired() == [waits, runs]
    for request in scheduler.expired():
        scheduler.cancel(request)
    assert scheduler.expired() == [] and scheduler.waiting == 1


def test_arrival_is_told_by_the_clock_unless_it_is_known(ask: Asking) -> None:
    """Rank needs an arrival: who brings none gets the scheduler's time."""
    scheduler = Scheduler(
        Limits(requests=1, step_tokens=8, queue=8, context_tokens=99), BlockPool(9, 4), clock=lambda: 77.0
    )
    known, unknown = ask(1), ask(1)
    unknown.arrived = 0.0
    scheduler.add(known)
    scheduler.add(unknown)
    assert (known.arrived, unknown.arrived) == (1.0, 77.0)


def test_lost_and_doubled_places_are_seen(ask: Asking) -> None:
    """`check` finds a block that leaked, a slot held twice and a waiting request that holds something."""
    at = desk(requests=2)
    add(at, one := ask(3, 9), two := ask(3, 9), waits := ask(3, 9))
    at.step()
    at.scheduler.check(thorough=True)
    block = at.scheduler.pool.take()
    with pytest.raises(InvariantError, match="block"):
        at.scheduler.check(thorough=True)
    at.scheduler.pool.drop(block)
    at.scheduler.check(thorough=True)
    one.slot, slot = two.slot, one.slot
    with pytest.raises(InvariantError, match="slots"):
        at.scheduler.check(thorough=True)
    one.slot = slot
    waits.blocks.append(1)
    with pytest.raises(InvariantError, match="does not run"):
        at.scheduler.check(thorough=True)


@pytest.mark.parametrize("ahead", [0, 1])
def test_a_thousand_requests_come_and_go_and_leave_nothing(ask: Asking, ahead: int) -> None:
    """Many owners, shared beginnings and too little memory: every answer is right, and all is given back."""
    at = desk(requests=8, step_tokens=24, blocks=40, queue=2_000, ahead=ahead)
    beginnings = [[n] * (n * 3) for n in range(5)]
    requests = [
        ask([*beginnings[n % 5], n % 7, n % 3], 1 + n % 40, owner=f"visitor {n % 11}", priority=n % 2)
        for n in range(1_000)
    ]
    add(at, *requests)
    at.run(100_000)
    at.scheduler.check(thorough=True)
    assert set(at.finished) == set(requests) and len(at.finished) == 1_000
    for request in requests:
        prompt = request.tokens[: request.prompt_length]
        assert request.tokens[request.prompt_length :] == alone(prompt, request.max_tokens)
    assert at.scheduler.pool.used == 0 and at.scheduler.prefix_hit_tokens > 0 and at.scheduler.preemptions > 0


def test_policy_is_imported_without_torch() -> None:
    """The scheduler and all it needs can be had where no torch is."""
    code = "import sys, bot.engine.local.scheduler; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
