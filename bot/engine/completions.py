"""The chat completions protocol, as OpenAI, vLLM, Ollama and llama.cpp speak it. Pure: no sockets here.

`request_body` says what to ask; `AnswerReader` turns the bytes of a successful answer into `Chunk`s, whether the
server streams or sends one JSON document.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.engine.base import ChatMessage, EngineBusy, EngineFault, EngineFinish, SamplingSettings, Usage
from bot.engine.refusal import Refusal, loads, may_pass
from bot.engine.sse import EventReader, EventTooLong, ServerEvent

_FINISH: Mapping[str, EngineFinish] = {"length": "length", "max_tokens": "length", "model_length": "length"}
_BROKEN_FINISH: Mapping[str, str] = {
    "content_filter": "the model server's content filter cut the answer short",
    "abort": "the model server gave the answer up",
    "error": "the model server failed while it was answering",
}
_DOCUMENT_LIMIT = 8_000_000
_SURROGATE = re.compile("[\ud800-\udfff]")


def request_body(
    model: str, messages: Sequence[ChatMessage], sampling: SamplingSettings, *, without: Collection[str] = ()
) -> dict[str, Any]:
    """The JSON of a streaming request. Settings at their neutral value are left out: some servers refuse them.

    `without` are fields that this server refuses; "max_tokens" among them is sent as "max_completion_tokens".
    """
    body: dict[str, Any] = {
        "model": model,
        "messages": [{"role": message["role"], "content": message["content"]} for message in messages],
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": sampling.temperature,
        "max_tokens": sampling.max_tokens,
    }
    if "max_tokens" in without:
        body["max_completion_tokens"] = sampling.max_tokens
    if not model:
        del body["model"]
    if sampling.stop:
        body["stop"] = list(sampling.stop[:4])  # the API's limit; whoever reads the answer watches for all of them
    if sampling.seed is not None:
        body["seed"] = sampling.seed
    for field, neutral in _NEUTRAL.items():
        value = getattr(sampling, field)
        if value != neutral:
            body[field] = value
    return {field: value for field, value in body.items() if field not in without}


_NEUTRAL: Mapping[str, float] = {
    "top_p": 1,
    "top_k": 0,
    "min_p": 0,
    "frequency_penalty": 0,
    "presence_penalty": 0,
    "repetition_penalty": 1,
}
OPTIONAL_FIELDS = ("temperature", "max_tokens", "stop", "seed", *_NEUTRAL)
"""Settings that an answer can do without when a server refuses them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """One step of an answer. `alive` tells that the model wrote something, be it only thoughts that are not shown."""

    text: str = ""
    alive: bool = False
    finish_reason: EngineFinish = ""
    usage: Usage | None = None


