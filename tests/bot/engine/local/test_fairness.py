"""The laws of the queue: priority, then the owner who was served least, then who came first; and bounded memory."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.engine.local.deadlines import Deadlines
from bot.engine.local.fairness import _DEBTORS, FairQueue
from bot.engine.local.request import Request
from tests.bot.engine.local.computer import SAMPLING


def ask(number: int, owner: str = "", *, length: int = 10, priority: int = 0) -> Request:
    return Request(
        id=number,
        tokens=[1] * length,
        prompt_length=length,
        max_tokens=1,
        sampling=SAMPLING,
        owner=owner,
        priority=priority,
    )


def enter(queue: FairQueue, *requests: Request) -> None:
    for request in requests:
        queue.enter(request)
        queue.push(request)


def serve(queue: FairQueue) -> Request:
    """The next one is computed as a whole, and is over."""
    request = queue.first()
    assert request is not None
    queue.remove(request)
    queue.charge(request, request.length)
    queue.leave(request)
    return request


def test_a_visitor_with_ten_requests_does_not_starve_the_one_with_one() -> None:
    """Who comes with one request waits for one of the others' at most, however many they have sent before."""
    queue = FairQueue()
    enter(queue, *(ask(number, "ann") for number in range(10)))
    serve(queue), serve(queue)
    enter(queue, single := ask(10, "bob"))
    assert single in [serve(queue), serve(queue)]


def test_owners_are_served_alike_by_tokens_not_by_requests() -> None:
    """Of two owners who always wait, neither gets more than one request's tokens ahead of the other."""
    queue = FairQueue()
    enter(queue, *(ask(number, "long", length=70) for number in range(30)))
    enter(queue, *(ask(number, "short", length=7) for number in range(100, 400)))
    served = {"long": 0, "short": 0}
    for _ in range(250):
        request = serve(queue)
        served[request.owner] += request.length
        assert abs(served["long"] - served["short"]) <= 70


def test_priority_comes_first_and_within_an_owner_the_order_of_arrival() -> None:
    """A higher priority goes before any lower one; equals of one owner keep their order."""
    queue = FairQueue()
    enter(queue, *(ask(number, "ann") for number in range(3)), *(ask(number, "ann", priority=1) for number in (3, 4)))
    enter(queue, ask(5, "bob", priority=-1), ask(6, "ann", priority=7))
    assert [serve(queue).id for _ in range(7)] == [6, 3, 4, 0, 1, 2, 5]
    assert queue.first() is None and len(queue) == 0


def test_having_been_away_is_no_credit() -> None:
    """Who comes after a thousand tokens were served to others shares with them from now on, and not more."""
    queue = FairQueue()
    enter(queue, *(ask(number, "ann") for number in range(200)))
    for _ in range(100):
        serve(queue)
    enter(queue, *(ask(number, "bob") for number in range(1000, 1100)))
    owners = [serve(queue).owner for _ in range(20)]
    assert 9 <= owners.count("bob") <= 11


def test_running_alone_earns_no_credit_for_what_is_asked_later() -> None:
    """Credit is earned by waiting only: not while one's requests all run."""
    queue = FairQueue()
    enter(queue, slow := ask(0, "bob", length=1))
    queue.remove(slow)
    enter(queue, *(ask(number, "ann") for number in range(1, 200)))
    for _ in range(100):
        serve(queue)
    enter(queue, *(ask(number, "bob") for number in range(1000, 1100)))
    owners = [serve(queue).owner for _ in range(20)]
    assert 9 <= owners.count("bob") <= 11


def test_what_is_taken_while_nobody_waits_is_no_debt() -> None:
    """Who used a machine that others left idle is not punished when they come: from then on they share."""
    queue = FairQueue()
    enter(queue, slow := ask(0, "cyd", length=1))
    queue.remove(slow)
    for number in range(1, 500):
        enter(queue, ask(number, "ann"))
        serve(queue)
    enter(queue, *(ask(number, "bob") for number in range(1000, 1100)))
    enter(queue, *(ask(number, "ann") for number in range(2000, 2100)))
    owners = [serve(queue).owner for _ in range(20)]
    assert 9 <= owners.count("bob") <= 11


def test_leaving_wipes_out_no_debt() -> None:
    """Who was served much and comes back at once waits until the others have had as much."""
    queue = FairQueue()
    enter(queue, ask(0, "ann", length=100), *(ask(number, "bob") for number in range(1, 30)))
    assert serve(queue).owner == "ann"
    enter(queue, ask(100, "ann"))
    owners = [serve(queue).owner for _ in range(12)]
    assert "ann" not in owners[:8]
    assert "ann" in owners


