"""What the bot knows: sources go in, passages come out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bot.config import KnowledgeConfig, LanguageConfig
from bot.errors import SourceError
from bot.events import Passage
from bot.explanation import Why
from bot.language import Languages
from prompts.knowledge.embed import Embedder
from prompts.knowledge.indexing import Added, Indexing, Progress
from prompts.knowledge.meaning import Meaning
from prompts.knowledge.prepare import Source, prepare
from prompts.knowledge.rank import reasons
from prompts.knowledge.readers import kind_of
from prompts.knowledge.rerank import Reranker
from prompts.knowledge.search import Found, Search
from prompts.knowledge.sources import folder_of, is_page, location_of
from prompts.knowledge.synonyms import FILE as SYNONYMS
from prompts.knowledge.synonyms import read_synonyms
from prompts.knowledge.vocabulary import Words
from storage.base import Document, Store, StoredPassage

if TYPE_CHECKING:
    from prompts.knowledge.fetch import Fetches

_ATTACHED_READERS = 2
"""Threads that read what visitors attached: whatever they attach, everything else in the house goes on."""
_READING_SECONDS = 60.0
_EMBEDDED_AT_ONCE = 128
"""Passages of an attached file that are embedded before the answer; a longer file is found by its words."""


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
        reranker: Reranker | None = None,
        root: Path | None = None,
        fetcher: Fetches | None = None,
        languages: Languages | None = None,
        today: Callable[[], date] = date.today,
    ) -> None:
        self._store, self._config, self._root, self._fetcher = store, config, root or Path.cwd(), fetcher
        self._detect = (languages or Languages(LanguageConfig())).detect
        self._meaning = Meaning(store, embedder) if embedder else None
        self._readers = ThreadPoolExecutor(_ATTACHED_READERS, thread_name_prefix="attached")
        self._adding = asyncio.Lock()
        self._reranker = reranker
        words = Words(store, [*config.synonyms, *read_synonyms(self._root / SYNONYMS)])
        self._search = Search(store, words, meaning=self._meaning, reranker=reranker, detect=self._detect, today=today)

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

    async def add_bytes(self, name: str, raw: bytes, *, location: str, scope: str, media_type: str = "") -> bool:
        """Index a file that a person attached, for the conversation that `scope` stands for; its title is its name.

        False when it is known there and has not changed. Raises `SourceError`, with its `why`, for what cannot be read
        within a minute or holds no text; then what was known of it stays.
        """
        source = Source(raw=raw, kind=kind_of(name, media_type), location=location, name=name, attached=True)
        if await self._digest(location, scope) == await asyncio.to_thread(source.digest, self._config.passage_tokens):
            return False
        document, passages = await self._prepared(source, scope)
        if not passages:
            raise SourceError("It holds no text.", why="empty")
        await self._store.put_document(document, passages)
        if self._meaning and len(passages) <= _EMBEDDED_AT_ONCE:
            await self._meaning.embed_now(location, scope)
        return True

    async def knows(self, location: str, *, scope: str) -> bool:
        """Whether there is a document at `location` for the conversation that `scope` stands for."""
        return bool(await self._digest(location, scope))

    async def _prepared(self, source: Source, scope: str) -> tuple[Document, list[StoredPassage]]:
        tokens = self._config.passage_tokens
        reading = partial(prepare, source, passage_tokens=tokens, scope=scope, detect=self._detect)
        working = asyncio.get_running_loop().run_in_executor(self._readers, reading)
        try:
            return await asyncio.wait_for(working, _READING_SECONDS)
        except TimeoutError:
            raise SourceError(f"It takes longer than {_READING_SECONDS:g} seconds to read.", why="large") from None

    async def _digest(self, location: str, scope: str) -> str:
        known = await self._store.document(location, scope=scope)
        return known.digest if known else ""

    async def opening(self, location: str, *, scope: str, limit: int) -> Sequence[Passage]:
        """The first `limit` passages of a document."""
        return [stored.passage for stored in (await self._store.passages_of(location, scope=scope))[:limit]]

    async def around(self, passage: Passage, *, scopes: Sequence[str] = ("",), limit: int) -> Sequence[Passage]:
        """The `limit` passages of its document that stand nearest to `passage`, in their order, without itself; none
        when it is gone."""
        for scope in scopes:
            document = [stored.passage for stored in await self._store.passages_of(passage.location, scope=scope)]
            if any(_is_same(other, passage) for other in document):
                others = [other for other in document if not _is_same(other, passage)]
                nearest = sorted(others, key=lambda other: abs(other.position - passage.position))[:limit]
                return sorted(nearest, key=lambda other: other.position)
        return ()

    async def text(self, location: str, *, scope: str) -> str:
        """A document as Markdown, put together from its passages; "" when there is none."""
        parts: list[str] = []
        heading: tuple[str, ...] = ()
        for stored in await self._store.passages_of(location, scope=scope):
            if stored.passage.heading != heading:
                heading = stored.passage.heading
                parts += [f"## {' > '.join(heading)}"] if heading else []
            parts.append(stored.passage.text)
        return "\n\n".join(parts)

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
        self,
        question: str,
        *,
        limit: int | None = None,
        language: str = "",
        prefer: str = "",
        scopes: Sequence[str] = ("",),
    ) -> Sequence[Passage]:
        """The passages that have most to do with `question`, best first; `rank` says what their scores mean.

        `language` is the question's (it chooses its stop words), "" when not known. Passages in `prefer` come first, or
        in the question's language when that is "".
        """
        found = await self._find(question, limit, language, prefer, scopes)
        return [one.passage for one in found.kept]

    async def explained(
        self,
        question: str,
        *,
        limit: int | None = None,
        language: str = "",
        prefer: str = "",
        scopes: Sequence[str] = ("",),
        about: str = "",
    ) -> list[tuple[Passage, Why]]:
        """What `search` finds, and why; after it what was left out since it repeats something better.

        `about` are words that the question may be about, too; they count little.
        """
        found = await self._find(question, limit, language, prefer, scopes, about)
        return await asyncio.to_thread(reasons, found.words, found.kept, found.left_out)

    async def _find(
        self, question: str, limit: int | None, language: str, prefer: str, scopes: Sequence[str], about: str = ""
    ) -> Found:
        limit = limit or self._config.passages
        return await self._search.find(
            question, limit=limit, language=language, prefer=prefer, scopes=scopes, about=about
        )

    def languages(self) -> frozenset[str]:
        """The languages of what is known to everybody, as the last search saw them; none before the first."""
        return self._search.languages

    async def alike(self, question: str, texts: Sequence[str], language: str) -> list[float]:
        """How near each text is to `question` in meaning (0 to 1); empty where search goes by words alone."""
        return await self._meaning.alike(question, texts, language) if self._meaning else []

    async def foresee(self, texts: Sequence[str]) -> bool:
        """Make ready to compare questions with `texts`. False when more of them would be too many, or nobody can."""
        return await self._meaning.foresee(texts) if self._meaning else False

    async def warm(self, progress: Callable[[Progress], None] | None = None) -> bool:
        """Load what search uses and embed what lacks a vector. True when search goes by meaning, too.

        A server runs it in the background once it answers; a command that asks many questions awaits it.
        """
        await self._search.warm()
        if self._reranker:
            await self._reranker.load()
        return await self._meaning.complete(progress or (lambda _: None)) if self._meaning else False

    def close(self) -> None:
        """Give the threads back."""
        self._readers.shutdown(wait=False, cancel_futures=True)
        for model in (self._meaning, self._reranker):
            if model:
                model.close()

    def _web(self) -> Fetches:
        if self._fetcher is None:
            from prompts.knowledge.addresses import Policy
            from prompts.knowledge.fetch import Fetcher

            self._fetcher = Fetcher(Policy(max_bytes=self._config.max_file_bytes))
        return self._fetcher


def _is_same(one: Passage, other: Passage) -> bool:
    return (one.position, one.text) == (other.position, other.text)
