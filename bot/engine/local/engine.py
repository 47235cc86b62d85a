"""The local engine: one model, one batch for everybody who asks."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any

from bot.engine.base import ChatMessage, Delta, EngineBusy, EngineFault, EngineRefused, SamplingSettings
from bot.engine.local.answer import Asked
from bot.engine.local.life import Life
from bot.engine.local.model import Loader, Model, Progress, Texts, load_model
from bot.engine.local.prepare import Question
from bot.engine.local.settings import LocalSettings
from bot.engine.local.stats import Counts, Stats
from bot.engine.words import estimate_tokens


class LocalEngine:
    """Answers with a model on this machine. Used from one event loop; the work is done in a thread of its own.

    `progress` is called on the event loop while the model is loaded. `loader` is what loads it.
    """

    def __init__(
        self, settings: LocalSettings, *, progress: Progress | None = None, loader: Loader = load_model
    ) -> None:
        self.settings = settings
        self._progress, self._loader = progress, loader
        self._counts = Counts()
        self._life: Life | None = None
        self._texts: Texts | None = None
        self._held = 0

    async def start(self) -> None:
        """Load the model, unless it is there; after a failure, anew. Raises `EngineFault` that says what to do."""
        if self._life is not None:
            if self._life.state in ("ready", "failing"):
                return
            await self._life.close()
        self._life = Life(self.settings, self._loader, self._counts, self._progress)
        try:
            await self._life.ready
        except EngineFault:
            await self._life.close()  # what its thread still frees, the end of the process must not meet halfway
            raise
        self._texts = self.model.counting

    def stream(
        self,
        messages: Sequence[ChatMessage],
        sampling: SamplingSettings,
        *,
        owner: str = "",
        priority: int = 0,
        deadline: float | None = None,
        tools: Sequence[Mapping[str, Any]] = (),
    ) -> LocalStream:
        """Generate answers to `messages` through the model's chat template, which may be told of `tools`.

        Where requests wait, those of a higher `priority` go first and owners take turns. `deadline` is the seconds
        from now after which the stream ends in `EngineSlow`. Where the prompt leaves less room than
        `sampling.max_tokens`, that much is written. Closing the stream frees its place within one step.

        Raises, from the iterator:
            EngineRefused: the request cannot be done; `field` names what is wrong with it.
            EngineBusy: the queue is full.
            EngineSlow: the deadline passed.
            EngineFault: the model is not loaded, or computing the answer failed.
        """
        question = Question(
            sampling=sampling, messages=messages, tools=tools, owner=owner, priority=priority, deadline=deadline
        )
        return LocalStream(self, question)

    def complete(
        self,
        prompt: str | Sequence[int],
        sampling: SamplingSettings,
        *,
        owner: str = "",
        priority: int = 0,
        deadline: float | None = None,
    ) -> LocalStream:
        """Continue `prompt` as it stands, a text or token ids, without a chat template. Else as `stream`."""
        question = Question(sampling=sampling, prompt=prompt, owner=owner, priority=priority, deadline=deadline)
        return LocalStream(self, question)

    def count_tokens(self, text: str) -> int:
        """How many tokens `text` has by itself: exactly, once a model was loaded and where it can be encoded at all.

        From any thread; a thousand words take about a millisecond.
        """
        try:
            return self._texts.count(text) if self._texts else estimate_tokens(text)
        except EngineRefused:
            return estimate_tokens(text)

    @property
    def model(self) -> Model:
        """What was loaded. Raises `EngineFault` when nothing is."""
        if self._life is None or self._life.model is None:
            raise EngineFault("The engine has not been started.")
        return self._life.model

    @property
    def context_tokens(self) -> int:
        """What a prompt and its answer may have together. 0 before the model is loaded."""
        return self._life.context_tokens if self._life else 0

    def health(self) -> str:
        """What is wrong; "" when questions can be asked and the last steps did not all fail."""
        if self._life is None:
            return "The engine has not been started."
        if self._life.state == "failing":
            return "The last steps of the engine failed: see the log."
        return self._life.fault

    def stats(self) -> Stats:
        """The figures of this moment. From any thread."""
        return self._counts.taken(self._life.state if self._life else "closed", time.monotonic())

    async def close(self) -> None:
        """End every stream with an `EngineFault`, the thread, and give the memory back."""
        if self._life is not None:
            await self._life.close()

    # -- for LocalStream -------------------------------------------------------------------------------
    def alive(self) -> Life:
        """The life that takes questions. Raises `EngineFault` when there is none."""
        if self._life is None:
            raise EngineFault("The engine has not been started.")
        if self._life.fault:
            raise EngineFault(self._life.fault)
        return self._life

    @contextmanager
    def place(self, answers: int) -> Generator[None, None, None]:
        """Room for so many answers, from before they are encoded. Raises `EngineBusy` when there is none."""
        most = self.settings.queue + self.settings.max_requests
        if self._held + answers > most:
            self._counts.refused += 1
            raise EngineBusy(f"The engine has {self._held} requests, and room for {most}: try again in a moment.")
        self._held += answers
        try:
            yield
        finally:
            self._held -= answers


class LocalStream(AsyncGenerator[Delta, None]):
    """The deltas of one question. Nothing is asked before the first of them is awaited."""

    def __init__(self, engine: LocalEngine, question: Question) -> None:
        self._engine = engine
        self._asked: Asked | None = None
        self._deltas = self._run(question)

    async def position(self) -> int:
        """0 while it is computed (or over, or not begun), else its place in the queue, from 1."""
        asked = self._asked
        return 0 if asked is None or asked.ended else await self._engine.alive().position(asked)

    async def _run(self, question: Question) -> AsyncGenerator[Delta, None]:
        life = self._engine.alive()
        if life.preparer is None:
            raise EngineFault("The engine has not been started.")
        life.preparer.check(question)
        with self._engine.place(question.sampling.n):
            asked = await life.preparer.prepare(question)
            life.submit(asked)
            self._asked = asked
            try:
                while (delta := await asked.outlet.read()) is not None:
                    yield delta
            finally:
                life.cancel(asked)

    def __aiter__(self) -> LocalStream:
        return self

    def __anext__(self) -> Any:
        return self._deltas.__anext__()

    def asend(self, value: None) -> Any:
        return self._deltas.asend(value)

    def athrow(
        self,
        typ: type[BaseException] | BaseException,
        val: BaseException | object = None,
        tb: TracebackType | None = None,
    ) -> Any:
        return self._deltas.athrow(typ if isinstance(typ, BaseException) else typ(val), None, tb)

    def aclose(self) -> Any:
        return self._deltas.aclose()
