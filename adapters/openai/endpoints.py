"""The three things that can be asked for, each as: how to read it, how to ask the generator, how to answer. Pure."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypedDict, TypeVar

from adapters.openai.chat import Asked, ChatRequest, read_chat
from adapters.openai.chat_answer import ChatDocument, ChatStream
from adapters.openai.completions import CompletionDocument, CompletionRequest, CompletionStream, read_completion
from adapters.openai.generator import Delta, Generator, Usage
from adapters.openai.many import many
from adapters.openai.meter import Asking
from adapters.openai.responses import ResponseRequest, read_response
from adapters.openai.responses_answer import ResponseDocument, ResponseStream
from adapters.openai.wire import Encoder
from bot.config import ApiConfig

AskedT = TypeVar("AskedT", bound=Asked)


class Turn(TypedDict):
    """Whose turn a request is, how soon, and for how many seconds."""

    owner: str
    priority: int
    deadline: float


class Document(Protocol):
    def feed(self, delta: Delta) -> None: ...

    def end(self, usage: Usage) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Endpoint(Generic[AskedT]):
    """`stream` and `document` are called with the request, the model's name and the time in seconds."""

    read: Callable[[Mapping[str, object], ApiConfig, str], AskedT]
    ask: Callable[[Generator, AskedT, Turn], AsyncGenerator[Delta, None]]
    prompts: Callable[[AskedT], Sequence[Asking]]
    stream: Callable[[AskedT, str, int], Encoder]
    document: Callable[[AskedT, str, int], Document]


def _chat(generator: Generator, asked: ChatRequest, turn: Turn) -> AsyncGenerator[Delta, None]:
    return generator.stream(asked.messages, asked.sampling, tools=asked.tools.offered, **turn)


def _completion(generator: Generator, asked: CompletionRequest, turn: Turn) -> AsyncGenerator[Delta, None]:
    streams = [generator.complete(prompt, asked.sampling, **turn) for prompt in asked.prompts]
    return streams[0] if len(streams) == 1 else many(streams, asked.sampling.n)


def _response(generator: Generator, asked: ResponseRequest, turn: Turn) -> AsyncGenerator[Delta, None]:
    return generator.stream(asked.messages, asked.sampling, tools=(), **turn)


CHAT = Endpoint(
    read_chat, _chat, lambda asked: [[*asked.messages, *asked.tools.offered]], ChatStream, ChatDocument
)  # fmt: skip
COMPLETION = Endpoint(
    read_completion, _completion, lambda asked: asked.prompts, CompletionStream, CompletionDocument
)  # fmt: skip
RESPONSE = Endpoint(read_response, _response, lambda asked: [asked.messages], ResponseStream, ResponseDocument)
