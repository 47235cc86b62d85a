"""Speech recognition on this machine, in a thread of its own: one recording after another, and few that wait.

Nothing heavy is imported before the model is first wanted.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Protocol

from bot.engine.base import EngineFault
from bot.engine.local.settings import Device
from bot.engine.senses import NotPerceived

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bot.engine.sound import Samples

HELD = 16
"""Recordings that are listened to or wait, each a few megabytes; more are refused."""


class Listener(Protocol):
    """What `bot.engine.whisper.Whisper` is to this module."""

    def transcribe(self, windows: Iterable[Samples], language: str, stopped: Callable[[], bool]) -> str: ...


def load(model: str, device: Device) -> Listener:
    """Import what it needs and load a model of the Whisper family. Raises `EngineFault`."""
    try:
        from bot.engine.whisper import load_whisper
    except ImportError as error:
        raise EngineFault(f"Hearing needs `{error.name}`: pip install 'frontdesk[voice]'") from None
    return load_whisper(model, device)


class SpeechRecognizer:
    """A `Hearing` by a model of the Whisper family: a folder, or an id of the Hugging Face hub.

    `device` is "auto", "cpu" or "cuda". What is longer than `most_seconds` is not listened to. The model is loaded
    when it is first wanted, inside `alone`, which keeps others from loading at the same time.
    """

    def __init__(
        self,
        model: str,
        device: Device = "auto",
        *,
        most_seconds: float = 180,
        alone: AbstractContextManager[object] | None = None,
        loader: Callable[[str, Device], Listener] = load,
    ) -> None:
        self._name, self._device, self._most_seconds = model, device, most_seconds
        self._alone, self._loader = alone or nullcontext(), loader
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="hear")
        self._places = threading.BoundedSemaphore(HELD)
        self._closed = threading.Event()
        self._model: Listener | None = None

    async def hear(self, audio: bytes, media_type: str, language: str) -> str:  # noqa: ARG002 - the protocol's
        """See `Hearing.hear`. What kind of sound it is, the bytes themselves say."""
        if self._closed.is_set() or not self._places.acquire(blocking=False):
            raise NotPerceived("Too many recordings wait to be listened to.", why="busy")
        gone = threading.Event()
        job = self._thread.submit(self._hear, audio, language, gone)
        job.add_done_callback(lambda _: self._places.release())
        try:
            return await asyncio.wrap_future(job)
        finally:
            gone.set()  # when nobody waits for it any more, it ends within a token

    async def warm(self) -> None:
        if not self._closed.is_set():
            await asyncio.wrap_future(self._thread.submit(self._loaded))

    async def close(self) -> None:
        self._closed.set()
        self._thread.shutdown(wait=False)

    # -- in the thread -------------------------------------------------------------------------------
    def _hear(self, audio: bytes, language: str, gone: threading.Event) -> str:
        def stopped() -> bool:
            return gone.is_set() or self._closed.is_set()

        try:
            model = self._loaded()
            from bot.engine.sound import decoded, windows

            text = model.transcribe(windows(decoded(audio, self._most_seconds)), language, stopped)
        except EngineFault:
            raise
        except Exception as error:
            raise NotPerceived(f"The speech model failed: {type(error).__name__}.") from error
        if stopped():
            raise NotPerceived("It was given up.")
        if not text:
            raise NotPerceived("There are no words in it.", why="silent")
        return text

    def _loaded(self) -> Listener:
        """Raises `EngineFault`; then the next one tries again."""
        if self._model is None:
            with self._alone:
                self._model = self._loader(self._name, self._device)
        return self._model
