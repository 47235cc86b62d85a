"""Computing steps: what the worker asks of the hardware."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from bot.engine.local.request import Step


@dataclass(frozen=True, slots=True)
class Drawn:
    """The token drawn for one request. `finite` is False where its logits were not numbers: the token means nothing.

    `logprob` is that of the token, `top` the likeliest (id, log-probability) in its place, best first; both are
    those of the model's own distribution, before sampling settings, and there only where they were asked for.
    """

    token: int
    finite: bool = True
    logprob: float = 0.0
    top: tuple[tuple[int, float], ...] = ()


class Launched(Protocol):
    """A step on its way."""

    def wait(self) -> list[Drawn]:
        """The tokens of `step.sampling`, in that order. Raises what the computation raised."""


class Runner(Protocol):
    """A model on a device with its KV cache. Used from one thread.

    It learns a request's sampling settings when it first sees the request in its slot, and again after a preemption.
    """

    blocks: int
    """Blocks of the KV cache, block 0 (which belongs to nobody) included."""
    context_tokens: int
    """The longest prompt and answer together."""
    step_tokens: int
    """Tokens that a step computes at most."""
    vocabulary: int
    overlap: bool
    """Whether the next step may be launched before the last one's tokens are known."""

    def launch(self, step: Step) -> Launched:
        """Compute a step. Raises `torch.OutOfMemoryError`, or what the computation raised."""

    def close(self) -> None:
        """Give the device's memory back."""
