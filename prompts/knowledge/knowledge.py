"""What the bot knows: sources go in, passages come out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bot.config import KnowledgeConfig, LanguageConfig
from bot.events import Passage
from bot.language import Languages
from prompts.knowledge.analyze import Vocabulary, asked, count, full_text_query
from prompts.knowledge.embed import Embedder
from prompts.knowledge.indexing import Added, Indexing, Progress
from prompts.knowledge.meaning import Meaning
from prompts.knowledge.rank import rank
from prompts.knowledge.sources import folder_of, is_page, location_of
from storage.base import Document, Store, StoredPassage

if TYPE_CHECKING:
    from prompts.knowledge.fetch import Fetches

_CANDIDATES = 60
_LONGEST_QUESTION = 4_000


class Knowledge:
    """Documents in a store, searched by words and, where an embedder is given, by meaning.

    `root` is the project's folder, from which files are named (see `sources`); the current one by default. `fetcher`
    reads pages from the web; by default one that reaches nothing but the public internet. `close` ends what runs.
    """

    def __init__(
        self,
        store: Store,
        config: KnowledgeConfig,
        *,
        embedder: Embedder | None = None,
        root: Path | None = None,
        fetcher: Fetches | None = None,
        languages: Languages | None = None,
    ) -> None:
        self._store, self._config, self._root, self._fetcher = store, config, root or Path.cwd(), fetcher
        self._detect = (languages or Languages(LanguageConfig())).detect
        self._meaning = Meaning(store, embedder) if embedder else None
        self._adding = asyncio.Lock()
        self._counting = asyncio.Lock()
        self._vocabulary = Vocabulary()
        self._counted = -1
        self._counted_documents: frozenset[tuple[str, str]] = frozenset()

    async def add(
        self, sources: Sequence[str], *, scope: str = "", progress: Callable[[Progress], None] | None = None
    ) -> Added:
        """Read files, folders and http(s) addresses; unchanged ones are skipped, changed ones replaced.

        Adding a folder removes the documents of that folder that are gone. A source that cannot be taken is reported
        in `failed` and keeps what was known of it. With an embedder the new passages are embedded before this returns;
        they can be found by their words before that.
        """
        report = progress or (lambda _: None)
        async with self._adding:
            indexing = Indexing(self._store, self._config, self._web(), self._detect, scope=scope, report=report)
            added = await indexing.run(sources, self._root)
            if self._meaning and (changed := [*added.added, *added.updated]):
                await self._meaning.embed_documents(changed, scope, report)
        return added

    async def remove(self, location: str, *, scope: str = "") -> bool:
        """Forget the document at a location, or those of a file or folder. False when there was none."""
        names = {location}
        folder = ""
        if location.strip() and not is_page(location):
            names.add(await asyncio.to_thread(location_of, Path(location), self._root))
            folder = await asyncio.to_thread(folder_of, Path(location), self._root)
        known = await self._store.documents(scope=scope)
        found = [document.location for document in known if document.location in names]
        found = found or [document.location for document in known if folder and document.location.startswith(folder)]
        return any([await self._store.remove_document(name, scope=scope) for name in found])

    async def documents(self) -> Sequence[Document]:
        """The documents for everybody, by location."""
        return await self._store.documents()

    async def search(
        self, question: str, *, limit: int | None = None, language: str = "", scopes: Sequence[str] = ("",)
    ) -> Sequence[Passage]:
        """The passages that have most to do with `question`, best first; `rank` says what their scores mean.

        `language` is the question's (it chooses its stop words and which passages come first), "" when not known.
        """
        limit = limit or self._config.passages
        version = await self._store.knowledge_version()
        vocabulary = await self._current_vocabulary(version)
        question = question[:_LONGEST_QUESTION]
        words = await asyncio.to_thread(asked, question, language, vocabulary)
        candidates = max(_CANDIDATES, 4 * limit)
        matched: Sequence[StoredPassage] = ()
        if words:
            matched = await self._store.match(full_text_query(words), limit=candidates, scopes=scopes)
        near: Sequence[tuple[StoredPassage, float]] = ()
        if self._meaning and question.strip():
            asked_in = language or await asyncio.to_thread(self._detect, question)
            near = await self._meaning.near(question, asked_in, version=version, scopes=scopes, limit=candidates)
        return await asyncio.to_thread(rank, words, matched, near, language=language, limit=limit)

    async def alike(self, question: str, texts: Sequence[str], language: str) -> list[float]:
        """How near each text is to `question` in meaning (0 to 1); empty where search goes by words alone."""
        return await self._meaning.alike(question, texts, language) if self._meaning else []

    async def warm(self, progress: Callable[[Progress], None] | None = None) -> bool:
        """Load what search uses and embed what lacks a vector. True when search goes by meaning, too.

        A server runs it in the background once it answers; a command that asks many questions awaits it.
        """
        vocabulary = await self._current_vocabulary(await self._store.knowledge_version())
        await asyncio.to_thread(asked, "?", "", vocabulary)
        return await self._meaning.complete(progress or (lambda _: None)) if self._meaning else False

    def close(self) -> None:
        """Give the embedder's thread back."""
        if self._meaning:
            self._meaning.close()

    def _web(self) -> Fetches:
        if self._fetcher is None:
            from prompts.knowledge.addresses import Policy
            from prompts.knowledge.fetch import Fetcher

            self._fetcher = Fetcher(Policy(max_bytes=self._config.max_file_bytes))
        return self._fetcher

    async def _current_vocabulary(self, version: int) -> Vocabulary:
        """How common words are among the documents for everybody, counted anew when those changed.

        While one search counts, the others go on with the old figures: they hardly differ.
        """
        if version == self._counted or (self._counting.locked() and self._counted >= 0):
            return self._vocabulary
        async with self._counting:
            if version != self._counted:
                documents = await self._store.documents()
                current = frozenset((document.location, document.digest) for document in documents)
                if current != self._counted_documents or self._counted < 0:
                    passages = await self._store.all_passages(scope="")
                    self._vocabulary = await asyncio.to_thread(_count, passages)
                self._counted, self._counted_documents = version, current
        return self._vocabulary


def _count(passages: Sequence[StoredPassage]) -> Vocabulary:
    found = (f"{stored.title_terms} {stored.heading_terms} {stored.body_terms}".split() for stored in passages)
    return count(found, {stored.passage.language for stored in passages})
