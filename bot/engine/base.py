"""What every engine is: messages in, a stream of deltas out. Nothing here knows who asks or why."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NotRequired, Protocol, TypedDict

EngineFinish = Literal["", "stop", "length"]


class ChatMessage(TypedDict):
    """One message in the form that chat templates and OpenAI-compatible servers take."""

    role: str
    content: str
    tool_calls: NotRequired[Sequence[Mapping[str, Any]]]
    tool_call_id: NotRequired[str]
    name: NotRequired[str]


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
    @property
    def logit_bias(self) -> Mapping[int, float]: ...
    @property
    def logprobs(self) -> bool: ...
    @property
    def top_logprobs(self) -> int: ...
    @property
    def ignore_eos(self) -> bool: ...
    @property
    def json_schema(self) -> str: ...
    @property
    def regex(self) -> str: ...
    @property
    def choice(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens read and written by one request. `cached_tokens` of the prompt had been read before."""

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenLogprob:
    """One token with its natural-log probability before sampling; `top` holds the likeliest in its place.

    `token` is the text alone (with U+FFFD where its bytes are only part of a character), `raw` its bytes.
    """

    token: str
    token_id: int
    logprob: float
    raw: bytes
    top: tuple[TokenLogprob, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """What came out since the last one. The last delta of each of the `n` answers has a `finish_reason`.

    `tokens` is how many tokens came (0 when the engine does not know); `text` may lag behind them, since half
    a character and what may become a stop string are held back. `index` says which of `n` answers it belongs to.
    The very last delta of the stream carries the `usage` of the whole request.
    """

    text: str
    tokens: int = 0
    finish_reason: EngineFinish = ""
    usage: Usage | None = None
    index: int = 0
    logprobs: tuple[TokenLogprob, ...] = ()


class Engine(Protocol):
    """A source of text. One instance serves all conversations at once."""

    async def start(self) -> None:
        """Make ready: load, connect, verify. Raises when that cannot work, saying what to do."""

    def stream(
        self, messages: Sequence[ChatMessage], sampling: SamplingSettings, *, owner: str = ""
    ) -> AsyncGenerator[Delta, None]:
        """Generate an answer to `messages`. Closing the iterator frees its place within one step.

        Requests of one `owner` (a visitor, an API key) share that owner's turn where requests have to wait.
        Raises `EngineFault` (or a subclass) from the iterator when this one request fails.
        """

    def count_tokens(self, text: str) -> int:
        """How many tokens `text` has for this engine; an estimate where the tokenizer is not known."""

    async def close(self) -> None:
        """End all streams and give everything back."""


class EngineFault(Exception):
    """One request failed. The message says why and holds no secret."""


class EngineRefused(EngineFault):
    """The request itself cannot be done, now or later; `field` names the part of it that is wrong."""

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class EngineTooLong(EngineRefused):
    """A prompt that is longer than the engine holds: the same with less in it can be done."""


class EngineBusy(EngineFault):
    """The engine cannot be reached or refuses for now: trying again later may work."""


class EngineSlow(EngineFault):
    """The engine took longer than it may."""
