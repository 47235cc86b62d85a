"""What a chat is answered with: a stream of chunks, or one document. Pure.

https://platform.openai.com/docs/api-reference/chat/streaming. A chunk with text is the most frequent thing that this
server writes: all of it but the text is made ready beforehand.
"""

from __future__ import annotations

from typing import Any

from adapters.openai import words
from adapters.openai.chat import ChatRequest
from adapters.openai.choice import Choice
from adapters.openai.generator import Delta, Usage
from adapters.openai.problem import Problem
from adapters.openai.words import DONE, FINGERPRINT, encoded, event, ident, quoted


class ChatStream:
    """Deltas into server-sent events."""

    def __init__(self, request: ChatRequest, model: str, created: int) -> None:
        self._choices = [Choice(request.tools) for _ in range(request.sampling.n)]
        self._include_usage = request.include_usage
        self._shared = {
            "id": ident("chatcmpl-"),
            "object": "chat.completion.chunk",
            "created": created,
            "model": model,
            "system_fingerprint": FINGERPRINT,
        }
        head = b"data: " + encoded(self._shared)[:-1] + b',"choices":[{"index":%d,"delta":{"content":'
        self._heads = [head.replace(b"%d", str(index).encode()) for index in range(request.sampling.n)]
        self._tail = b'},"logprobs":null,"finish_reason":null}]' + (b',"usage":null' if self._include_usage else b"")
        self._tail += b"}\n\n"

    def feed(self, delta: Delta) -> bytes:
        choice = self._choices[delta.index]
        if choice.begun and choice.plain and not delta.logprobs and not delta.finish_reason:
            return self._heads[delta.index] + quoted(delta.text) + self._tail if delta.text else b""
        return b"".join(self._events(choice, delta))

    def end(self, usage: Usage) -> bytes:
        """After the last delta."""
        counted = {**self._shared, "choices": [], "usage": words.usage(usage)}
        return (event(counted) if self._include_usage else b"") + DONE

    def fail(self, problem: Problem) -> bytes:
        return words.failure(problem)

    def _events(self, choice: Choice, delta: Delta) -> list[bytes]:
        found = []
        if not choice.begun:
            choice.begun = True
            found.append(self._chunk(delta.index, {"role": "assistant", "content": ""}))
        pieces = list(choice.pieces(delta))
        if delta.logprobs and not pieces:
            pieces = [{"content": ""}]  # its text is held back: what is known of its tokens is not
        for number, piece in enumerate(pieces):
            known = {"content": words.logprobs(delta.logprobs)} if delta.logprobs and not number else None
            found.append(self._chunk(delta.index, piece, known))
        if delta.finish_reason:
            found.append(self._chunk(delta.index, {}, finish_reason=choice.finish_reason(delta)))
        return found

    def _chunk(self, index: int, piece: Any, logprobs: Any = None, finish_reason: str | None = None) -> bytes:
        choice = {"index": index, "delta": piece, "logprobs": logprobs, "finish_reason": finish_reason}
        return event({**self._shared, "choices": [choice]} | ({"usage": None} if self._include_usage else {}))


class ChatDocument:
    """Deltas into one document."""

    def __init__(self, request: ChatRequest, model: str, created: int) -> None:
        self._answers = [_Answer(request) for _ in range(request.sampling.n)]
        self._model, self._created = model, created

    def feed(self, delta: Delta) -> None:
        self._answers[delta.index].feed(delta)

    def end(self, usage: Usage) -> dict[str, Any]:
        return {
            "id": ident("chatcmpl-"),
            "object": "chat.completion",
            "created": self._created,
            "model": self._model,
            "system_fingerprint": FINGERPRINT,
            "choices": [{"index": index, **answer.whole()} for index, answer in enumerate(self._answers)],
            "usage": words.usage(usage),
        }


class _Answer:
    def __init__(self, request: ChatRequest) -> None:
        self._choice = Choice(request.tools)
        self._text: list[str] = []
        self._calls: list[dict[str, Any]] = []
        self._logprobs: list[dict[str, Any]] | None = [] if request.sampling.logprobs else None
        self._finish = "stop"

    def feed(self, delta: Delta) -> None:
        for piece in self._choice.pieces(delta):
            self._text.append(piece.get("content", ""))
            for call in piece.get("tool_calls", ()):
                self._add(call)
        if self._logprobs is not None:
            self._logprobs += words.logprobs(delta.logprobs)
        self._finish = self._choice.finish_reason(delta) or self._finish

    def _add(self, call: dict[str, Any]) -> None:
        if "id" in call:
            self._calls.append({key: call[key] for key in ("id", "type", "function")})
        else:
            self._calls[-1]["function"]["arguments"] += call["function"]["arguments"]

    def whole(self) -> dict[str, Any]:
        text = "".join(self._text)
        message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": None}
        if self._calls:
            message |= {"content": text or None, "tool_calls": self._calls}
        known = None if self._logprobs is None else {"content": self._logprobs, "refusal": None}
        return {"message": message, "logprobs": known, "finish_reason": self._finish}
