"""What a step holds, who is admitted, and what is refused, case by case."""

from __future__ import annotations

import pytest

from bot.engine.local.scheduler import Limits, QueueFull, Unfit
from tests.bot.engine.local.asking import Asking, add, desk, shape
from tests.bot.engine.local.computer import alone


@pytest.fixture
def ask() -> Asking:
    return Asking()


def test_prompts_in_chunks_share_steps_with_decodes_which_come_first(ask: Asking) -> None:
    """Each step has a token for all who are through their prompt, and as much of prompts as is left of its tokens."""
    at = desk(step_tokens=8)
    add(at, ask(3, 3), ask(12, 2), ask(2, 2))
    at.run()
    assert [shape(step) for step in at.steps] == [
        [(1, 0, 3, True), (2, 0, 5, False)],
        [(1, 3, 1, True), (3, 0, 2, True), (2, 5, 5, False)],  # who was served less goes before who has begun
        [(1, 4, 1, True), (3, 2, 1, True), (2, 10, 2, True)],
        [(2, 12, 1, True)],
    ]
    assert [step.decodes for step in at.steps] == [0, 1, 2, 1]
    assert [(request.id, request.tokens[request.prompt_length :]) for request in at.finished] == [
        (1, alone([1] * 3, 3)),
        (3, alone([3] * 2, 2)),
        (2, alone([2] * 12, 2)),
    ]


