"""The scheduler's laws by hypothesis: whatever happens in whatever order, every answer is as if it was alone."""

from __future__ import annotations

from typing import cast

import pytest
from hypothesis import HealthCheck, assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bot.engine.local.blocks import BlockPool
from bot.engine.local.grammar import Grammar
from bot.engine.local.request import Request
from bot.engine.local.scheduler import Limits, QueueFull, Scheduler, Unfit
from tests.bot.engine.local.computer import SAMPLING, Desk, alone

# Beginnings that many requests share, so that blocks are found, filled twice and forgotten.
PROMPTS = st.builds(
    lambda beginning, rest: (list(range(1, 1 + beginning)) + rest) or [1],
    st.integers(0, 20),
    st.lists(st.integers(1, 2), max_size=6),
)


class Clock:
    def __init__(self) -> None:
        self.now = 1.0

    def __call__(self) -> float:
        return self.now


class LifeOfRequests(RuleBasedStateMachine):
    """Requests come, go and are preempted; steps overlap and fail. The computer stands for any device."""

    @initialize(
        requests=st.integers(1, 4),
        step_tokens=st.integers(1, 12),
        blocks=st.integers(3, 24),
        block_tokens=st.integers(1, 4),
        prefix_cache=st.booleans(),
        ahead=st.integers(0, 2),
    )
    def begin(
        self, requests: int, step_tokens: int, blocks: int, block_tokens: int, prefix_cache: bool, ahead: int
    ) -> None:
        self.clock = Clock()
        self.pool = BlockPool(blocks, block_tokens, prefix_cache=prefix_cache)
        limits = Limits(requests=requests, step_tokens=step_tokens, queue=6, context_tokens=40)
        self.scheduler = Scheduler(limits, self.pool, self.clock)
        self.desk = Desk(self.scheduler, ahead=ahead)
        self.requests: list[Request] = []
        self.cancelled: set[Request] = set()

    @rule(
        prompt=PROMPTS,
        max_tokens=st.integers(1, 12),
        owner=st.sampled_from(["", "ann", "bob"]),
        priority=st.sampled_from([0, 0, 0, 1]),
        patience=st.sampled_from([None, None, 3.0, 20.0]),
        binding=st.booleans(),
    )
    def add(
        self, prompt: list[int], max_tokens: int, owner: str, priority: int, patience: float | None, binding: bool
    ) -> None:
        request = Request(
            id=len(self.requests),
            tokens=list(prompt),
            prompt_length=len(prompt),
            max_tokens=max_tokens,
            sampling=SAMPLING,
            owner=owner,
            priority=priority,
            grammar=cast(Grammar, object()) if binding else None,
        )
        if patience is not None:
            request.deadline = self.clock() + patience
        fits = self.pool.blocks_for(len(prompt) + max_tokens - 1) <= self.pool.total
        full = self.scheduler.waiting >= 6
        try:
            self.scheduler.add(request)
        except Unfit:
            assert not fits
        except QueueFull:
            assert fits and full
        else:
            assert fits and not full
            self.requests.append(request)

    @rule()
    def step(self) -> None:
        self.clock.now += 1
        self.desk.step()
        for chunk in self.desk.steps[-1].chunks if self.desk.steps else ():
            assert chunk.request.grammar is None or chunk.request.pending <= 1, "a grammar did not know the last token"

    @rule()
    def settle_all(self) -> None:
        while self.desk.flying:
            self.desk.settle()

    @precondition(lambda self: self.requests)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        request = data.draw(st.sampled_from(self.requests))
        if not request.ended:
            self.cancelled.add(request)
        for _ in range(2):
            self.scheduler.cancel(request)
        assert request.ended and request.slot == -1 and not request.blocks

    @rule()
    def expire(self) -> None:
        overdue = self.scheduler.expired()
        late = [r for r in self.requests if not r.ended and r.deadline <= self.clock()]
        assert overdue == sorted(late, key=lambda request: request.deadline) or set(overdue) == set(late)
        for request in overdue:
            self.cancelled.add(request)
            self.scheduler.cancel(request)

    @precondition(lambda self: self.desk.flying)
    @rule(data=st.data())
    def fail(self, data: st.DataObject) -> None:
        """A step fails and takes those after it along, in either order; or its requests end, and others go on."""
        flying = self.desk.flying
        place = data.draw(st.integers(0, len(flying) - 1))
        while place:  # those before it are fine
            self.desk.settle()
            place -= 1
        for launched in flying:
            self.desk.computer.spoil(launched)
        how = data.draw(st.sampled_from(["newest first", "oldest first"]))
        while flying:
            self.scheduler.abandon((flying.pop() if how == "newest first" else flying.popleft()).step)

    @precondition(lambda self: len(self.desk.flying) > 1)
    @rule(ending=st.booleans())
    def fail_alone(self, ending: bool) -> None:
        """The oldest step fails; the next one runs on and is settled, for the sake of others in it."""
        launched = self.desk.flying.popleft()
        self.desk.computer.spoil(launched)
        if ending:
            for chunk in launched.step.chunks:
                if not chunk.request.ended:
                    self.cancelled.add(chunk.request)
                    self.scheduler.cancel(chunk.request)
        self.scheduler.abandon(launched.step)

    @rule()
    def shrink(self) -> None:
        assume(self.scheduler.step_tokens > 6 or self.scheduler.requests > 2)
        self.scheduler.shrink()

    @rule()
    def forget(self) -> None:
        """Something that was computed is not to be trusted."""
        self.pool.forget()

    @rule()
    def look(self) -> None:
        """Places are counted from 1 without a gap, and `front` says the same."""
        waiting = [request for request in self.requests if self.scheduler.position(request)]
        assert len(waiting) == self.scheduler.waiting
        waiting.sort(key=self.scheduler.position)
        assert [self.scheduler.position(request) for request in waiting] == list(range(1, len(waiting) + 1))
        assert self.scheduler.front(3) == waiting[:3]

    @invariant()
    def books_are_right(self) -> None:
        if hasattr(self, "scheduler"):
            self.scheduler.check(thorough=True)
            assert self.scheduler.running <= self.scheduler.limits.requests
            for request in self.requests:
                assert request.generated <= request.max_tokens

    def teardown(self) -> None:
        if not hasattr(self, "scheduler"):
            return
        self.desk.run()
        self.scheduler.check(thorough=True)
        assert self.pool.used == 0 and self.pool.free == self.pool.total and self.scheduler.running == 0
        assert len(self.desk.finished) == len(set(self.desk.finished))
        for request in self.requests:
            answer = request.tokens[request.prompt_length :]
            expected = alone(request.tokens[: request.prompt_length], request.max_tokens)
            assert request.ended and request.flights == 0
            if request in self.cancelled:
                assert answer == expected[: len(answer)]
            else:
                assert answer == expected
                assert request in self.desk.finished


LifeOfRequests.TestCase.settings = settings(
    max_examples=500, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
TestLifeOfRequests = pytest.mark.timeout(120)(LifeOfRequests.TestCase)
