"""What `POST /v1/responses` is answered with: a stream of typed events, or one document. Pure.

https://platform.openai.com/docs/api-reference/responses-streaming: created, in_progress, the item and its part are
added, deltas of text, all of them done, and completed (or incomplete, when the text was cut at its longest).
"""

from __future__ import annotations

import time
from typing import Any

from adapters.openai import words
from adapters.openai.generator import Delta, Usage
from adapters.openai.problem import Problem
from adapters.openai.responses import ResponseRequest
from adapters.openai.words import encoded, ident, quoted

_TYPE_DELTA = b"response.output_text.delta"


class Written:
    """The one message of a response while it is written."""

    def __init__(self, request: ResponseRequest, model: str, created: int) -> None:
        self.item = ident("msg_")
        self._text: list[str] = []
        self._logprobs: list[dict[str, Any]] = []
        self.finish = "stop"
        self._shared = {
            "id": ident("resp_"),
            "object": "response",
            "created_at": created,
            "model": model,
            "background": False,
            "error": None,
            "parallel_tool_calls": True,
            "previous_response_id": None,
            "reasoning": {"effort": None, "summary": None},
            "service_tier": "default",
            "store": False,
            "tool_choice": "auto",
            "tools": [],
            "truncation": "disabled",
            "user": None,
            **request.shown,
        }

    def feed(self, delta: Delta) -> None:
        self._text.append(delta.text)
        self._logprobs += words.logprobs(delta.logprobs)
        self.finish = delta.finish_reason or self.finish

    @property
    def status(self) -> str:
        return "incomplete" if self.finish == "length" else "completed"

    def part(self) -> dict[str, Any]:
        text = "".join(self._text)
        return {"type": "output_text", "text": text, "annotations": [], "logprobs": self._logprobs}

    def message(self, status: str, content: list[Any]) -> dict[str, Any]:
        return {"id": self.item, "type": "message", "status": status, "role": "assistant", "content": content}

    def response(self, status: str, **more: Any) -> dict[str, Any]:
        empty: dict[str, Any] = {"completed_at": None, "incomplete_details": None, "output": [], "usage": None}
        return {**self._shared, "status": status, **empty, **more}

    def ended(self, usage: Usage) -> dict[str, Any]:
        """The whole response."""
        cut = {"reason": "max_output_tokens"} if self.finish == "length" else None
        return self.response(
            self.status,
            completed_at=None if cut else int(time.time()),
            incomplete_details=cut,
            output=[self.message(self.status, [self.part()])],
            usage={
                "input_tokens": usage.prompt_tokens,
                "input_tokens_details": {"cached_tokens": usage.cached_tokens, "cache_write_tokens": 0},
                "output_tokens": usage.completion_tokens,
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": usage.prompt_tokens + usage.completion_tokens,
            },
        )


class ResponseDocument:
    """Deltas into one document."""

    def __init__(self, request: ResponseRequest, model: str, created: int) -> None:
        self._written = Written(request, model, created)

    def feed(self, delta: Delta) -> None:
        self._written.feed(delta)

    def end(self, usage: Usage) -> dict[str, Any]:
        return self._written.ended(usage)


class ResponseStream:
    """Deltas into server-sent events, each with its number."""

    def __init__(self, request: ResponseRequest, model: str, created: int) -> None:
        self._written = Written(request, model, created)
        self._number = 0
        where = {"item_id": self._written.item, "output_index": 0, "content_index": 0}
        self._where = where
        kind = _TYPE_DELTA.decode()
        self._head = b"event: " + _TYPE_DELTA + b"\ndata: " + encoded({"type": kind, **where})[:-1] + b',"delta":'
        self._begun = False

    def feed(self, delta: Delta) -> bytes:
        self._written.feed(delta)
        begin = b"" if self._begun else self._begin()
        if not delta.text and not delta.logprobs:
            return begin
        known = encoded(words.logprobs(delta.logprobs)) if delta.logprobs else b"[]"
        number = b'%b,"logprobs":%b,"sequence_number":%d}\n\n' % (quoted(delta.text), known, self._count())
        return begin + self._head + number

    def end(self, usage: Usage) -> bytes:
        """After the last delta."""
        written = self._written
        part, status = written.part(), written.status
        whole = written.ended(usage)
        return b"".join(
            (
                self._event("output_text.done", **self._where, text=part["text"], logprobs=part["logprobs"]),
                self._event("content_part.done", **self._where, part=part),
                self._event("output_item.done", output_index=0, item=written.message(status, [part])),
                self._event(status, response=whole),
            )
        )

    def fail(self, problem: Problem) -> bytes:
        """What went wrong after the answer had begun."""
        error = {"code": problem.code or "server_error", "message": str(problem)}
        content = [self._written.part()]
        output = [self._written.message("incomplete", content)]
        return self._event("failed", response=self._written.response("failed", error=error, output=output))

    def _begin(self) -> bytes:
        self._begun = True
        empty = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
        begun = self._written.response("in_progress")
        return b"".join(
            (
                self._event("created", response=begun),
                self._event("in_progress", response=begun),
                self._event("output_item.added", output_index=0, item=self._written.message("in_progress", [])),
                self._event("content_part.added", **self._where, part=empty),
            )
        )

    def _event(self, kind: str, **content: Any) -> bytes:
        full = f"response.{kind}"
        found = {"type": full, **content, "sequence_number": self._count()}
        return f"event: {full}\n".encode() + words.event(found)

    def _count(self) -> int:
        self._number += 1
        return self._number - 1
