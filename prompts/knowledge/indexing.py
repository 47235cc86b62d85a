"""Adding sources: only what changed is read anew, what is gone is removed, and one bad source stops no other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from bot.config import KnowledgeConfig
from bot.errors import SourceError
from prompts.knowledge.prepare import Detect, Source, prepare
from prompts.knowledge.sources import Gathered, Item, Problem, gather, read_file
from storage.base import Document, Store
from storage.learning import CORRECTED

if TYPE_CHECKING:
    from prompts.knowledge.fetch import Fetches

State = Literal["added", "updated", "unchanged", "removed", "skipped", "failed", "embedding"]
_AT_ONCE = 4
_ONE_BY_ONE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """One step: `done` of `total` sources (of passages, while `state` is "embedding") after `source` was dealt with."""

    done: int
    total: int
    source: str
    state: State


@dataclass(slots=True, kw_only=True)
class Added:
    """What `add` did, by location. `passages` were written; `failed` and `skipped` say why."""

    added: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    skipped: list[Problem] = field(default_factory=list)
    failed: list[Problem] = field(default_factory=list)
    passages: int = 0


Report = Callable[[Progress], None]


class Indexing:
    """One `add` into one scope."""

    def __init__(
        self, store: Store, config: KnowledgeConfig, fetcher: Fetches, detect: Detect, *, scope: str, report: Report
    ) -> None:
        self._store, self._config, self._fetcher, self._detect = store, config, fetcher, detect
        self._scope, self._report = scope, report
        self._added = Added()
        self._known: Mapping[str, Document] = {}
        self._done = self._total = 0

    async def run(self, sources: Sequence[str], root: Path) -> Added:
        gathered = await asyncio.to_thread(gather, sources, root)
        self._known = await self._known_before(gathered)
        self._total = len(gathered.items) + len(gathered.failed)
        for problem in gathered.failed:
            self._fail(problem)
        self._added.skipped += gathered.skipped
        await self._read_all(gathered.items)
        await self._remove_gone(gathered)
        return self._added

    async def _known_before(self, gathered: Gathered) -> Mapping[str, Document]:
        """What is stored of the sources: of a folder everything, since something of it may be gone; never what people
        wrote as corrections, which no folder holds."""
        if gathered.folders or len(gathered.items) > _ONE_BY_ONE:
            found: Sequence[Document | None] = await self._store.documents(scope=self._scope)
        else:
            found = [await self._store.document(item.location, scope=self._scope) for item in gathered.items]
        return {one.location: one for one in found if one and not one.digest.startswith(CORRECTED)}

    async def _read_all(self, items: Sequence[Item]) -> None:
        waiting = iter(items)
        try:
            async with asyncio.TaskGroup() as workers:
                for _ in range(min(_AT_ONCE, len(items))):
                    workers.create_task(self._work(waiting))
        except ExceptionGroup as group:
            raise group.exceptions[0] from None  # a storage error ends the whole: one of them says enough

    async def _work(self, waiting: Iterator[Item]) -> None:
        for item in waiting:
            try:
                state = await self._index(item)
            except SourceError as error:
                self._fail(Problem(location=item.location, reason=str(error)))
            else:
                self._step(item.location, state)

    async def _index(self, item: Item) -> State:
        source = await self._source(item)
        known = self._known.get(item.location)
        tokens = self._config.passage_tokens
        if known and known.digest == await asyncio.to_thread(source.digest, tokens):
            self._added.unchanged.append(item.location)
            return "unchanged"
        document, passages = await asyncio.to_thread(
            prepare, source, passage_tokens=tokens, scope=self._scope, detect=self._detect
        )
        if not passages:
            return await self._leave_empty(item.location, known)
        await self._store.put_document(document, passages)
        self._added.passages += len(passages)
        (self._added.updated if known else self._added.added).append(item.location)
        return "updated" if known else "added"

    async def _source(self, item: Item) -> Source:
        if item.path is not None:
            raw = await asyncio.to_thread(read_file, item.path, self._config.max_file_bytes)
            return Source(raw=raw, kind=item.kind, location=item.location, name=item.path.name)
        page = await self._fetcher.fetch(item.location)
        parts = urlsplit(page.url)
        return Source(
            raw=page.body,
            kind=page.kind,
            location=item.location,
            name=PurePosixPath(parts.path).name or parts.hostname or item.location,
            base=page.url,
            charset=page.charset,
        )

    async def _leave_empty(self, location: str, known: Document | None) -> State:
        """A source that says nothing (any more) is not kept."""
        if known and await self._store.remove_document(location, scope=self._scope):
            self._added.removed.append(location)
            return "removed"
        self._added.skipped.append(Problem(location=location, reason="It holds no text."))
        return "skipped"

    async def _remove_gone(self, gathered: Gathered) -> None:
        gone = [location for location in self._known if gathered.gone(location)]
        self._total += len(gone)
        for location in gone:
            await self._store.remove_document(location, scope=self._scope)
            self._added.removed.append(location)
            self._step(location, "removed")

    def _fail(self, problem: Problem) -> None:
        self._added.failed.append(problem)
        self._step(problem.location, "failed")

    def _step(self, source: str, state: State) -> None:
        self._done += 1
        self._report(Progress(done=self._done, total=self._total, source=source, state=state))
