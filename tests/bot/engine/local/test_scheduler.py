"""What a step holds, who is admitted and who gives way, case by case."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from typing import cast

import pytest

from bot.engine.local.blocks import BlockPool
from bot.engine.local.grammar import Grammar
from bot.engine.local.request import Request, Step
from bot.engine.local.scheduler import InvariantError, Limits, QueueFull, Scheduler, Unfit
from tests.bot.engine.local.computer import SAMPLING, Desk, alone


class Asking:
    """Makes requests that arrive one after another."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(
        self, prompt: int | Sequence[int], answer: int = 4, *, owner: str = "", priority: int = 0, bound: bool = False
    ) -> Request:
        self.count += 1
        tokens = [self.count] * prompt if isinstance(prompt, int) else list(prompt)
        return Request(
            id=self.count,
            tokens=tokens,
            prompt_length=len(tokens),
            max_tokens=answer,
            sampling=SAMPLING,
            owner=owner,
            priority=priority,
            arrived=float(self.count),
            grammar=cast(Grammar, object()) if bound else None,
        )


@pytest.fixture
def ask() -> Asking:
    return Asking()


def desk(
    *,
    requests: int = 4,
    step_tokens: int = 16,
    blocks: int = 100,
    block_tokens: int = 4,
    queue: int = 100,
    context: int = 400,
    prefix_cache: bool = True,
    ahead: int = 0,
) -> Desk:
    limits = Limits(requests=requests, step_tokens=step_tokens, queue=queue, context_tokens=context)
    return Desk(Scheduler(limits, BlockPool(blocks, block_tokens, prefix_cache=prefix_cache)), ahead=ahead)


def add(at: Desk, *requests: Request) -> None:
    for request in requests:
        at.scheduler.add(request)


def shape(step: Step) -> list[tuple[int, int, int, bool]]:
    return [(chunk.request.id, chunk.start, chunk.count, chunk.samples) for chunk in step.chunks]


# -- the batch ---------------------------------------------------------------------------------------------
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
    scheduler.check()
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


# -- refusals ----------------------------------------------------------------------------------------------
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
    at.scheduler.check()


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


# -- fairness ----------------------------------------------------------------------------------------------
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


# -- memory ------------------------------------------------------------------------------------------------
def test_the_lowest_rank_gives_way_and_nothing_is_lost(ask: Asking) -> None:
    """Without a block for a token the latest arrived gives up its own, waits in front, and is computed again."""
    at = desk(blocks=9, block_tokens=2, requests=2, prefix_cache=False)
    add(at, old := ask(3, 12), new := ask(3, 12))
    while not at.scheduler.preemptions:
        at.step()
    assert new.preemptions == 1 and old.preemptions == 0
    assert new.slot == -1 and new.blocks == [] and new.computed == 0 and new.generated > 0
    add(at, later := ask(1, 1, owner=new.owner))
    assert at.scheduler.position(new) == 1
    at.run()
    assert [request.tokens[3:] for request in (old, new)] == [alone([n] * 3, 12) for n in (1, 2)]
    assert later in at.finished


def test_a_lower_priority_gives_way_though_it_came_first(ask: Asking) -> None:
    """Rank is priority before arrival."""
    at = desk(blocks=9, block_tokens=2, requests=2)
    add(at, low := ask(3, 12), high := ask(3, 12, priority=1))
    at.run()
    assert low.preemptions > 0 and high.preemptions == 0
    assert [request.tokens[3:] for request in (low, high)] == [alone([n] * 3, 12) for n in (1, 2)]


def test_the_lowest_rank_that_needs_a_block_itself_waits_in_its_place(ask: Asking) -> None:
    """Who has nobody below him keeps what he has and goes on when a block is free: nothing is computed twice."""
    at = desk(blocks=5, requests=2)
    add(at, old := ask(1, 7), new := ask(4, 8))
    at.run()
    assert new.preemptions == old.preemptions == 0
    assert [len(step.chunks) for step in at.steps] == [2, 2, 2, 2, 2, 1, 1, 1, 1, 1], "it waited for two steps"
    assert new.tokens[4:] == alone([2] * 4, 8)


def test_a_prompt_begins_only_when_there_is_room_for_all_of_it(ask: Asking) -> None:
    """A prompt that does not fit beside those who run waits, with their next blocks left to them."""
    at = desk(blocks=11, block_tokens=2)
    add(at, first := ask(8, 3), ask(12, 2))
    at.step()
    assert at.scheduler.running == 1 and at.scheduler.position(first) == 0
    at.run()
    assert at.scheduler.preemptions == 0 and len(at.finished) == 2


def test_one_alone_that_holds_a_block_twice_finds_its_way(ask: Asking) -> None:
    """Two who fill the same blocks hold both copies; the one that is left alone shares them when it needs more."""
    prompt = [1, 2, 3, 4, 5, 6]
    at = desk(blocks=11, block_tokens=2, requests=2)
    add(at, short := ask(prompt, 2), long := ask(prompt, 14))
    at.run()
    assert at.finished == [short, long] and long.preemptions == 1
    assert long.tokens[6:] == alone(prompt, 14)
    assert len([chunk for step in at.steps for chunk in step.chunks if chunk.request is long]) == 14


