"""The runner: a step of the scheduler becomes a batch, the batch logits, the logits tokens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from bot.engine.local.batch import Forward
from bot.engine.local.batching import Batcher
from bot.engine.local.draws import Draws
from bot.engine.local.request import Step
from bot.engine.local.runner import Drawn, Launched
from bot.engine.local.sampler import Sampler

_SHORT_OF_MEMORY = ("not enough memory", "can't allocate memory", "DefaultCPUAllocator")
"""What torch says on a CPU, in an error of no kind of its own."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A step whose tokens are on their way from the device."""

    draws: Draws | None
    """None for a step after which no token is due."""

    def wait(self) -> list[Drawn]:
        """The tokens of the step's sampling chunks. Raises what the computation raised."""
        if self.draws is None:
            return []
        with MemoryFaults():
            return self.draws.wait()


class ModelRunner:
    """`Runner` of one model on one device. Used from one thread.

    `vocabulary` may be less than the width of the logits, where a model's embedding is padded: what is beyond is
    never drawn. `release` is called when the runner is closed.
    """

    def __init__(
        self,
        forward: Forward,
        sampler: Sampler,
        batcher: Batcher,
        *,
        blocks: int,
        context_tokens: int,
        step_tokens: int,
        vocabulary: int,
        overlap: bool,
        release: Callable[[], None],
    ) -> None:
        self.blocks = blocks
        self.context_tokens = context_tokens
        self.step_tokens = step_tokens
        self.vocabulary = vocabulary
        self.overlap = overlap
        self._forward: Forward | None = forward
        self._sampler = sampler
        self._batcher = batcher
        self._release = release

    def launch(self, step: Step) -> Launched:
        """Compute a step. Raises `torch.OutOfMemoryError`, or what the computation raised."""
        if self._forward is None:
            raise RuntimeError("The runner is closed")
        with torch.inference_mode(), MemoryFaults():
            for request in self._batcher.seat(step):
                self._sampler.place(request)
            requests = [chunk.request for chunk in step.sampling]
            logits = self._forward(self._batcher.build(step))
            if not requests:
                return Drawing(None)
            draws = self._sampler.draw(logits[:, : self.vocabulary], requests)
            self._batcher.drawn(requests, draws.tokens)
        return Drawing(draws)

    def close(self) -> None:
        """Give the device's memory back. Again has no effect."""
        if self._forward is not None:
            self._forward = None
            self._release()


class MemoryFaults:
    """Turns every way of being short of memory into `torch.OutOfMemoryError`."""

    def __enter__(self) -> None: ...

    def __exit__(self, _kind: object, fault: BaseException | None, _trace: object) -> None:
        short = isinstance(fault, MemoryError) or (
            isinstance(fault, RuntimeError) and any(words in str(fault) for words in _SHORT_OF_MEMORY)
        )
        if fault is not None and short and not isinstance(fault, torch.OutOfMemoryError):
            fault.__traceback__ = None  # it holds the step's memory
            raise torch.OutOfMemoryError(str(fault) or "Out of memory") from fault
