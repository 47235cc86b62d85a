"""The vocabulary between policy and hardware: a request, and the step that computes a part of several of them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot.engine.base import SamplingSettings

if TYPE_CHECKING:
    from bot.engine.local.grammar import Grammar


@dataclass(slots=True, eq=False, kw_only=True)
class Request:
    """One answer being generated. `n` answers to one question are `n` requests.

    `tokens` begins with the `prompt_length` tokens of the prompt; what is generated is appended. Times are of the
    scheduler's clock, in seconds. The second half belongs to the scheduler and is read by the runner.
    """

    id: int
    tokens: list[int]
    prompt_length: int
    max_tokens: int
    sampling: SamplingSettings
    seed: int = 0
    """What makes its draws repeatable; chosen at random where the request names none."""
    grammar: Grammar | None = None
    """What its text must look like. Its next token is drawn only after the last one is known here."""
    owner: str = ""
    priority: int = 0
    """Higher goes first."""
    deadline: float = math.inf
    arrived: float = 0.0

    slot: int = -1
    """The row of the batch's state that it holds while it runs, or -1."""
    blocks: list[int] = field(default_factory=list)
    """The blocks of the KV cache that hold its keys and values, in order."""
    computed: int = 0
    """Tokens whose keys and values are in `blocks`, or will be when the steps in flight are done."""
    pending: int = 0
    """Tokens sampled by steps in flight, whose ids are not known here yet."""
    cached: int = 0
    """Tokens of the prompt that were found in the prefix cache."""
    preemptions: int = 0
    """How often it lost its slot and blocks: what a device knows of it is void when this has changed."""
    ended: bool = False
    chain: list[int] = field(default_factory=list)
    """The prefix cache's blocks for its first full blocks: its own, or others' that hold the same tokens."""
    flights: int = 0
    """Steps in flight that compute a part of it."""
    charged: int = 0
    """The first tokens, whose computation its owner has been charged for."""

    @property
    def length(self) -> int:
        """Tokens known and in flight."""
        return len(self.tokens) + self.pending

    @property
    def generated(self) -> int:
        """Tokens generated, those in flight included."""
        return self.length - self.prompt_length


@dataclass(frozen=True, slots=True)
class Chunk:
    """Tokens [`start`, `start` + `count`) of `request`, computed in one step.

    When it reaches the end of what is known, the step samples the request's next token.
    """

    request: Request
    start: int
    count: int
    samples: bool


@dataclass(frozen=True, slots=True)
class Step:
    """What one forward pass computes: first `decodes` chunks of one token each, then pieces of prompts."""

    chunks: tuple[Chunk, ...]
    decodes: int

    @property
    def tokens(self) -> int:
        return sum(chunk.count for chunk in self.chunks)

    @property
    def sampling(self) -> tuple[Chunk, ...]:
        """The chunks whose request gets a token, in order."""
        return tuple(chunk for chunk in self.chunks if chunk.samples)
