"""Any server that speaks OpenAI's chat completions: vLLM, SGLang, llama.cpp, Ollama, a hosted API."""

from __future__ import annotations

import asyncio
import difflib
import logging
import random
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from functools import partial

from bot.engine.abilities import refuse_unknown
from bot.engine.base import (
    ChatMessage,
    Delta,
    EngineBusy,
    EngineFault,
    EngineFinish,
    EngineSlow,
    SamplingSettings,
    Usage,
)
from bot.engine.call import Call
from bot.engine.completions import OPTIONAL_FIELDS, AnswerReader, Chunk, request_body
from bot.engine.deadlines import Deadlines
from bot.engine.refusal import may_pass, repeatable
from bot.engine.server import Again, ModelServer, Refused
from bot.engine.stops import StopWatch
from bot.engine.thoughts import ThoughtFilter
from bot.engine.words import estimate_tokens

_log = logging.getLogger(__name__)
_LONGEST_PAUSE_SECONDS = 8.0


class OpenAICompatibleEngine:
    """Streams from `POST {base_url}/chat/completions`.

    `model` may be empty when the server offers a single one. Three bounds, in seconds: `connect_seconds` for one
    connection; `first_token_seconds` for all that comes before the first token (the wait for one of the
    `max_concurrent` places has the same bound, counted by itself); `between_tokens_seconds` for each silence after.

    A request is sent again, up to `retries` times, when the connection fails or the server says 408, 409, 425, 429
    or 5xx, and only while no token has come. The pauses double from `backoff_seconds`, with jitter, and are at
    least what Retry-After asks for; when that is longer than the time left, `EngineBusy` is raised at once.
    """

    def __init__(
        self,
        *,
        base_url: str,
        model: str = "",
        api_key: str = "",
        connect_seconds: float = 5,
        first_token_seconds: float = 60,
        between_tokens_seconds: float = 30,
        retries: int = 2,
        max_concurrent: int = 64,
        backoff_seconds: float = 0.5,
    ) -> None:
        self._server = ModelServer(base_url, key=api_key, connect_seconds=connect_seconds)
        self._model = model.strip()
        self._key = api_key.strip()
        self._first_token_seconds = first_token_seconds
        self._between_tokens_seconds = between_tokens_seconds
        self._retries = retries
        self._backoff_seconds = backoff_seconds
        self._max_concurrent = max_concurrent
        self._places = asyncio.Semaphore(max_concurrent)
        self._deadlines = Deadlines()
        self._refused_fields: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        return f"OpenAICompatibleEngine(base_url={self._server.shown!r}, model={self._model!r})"

    async def start(self) -> None:
        """Check the settings. The server is not asked: it may come up after us, see `check`."""
        self._server.open()

    async def check(self) -> str:
        """Ask the server once for its models: their names, with the one that is used in front.

        Raises `EngineFault` with a sentence about what is wrong when no answers can be expected.
        """
        try:
            models = await self._list_models(self._after(self._first_token_seconds))
        except Again as again:
            raise again.fault from None
        if not _offers(models, self._model):
            raise EngineFault(_missing(self._model, models))
        others = [name for name in models if name not in (self._model, f"{self._model}:latest")]
        return ", ".join([self._model, *others] if self._model else models)

    async def stream(
        self,
        messages: Sequence[ChatMessage],
        sampling: SamplingSettings,
        *,
        owner: str = "",  # noqa: ARG002 - the server behind knows no owners
    ) -> AsyncGenerator[Delta, None]:
        refuse_unknown(sampling, "An engine behind an API")
        await self._take_place()
        try:
            call = await self._begin(messages, sampling)
            try:
                async with aclosing(_deltas(call, sampling.stop)) as deltas:
                    async for delta in deltas:
                        yield delta
            finally:
                call.close()
        finally:
            self._places.release()

    def count_tokens(self, text: str) -> int:
        return estimate_tokens(text)

    async def close(self) -> None:
        """End every stream with an `EngineFault` and close every connection."""
        self._deadlines.close()
        await self._server.close()

    async def _take_place(self) -> None:
        try:
            async with self._deadlines.until(self._after(self._first_token_seconds)):
                await self._places.acquire()
        except TimeoutError:
            raise EngineBusy(
                f"All {self._max_concurrent} places at the model server are taken: see engine.openai.max_concurrent."
            ) from None

    async def _begin(self, messages: Sequence[ChatMessage], sampling: SamplingSettings) -> Call:
        """A call that has its first token. Raises `EngineFault`."""
        deadline = self._after(self._first_token_seconds)
        attempt = 0
        while True:
            try:
                return await self._attempt(messages, sampling, deadline)
            except Again as again:
                fault, pause = again.fault, again.pause
            except EngineBusy as busy:
                fault, pause = busy, 0
            attempt += 1
            at = self._after(max(pause, self._pause(attempt)))
            if attempt > self._retries or at >= deadline:
                raise fault
            await self._deadlines.sleep_until(at)

    async def _attempt(self, messages: Sequence[ChatMessage], sampling: SamplingSettings, deadline: float) -> Call:
        """One request, sent again at once without the fields that the server says it does not know."""
        model = await self._model_name(deadline)
        shown = partial(repeatable, key=self._key, messages=messages)
        while True:
            body = request_body(model, messages, sampling, without=self._refused_fields)
            try:
                return await self._call(body, shown, deadline)
            except Refused as refused:
                refusal, pause = refused.refusal, refused.pause
            fields = refusal.refused_fields(body, OPTIONAL_FIELDS)
            if not fields:
                fault = self._server.fault(refusal, model=model, repeatable=shown)
                raise Again(fault, pause=pause) if may_pass(refusal.status) else fault
            self._refused_fields |= fields
            if settings := sorted(fields - {"stream_options", "max_tokens"}):
                _log.warning("The model server does not know %s: left out from now on.", ", ".join(settings))

    async def _call(self, body: dict[str, object], shown: Callable[[str], str], deadline: float) -> Call:
        try:
            async with self._deadlines.until(deadline):
                response = await self._server.complete(body)
        except TimeoutError:
            raise EngineSlow("The model server took too long to begin its answer.") from None
        call = Call(response, AnswerReader(shown), self._deadlines, self._between_tokens_seconds)
        try:
            await call.begin(deadline)
        except BaseException:
            call.close()
            raise
        return call

    async def _model_name(self, deadline: float) -> str:
        if not self._model:
            models = await self._list_models(deadline)
            if len(models) != 1:
                raise EngineFault(_missing("", models))
            self._model = models[0]
        return self._model

    async def _list_models(self, deadline: float) -> tuple[str, ...]:
        try:
            async with self._deadlines.until(deadline):
                return await self._server.models()
        except TimeoutError:
            raise EngineSlow(f"The model server at {self._server.shown} took too long to list its models.") from None
        except Refused as refused:
            refusal, pause = refused.refusal, refused.pause
        fault = self._server.fault(
            refusal, model=self._model, repeatable=partial(repeatable, key=self._key, messages=())
        )
        raise Again(fault, pause=pause) if may_pass(refusal.status) else fault

    def _after(self, seconds: float) -> float:
        return asyncio.get_running_loop().time() + seconds

    def _pause(self, attempt: int) -> float:
        """Seconds before the attempt after this one: half of it is chance, so that many do not come back at once."""
        longest: float = min(self._backoff_seconds * 2 ** (attempt - 1), _LONGEST_PAUSE_SECONDS)
        return longest * random.uniform(0.5, 1)


