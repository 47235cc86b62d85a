"""How much there may be at once, and what is refused for it."""

from __future__ import annotations

from dataclasses import dataclass

from bot.engine.local.blocks import BlockPool
from bot.engine.local.request import Request


class QueueFull(Exception):
    """As many requests wait as may wait."""


class Unfit(ValueError):
    """A request that could not be computed here even if it were alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """`requests` run at once and `queue` wait at most; a step computes at most `step_tokens`.

    `context_tokens` bounds a prompt and its answer together.
    """

    requests: int
    step_tokens: int
    queue: int
    context_tokens: int

    def __post_init__(self) -> None:
        if min(self.requests, self.step_tokens, self.queue, self.context_tokens) < 1:
            raise ValueError(f"Limits are 1 at least: {self}")

    def insist_on_fit(self, request: Request, pool: BlockPool) -> None:
        """Raise `Unfit` when `request` alone, with an answer as long as it may be, would be too much."""
        prompt, answer = request.prompt_length, request.max_tokens
        if prompt < 1 or len(request.tokens) != prompt:
            raise Unfit(f"A request begins with its prompt of 1 token at least, not with {len(request.tokens)}.")
        if answer < 1:
            raise Unfit(f"max_tokens is 1 at least, not {answer}.")
        if prompt + answer > self.context_tokens:
            raise Unfit(
                f"The prompt's {prompt} tokens and max_tokens={answer} are more than the {self.context_tokens} "
                "that fit the context. Shorten the prompt or ask for fewer."
            )
        if pool.blocks_for(prompt + answer - 1) > pool.total:  # the last token is never computed
            raise Unfit(
                f"The prompt's {prompt} tokens and max_tokens={answer} are more than the "
                f"{pool.total * pool.block_tokens} that the cache has memory for. Shorten the prompt, ask for fewer, "
                "or give the cache more memory."
            )
