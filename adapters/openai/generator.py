"""What stands behind the API: whatever generates text. The desk hands one over.

An adapter does not know the engine, so what it needs of one is written here. `bot/generator.py` makes it of an engine.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, Protocol

from bot.events import Sampling

ChatMessage = Mapping[str, Any]
"""`role`, `content` (text), and where they belong `name`, `tool_calls` and `tool_call_id`, as chat templates take them.

A call's arguments are an object here, not JSON in a string."""

Tool = Mapping[str, Any]
"""{"type": "function", "function": {"name", "description", "parameters"}}, as chat templates take it."""

Prompt = str | Sequence[int]


class Usage(Protocol):
    @property
    def prompt_tokens(self) -> int: ...
    @property
    def completion_tokens(self) -> int: ...
    @property
    def cached_tokens(self) -> int: ...


class TokenLogprob(Protocol):
    """`logprob` is natural; `raw` the token's bytes; `top` the likeliest tokens in its place."""

    @property
    def token(self) -> str: ...
    @property
    def token_id(self) -> int: ...
    @property
    def logprob(self) -> float: ...
    @property
    def raw(self) -> bytes: ...
    @property
    def top(self) -> Sequence[TokenLogprob]: ...


class Delta(Protocol):
    """What came out since the last one, of the `index`-th of `n` answers.

    The last delta of each answer has a `finish_reason` ("stop" or "length"), the very last one the `usage` of all.
    """

    @property
    def text(self) -> str: ...
    @property
    def tokens(self) -> int: ...
    @property
    def finish_reason(self) -> str: ...
    @property
    def usage(self) -> Usage | None: ...
    @property
    def index(self) -> int: ...
    @property
    def logprobs(self) -> Sequence[TokenLogprob]: ...


class Generator(Protocol):
    """A source of text. Closing a stream frees its place at once.

    `owner` is who shares a turn where requests wait; a higher `priority` goes first; after `deadline` seconds the
    stream ends in `GenerationSlow`. The iterators raise `GenerationFault` or a subclass.
    """

    def stream(
        self,
        messages: Sequence[ChatMessage],
        sampling: Sampling,
        *,
        owner: str,
        priority: int,
        deadline: float,
        tools: Sequence[Tool],
    ) -> AsyncGenerator[Delta, None]:
        """Answer a conversation."""

    def complete(
        self, prompt: Prompt, sampling: Sampling, *, owner: str, priority: int, deadline: float
    ) -> AsyncGenerator[Delta, None]:
        """Write on from `prompt`: text, or the ids of its tokens."""

    def count_tokens(self, text: str) -> int: ...


class GenerationFault(Exception):
    """One request failed. The message says why and holds no secret."""


class GenerationRefused(GenerationFault):
    """The request itself cannot be done; `field` is the `Sampling` field or argument that is at fault."""

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class GenerationTooLong(GenerationRefused):
    """The prompt is longer than the model's context."""


class GenerationBusy(GenerationFault):
    """Not now: trying again later may work."""


class GenerationSlow(GenerationFault):
    """It took longer than it may."""
