"""A cross-encoder that reads the question together with each of the best passages, and puts them in order.

It is far slower than the search (a model's pass for every passage), so it sees few of them, and has little time: who
asks before it is loaded, or while it is busy, or in a language that it was not trained on, gets the order as it was.
It loads in the background when it is first wanted, and a model in a folder touches no network.
"""

from __future__ import annotations

import asyncio
import importlib.util
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Protocol

import structlog

from bot.config import Rerank
from bot.errors import ConfigError
from bot.events import Passage
from prompts.knowledge.analyze import plain
from prompts.knowledge.embed import languages_of_card, languages_on_the_hub, no_progress_bars

_EXTRA = "sentence_transformers"
_LONGEST_TEXT = 4_000
_BATCH = 16


class Reranker(Protocol):
    @property
    def candidates(self) -> int:
        """How many passages it looks at."""

    def start(self) -> None:
        """Begin to load, in the background. Calling it again does nothing."""

    async def load(self) -> bool:
        """Wait until it is loaded; False when that failed."""

    async def scores(self, question: str, passages: Sequence[Passage], language: str) -> list[float]:
        """How well each passage answers, higher is better; empty when it cannot say in time."""

    def close(self) -> None:
        """Give the thread back when it has finished what it does."""


class CrossEncoderReranker:
    """`config.model` is a folder or a hub id that sentence-transformers' `CrossEncoder` loads, inside `alone`."""

    def __init__(self, config: Rerank, *, alone: AbstractContextManager[object] | None = None) -> None:
        self.candidates, self.failed = config.candidates, ""
        self._name, self._seconds = config.model, config.timeout_ms / 1_000
        self._alone = alone or nullcontext()
        self._folder = Path(config.model) if Path(config.model).is_dir() else None
        self._languages = frozenset[str]()
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="rerank")
        self._starting = threading.Lock()
        self._loading: Future[Any] | None = None
        self._running: Future[list[float]] | None = None
        self._model: Any = None
        self._closed = False
        self._log = structlog.get_logger("frontdesk.knowledge")

    def start(self) -> None:
        with self._starting:
            if self._loading is None:
                self._loading = self._worker.submit(self._load)

    async def load(self) -> bool:
        self.start()
        if self._loading is not None:
            await asyncio.shield(asyncio.wrap_future(self._loading))
        return self._model is not None

    async def scores(self, question: str, passages: Sequence[Passage], language: str) -> list[float]:
        self.start()
        if self._model is None or not self._covers(language) or (self._running and not self._running.done()):
            return []
        pairs = [(question, _text(passage)) for passage in passages[: self.candidates]]
        self._running = self._worker.submit(self._predict, pairs)
        try:
            return await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(self._running)), self._seconds)
        except TimeoutError:
            self._log.info("reranking took too long", passages=len(pairs), seconds=self._seconds)
            return []
        except Exception as error:  # whatever it is, the bot answers without it
            self._log.warning("reranking failed", reason=f"{type(error).__name__}: {error}")
            return []

    def close(self) -> None:
        self._closed = True
        self._worker.shutdown(wait=False, cancel_futures=True)

    def _covers(self, language: str) -> bool:
        return not self._languages or not language or language in self._languages

    def _load(self) -> None:
        """Runs in the thread. A model that cannot be loaded is told once; the order then stays as it is."""
        try:
            from sentence_transformers import CrossEncoder

            with self._alone, no_progress_bars():
                model = CrossEncoder(self._name, local_files_only=self._folder is not None)
            card = self._folder / "README.md" if self._folder else None
            self._languages = languages_of_card(card) if card else languages_on_the_hub(self._name)
            model.predict([("?", ".")], show_progress_bar=False)
            self._model = model
        except Exception as error:  # whatever it is, the bot answers without it
            self.failed = f"{type(error).__name__}: {error}"
            if not self._closed:  # at the interpreter's end no library can start its threads
                self._log.warning("reranking is off", model=self._name, reason=self.failed)

    def _predict(self, pairs: list[tuple[str, str]]) -> list[float]:
        return [float(score) for score in self._model.predict(pairs, batch_size=_BATCH, show_progress_bar=False)]


def find_reranker(config: Rerank, *, alone: AbstractContextManager[object] | None = None) -> Reranker | None:
    """The configured model, not loaded yet; None when none is configured. It will be loaded inside `alone`.

    Raises `ConfigError` when it cannot be there.
    """
    if not config.model:
        return None
    if config.model.startswith(("/", ".", "~")) and not Path(config.model).is_dir():
        raise ConfigError(f"There is no model folder {config.model}. Check knowledge.rerank.model.")
    if not importlib.util.find_spec(_EXTRA):
        raise ConfigError(
            "A model for reranking is set but what runs it is not installed: install `frontdesk[semantic]`, or leave "
            "knowledge.rerank.model empty."
        )
    return CrossEncoderReranker(config, alone=alone)


def _text(passage: Passage) -> str:
    return f"{' > '.join((passage.title, *passage.heading))}\n{plain(passage.text)}"[:_LONGEST_TEXT]
