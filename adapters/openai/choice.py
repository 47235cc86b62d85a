"""One of the answers to a chat: what of it is text, and what is a call of a tool. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from adapters.openai.calls import CallReader
from adapters.openai.generator import Delta
from adapters.openai.tools import Tools
from adapters.openai.words import ident

Piece = Mapping[str, Any]
"""What a chunk's `delta` holds: {"content": …} or {"tool_calls": […]}."""


class Choice:
    """Turns deltas into pieces. `plain` tells that each delta's text is a piece as it is."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._named = tools.use == "named"
        self._reader = CallReader(tools.names) if tools.offered and not self._named else None
        self.plain = not self._named and self._reader is None
        self.begun = False
        self.ended = False
        self._called = 0

    def pieces(self, delta: Delta) -> Iterator[Piece]:
        """What is certain now; after the last delta, all of it."""
        if self._named:
            yield from self._arguments(delta.text)
        elif self._reader is None:
            if delta.text:
                yield {"content": delta.text}
        else:
            for found in self._reader.feed(delta.text) + (self._reader.finish() if delta.finish_reason else []):
                if self._called and not self._tools.parallel:
                    return  # one call was wanted, and nothing behind it
                yield {"content": found} if isinstance(found, str) else self._call(found.name, found.arguments)

    def finish_reason(self, delta: Delta) -> str:
        """ "length" says that the answer, or its last call, is not whole."""
        return "tool_calls" if self._called and delta.finish_reason == "stop" else delta.finish_reason

    def _arguments(self, text: str) -> Iterator[Piece]:
        """The tool was named, and the form of its arguments is bound: the text is nothing else."""
        if not self._called:
            yield self._call(self._tools.only, text)
        elif text:
            yield {"tool_calls": [{"index": 0, "function": {"arguments": text}}]}

    def _call(self, name: str, arguments: str) -> Piece:
        function = {"name": name, "arguments": arguments}
        self._called += 1
        return {
            "tool_calls": [{"index": self._called - 1, "id": ident("call_"), "type": "function", "function": function}]
        }
