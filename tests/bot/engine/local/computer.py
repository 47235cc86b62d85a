"""A computer for schedulers: a model so small that it is arithmetic, over a cache of blocks that is real.

The value that it writes for a token comes from all values before it, and the token that it draws from all values of
the sequence, each read from where the request's table says. So a wrong block, a value that was never written, one
that another request wrote over or a step that was lost changes every token after it.

It keeps what a device keeps: a step runs when the one before it has run, with the blocks that were the requests'
when it was launched; the last token drawn stays in the request's slot for steps launched before it is known.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.engine.base import SamplingSettings
from bot.engine.local.request import Chunk, Request, Step
from bot.engine.local.scheduler import Scheduler
from bot.events import Sampling

VOCABULARY = 50
NOTHING = -1
SAMPLING: SamplingSettings = Sampling()


def written(values: Sequence[int], token: int) -> int:
    return hash((*values, token))


def drawn(values: Sequence[int]) -> int:
    return hash((*values, VOCABULARY)) % VOCABULARY


def alone(prompt: Sequence[int], count: int) -> list[int]:
    """The `count` tokens that follow `prompt`."""
    values: list[int] = []
    for token in prompt:
        values.append(written(values, token))
    answer: list[int] = []
    while True:
        answer.append(drawn(values))
        if len(answer) == count:
            return answer
        values.append(written(values, answer[-1]))


@dataclass
class Launched:
    """A step with what it needs of its requests, as they were at its launch."""

    step: Step
    slots: list[int]
    tables: list[list[int]]
    tokens: list[list[int]]


@dataclass
class Computer:
    block_tokens: int
    memory: dict[tuple[int, int], int] = field(default_factory=dict)
    last: dict[int, int] = field(default_factory=dict)
    """The token drawn last in each slot."""

    def launch(self, step: Step) -> Launched:
        for place, chunk in enumerate(step.chunks):
            request = chunk.request
            assert not request.ended and request.slot >= 0
            assert chunk.count > 0 and chunk.start + chunk.count <= len(request.blocks) * self.block_tokens
            assert place >= step.decodes or (chunk.count == 1 and chunk.samples)
            assert 0 not in request.blocks and len(set(request.blocks)) == len(request.blocks)
        slots = [chunk.request.slot for chunk in step.chunks]
        assert len(set(slots)) == len(slots)
        known = [chunk.request.tokens[chunk.start : chunk.start + chunk.count] for chunk in step.chunks]
        return Launched(step, slots, [list(chunk.request.blocks) for chunk in step.chunks], known)

    def run(self, launched: Launched) -> list[int]:
        """Compute the step; the tokens of its sampling chunks."""
        ids: list[int] = []
        for chunk, slot, table, known in self._parts(launched):
            tokens = known if len(known) == chunk.count else [*known, self.last[slot]]
            for place, token in enumerate(tokens, chunk.start):
                self.memory[self._at(table, place)] = written(self._read(table, place), token)
            if chunk.samples:
                ids.append(drawn(self._read(table, chunk.start + chunk.count)))
                self.last[slot] = ids[-1]
        return ids

    def spoil(self, launched: Launched) -> None:
        """The step fails, having written nonsense wherever it was to write."""
        for chunk, slot, table, _ in self._parts(launched):
            self.last[slot] = NOTHING
            for place in range(chunk.start, chunk.start + chunk.count):
                self.memory[self._at(table, place)] = NOTHING

    def _parts(self, launched: Launched) -> zip[tuple[Chunk, int, list[int], list[int]]]:
        return zip(launched.step.chunks, launched.slots, launched.tables, launched.tokens, strict=True)

    def _at(self, table: list[int], place: int) -> tuple[int, int]:
        return table[place // self.block_tokens], place % self.block_tokens

    def _read(self, table: list[int], count: int) -> list[int]:
        return [self.memory.get(self._at(table, place), NOTHING) for place in range(count)]


class Desk:
    """Drives a scheduler with a computer, `ahead` steps launched before the oldest is settled."""

    def __init__(self, scheduler: Scheduler, *, ahead: int = 0) -> None:
        self.scheduler, self.ahead = scheduler, ahead
        self.computer = Computer(scheduler.pool.block_tokens)
        self.flying: deque[Launched] = deque()
        self.finished: list[Request] = []
        self.steps: list[Step] = []

    def launch(self) -> bool:
        step = self.scheduler.schedule()
        if step is None:
            return False
        assert step.chunks and step.tokens <= self.scheduler.step_tokens
        self.steps.append(step)
        self.flying.append(self.computer.launch(step))
        return True

    def settle(self) -> None:
        launched = self.flying.popleft()
        self.scheduler.settle(launched.step, self.computer.run(launched))
        for chunk in launched.step.sampling:
            request = chunk.request
            if not request.ended and len(request.tokens) - request.prompt_length >= request.max_tokens:
                self.scheduler.cancel(request)
                self.finished.append(request)

    def step(self) -> bool:
        """Launch a step, and settle what is too far ahead; False when nothing was left to do."""
        launched = self.launch()
        while len(self.flying) > (self.ahead if launched else 0):
            self.settle()
            launched = launched or not self.scheduler.idle
        return launched

    def run(self, most: int = 10_000) -> None:
        """Until nothing is left to do."""
        for _ in range(most):
            if not self.step():
                assert self.scheduler.idle and not self.flying, "requests wait and nothing is computed"
                return
        raise AssertionError("the scheduler does not come to an end")
