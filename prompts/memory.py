"""What is remembered of a conversation: its newest turns, a summary of the older ones, and what the visitor told.

`update` runs after a turn was committed. It may die or run twice at any point: which turns the summary covers
is kept beside it in one record, facts are gathered from the turns that it does not cover yet, in order, and
gathering them again changes nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

from bot.config import Memory as MemoryConfig
from bot.events import Address, Turn
from prompts.cut import shorten
from prompts.facts import gather
from prompts.summary import extract, transcript
from prompts.tokens import MESSAGE_TOKENS, estimate_tokens
from storage.base import Recollection, Store

log = structlog.get_logger()

WINDOW_TURNS = 100
"""How many turns a window has at most; the store hands out twice as many, so that none slips by unsummarised."""

Summarise = Callable[[str, str], Awaitable[str]]
"""(what to summarise: the summary so far and the turns after it, the language to write in) -> the new summary."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """What a prompt may draw on. `turns` begin with what the visitor said and fit the window."""

    turns: tuple[Turn, ...] = ()
    summary: str = ""
    facts: tuple[str, ...] = ()
    language: str = ""


def newest(turns: Sequence[Turn], tokens: int, cost: Callable[[Turn], int]) -> Sequence[Turn]:
    """The newest of `turns`, whole, within `tokens`; they never begin with an answer whose question is missing."""
    start = len(turns)
    while start > 0 and cost(turns[start - 1]) <= tokens:
        start -= 1
        tokens -= cost(turns[start])
    while start < len(turns) and turns[start].role != "user":
        start += 1
    return turns[start:]


class Memory:
    """The memory of all conversations. `summarise` asks a model; without one the key sentences are kept."""

    def __init__(
        self,
        store: Store,
        config: MemoryConfig,
        *,
        count: Callable[[str], int] = estimate_tokens,
        summarise: Summarise | None = None,
    ) -> None:
        self._store = store
        self._config = config
        self._count = count
        self._summarise = summarise

    async def recall(self, address: Address) -> Remembered:
        """What is remembered of the conversation at `address`. Raises `StorageError`."""
        recollection = await self._store.recall(address)
        turns = [turn for _, turn in await self._store.turns(address, limit=WINDOW_TURNS)]
        return Remembered(
            turns=tuple(self._window(turns)),
            summary=recollection.summary,
            facts=recollection.facts,
            language=recollection.language,
        )

    async def update(self, address: Address, language: str) -> None:
        """Take in what was said since the last update: facts, and a summary of what left the window.

        Raises `StorageError`; nothing is lost then, the next update takes it in.
        """
        before = await self._store.recall(address)
        numbered = await self._store.turns(address, after=before.summarised, limit=2 * WINDOW_TURNS)
        turns = [turn for _, turn in numbered]
        left = len(turns) - len(self._window(turns))
        after = Recollection(
            summary=await self._roll(before.summary, turns[:left], language) if left else before.summary,
            summarised=numbered[left - 1][0] if left else before.summarised,
            facts=gather(before.facts, turns, limit=self._config.facts),
            language=language or before.language,
            version=before.version,
        )
        if after != before:
            await self._store.remember(address, after)

    def _window(self, turns: Sequence[Turn]) -> Sequence[Turn]:
        return newest(turns[-WINDOW_TURNS:], self._config.window_tokens, self._cost)

    def _cost(self, turn: Turn) -> int:
        return self._count(turn.text) + MESSAGE_TOKENS

    async def _roll(self, summary: str, turns: Sequence[Turn], language: str) -> str:
        """A summary of `summary` and `turns` within `summary_tokens`."""
        tokens = self._config.summary_tokens
        if tokens == 0:
            return ""
        written = await self._ask(summary, turns, language) if self._summarise else ""
        if not written:
            return extract(summary, turns, tokens, self._count)
        return shorten(written, tokens, self._count)[0]

    async def _ask(self, summary: str, turns: Sequence[Turn], language: str) -> str:
        """What the model makes of it; "" when it fails, for a conversation must not end for want of a summary."""
        text, _ = shorten(transcript(summary, turns, language), self._config.window_tokens * 2, self._count)
        try:
            return (await self._summarise(text, language)).strip() if self._summarise else ""
        except Exception as error:  # Whatever ails the model, key sentences are kept instead.
            log.warning("summary_without_model", fault=type(error).__name__)
            return ""
