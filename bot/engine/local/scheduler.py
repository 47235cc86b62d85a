"""What the next step computes: continuous batching with chunked prompts, fair admission and preemption.

In every step each running request that has its whole prompt behind it gets one token. `Limits.step_tokens` bounds
the step as a whole, and what the decodes leave of it goes to prompts, in chunks: at the highest priority to the
owner who was served least, whether his request waits or runs. So a long prompt delays nobody's next token by more
than one step, and does not keep others from being admitted beside it.

A request is admitted when there is room for all that is known of it, so that no prompt stops half-way with blocks
that are of use to nobody. While it runs it takes a block whenever the last one is full. When there is none, the
running requests of lowest rank (priority, then arrival) give up theirs, wait in front of their owner's queue, and
are computed again later, with what they had generated. One that ranks lowest itself waits in its slot for the
others. The highest in rank thus always goes on, and each that fits the cache alone comes to its end.

Steps may be scheduled before earlier ones are settled. They run in order on one device. Therefore blocks are free
the moment their holder ends, even while a step in flight writes into them: whoever gets them next writes later.
But only what a settled step wrote is remembered for others to find.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import islice

from bot.engine.local.blocks import BlockPool, InvariantError
from bot.engine.local.deadlines import Deadlines
from bot.engine.local.fairness import FairQueue
from bot.engine.local.flights import Flights
from bot.engine.local.limits import Limits, QueueFull, Unfit
from bot.engine.local.request import Chunk, Request, Step
from bot.engine.local.running import Running

__all__ = ["InvariantError", "Limits", "QueueFull", "Scheduler", "Unfit"]

_SMALLEST_STEP = 16
"""Tokens; steps smaller than this save no memory worth it."""


class Scheduler:
    """Decides what is computed. Knows no device: `Step`s go out, tokens come back. Used from one thread."""

    def __init__(self, limits: Limits, pool: BlockPool, clock: Callable[[], float] = time.monotonic) -> None:
        self.limits, self.pool = limits, pool
        self.step_tokens = limits.step_tokens
        self.requests = min(limits.requests, limits.step_tokens)
        """How many may run now: no more than a step can give a token to. `shrink` lowers both."""
        self.preemptions = 0
        """How often a request had to give up its blocks to others."""
        self._clock = clock
        self._alive: set[Request] = set()
        self._queue = FairQueue()
        self._deadlines = Deadlines()
        self._running = Running(limits.requests, pool)
        self._flights = Flights()

    @property
    def waiting(self) -> int:
        return len(self._queue)

    @property
    def running(self) -> int:
        return len(self._running)

    @property
    def idle(self) -> bool:
        """Nobody runs and nobody waits."""
        return not self._running and not self._queue

    @property
    def prefix_hit_tokens(self) -> int:
        """Of the `prefix_query_tokens` of all prompts admitted, those that were remembered and not computed."""
        return self.pool.hits

    @property
    def prefix_query_tokens(self) -> int:
        return self.pool.queries

    # -- a request comes and goes ----------------------------------------------------------------------
    def add(self, request: Request) -> None:
        """Let `request` wait for its turn. Raises `QueueFull`, or `Unfit` when it could never be computed here."""
        self.limits.insist_on_fit(request, self.pool)
        if request.ended or request in self._alive:
            raise ValueError(f"Request {request.id} was added before")
        if len(self._queue) >= self.limits.queue:
            raise QueueFull(f"{len(self._queue)} requests wait already, and no more may. Try again in a moment.")
        request.arrived = request.arrived or self._clock()
        self._alive.add(request)
        self._queue.enter(request)
        self._queue.push(request)
        self._deadlines.add(request)

    def cancel(self, request: Request) -> None:
        """End `request`, whatever its state; again has no effect. What it held is free for the next step."""
        if request.ended:
            return
        request.ended = True
        if request not in self._alive:
            return
        self._alive.remove(request)
        if request.slot >= 0:
            self._running.leave(request)
        elif request in self._queue:
            self._queue.remove(request)
        self._queue.leave(request)
        self._deadlines.end(request)

    def expired(self) -> list[Request]:
        """The requests alive whose deadline has passed, the longest overdue first. The caller cancels them."""
        return self._deadlines.passed(self._clock())

    def position(self, request: Request) -> int:
        """0 when it does not wait, else its place in the queue, from 1. For the places of many, ask for the `front`."""
        if request not in self._queue:
            return 0
        return next(place for place, other in enumerate(self._queue.order(), 1) if other is request)

    def front(self, count: int) -> list[Request]:
        """The first `count` that wait, in the order in which they would be admitted now."""
        return list(islice(self._queue.order(), count))

    # -- steps -----------------------------------------------------------------------------------------
    def schedule(self) -> Step | None:
        """The next step, to be launched at once; None when nothing can be computed before a step in flight is settled.

        What it computes counts as computed, and what it draws as pending, until it is settled or abandoned.
        """
        while len(self._running) > self.requests:
            self._preempt(self._running.lowest)
        chunks: list[Chunk] = []
        prompts: list[Request] = []
        for request in self._running:
            if request.length - request.computed > 1:
                prompts.append(request)
            elif _may_decode(request) and self._see_to_block(request):
                chunks.append(self._advance(request, 1))
        decodes = len(chunks)
        self._fill(chunks, prompts)
        if not chunks:
            return None
        step = Step(tuple(chunks), decodes)
        self._flights.begin(step)
        return step

    def settle(self, step: Step, tokens: Sequence[int]) -> None:
        """`step` was computed, and `tokens` drawn: the ids of `step.sampling` in order. Steps are settled in order.

        A request that has its `max_tokens` is not scheduled again; the caller cancels it, as one that its text ends.
        Those that ended since the step was scheduled are passed over.
        """
        size, remembers = self.pool.block_tokens, self.pool.prefix_cache
        for chunk in self._flights.settle(step, tokens):
            request, end = chunk.request, chunk.start + chunk.count
            if request.slot >= 0:
                if remembers and end // size > len(request.chain):
                    self._running.remember(request, end)
            elif request.generated == request.max_tokens and not request.pending:  # preempted with its last in flight
                self._queue.remove(request)

    def abandon(self, step: Step) -> None:
        """`step` failed: its requests have the tokens they had before it, and wait in front to be computed again.

        What later steps in flight draw for them was computed from nothing, and is passed over; those steps are still
        to be settled or abandoned, for the sake of others in them. Nothing that the failed step wrote is remembered.
        """
        lost = self._flights.abandon(step)
        for request in [request for request in self._running if request in lost][::-1]:
            self._put_back(request)

    def shrink(self) -> bool:
        """Memory is short: from now on compute less at once. False when it cannot be less."""
        smallest = max(_SMALLEST_STEP, self.requests)
        if self.step_tokens > smallest:
            self.step_tokens = max(smallest, self.step_tokens // 2)
        elif self.requests > 1:
            self.requests //= 2
        else:
            return False
        return True

    def check(self, *, thorough: bool = False) -> None:
        """Raise `InvariantError` if a slot or block was lost, or is held twice, or by a request that does not run."""
        self._running.check(thorough=thorough)
        running, waiting = set(self._running), set(self._queue.order())
        if len(running) != len(self._running) or len(waiting) != len(self._queue):
            raise InvariantError("a request runs or waits twice")
        if running & waiting or not running | waiting <= self._alive:
            raise InvariantError("a request runs or waits that is over, or does both")
        if any(request.blocks or request.chain or request.slot >= 0 for request in self._alive - running):
            raise InvariantError("a request that does not run holds a slot or blocks")

    # -- how a step is filled --------------------------------------------------------------------------
    def _fill(self, chunks: list[Chunk], prompts: list[Request]) -> None:
        """Give what is left of the step to `prompts` and to requests that wait."""
        budget = self.step_tokens - len(chunks)
        prompts.sort(key=self._queue.turn)
        prompts.reverse()  # the next one last; between equals, the highest in rank
        while budget > 0:
            request = self._next(prompts)
            if request is None:
                return
            count = min(budget, request.length - request.computed)
            chunks.append(self._advance(request, count))
            budget -= count

    def _next(self, prompts: list[Request]) -> Request | None:
        """Whose prompt is computed next: the last of `prompts`, or one that is admitted before it."""
        head = self._queue.first() if len(self._running) < self.requests else None
        if prompts and (head is None or self._queue.precedes(prompts[-1], head)):
            return prompts.pop()
        if head is None or not self._running.admit(head):
            return prompts.pop() if prompts else None
        self._queue.remove(head)
        return head

    def _advance(self, request: Request, count: int) -> Chunk:
        start = request.computed
        request.computed = end = start + count
        self._queue.charge(request, end)
        return Chunk(request, start, count, end == request.length)

    # -- memory ----------------------------------------------------------------------------------------
    def _see_to_block(self, request: Request) -> bool:
        """A block for the next token of a running request, if need be from others; False when it has to wait."""
        while not self._running.grow(request):
            if self._running.lowest is not request:
                self._preempt(self._running.lowest)
                continue
            if len(self._running) == 1:  # its chain holds blocks beside its own: admitted again, it shares them
                self._preempt(request)
            return False
        return True

    def _preempt(self, request: Request) -> None:
        self.preemptions += 1
        self._put_back(request)

    def _put_back(self, request: Request) -> None:
        """Let a running request wait in front of its owner's others. With tokens in flight it waits for those first."""
        self._running.leave(request)
        request.preemptions += 1
        self._queue.push(request, front=True)


def _may_decode(request: Request) -> bool:
    """Whether its next token may be computed: a grammar has to know the last one, and no answer gets too long."""
    return request.generated < request.max_tokens and not (request.pending and request.grammar is not None)
