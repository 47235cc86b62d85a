"""One search: the question's words, candidates by words and by meaning, and their order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from bot.validity import asks_for_the_past
from prompts.knowledge.analyze import Asked, asked
from prompts.knowledge.candidates import full_text_query, scored
from prompts.knowledge.meaning import Meaning
from prompts.knowledge.rank import Ranked, rank, reranked
from prompts.knowledge.rerank import Reranker
from prompts.knowledge.vocabulary import Vocabulary, Words
from storage.base import Store, StoredPassage

_CANDIDATES = 60
_LONGEST_QUESTION = 4_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The question's words, the best passages, and those that were left out since they repeat one of them."""

    words: Sequence[Asked]
    kept: Sequence[Ranked]
    left_out: Sequence[Ranked]


class Search:
    """Over a store. `meaning` and `reranker` are None where search goes by words alone."""

    def __init__(
        self,
        store: Store,
        words: Words,
        *,
        meaning: Meaning | None,
        reranker: Reranker | None,
        detect: Callable[[str], str],
        today: Callable[[], date],
    ) -> None:
        self._store, self._words, self._meaning, self._reranker = store, words, meaning, reranker
        self._detect, self._today = detect, today

    @property
    def languages(self) -> frozenset[str]:
        """Those of the knowledge when it was last searched."""
        return self._words.languages

    async def find(
        self, question: str, *, limit: int, language: str, prefer: str, scopes: Sequence[str], about: str = ""
    ) -> Found:
        """As `Knowledge.search` says."""
        question = question[:_LONGEST_QUESTION]
        version = await self._store.knowledge_version()
        vocabulary = await self._words.current(version)
        words = await asyncio.to_thread(asked, question, language, vocabulary, about)
        candidates = max(_CANDIDATES, 4 * limit)
        matched = await self._by_words(words, vocabulary, candidates, scopes)
        near: Sequence[tuple[StoredPassage, float]] = ()
        if self._meaning and question.strip():
            asked_in = language or await asyncio.to_thread(self._detect, question)
            near = await self._meaning.near(question, asked_in, version=version, scopes=scopes, limit=candidates)
        today = self._today().isoformat()
        today = "" if asks_for_the_past(question, today) else today
        preferred = prefer or language
        most = max(limit, self._reranker.candidates) if self._reranker else limit
        kept, left_out = await asyncio.to_thread(
            rank, words, matched, near, language=preferred, limit=most, today=today
        )
        if self._reranker and len(kept) > 1:
            scores = await self._reranker.scores(question, [one.stored.passage for one in kept], language)
            kept = reranked(kept, scores, language=preferred, today=today) if scores else kept
        return Found(words=words, kept=kept[:limit], left_out=left_out)

    async def warm(self) -> None:
        """Load what search by words uses."""
        vocabulary = await self._words.current(await self._store.knowledge_version())
        chinese = "zh" in vocabulary.languages  # its dictionary takes half a second
        await asyncio.to_thread(asked, "退货" if chinese else "?", "zh" if chinese else "", vocabulary)

    async def _by_words(
        self, words: Sequence[Asked], vocabulary: Vocabulary, limit: int, scopes: Sequence[str]
    ) -> Sequence[StoredPassage]:
        if not words:
            return ()
        found = await self._store.match(full_text_query(words, vocabulary), limit=limit, scopes=scopes)
        return await asyncio.to_thread(scored, words, found, vocabulary)