def test_nobody_waits_for_ever_while_new_owners_come() -> None:
    """A debt is paid by others' being served, even when each of those is seen once and never again."""
    queue = FairQueue()
    enter(queue, ask(0, "ann", length=200), ask(1))
    serve(queue)
    enter(queue, back := ask(2, "ann"))
    for number in range(10, 500):
        enter(queue, ask(number))
        if serve(queue) is back:
            return
    raise AssertionError("ann starves")


def test_nobody_is_charged_twice_for_the_same_tokens() -> None:
    """Work that is done again after a preemption or a failure is not on its owner's account."""
    queue = FairQueue()
    enter(queue, request := ask(0, "ann"))
    queue.charge(request, 6)
    before = queue.turn(request)
    queue.charge(request, 4)
    queue.charge(request, 6)
    assert queue.turn(request) == before
    queue.charge(request, 7)
    assert queue.turn(request) == (before[0], before[1] + 1)


def test_a_request_that_is_put_back_goes_before_its_owners_others() -> None:
    """In front of one's owner is before all of his, and not before other owners."""
    queue = FairQueue()
    enter(queue, *(ask(number, "ann") for number in range(3)))
    queue.remove(first := queue.first() or ask(9))
    queue.push(first, front=True)
    assert next(queue.order()) is first and len(queue) == 3 and first in queue


def test_memory_is_bounded_however_many_owners_come_and_go() -> None:
    """Ten thousand owners who were served, and as many who gave up, leave a bounded trace; the last leaves none."""
    queue = FairQueue()
    enter(queue, stays := ask(-1, "stays", length=1, priority=1), blocked := ask(-2, "low"))
    for number in range(10_000):
        enter(queue, gone := ask(number, f"visitor {number}", priority=number % 3))
        queue.charge(gone, 10)
        queue.remove(gone)
        queue.leave(gone)
    assert len(queue._debts) <= _DEBTORS and len(queue._owners) == 2
    assert sum(len(level.heap) for level in queue._levels.values()) < 100 and len(queue._levels) == 2
    for request in (stays, blocked):
        queue.remove(request)
        queue.leave(request)
    assert not queue._debts and not queue._owners and not queue._levels and not queue._priorities


@settings(max_examples=100, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000))
def test_the_order_that_is_told_is_the_order_in_which_they_go(seed: int) -> None:
    """`order` names all that wait as they are served one by one, whatever came, was served or gave up before."""
    chance = random.Random(seed)
    queue = FairQueue()
    waiting: list[Request] = []
    for number in range(60):
        what = chance.random()
        if what < 0.6 or not waiting:
            owner, length = chance.choice(["ann", "bob", "cyd", ""]), chance.randint(1, 50)
            enter(queue, request := ask(number, owner, length=length, priority=chance.choice([0, 0, 1])))
            waiting.append(request)
        elif what < 0.8:
            waiting.remove(serve(queue))
        else:
            queue.remove(request := waiting.pop(chance.randrange(len(waiting))))
            queue.leave(request)
        assert set(queue.order()) == set(waiting) and len(queue) == len(waiting)
        assert next(queue.order(), None) is queue.first()
    told = list(queue.order())
    admitted = []
    while (request_ := queue.first()) is not None:
        queue.remove(request_)
        queue.charge(request_, request_.length)  # it runs on: its owner lives, and earns nothing by that
        admitted.append(request_)
    assert admitted == told


def test_deadlines_are_told_in_order_again_until_the_request_ends_and_ended_ones_are_let_go() -> None:
    """What is overdue is named until it ends; a hundred thousand that ended early are not kept until their time."""
    deadlines = Deadlines()
    late, later, never = ask(0), ask(1), ask(2)
    late.deadline, later.deadline = 5.0, 7.0
    for request in (never, later, late):
        deadlines.add(request)
    assert deadlines.passed(4.9) == []
    assert deadlines.passed(5.0) == [late]
    assert deadlines.passed(9.0) == deadlines.passed(9.0) == [late, later]
    late.ended = True
    deadlines.end(late)
    assert deadlines.passed(9.0) == [later]
    for number in range(10_000):
        request = ask(number)
        request.deadline = 1e9
        deadlines.add(request)
        request.ended = True
        deadlines.end(request)
    assert len(deadlines) < 100
    assert deadlines.passed(9.0) == [later]
