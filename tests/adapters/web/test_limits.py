"""How often somebody may ask, and how many streams may be open."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from adapters.web.limits import Rates, Seats, charge
from adapters.web.protocol import Problem


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_a_minutes_worth_may_come_at_once_and_then_evenly() -> None:
    """Sixty a minute: sixty at once, the next a second later, and another minute fills the bucket and no more."""
    clock = Clock()
    rates = Rates(60, clock=clock)
    assert [rates.take("a") for _ in range(60)] == [0] * 60
    assert rates.take("a") == pytest.approx(1.0)
    assert rates.take("b") == 0, "somebody else is not held up"
    clock.now += 1
    assert rates.take("a") == 0
    assert rates.take("a") == pytest.approx(1.0)
    clock.now += 3_600
    assert [rates.take("a") for _ in range(60)] == [0] * 60
    assert rates.take("a") > 0


@settings(deadline=None)
@given(some.integers(1, 20), some.lists(some.floats(0, 30), min_size=1, max_size=80))
def test_no_minute_holds_more_than_two_minutes_worth(per_minute: int, pauses: list[float]) -> None:
    """However requests are spread, a minute never sees more than a full bucket and what flows in meanwhile."""
    clock = Clock()
    rates = Rates(per_minute, clock=clock)
    taken: list[float] = []
    for pause in pauses:
        clock.now += pause
        wait = rates.take("a")
        if not wait:
            taken.append(clock.now)
        else:
            assert 0 < wait <= 60 / per_minute + 1e-6
    for start in taken:
        assert sum(start <= at < start + 60 for at in taken) <= 2 * per_minute + 1


def test_waiting_as_long_as_told_is_enough() -> None:
    """Retry-After is the truth."""
    clock = Clock()
    rates = Rates(7, clock=clock)
    while not rates.take("a"):
        pass
    with pytest.raises(Problem) as refused:
        charge(rates, "a", "too_many_requests")
    assert refused.value.status == 429
    clock.now += refused.value.retry_after
    charge(rates, "a", "too_many_requests")


def test_the_memory_is_bounded_and_forgets_the_oldest() -> None:
    """A million names take no more room than the bound; whoever asked last is remembered."""
    rates = Rates(1, clock=Clock(), remembered=100)
    for number in range(1_000):
        rates.take(str(number))
    assert len(rates) == 100
    assert rates.take("999") > 0
    assert rates.take("0") == 0


def taken(seats: Seats, visitor: str, address: str) -> int:
    try:
        seats.take(visitor, address)
    except Problem as problem:
        return problem.status
    return 200


def test_seats_are_counted_by_each_side() -> None:
    """Each bound holds alone, a refusal takes no seat, and leaving gives it back."""
    seats = Seats(per_visitor=2, per_address=3, total=4)
    assert [taken(seats, "v1", "a1") for _ in range(3)] == [200, 200, 429]
    assert [taken(seats, "v2", "a1") for _ in range(2)] == [200, 429]
    assert [taken(seats, "v3", "a2") for _ in range(2)] == [200, 503]
    seats.leave("v1", "a1")
    assert [taken(seats, "v2", "a1"), taken(seats, "v2", "a1")] == [200, 503]
    assert len(seats) == 4


@settings(deadline=None)
@given(some.lists(some.tuples(some.booleans(), some.integers(0, 2), some.integers(0, 2)), max_size=60))
def test_seats_never_leak(steps: list[tuple[bool, int, int]]) -> None:
    """After everybody has left, nothing is held."""
    seats, held = Seats(per_visitor=2, per_address=3, total=5), []
    for come, visitor, address in steps:
        if come and taken(seats, str(visitor), str(address)) == 200:
            held.append((str(visitor), str(address)))
        elif not come and held:
            seats.leave(*held.pop())
    for one in held:
        seats.leave(*one)
    assert len(seats) == 0
    assert not seats._taken
