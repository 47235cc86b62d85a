"""How many tokens a request uses: before it begins at most, while it runs so far, and in the end. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.openai.generator import Delta, GenerationFault, Generator, Prompt

Asking = Prompt | Sequence[Mapping[str, Any]]
"""A prompt, or the messages of a conversation and its tools."""

_BYTES_PER_TOKEN = 4
_COUNTED_CHARACTERS = 50_000
"""Longer texts are estimated, since counting would hold up everybody else."""


@dataclass(frozen=True, slots=True)
class Count:
    """A `generator.Usage`."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0


class Meter:
    """Counts one request that asks `prompts`, each of which says its own usage at its end.

    One that is broken off says none, and some servers never do: then what was written counts, and the prompt's text.
    """

    def __init__(self, prompts: Sequence[Asking], longest: int) -> None:
        self._prompts = prompts
        self.at_most = sum(_estimated(prompt) for prompt in prompts) + longest * len(prompts)
        self._prompt = self._completed = self._cached = self._written = 0
        self._uncounted: list[str] = []
        self._told = 0
        self._begun = False

    def take(self, delta: Delta) -> None:
        self._begun = True
        self._written += delta.tokens
        if delta.text and not delta.tokens:
            self._uncounted.append(delta.text)
        if (usage := delta.usage) is not None:
            self._told += 1
            self._prompt += usage.prompt_tokens
            self._completed += usage.completion_tokens
            self._cached += usage.cached_tokens

    def broken_off(self) -> None:
        """The client has gone: its prompt counts, since reading that may have been most of the work."""
        self._begun = True

    def count(self, generator: Generator) -> Count:
        """What was used; nothing when nothing began."""
        if not self._begun:
            return Count()
        if self._told == len(self._prompts):
            return Count(self._prompt, self._completed, self._cached)
        read = sum(_counted(prompt, generator) for prompt in self._prompts)
        written = self._written or _counted("".join(self._uncounted), generator)
        return Count(max(self._prompt, read), max(self._completed, written), self._cached)


def _counted(prompt: Asking, generator: Generator) -> int:
    text = _text(prompt)
    if not text or len(text) > _COUNTED_CHARACTERS:
        return _estimated(prompt)
    try:
        return generator.count_tokens(text)
    except GenerationFault:
        return _estimated(prompt)


def _estimated(prompt: Asking) -> int:
    text = _text(prompt)
    return len(text.encode()) // _BYTES_PER_TOKEN + 1 if text else len(prompt)


def _text(prompt: Asking) -> str:
    """Its text; "" for ids of tokens."""
    if isinstance(prompt, str):
        return prompt
    return "\n".join(_said(one) for one in prompt if isinstance(one, Mapping))


def _said(one: Mapping[str, Any]) -> str:
    """Everything of a message or a tool that a chat template writes."""
    more = [json.dumps(one[part], ensure_ascii=False) for part in ("name", "tool_calls", "function") if part in one]
    return "\n".join([str(one.get("content", "")), *more])
