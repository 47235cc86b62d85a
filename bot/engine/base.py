"""What every engine is: messages in, a stream of deltas out. Nothing here knows who asks or why."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypedDict

EngineFinish = Literal["", "stop", "length"]


class ChatMessage(TypedDict):
    """One message in the form that chat templates and OpenAI-compatible servers take."""

    role: str
    content: str


class SamplingSettings(Protocol):
    """How to choose words: the fields that an engine reads (`bot.events.Sampling` has them)."""

    @property
    def temperature(self) -> float: ...
    @property
    def top_p(self) -> float: ...
    @property
    def top_k(self) -> int: ...
    @property
    def min_p(self) -> float: ...
    @property
    def max_tokens(self) -> int: ...
    @property
    def stop(self) -> tuple[str, ...]: ...
    @property
    def seed(self) -> int | None: ...
    @property
    def frequency_penalty(self) -> float: ...
    @property
    def presence_penalty(self) -> float: ...
    @property
    def repetition_penalty(self) -> float: ...
    @property
    def n(self) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens read and written by one request."""

    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """What came out since the last one. The last delta of a stream has a `finish_reason`.

    `tokens` is how many tokens `text` stands for (0 when the engine does not know).
    """

    text: str
    tokens: int = 0
    finish_reason: EngineFinish = ""
    usage: Usage | None = None


class Engine(Protocol):
    """A source of text. One instance serves all conversations at once."""

    async def start(self) -> None:
        """Make ready: load, connect, verify. Raises when that cannot work, saying what to do."""

    def stream(self, messages: Sequence[ChatMessage], sampling: SamplingSettings) -> AsyncGenerator[Delta, None]:
        """Generate an answer to `messages`. Closing the iterator frees its place within one step.

        Raises `EngineFault` (or a subclass) from the iterator when this one request fails.
        """

    def count_tokens(self, text: str) -> int:
        """How many tokens `text` has for this engine; an estimate where the tokenizer is not known."""

    async def close(self) -> None:
        """End all streams and give everything back."""


class EngineFault(Exception):
    """One request failed. The message says why and holds no secret."""


class EngineBusy(EngineFault):
    """The engine cannot be reached or refuses for now: trying again later may work."""


class EngineSlow(EngineFault):
    """The engine took longer than it may."""
