"""One life of the engine's thread: it loads the model, works until it is told to end, and gives everything back."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from typing import TypeVar

from bot.engine.base import EngineFault
from bot.engine.local.answer import Asked
from bot.engine.local.blocks import BlockPool
from bot.engine.local.faults import is_out_of_memory, told
from bot.engine.local.handover import Handover
from bot.engine.local.model import Loader, Model, Progress
from bot.engine.local.prepare import Preparer
from bot.engine.local.scheduler import Limits, Scheduler
from bot.engine.local.settings import LocalSettings
from bot.engine.local.stats import Counts
from bot.engine.local.worker import Worker

_log = logging.getLogger(__name__)
T = TypeVar("T")

_JOIN_SECONDS = 30.0
_CLOSED = "The engine was closed."
_FAILING = 3
"""So many failed steps one after the other are told by `health`."""


class _GivenUp(Exception):
    """Nobody waits for the model any more."""


class Life:
    """A thread with a model. `ready` is done when questions can be asked, or holds the `EngineFault` that forbids it.

    All methods are for the event loop; what the thread does is in those that begin with an underscore.
    """

    def __init__(self, settings: LocalSettings, loader: Loader, counts: Counts, progress: Progress | None) -> None:
        self._settings, self._loader, self._counts, self._progress = settings, loader, counts, progress
        self._loop = asyncio.get_running_loop()
        self._closing = threading.Event()
        self._worker: Worker | None = None
        self._end = ""
        self.model: Model | None = None
        self.preparer: Preparer | None = None
        self.context_tokens = 0
        self.ready: asyncio.Future[None] = self._loop.create_future()
        self._thread = threading.Thread(target=self._live, name="frontdesk-engine", daemon=True)
        self._thread.start()

    # -- for the event loop ----------------------------------------------------------------------------
    @property
    def state(self) -> str:
        """ "loading", "ready", "failing" (the last steps all failed), "closed", or "failed"."""
        if self._end:
            return "closed" if self._end == _CLOSED else "failed"
        if self._worker is None:
            return "loading"
        return "failing" if self._worker.failing >= _FAILING else "ready"

    @property
    def fault(self) -> str:
        """Why nothing can be asked; "" when it can."""
        if self._worker is None and not self._end:
            return "The model is still being loaded."
        return self._end

    def submit(self, asked: Asked) -> None:
        worker = self._working()
        self._post(lambda: worker.submit(asked))

    def cancel(self, asked: Asked) -> None:
        worker = self._worker
        if worker is not None and not asked.ended:
            worker.mailbox.post(lambda: worker.cancel(asked))

    async def position(self, asked: Asked) -> int:
        """0 while it runs or when it is over, else its place in the queue, from 1. Takes a step's time at most."""
        worker = self._working()
        return await self._ask(lambda: worker.position(asked))

    async def at_rest(self) -> bool:
        """Whether nobody runs or waits. The books are checked then. Takes a step's time at most."""
        return await self._ask(self._working().at_rest)

    async def close(self) -> None:
        """End all streams and the thread."""
        self._closing.set()
        if self._worker is not None:
            self._worker.mailbox.post(self._worker.close)
        await asyncio.to_thread(self._thread.join, _JOIN_SECONDS)
        if self._thread.is_alive():
            _log.warning("The engine's thread still loads a model; it ends with that.")

    async def _ask(self, question: Callable[[], T]) -> T:
        """What `question` says, asked in the thread between two steps."""
        told_it: asyncio.Future[T] = self._loop.create_future()
        self._post(lambda: self._call(_settle, told_it, question()))
        return await told_it

    def _working(self) -> Worker:
        if self.fault or self._worker is None:
            raise EngineFault(self.fault)
        return self._worker

    def _post(self, command: Callable[[], None]) -> None:
        if not self._working().mailbox.post(command):
            raise EngineFault(self._end or _CLOSED)

    # -- the thread ------------------------------------------------------------------------------------
    def _live(self) -> None:
        try:
            model = self._loader(self._settings, self._tell)
        except BaseException as error:  # whatever it was, nobody may wait for ever
            self._end = _CLOSED if isinstance(error, _GivenUp) else self._why(error)
            self._call(_refuse, self.ready, EngineFault(self._end))
            return
        try:
            self._work(model)
        except BaseException as error:
            self._end = f"The engine broke ({told(error)}). It has to be started again."
            _log.exception("The engine broke.")
        finally:
            self._leave(model)

    def _work(self, model: Model) -> None:
        worker = self._equip(model)
        self._call(_settle, self.ready, None)
        if self._closing.is_set():
            worker.close()
        worker.run()

    def _equip(self, model: Model) -> Worker:
        settings, runner = self._settings, model.runner
        pool = BlockPool(runner.blocks, settings.block_tokens, prefix_cache=settings.prefix_cache)
        held = (runner.blocks - 1) * settings.block_tokens
        self.context_tokens = min(runner.context_tokens, held)
        limits = Limits(
            requests=settings.max_requests,
            step_tokens=runner.step_tokens,
            queue=settings.queue,
            context_tokens=self.context_tokens,
        )
        self.model, self.preparer = model, Preparer(model, self.context_tokens)
        self._worker = Worker(runner, Scheduler(limits, pool), deliver=Handover(self._loop), counts=self._counts)
        return self._worker

    def _leave(self, model: Model) -> None:
        """End what is left and give the memory back, one after the other, whatever fails."""
        reason = "closed" if not self._end else "internal"
        self._end = self._end or _CLOSED
        if self.preparer is not None:
            self.preparer.close(self._end)
        try:
            if self._worker is not None:
                self._worker.abandon(self._end, reason)
        except Exception:
            _log.exception("Not every stream could be told that the engine ended.")
        try:
            model.runner.close()
        except Exception:
            _log.exception("The model's memory could not be given back.")
        self._call(_refuse, self.ready, EngineFault(self._end))

    def _tell(self, what: str, fraction: float) -> None:
        if self._closing.is_set():
            raise _GivenUp
        if self._progress is not None:
            self._call(self._progress, what, fraction)

    def _why(self, error: BaseException) -> str:
        model = self._settings.model
        if isinstance(error, EngineFault):
            return str(error)
        if isinstance(error, ImportError):
            return (
                f"The local engine cannot run here: {error.name or told(error)} is missing. "
                "Install it with: pip install 'frontdesk[local]'"
            )
        if is_out_of_memory(error):
            return (
                f"There is not enough memory to load the model {model}. Take a smaller one, or set "
                'engine.local.quantization to "int8", or engine.local.cache_gb lower.'
            )
        _log.error("The model could not be loaded.", exc_info=error)
        return f"The model {model} could not be loaded ({told(error)}). Check engine.model and its files."

    def _call(self, call: Callable[..., None], *arguments: object) -> None:
        try:
            self._loop.call_soon_threadsafe(call, *arguments)
        except RuntimeError:  # the loop is closed: there is nobody to be told
            _log.debug("The engine's event loop is closed.")


def _settle(future: asyncio.Future[T], result: T) -> None:
    if not future.done():
        future.set_result(result)


def _refuse(future: asyncio.Future[None], fault: EngineFault) -> None:
    if not future.done():
        future.set_exception(fault)
