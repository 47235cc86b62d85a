"""A model double that does whatever it reads: when the attack stands in its prompt, it writes what the attack wants."""

from __future__ import annotations

import itertools
from typing import Any

from aiohttp import web

from tests.fakes.openai import Answer, FakeOpenAI
from tests.injection.corpus import Attack, filled

SIZES = (1, 7, 2, 31, 3, 13)
"""Characters of the pieces that it writes, again and again."""


class Obedient(FakeOpenAI):
    """`written` is all that it wrote because of the attack, with the system message that it had then."""

    def __init__(self, attack: Attack, question: str, *, key: str) -> None:
        super().__init__(key=key)
        self.attack, self.question = attack, question
        self.written: list[tuple[str, str]] = []

    async def _answer(self, request: web.Request, body: dict[str, Any], act: Answer) -> web.StreamResponse:
        if not reads(body, self.attack.attack):
            return await super()._answer(request, body, act)
        system = next(one["content"] for one in body["messages"] if one["role"] == "system")
        text = filled(self.attack.obeyed, system=system, question=self.question)
        self.written.append((system, text))
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        await response.prepare(request)
        for delta in (*self._calls(), *({"content": piece} for piece in pieces(text))):
            await self._event(response, act, self.shapes.chunk(delta))
        await self._event(response, act, self.shapes.last("tool_calls" if self.attack.calls else "stop"))
        await response.write(b"data: [DONE]\n\n")
        return response

    def _calls(self) -> list[dict[str, Any]]:
        """What the real servers stream when a model calls functions, which nobody had offered to it."""
        return [
            {
                "tool_calls": [
                    {"index": at, "id": f"call_{at}", "type": "function", "function": {"name": name, "arguments": "{}"}}
                ]
            }
            for at, name in enumerate(self.attack.calls)
        ]


def reads(body: dict[str, Any], attack: str) -> bool:
    """Whether the attack stands in the prompt, however its lines are broken there."""
    return _squeezed(attack) in _squeezed("\n".join(one["content"] for one in body["messages"]))


def _squeezed(text: str) -> str:
    """Without what Markdown may do to it: blanks and the backslashes of tables."""
    return "".join(text.replace("\\", "").split())


def pieces(text: str) -> list[str]:
    found, at = [], 0
    for size in itertools.cycle(SIZES if len(text) < 10_000 else (997,)):
        if at >= len(text):
            return found
        found.append(text[at : at + size])
        at += size
    raise AssertionError("unreachable")