class AnswerReader:
    """Reads the body of a successful answer.

    Raises `EngineBusy` when the server reports in mid-stream that it is overloaded, and `EngineFault` for every
    other error, for what is not this protocol, and (from `end`) for an answer that is cut off.
    """

    def __init__(self, repeatable: Callable[[str], str] = str) -> None:
        """`repeatable` gives what may be repeated of a server's error message."""
        self._repeatable = repeatable
        self._events = EventReader(data_fields=("data", "error"))  # llama.cpp has sent "error: {…}" lines
        self._document: bytearray | None = None
        self._begun = False
        self._half_character = ""
        self.finished = False
        """The server said why it stopped; only the count of tokens may still come."""
        self.done = False
        """The server said that nothing follows."""
        self._spoke = False
        self._alive = False

    def feed(self, received: bytes) -> list[Chunk]:
        if not self._begun:
            start = received.removeprefix(b"\xef\xbb\xbf").lstrip()
            if not start:
                return []
            self._begun = True
            # No line of an event stream begins with a brace: this server does not stream.
            self._document = bytearray() if start[:1] in b"{[" else None
        if self._document is not None:
            self._document += received
            if len(self._document) > _DOCUMENT_LIMIT:
                raise EngineFault("The model server's answer is too long to be one.")
            return []
        try:
            return [chunk for event in self._events.feed(received) for chunk in self._event(event)]
        except EventTooLong as error:
            raise EngineFault(f"The model server does not stream chat completions: {error}.") from None

    def end(self) -> list[Chunk]:
        """The connection is at its end."""
        if self._document is not None and not self.done:
            return list(self._whole(bytes(self._document)))
        chunks: list[Chunk] = []
        for event in self._events.end():
            if self.finished or event.data == "[DONE]" or _is_json(event.data):
                chunks.extend(self._event(event))
        if not (self.finished or self.done):
            raise self._cut_off()
        return chunks

    def _event(self, event: ServerEvent) -> Iterator[Chunk]:
        if self.done or not event.data.strip():
            return
        if event.data.strip() == "[DONE]":
            if not self._spoke:
                raise EngineFault("The model server ended its answer before it began.")
            self.done = True
            return
        if self.finished:
            yield from _only_usage(event.data)
            return
        found = _parse(event.data)
        if event.name == "error" and isinstance(found, dict) and "error" not in found:
            found = {"error": found}
        self._raise_error(found)
        yield self._chunk(found)

    def _chunk(self, found: Any) -> Chunk:
        try:
            usage = _usage(found.get("usage"))
            choices = [choice for choice in found["choices"] or () if choice.get("index", 0) == 0]
            if not choices:
                return Chunk(usage=usage)
            delta = choices[0].get("delta") or {}
            text = _text(delta.get("content"))
            reason = choices[0].get("finish_reason")
            thoughts = delta.get("reasoning_content") or delta.get("reasoning")
        except (AttributeError, KeyError, TypeError, ValueError):
            raise _not_the_protocol() from None
        return self._made(text, reason, usage, alive=bool(text or thoughts))

    def _whole(self, document: bytes) -> Iterator[Chunk]:
        try:
            found = loads(document)
        except ValueError:
            raise self._cut_off() from None
        self._raise_error(found)
        try:
            choice = found["choices"][0]
            text, reason = _text(choice["message"].get("content")), choice.get("finish_reason")
            usage = _usage(found.get("usage"))
        except (AttributeError, IndexError, KeyError, TypeError, ValueError):
            raise _not_the_protocol() from None
        yield self._made(text, reason or "stop", usage, alive=True)
        self.done = True

    def _made(self, text: str, reason: object, usage: Usage | None, *, alive: bool) -> Chunk:
        self._spoke = True
        self._alive = self._alive or alive
        finish: EngineFinish = ""
        if reason:
            if broken := _BROKEN_FINISH.get(str(reason)):
                raise EngineFault(f"The answer is not whole: {broken}.")
            finish, self.finished = _FINISH.get(str(reason), "stop"), True
        return Chunk(
            text=self._whole_characters(text, last=bool(reason)), alive=alive, finish_reason=finish, usage=usage
        )

    def _whole_characters(self, text: str, *, last: bool) -> str:
        """JSON may cut a character beyond the BMP into two escapes, and a server may send them one by one."""
        text, self._half_character = self._half_character + text, ""
        if not _SURROGATE.search(text):
            return text
        if not last and "\ud800" <= text[-1] <= "\udbff":
            text, self._half_character = text[:-1], text[-1]
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")

    def _raise_error(self, found: object) -> None:
        refusal = Refusal.of(found)
        if refusal is None:
            return
        fault = EngineBusy if may_pass(refusal.status) else EngineFault
        reason = self._repeatable(refusal.message) or "it gave no reason"
        raise fault(f"The model server reported an error while it was answering: {reason}")

    def _cut_off(self) -> EngineFault:
        if self._alive or self._document is not None:
            return EngineFault("The model server's answer was cut off.")
        if self._spoke:
            return EngineBusy("The model server broke off before it began its answer.")
        return EngineFault(
            "The model server answered with something that is not a chat completion: check engine.openai.base_url."
        )


def model_names(body: bytes) -> tuple[str, ...]:
    """The ids in an answer to `GET /models`. Raises `EngineFault` when it is none."""
    try:
        return tuple(str(model["id"]) for model in loads(body)["data"] or ())
    except (ValueError, KeyError, TypeError):
        raise _not_the_protocol() from None


def _parse(data: str) -> Any:
    try:
        return loads(data)
    except ValueError:
        raise EngineFault("The model server sent an event that is not JSON.") from None


def _only_usage(data: str) -> Iterator[Chunk]:
    """From what follows a whole answer, which nothing wrong in it can spoil."""
    try:
        usage = _usage(loads(data).get("usage"))
    except (AttributeError, ValueError):
        return
    if usage:
        yield Chunk(usage=usage)


def _is_json(data: str) -> bool:
    try:
        loads(data)
    except ValueError:
        return False
    return True


def _text(content: object) -> str:
    """A delta's content: a text, nothing, or a list of parts of which some are text."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(part["text"] for part in content if part.get("type") == "text")
    raise TypeError("content is neither text nor parts")


def _usage(found: object) -> Usage | None:
    if not isinstance(found, dict):
        return None
    return Usage(
        prompt_tokens=int(found.get("prompt_tokens") or 0), completion_tokens=int(found.get("completion_tokens") or 0)
    )


def _not_the_protocol() -> EngineFault:
    return EngineFault("The model server sent JSON that is not a chat completion: check engine.openai.base_url.")
