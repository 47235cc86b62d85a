"""What a model server says when it does not answer, and how much of that may be repeated. Pure: no sockets here."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.engine.base import ChatMessage

_RETRIED = frozenset({408, 409, 425, 429})
_NOT_SUPPORTED = re.compile(
    r"unsupported|not support|unrecogni[sz]ed|unknown|unexpected|extra (input|field|forbidden)|not (permitted|allowed)",
    re.IGNORECASE,
)
_SHOWN_CHARACTERS = 300
_SHARED_CHARACTERS = 12


def may_pass(status: int) -> bool:
    """Whether the same request may succeed later."""
    return status in _RETRIED or status >= 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What a server says when it does not answer."""

    status: int
    message: str = ""
    parameter: str = ""

    @classmethod
    def read(cls, status: int, body: bytes) -> Refusal:
        """From an answer with an error status; what is not the usual JSON gives no message."""
        try:
            found = loads(body)
        except ValueError:
            return cls(status=status)
        return cls.of(found, status) or cls(status=status)

    @classmethod
    def of(cls, found: object, status: int = 0) -> Refusal | None:
        """From a JSON value, in any of the shapes in use; None when it is no error.

        {"error": {"message", "param", "code"}} (OpenAI, vLLM, llama.cpp), {"error": "…"} (Ollama),
        {"object": "error", "message", "code"} (older vLLM), {"detail": …} (FastAPI).
        """
        if not isinstance(found, dict):
            return None
        error = found.get("error")
        if error is None and found.get("object") == "error":
            error = found
        if error is None and status and "detail" in found:
            error = found["detail"] if isinstance(found["detail"], str) else json.dumps(found["detail"])
        if isinstance(error, str):
            return cls(status=status, message=error)
        if not isinstance(error, dict):
            return None
        code = error.get("code")
        said = error.get("message")
        return cls(
            status=status or (code if isinstance(code, int) else 0),
            message=said if isinstance(said, str) else "",
            parameter=str(error.get("param") or ""),
        )

    def refused_fields(self, body: Mapping[str, Any], optional: Collection[str]) -> frozenset[str]:
        """The fields of `body` that the server does not know, of those that are `optional`."""
        if self.status not in (400, 422):
            return frozenset()
        refused = {field for field in optional if self._names(field)} if _NOT_SUPPORTED.search(self.message) else set()
        if self._names("stream_options") or self._names("include_usage"):
            refused.add("stream_options")
        return frozenset(refused & body.keys())

    def _names(self, field: str) -> bool:
        if self.parameter:
            return self.parameter.split(".")[0] == field
        return re.search(rf"(?<![A-Za-z_]){field}(?![A-Za-z_])", self.message) is not None


def loads(text: str | bytes) -> Any:
    """`json.loads`; whatever is wrong with the text is a `ValueError`, its depth too."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def repeatable(message: str, *, key: str, messages: Sequence[ChatMessage]) -> str:
    """A server's `message` on one line, cut short, without the key and without what the conversation says.

    Servers like to quote the request that they refuse; errors are logged, and conversations are not.
    """
    text = " ".join("".join(letter if letter.isprintable() else " " for letter in message).split())
    if key:
        text = text.replace(key, "[key]")
    text = text[:_SHOWN_CHARACTERS]
    for said in messages:
        text = _without_shared(text, said["content"])
    return text


def _without_shared(text: str, said: str) -> str:
    """`text` with every run of `_SHARED_CHARACTERS` or more that also stands in `said` put as "…"."""
    said = " ".join(said.split())
    kept, at = [], 0
    while at < len(text):
        length = _SHARED_CHARACTERS
        if at + length > len(text) or text[at : at + length] not in said:
            kept.append(text[at])
            at += 1
            continue
        while at + length < len(text) and text[at : at + length + 1] in said:
            length += 1
        kept.append("…")
        at += length
    return "".join(kept)