async def _deltas(call: Call, stops: Sequence[str]) -> AsyncGenerator[Delta, None]:
    """The answer's text without the model's thoughts, up to the first stop string."""
    watch, thoughts = StopWatch(stops), ThoughtFilter()
    finish: EngineFinish = "stop"
    usage: Usage | None = None
    async with aclosing(call.chunks()) as chunks:
        async for chunk in chunks:
            finish, usage = _newest(chunk, finish, usage)
            if text := watch.feed(thoughts.feed(chunk.text)):
                yield Delta(text=text)
            if watch.stopped:
                break
    rest = watch.feed(thoughts.flush()) + watch.flush()
    yield Delta(text=rest, finish_reason="stop" if watch.stopped else finish, usage=usage)
    if not watch.stopped:
        await call.drain()


def _newest(chunk: Chunk, finish: EngineFinish, usage: Usage | None) -> tuple[EngineFinish, Usage | None]:
    return chunk.finish_reason or finish, chunk.usage or usage


def _offers(models: Sequence[str], model: str) -> bool:
    """Ollama lists "name:latest" for what may be asked for as "name"."""
    return len(models) == 1 if not model else bool({model, f"{model}:latest"} & set(models))


def _missing(model: str, models: Sequence[str]) -> str:
    if not models:
        return "The model server offers no model: load one there, and name it in engine.openai.model."
    names = ", ".join(models[:10]) + (", …" if len(models) > 10 else "")
    if not model:
        return f"engine.openai.model is empty and the server has more than one model: choose from {names}."
    near = difflib.get_close_matches(model, models, n=1)
    hint = f"did you mean {near[0]}?" if near else f"it has {names}."
    return f"The model server does not offer the model {model} of engine.openai.model: {hint}"
