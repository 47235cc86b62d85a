"""From a question to requests: checked, encoded, cut to what fits; on the event loop when short, else beside it."""

from __future__ import annotations

import asyncio
import itertools
import math
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from bot.engine.base import ChatMessage, EngineFault, EngineRefused, EngineSlow, EngineTooLong, SamplingSettings
from bot.engine.local.answer import Answer, Asked
from bot.engine.local.checks import check
from bot.engine.local.model import Model, Texts
from bot.engine.local.outlet import Outlet
from bot.engine.local.request import Request
from bot.engine.local.seeds import seed_of

Result = TypeVar("Result")

_LONG = 4_000
"""Characters beyond which a text is encoded beside the event loop: these take about a millisecond."""
_MESSAGE = 64
"""Characters whose encoding costs as much as putting one more message through a chat template."""
_THREADS = 2


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked. A `prompt` is continued as it stands; else `messages` are put through the chat template."""

    sampling: SamplingSettings
    messages: Sequence[ChatMessage] = ()
    tools: Sequence[Mapping[str, Any]] = ()
    prompt: str | Sequence[int] | None = None
    owner: str = ""
    priority: int = 0
    deadline: float | None = None
    """Seconds from now."""

    @property
    def field(self) -> str:
        return "messages" if self.prompt is None else "prompt"

    @cached_property
    def long(self) -> bool:
        """Whether it is prepared beside the event loop."""
        return self._length() > _LONG

    def _length(self) -> int:
        """About how many characters are to be encoded, or tokens to be looked at."""
        if self.prompt is not None:
            return len(self.prompt)
        said = sum(len(str(value)) for message in self.messages for value in message.values())
        return said + _MESSAGE * len(self.messages) + sum(len(str(tool)) for tool in self.tools)


class Preparer:
    """Makes requests for one model. `context_tokens` is what a prompt and its answer may have together."""

    def __init__(self, model: Model, context_tokens: int) -> None:
        self._model, self._context = model, context_tokens
        self._ids = itertools.count(1)
        self._aside = ThreadPoolExecutor(_THREADS, thread_name_prefix="frontdesk-encode")
        # Of their own, so that nobody's text waits for somebody's form, some of which take seconds.
        self._forms = ThreadPoolExecutor(_THREADS, thread_name_prefix="frontdesk-form")
        self._closed = ""

    def close(self, fault: str) -> None:
        """Encode nothing more: what still waits for it ends in an `EngineFault` that says `fault`. From any thread."""
        self._closed = fault
        self._aside.shutdown(wait=False)
        self._forms.shutdown(wait=False)

    def check(self, question: Question) -> None:
        """Raise `EngineRefused`, with the field that is wrong, for what can be seen without the tokens."""
        _check_messages(question.messages)
        asked = question.sampling.max_tokens
        most = max(self._context, asked) if isinstance(asked, int) else self._context  # too many are cut down later
        check(question.sampling, vocabulary=self._model.runner.vocabulary, context_tokens=most)

    async def prepare(self, question: Question) -> Asked:
        """The requests for `question`, which was checked.

        Raises `EngineRefused`, with the field that is wrong, or `EngineSlow` when its time is over.
        """
        arrived = time.monotonic()
        deadline = _deadline(question.deadline, arrived)
        sampling = question.sampling
        try:
            async with asyncio.timeout(None if deadline == math.inf else deadline - arrived):
                prompt = await self._run(self._aside if question.long else None, lambda: self._encode(question))
                most = self._room(prompt, question)
                bound = bool(sampling.json_schema or sampling.regex or sampling.choice)
                grammar = await self._run(self._forms, lambda: self._model.grammar(sampling)) if bound else None
        except RecursionError:
            where = "tools" if question.tools else question.field
            raise EngineRefused(
                f"The {where} are nested too deeply to be read: make them flatter.", field=where
            ) from None
        except TimeoutError:
            raise EngineSlow("The question was not prepared within the time that its answer was given.") from None
        asked = Asked(Outlet(sampling.n))
        ends = frozenset() if sampling.ignore_eos else self._model.texts.end_tokens
        for index in range(sampling.n):
            request = Request(
                id=next(self._ids),
                tokens=list(prompt),
                prompt_length=len(prompt),
                max_tokens=most,
                sampling=sampling,
                seed=seed_of(sampling.seed, index),
                grammar=grammar.fork() if grammar is not None and index else grammar,
                owner=question.owner,
                priority=question.priority,
                deadline=deadline,
                arrived=arrived,
            )
            text = self._model.texts.stream(sampling.stop, prompt=prompt if question.prompt is not None else ())
            asked.answers.append(
                Answer(request=request, asked=asked, index=index, text=text, vocabulary=self._model.texts, ends=ends)
            )
        return asked

    async def _run(self, aside: ThreadPoolExecutor | None, work: Callable[[], Result]) -> Result:
        if aside is None:
            return work()
        try:
            working = asyncio.get_running_loop().run_in_executor(aside, self._unless_closed, work)
        except RuntimeError:  # the pool takes nothing more
            raise EngineFault(self._closed) from None
        return await working

    def _unless_closed(self, work: Callable[[], Result]) -> Result:
        if self._closed:
            raise EngineFault(self._closed)
        return work()

    def _encode(self, question: Question) -> list[int]:
        if question.prompt is not None and not isinstance(question.prompt, str):
            self._check_tokens(question.prompt)
            return [int(token) for token in question.prompt]
        tokens = self._read(self._model.texts if question.long else self._model.counting, question)
        if max(tokens, default=0) >= self._model.runner.vocabulary:  # it would end the step for all that are in it
            raise EngineRefused(
                f"The text holds a special token that the tokenizer knows and the model does not ({max(tokens)}): "
                "leave it out.",
                field=question.field,
            )
        return tokens

    def _read(self, texts: Texts, question: Question) -> list[int]:
        if isinstance(question.prompt, str):
            return texts.encode(question.prompt)
        if not question.messages:
            raise EngineRefused("There is no message to answer: give one at least.", field="messages")
        return texts.chat(question.messages, question.tools)

    def _check_tokens(self, tokens: Sequence[object]) -> None:
        most = self._model.runner.vocabulary
        if not tokens:
            raise EngineRefused("The prompt is empty: give at least one token.", field="prompt")
        for token in tokens:
            if not isinstance(token, int) or isinstance(token, bool) or not 0 <= token < most:
                raise EngineRefused(f"The prompt's tokens must be numbers from 0 to {most - 1}.", field="prompt")

    def _room(self, prompt: Sequence[int], question: Question) -> int:
        """How many tokens may be written: as many as were asked for, or as fit."""
        room = self._context - len(prompt)
        if room < 1:
            raise EngineTooLong(
                f"The prompt has {len(prompt)} tokens, but the engine holds {self._context} for a prompt and its "
                "answer together. Make it shorter, or set engine.local.context_tokens higher where the model can.",
                field=question.field,
            )
        return min(question.sampling.max_tokens, room)


def _check_messages(messages: Sequence[object]) -> None:
    for message in messages:
        if not isinstance(message, Mapping) or not isinstance(message.get("role"), str):
            raise EngineRefused("Each message needs a `role`, such as `user`, and a `content`.", field="messages")


def _deadline(seconds: float | None, now: float) -> float:
    if seconds is None:
        return math.inf
    if not isinstance(seconds, int | float) or math.isnan(seconds):
        raise EngineRefused(
            "The deadline is not a number: give the seconds that the answer may take.", field="deadline"
        )
    if seconds <= 0:
        raise EngineSlow("The time that the answer was given is over already.")
    return now + seconds
