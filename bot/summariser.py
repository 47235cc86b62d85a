"""A conversation's rolling summary, written by the engine."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing

from bot.engine.base import ChatMessage, Engine
from prompts.names import language_name
from prompts.template import Library

SECONDS = 30.0
"""How long a summary may take: the next message of the conversation waits for it."""


def summariser(engine: Engine, library: Library, tokens: int) -> Callable[[str, str], Awaitable[str]]:
    """A function (what to summarise, language) -> summary of at most about `tokens`. Raises what the engine raises."""

    async def summarise(text: str, language: str) -> str:
        template = library.get("summary", language)
        system = template.render(language_name=language_name(language, template.language), tokens=tokens)
        asked = [ChatMessage(role="system", content=system), ChatMessage(role="user", content=text)]
        written = ""
        async with asyncio.timeout(SECONDS), aclosing(engine.stream(asked, template.sampling)) as stream:
            async for delta in stream:
                written += delta.text
        return written

    return summarise
