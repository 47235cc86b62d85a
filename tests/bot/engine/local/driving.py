"""Running requests through the scheduler and a runner as the engine's thread does, step by step and without one."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping, Sequence

from bot.engine.local.request import Request, Step
from bot.engine.local.runner import Launched, Runner
from bot.engine.local.scheduler import BlockPool, Limits, Scheduler
from bot.events import Sampling


def asked(number: int, prompt: Sequence[int], max_tokens: int, *, owner: str = "") -> Request:
    """A greedy request."""
    return Request(
        id=number,
        tokens=list(prompt),
        prompt_length=len(prompt),
        max_tokens=max_tokens,
        sampling=Sampling(temperature=0.0, max_tokens=max_tokens),
        owner=owner,
    )


def scheduler_of(
    runner: Runner, *, requests: int, block_tokens: int, blocks: int = 0, prefix_cache: bool = True
) -> Scheduler:
    """A scheduler for `runner`, over fewer `blocks` than it has where that is asked for."""
    limits = Limits(requests=requests, step_tokens=runner.step_tokens, queue=100, context_tokens=runner.context_tokens)
    pool = BlockPool(blocks or runner.blocks, block_tokens, prefix_cache=prefix_cache)
    return Scheduler(limits, pool, clock=lambda: 0.0)


def answers(
    runner: Runner,
    scheduler: Scheduler,
    arrivals: Mapping[int, Sequence[Request]],
    *,
    end_tokens: Collection[int],
    overlap: bool,
) -> list[list[int]]:
    """What each request is answered, in the order of their ids. `arrivals` says at which step who comes."""
    coming = dict(arrivals)
    flights: deque[tuple[Step, Launched]] = deque()
    turn = 0
    while coming or flights or not scheduler.idle:
        for request in coming.pop(turn, ()):
            scheduler.add(request)
        turn += 1
        step = scheduler.schedule()
        if step is not None:
            flights.append((step, runner.launch(step)))
        if flights and (step is None or not overlap or len(flights) > 1):
            _settle(scheduler, *flights.popleft(), end_tokens)
    scheduler.check()
    everybody = sorted((request for group in arrivals.values() for request in group), key=lambda request: request.id)
    assert all(request.ended for request in everybody)
    return [request.tokens[request.prompt_length :] for request in everybody]


def _settle(scheduler: Scheduler, step: Step, launched: Launched, end_tokens: Collection[int]) -> None:
    drawn = launched.wait()
    assert all(one.finite for one in drawn)
    scheduler.settle(step, [one.token for one in drawn])
    for chunk in step.sampling:
        request = chunk.request
        known = len(request.tokens) - request.prompt_length
        if known and (request.tokens[-1] in end_tokens or known >= request.max_tokens):
            scheduler.cancel(request)
