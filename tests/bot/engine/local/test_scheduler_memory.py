"""Who gives way when memory is short, what is found again, and that nothing is lost by either."""

from __future__ import annotations

import pytest

from tests.bot.engine.local.asking import Asking, add, desk, shape
from tests.bot.engine.local.computer import alone


@pytest.fixture
def ask() -> Asking:
    return Asking()


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
    scheduler.check(thorough=True)
    scheduler.cancel(second)
    scheduler.cancel(first)
    scheduler.check(thorough=True)
    assert scheduler.idle


def test_who_was_preempted_waits_for_its_tokens_in_flight(ask: Asking) -> None:
    """Though there is room again, it is admitted only when all its tokens are known: they are to be computed again."""
    at = desk(blocks=5, block_tokens=2, requests=2)
    scheduler = at.scheduler
    add(at, first := ask(2, 6), second := ask(3, 3))
    while not second.preemptions:
        assert at.launch()
    assert second.pending > 0 and second.flights > 0
    scheduler.cancel(first)
    assert scheduler.schedule() is None
    at.run()
    assert second.tokens[3:] == alone([2] * 3, 3)


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
    at.scheduler.check(thorough=True)


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
