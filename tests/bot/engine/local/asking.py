"""Requests and desks for tests of the scheduler."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from bot.engine.local.blocks import BlockPool
from bot.engine.local.grammar import Grammar
from bot.engine.local.request import Request, Step
from bot.engine.local.scheduler import Limits, Scheduler
from tests.bot.engine.local.computer import SAMPLING, Desk


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
