"""Search by meaning: keeps every passage's vector, and finds the nearest to a question.

Only passages and questions in a language that the model covers take part: an English model's vectors of Chinese text
are noise, and fusing noise with a good ranking by words makes it worse.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import structlog

from prompts.knowledge.analyze import plain
from prompts.knowledge.embed import Embedder
from prompts.knowledge.indexing import Progress
from prompts.knowledge.vectors import Vectors, cosines, evidence, mean, windows
from storage.base import Store, StoredPassage

_BATCH = 128
_KEPT = 20_000
"""Vectors of candidates that are kept: 30 MB with 384 dimensions."""
_FORESEEN, _AT_ONCE = 5_000, 32
"""How many of them are made before anybody asks, which takes seconds, and how many at a time: whoever asks meanwhile
waits for no more."""
_QUESTIONS = 16
"""Questions whose vectors are kept between search and answer."""


class Meaning:
    """An embedder and the vectors it made."""

    def __init__(self, store: Store, embedder: Embedder) -> None:
        self._store, self._embedder = store, embedder
        self._vectors = Vectors(store)
        self._kept: dict[str, bytes] = {}
        self._asked: dict[str, bytes] = {}
        self._log = structlog.get_logger("frontdesk.knowledge")

    async def near(
        self, question: str, language: str, *, version: int, scopes: Sequence[str], limit: int
    ) -> list[tuple[StoredPassage, float]]:
        """The nearest passages with what their similarity says (0 to 1); none until the model has been loaded."""
        if not self._embedder.ready:
            self._embedder.start()
            return []
        if not self._embedder.covers(language):
            return []
        if question not in self._asked:
            self._remember(question, *await self._embedder.embed([question]))
        vector = self._asked[question]
        found = await self._vectors.nearest(
            vector, model=self._embedder.name, version=version, scopes=scopes, limit=limit
        )
        similar = dict(found)
        stored = await self._store.passages([number for number, _ in found])
        return [(passage, evidence(similar[passage.number])) for passage in stored]

    async def alike(self, question: str, texts: Sequence[str], language: str) -> list[float]:
        """How near each text is to `question` in meaning (0 to 1); empty when the model cannot tell.

        Vectors of texts are kept: an answer's candidates come from the same few passages again and again.
        """
        if not (texts and self._embedder.ready and self._embedder.covers(language)):
            return []
        asked = self._asked.get(question)
        new = [text for text in dict.fromkeys(texts) if text not in self._kept]
        wanted = new if asked else [question, *new]
        made = await self._embedder.embed(wanted) if wanted else []
        if not asked:
            asked, *made = made
        known = {text: self._kept[text] for text in texts if text in self._kept} | dict(zip(new, made, strict=True))
        self._keep(known)
        return [evidence(cosine) for cosine in cosines(asked, [known[text] for text in texts])]

    async def foresee(self, texts: Sequence[str]) -> bool:
        """Embed texts that answers may be picked from, so that nobody waits for that. False when there is no room for
        more of them, or no model."""
        if not self._embedder.ready:
            return False
        new = [text for text in dict.fromkeys(texts) if text not in self._kept]
        for start in range(0, len(new), _AT_ONCE):
            if len(self._kept) >= _FORESEEN:
                return False
            batch = new[start : start + _AT_ONCE]
            self._keep(dict(zip(batch, await self._embedder.embed(batch), strict=True)))
        return True

    def _keep(self, vectors: Mapping[str, bytes]) -> None:
        self._kept.update(vectors)
        while len(self._kept) > _KEPT:
            del self._kept[next(iter(self._kept))]

    def _remember(self, question: str, vector: bytes) -> None:
        """What was searched for is compared with candidates next."""
        self._asked[question] = vector
        while len(self._asked) > _QUESTIONS:
            del self._asked[next(iter(self._asked))]

    async def complete(self, report: Callable[[Progress], None]) -> bool:
        """Load the model and embed every passage that it has no vector of yet. False when it cannot be loaded."""
        if not await self._embedder.load():
            return False
        have = {number for number, _, _ in await self._store.vectors(self._embedder.name)}
        await self._embed([stored for stored in await self._store.all_passages() if stored.number not in have], report)
        return True

    async def embed_documents(self, locations: Sequence[str], scope: str, report: Callable[[Progress], None]) -> None:
        """Embed the passages of documents that were just stored. Without a model nothing happens: words still do."""
        if await self._embedder.load():
            for location in locations:
                await self._embed(await self._store.passages_of(location, scope=scope), report)

    async def embed_now(self, location: str, scope: str) -> None:
        """Embed a document's passages if the model is there already; else they are embedded once it has been loaded."""
        if self._embedder.ready:
            await self._embed(await self._store.passages_of(location, scope=scope), lambda _: None)

    def close(self) -> None:
        self._embedder.close()

    async def _embed(self, passages: Sequence[StoredPassage], report: Callable[[Progress], None]) -> None:
        covered = [stored for stored in passages if self._embedder.covers(stored.passage.language)]
        for start in range(0, len(covered), _BATCH):
            batch = covered[start : start + _BATCH]
            await self._store.put_vectors(self._embedder.name, await self._vectors_of(batch))
            done = min(start + _BATCH, len(covered))
            report(Progress(done=done, total=len(covered), source=self._embedder.name, state="embedding"))

    async def _vectors_of(self, batch: Sequence[StoredPassage]) -> list[tuple[int, bytes]]:
        """One vector for each passage: the mean over the windows that its text needs."""
        texts = [
            windows(
                " > ".join((stored.passage.title, *stored.passage.heading)),
                plain(stored.passage.text),
                self._embedder.window,
            )
            for stored in batch
        ]
        made = iter(await self._embedder.embed([text for own in texts for text in own]))
        return [(stored.number, mean([next(made) for _ in own])) for stored, own in zip(batch, texts, strict=True)]