def test_the_last_token_may_come_after_the_preemption(ask: Asking) -> None:
    """A request that was preempted while its last token was in flight gets it, and is not computed again for it."""
    at = desk(blocks=5, block_tokens=2, requests=2, prefix_cache=False)
    scheduler = at.scheduler
    add(at, first := ask(2, 6), second := ask(3, 2))
    steps = [scheduler.schedule() for _ in range(4)]
    assert second.slot == -1 and second.pending == 2 and scheduler.waiting == 1
    for step in steps:
        assert step is not None
        scheduler.settle(step, [5] * len(step.sampling))
    assert second.tokens[3:] == [5, 5] and scheduler.waiting == 0 and not second.ended
    scheduler.check()
    scheduler.cancel(second)
    scheduler.cancel(first)
    scheduler.check()
    assert scheduler.idle


def test_cancelled_places_are_free_for_the_very_next_step(ask: Asking) -> None:
    """Whatever its state, a cancelled request holds nothing any more, and its tokens in flight are passed over."""
    at = desk(requests=1)
    add(at, runs := ask(5, 9), waits := ask(5, 9), next_ := ask(5, 2))
    step = at.scheduler.schedule()
    assert step is not None
    for request in (runs, waits):
        at.scheduler.cancel(request)
        at.scheduler.cancel(request)
    assert at.scheduler.pool.used == 0
    follows = at.scheduler.schedule()
    assert follows is not None and follows.chunks[0].request is next_
    at.scheduler.settle(step, [3])
    assert runs.tokens == [1] * 5
    assert at.scheduler.pool.remembered == 0, "what a step in flight wrote for the cancelled is not remembered"
    at.scheduler.check()


# -- the prefix cache --------------------------------------------------------------------------------------
def test_the_next_turn_of_a_conversation_computes_only_what_is_new(ask: Asking) -> None:
    """Prompt and answer of a turn are found by the next, but for what did not fill a block."""
    at = desk()
    add(at, first := ask(9, 6))
    at.run()
    add(at, second := ask([*first.tokens, 40, 41], 2))
    at.run()
    assert second.cached == 12 and shape(at.steps[-2]) == [(2, 12, 5, True)]
    assert (at.scheduler.prefix_hit_tokens, at.scheduler.prefix_query_tokens) == (12, 9 + 17)
    assert second.tokens[17:] == alone(second.tokens[:17], 2)


def test_a_prompt_that_is_remembered_as_a_whole_computes_its_last_block(ask: Asking) -> None:
    """One token at least is computed, and no block that another may read is written again."""
    at = desk()
    prompt = [1, 2, 3, 4, 5, 6, 7, 8]
    add(at, ask(prompt, 1))
    at.run()
    add(at, again := ask(prompt, 3), too := ask(prompt, 3))
    at.step()
    assert shape(at.steps[-1]) == [(2, 4, 4, True), (3, 4, 4, True)]
    assert again.blocks[0] == too.blocks[0] and again.blocks[1] != too.blocks[1]
    at.run()
    assert again.tokens == too.tokens == prompt + alone(prompt, 3)


def test_what_was_preempted_is_found_again(ask: Asking) -> None:
    """The full blocks of a preempted request stay remembered: only what they do not hold is computed again."""
    at = desk(blocks=13, block_tokens=2, requests=2)
    add(at, ask(5, 11), new := ask(4, 11))
    while not new.preemptions:
        at.step()
    had = new.length
    computed_before = sum(chunk.count for step in at.steps for chunk in step.chunks if chunk.request is new)
    at.run()
    again = next(c for s in at.steps for c in s.chunks if c.request is new and c.start and c.count > 1)
    assert again.start + again.count == had and again.start > 0 and computed_before >= again.start
    assert new.cached == 0, "its own work is not what the prefix cache saved it"
    assert new.tokens[4:] == alone([2] * 4, 11)


def test_the_cache_can_be_switched_off(ask: Asking) -> None:
    """Without it the same prompt is computed again as a whole."""
    at = desk(prefix_cache=False)
    for _ in range(2):
        add(at, request := ask([1] * 9, 1))
        at.run()
        assert request.cached == 0 and shape(at.steps[-1])[0][1:3] == (0, 9)
    assert at.scheduler.pool.remembered == 0


# -- failures ----------------------------------------------------------------------------------------------
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
    at.scheduler.check()
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
    at.scheduler.check()


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
    at.scheduler.check()


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
    at.scheduler.check()
    block = at.scheduler.pool.take()
    with pytest.raises(InvariantError, match="block"):
        at.scheduler.check()
    at.scheduler.pool.drop(block)
    at.scheduler.check()
    one.slot, slot = two.slot, one.slot
    with pytest.raises(InvariantError, match="slots"):
        at.scheduler.check()
    one.slot = slot
    waits.blocks.append(1)
    with pytest.raises(InvariantError, match="does not run"):
        at.scheduler.check()


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
    at.scheduler.check()
    assert set(at.finished) == set(requests) and len(at.finished) == 1_000
    for request in requests:
        prompt = request.tokens[: request.prompt_length]
        assert request.tokens[request.prompt_length :] == alone(prompt, request.max_tokens)
    assert at.scheduler.pool.used == 0 and at.scheduler.prefix_hit_tokens > 0 and at.scheduler.preemptions > 0


def test_policy_is_imported_without_torch() -> None:
    """The scheduler and all it needs can be had where no torch is."""
    code = "import sys, bot.engine.local.scheduler; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
