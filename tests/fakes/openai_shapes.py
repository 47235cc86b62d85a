"""The JSON that four servers stream, written from what is known of them, not recorded; they differ in what clients
trip over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Flavour = Literal["openai", "vllm", "ollama", "llama.cpp"]
FLAVOURS: tuple[Flavour, ...] = ("openai", "vllm", "ollama", "llama.cpp")

_ROLE: Mapping[Flavour, dict[str, Any]] = {
    "openai": {"role": "assistant", "content": "", "refusal": None},
    "vllm": {"role": "assistant", "content": ""},
    "ollama": {"role": "assistant", "content": ""},
    "llama.cpp": {"role": "assistant", "content": None},
}
_LAST: Mapping[Flavour, dict[str, Any]] = {
    "openai": {},
    "vllm": {"content": ""},
    "ollama": {"content": ""},
    "llama.cpp": {},
}


@dataclass(frozen=True)
class Shapes:
    flavour: Flavour
    model: str

    def role(self) -> dict[str, Any]:
        """The first event: who speaks, and nothing said."""
        return self.chunk(_ROLE[self.flavour])

    def last(self, finish: str) -> dict[str, Any]:
        return self.chunk(_LAST[self.flavour], finish)

    def usage(self, usage: dict[str, int]) -> dict[str, Any]:
        """The event after the last, when it was asked for: no choice at all."""
        return {**self.chunk({}), "choices": [], "usage": usage}

    def chunk(self, delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        if self.flavour == "ollama":
            delta = {"role": "assistant", **delta}
        choice: dict[str, Any] = {"index": 0, "delta": delta, "finish_reason": finish}
        chunk: dict[str, Any] = {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 1_700_000_000,
            "model": self.model,
            "choices": [choice],
        }
        if self.flavour == "openai":
            choice["logprobs"] = None
            chunk |= {"service_tier": "default", "system_fingerprint": "fp_1", "usage": None, "obfuscation": "xY"}
        if self.flavour == "vllm":
            choice["logprobs"] = None
            choice |= {"stop_reason": None, "token_ids": None} if finish else {}
        if self.flavour == "ollama":
            chunk["system_fingerprint"] = "fp_ollama"
        if self.flavour == "llama.cpp":
            chunk["timings"] = {"predicted_n": 3, "predicted_ms": 12.5}
        return chunk

    def document(self, text: str, finish: str | None, usage: dict[str, int]) -> dict[str, Any]:
        """The whole answer at once, from a server that does not stream."""
        message = {"role": "assistant", "content": text}
        return {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "model": self.model,
            "choices": [{"index": 0, "message": message, "finish_reason": finish}],
            "usage": usage,
        }