def test_a_long_prompt_never_stops_the_decodes(ask: Asking) -> None:
    """While a long prompt is computed, every step still has a token for each of those who decode."""
    at = desk(step_tokens=8)
    add(at, first := ask(2, 40), second := ask(2, 40))
    at.step()
    add(at, long := ask(200, 2))
    while long.generated == 0:
        at.step()
        assert [chunk.request for chunk in at.steps[-1].chunks[:2]] == [first, second]
        assert at.steps[-1].decodes == 2 and (at.steps[-1].tokens == 8 or long.generated)
    assert len(at.steps) == 1 + -(-200 // 6)


def test_a_long_prompt_does_not_keep_others_from_being_admitted(ask: Asking) -> None:
    """Who comes with a short prompt while a long one is computed gets his first token by the next step."""
    at = desk(step_tokens=8)
    add(at, long := ask(100, 2, owner="ann"))
    at.step()
    add(at, short := ask(6, 2, owner="bob"))
    at.step()
    assert short.generated == 1 and long.computed < 100


def test_with_a_step_in_the_air_the_next_is_made_of_what_is_not_known_yet(ask: Asking) -> None:
    """The next step takes up where the one in flight will be; the tokens come later, and never more than asked for."""
    at = desk()
    add(at, request := ask(3, 3))
    scheduler = at.scheduler
    first, second, third = scheduler.schedule(), scheduler.schedule(), scheduler.schedule()
    assert first and second and third
    assert [shape(step) for step in (first, second, third)] == [
        [(1, 0, 3, True)],
        [(1, 3, 1, True)],
        [(1, 4, 1, True)],
    ]
    assert request.pending == request.generated == 3 and len(request.tokens) == 3
    assert scheduler.schedule() is None, "max_tokens are on their way"
    for step, token in zip((first, second, third), (7, 8, 9), strict=True):
        scheduler.settle(step, [token])
    assert request.tokens[3:] == [7, 8, 9] and request.pending == 0
    assert scheduler.schedule() is None, "the caller has to end it"
    scheduler.cancel(request)
    scheduler.check(thorough=True)
    assert scheduler.idle


def test_a_grammar_waits_for_the_last_token(ask: Asking) -> None:
    """A request that is bound to a form is left out while its last token is in flight; the others go on."""
    at = desk()
    add(at, bound := ask(2, 3, bound=True), free := ask(2, 3))
    first, second = at.scheduler.schedule(), at.scheduler.schedule()
    assert first and second
    assert [chunk.request for chunk in first.chunks] == [bound, free]
    assert [chunk.request for chunk in second.chunks] == [free]
    at.scheduler.settle(first, [1, 1])
    third = at.scheduler.schedule()
    assert third and [chunk.request for chunk in third.chunks] == [bound, free]


def test_slots_are_bounded_and_the_lowest_is_used_first(ask: Asking) -> None:
    """No more run than there are slots; who comes after takes the lowest that is free."""
    at = desk(requests=3)
    requests = [ask(1, 9) for _ in range(5)]
    add(at, *requests)
    at.step()
    assert [request.slot for request in requests] == [0, 1, 2, -1, -1]
    assert (at.scheduler.running, at.scheduler.waiting) == (3, 2)
    at.scheduler.cancel(requests[1])
    at.scheduler.cancel(requests[0])
    at.step()
    assert [request.slot for request in requests[2:]] == [2, 0, 1]


def test_more_slots_than_a_step_has_tokens_are_not_used(ask: Asking) -> None:
    """Whoever runs gets a token in each step: a small step means few who run."""
    at = desk(requests=8, step_tokens=3)
    add(at, *(ask(5, 5) for _ in range(8)))
    at.run()
    assert max(len(step.chunks) for step in at.steps) == 3
    assert len(at.finished) == 8


def test_a_step_is_settled_once_and_in_order_and_with_all_its_tokens(ask: Asking) -> None:
    """What would lose or double a token is refused, and changes nothing."""
    at = desk()
    add(at, request := ask(2, 5))
    first, second = at.scheduler.schedule(), at.scheduler.schedule()
    assert first and second
    for step, tokens in ((second, [1]), (first, []), (first, [1, 2])):
        with pytest.raises(ValueError, match=r"settled once|tokens came"):
            at.scheduler.settle(step, tokens)
    assert request.pending == 2 and request.flights == 2
    at.scheduler.settle(first, [5])
    with pytest.raises(ValueError, match="in the order"):
        at.scheduler.settle(first, [5])
    with pytest.raises(ValueError, match="not in flight"):
        at.scheduler.abandon(first)
    at.scheduler.settle(second, [6])
    assert request.tokens[2:] == [5, 6]


@pytest.mark.parametrize(
    ("prompt", "answer", "says"),
    [(0, 4, "prompt"), (3, 0, "max_tokens"), (30, 11, "context"), (20, 15, "cache"), (3, -1, "max_tokens")],
)
def test_what_can_never_be_computed_is_refused_at_once(ask: Asking, prompt: int, answer: int, says: str) -> None:
    """A request that would not fit even alone is refused with a sentence that says which bound it breaks."""
    at = desk(blocks=9, context=40)
    with pytest.raises(Unfit, match=says):
        at.scheduler.add(ask(prompt, answer))
    assert at.scheduler.idle and issubclass(Unfit, ValueError)
    at.scheduler.check(thorough=True)


def test_the_largest_request_that_fits_alone_is_computed(ask: Asking) -> None:
    """The last token is never computed, so an answer may be one longer than the blocks hold."""
    at = desk(blocks=9, context=40, step_tokens=5)
    add(at, request := ask(20, 13))
    at.run()
    assert request.tokens[20:] == alone([1] * 20, 13)


def test_a_full_queue_says_so_and_a_request_is_added_once(ask: Asking) -> None:
    """The queue is bounded. What runs does not count, and what was refused is not there."""
    at = desk(requests=1, queue=2)
    add(at, first := ask(1))
    at.step()
    add(at, second := ask(1), ask(1))
    with pytest.raises(QueueFull, match="2 requests wait"):
        at.scheduler.add(refused := ask(1))
    at.scheduler.cancel(refused)
    with pytest.raises(ValueError, match="before"):
        at.scheduler.add(second)
    at.scheduler.cancel(second)
    with pytest.raises(ValueError, match="before"):
        at.scheduler.add(second)
    add(at, ask(1))
    at.run()
    assert [request.id for request in at.finished] == [first.id, 3, 5]


@pytest.mark.parametrize("broken", ["requests", "step_tokens", "queue", "context_tokens"])
def test_limits_of_nothing_are_refused(broken: str) -> None:
    """A scheduler that could never do anything cannot be made."""
    limits = {"requests": 1, "step_tokens": 1, "queue": 1, "context_tokens": 1}
    with pytest.raises(ValueError, match=f"{broken}=0"):
        Limits(**limits | {broken: 0})


def test_a_visitor_with_ten_requests_does_not_starve_the_one_with_one(ask: Asking) -> None:
    """Who asks once is admitted when the next place is free, though another visitor's requests wait before him."""
    at = desk(requests=2)
    add(at, *(ask(4, 6, owner="ann") for _ in range(10)))
    at.step()
    add(at, single := ask(4, 6, owner="bob"))
    assert at.scheduler.position(single) <= 2
    while single.slot < 0:
        at.step()
    assert len(at.finished) <= 2
    at.run()
    assert at.finished.index(single) <= 3


def test_what_is_generated_counts_as_service(ask: Asking) -> None:
    """Of two owners with equal prompts, the one whose answers are long is admitted less often."""
    at = desk(requests=1)
    add(at, *(ask(2, 40, owner="long") for _ in range(20)), *(ask(2, 5, owner="short") for _ in range(40)))
    while sum(request.owner == "short" for request in at.finished) < 24:
        at.step()
    served = {"long": 0, "short": 0}
    for step in at.steps:
        for chunk in step.chunks:
            served[chunk.request.owner] += chunk.count
    assert abs(served["long"] - served["short"]) <= 50


def test_two_long_prompts_share_the_steps(ask: Asking) -> None:
    """While two owners' prompts are computed, neither gets more than one step's tokens ahead of the other."""
    at = desk(step_tokens=8)
    add(at, one := ask(100, 2, owner="ann"), other := ask(100, 2, owner="bob"))
    while one.generated + other.generated == 0:
        at.step()
        assert abs(one.computed - other.computed) <= 8


def test_the_prompts_of_one_owner_are_computed_one_after_another(ask: Asking) -> None:
    """Who asks twice gets the first answer first: his second prompt takes nothing from his first."""
    at = desk(step_tokens=8)
    add(at, first := ask(20, 9, owner="ann"))
    at.step()
    add(at, second := ask(20, 9, owner="ann"), third := ask(20, 9, owner="ann"))
    while not third.generated:
        at.step()
        assert second.computed == 0 or first.generated
        assert third.computed == 0 or second.generated


def test_a_higher_priority_goes_before_a_prompt_that_has_begun(ask: Asking) -> None:
    """The rest of a long prompt waits for one of higher priority, whoever's it is."""
    at = desk(step_tokens=8)
    add(at, long := ask(40, 2, owner="ann"))
    at.step()
    add(at, urgent := ask(20, 2, owner="ann", priority=1))
    for _ in range(3):
        at.step()
    assert urgent.generated == 1 and long.computed == 8 + 4


def test_what_the_prefix_cache_knows_is_free(ask: Asking) -> None:
    """An owner is charged for what is computed for him: who asks what is remembered gets more answers."""
    at = desk(requests=1)
    prompt = [7] * 16
    add(at, ask(prompt, 1))
    at.run()
    for _ in range(4):
        add(at, ask(prompt, 1, owner="ann"), ask(16, 1, owner="bob"))
    at.run()
    assert [request.owner for request in at.finished[1:6]] == ["ann", "bob", "ann", "ann", "ann"]


def test_priority_is_admitted_first_whoever_asks(ask: Asking) -> None:
    """The highest priority goes first; places in the queue are told accordingly."""
    at = desk(requests=1)
    add(at, ask(2), ask(2, owner="ann"), urgent := ask(2, owner="ann", priority=2), ask(2, priority=1))
    assert [at.scheduler.position(request) for request in at.scheduler.front(9)] == [1, 2, 3, 4]
    assert at.scheduler.position(urgent) == 1
    assert [request.id for request in at.scheduler.front(2)] == [3, 4]
    at.run()
    assert [request.id for request in at.finished][:2] == [3, 4]
    assert at.scheduler.position(urgent) == 0
