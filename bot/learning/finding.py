"""From a store to its gaps: what is asked of it and of the knowledge, in which order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

from bot.learning.asked import questions
from bot.learning.gaps import Closest, Gap, gaps
from bot.learning.wording import Wording, wordings
from bot.privacy import Redactor
from prompts.knowledge import Knowledge
from prompts.knowledge.embed import Embedder
from storage.base import Store

NEWEST = 5_000
"""So many of the newest questions are looked at."""

_BATCH = 256

Report = Callable[[str], None]


class Finder:
    """Finds what the knowledge in `store` lacks. `embedder` tells what questions mean, where there is one."""

    def __init__(
        self, store: Store, knowledge: Knowledge, redactor: Redactor, *, embedder: Embedder | None = None
    ) -> None:
        self._store, self._knowledge, self._redactor, self._embedder = store, knowledge, redactor, embedder

    async def gaps(self, *, since: float = 0.0, unsure: bool = False, report: Report = lambda _: None) -> list[Gap]:
        """All of them, heaviest first, without what is near."""
        found = await self._store.unsettled(since=since, limit=NEWEST, unsure=unsure)
        ways = wordings(await asyncio.to_thread(questions, found, self._redactor))[:NEWEST]
        if not ways:
            return []
        report("Comparing questions …")
        counted = await self._store.count_terms()
        meanings = await self._meanings(ways, report)
        corrections = await self._store.corrections()
        return await asyncio.to_thread(
            gaps,
            ways,
            frequency=counted.frequency,
            passages=counted.passages,
            meanings=meanings,
            corrections=corrections,
        )

    async def near(self, gap: Gap) -> Gap:
        """The gap with the passage that is closest to its question."""
        found = await self._knowledge.search(gap.question, limit=1, language=gap.language)
        closest = [Closest(title=one.title, location=one.location, score=one.score) for one in found]
        return replace(gap, closest=closest[0] if closest else None)

    async def _meanings(self, ways: Sequence[Wording], report: Report) -> list[bytes | None]:
        """Vectors of those in languages that the model covers; none where it cannot be loaded."""
        model = self._embedder
        if model is None:
            return []
        report("Loading the embedding model …")
        if not await model.load():
            return []
        covered = [number for number, one in enumerate(ways) if one.language and model.covers(one.language)]
        made: list[bytes | None] = [None] * len(ways)
        for start in range(0, len(covered), _BATCH):
            report(f"Embedding questions: {start} of {len(covered)} …")
            batch = covered[start : start + _BATCH]
            vectors = await model.embed([ways[number].text for number in batch])
            for number, vector in zip(batch, vectors, strict=True):
                made[number] = vector
        return made
