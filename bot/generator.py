"""An engine as the API needs it: its errors in the API's words, and what it cannot do refused by name."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import PurePath
from typing import cast

from adapters.openai.generator import (
    ChatMessage,
    GenerationBusy,
    GenerationFault,
    GenerationRefused,
    GenerationSlow,
    GenerationTooLong,
    Generator,
    Prompt,
    Tool,
)
from bot.config import Config
from bot.engine.base import ChatMessage as EngineMessage
from bot.engine.base import Delta, Engine, EngineBusy, EngineFault, EngineRefused, EngineSlow, EngineTooLong
from bot.engine.local.engine import LocalEngine
from bot.errors import ConfigError
from bot.events import Sampling


def generator_of(config: Config, engine: Engine | None) -> Generator:
    """What stands behind the API. Raises `ConfigError` when the engine is no model, or cannot do what is configured."""
    if isinstance(engine, LocalEngine):
        return _Local(engine)
    if engine is None:
        raise ConfigError(
            f'`api.enabled` needs a model, and engine.kind = "{config.engine.kind}" has none: set it to "local" and '
            'name a model in engine.model, or to "openai".'
        )
    if config.api.priority:
        raise ConfigError('`api.priority` needs engine.kind = "local": the others know no priorities. Set it to 0.')
    return _ChatOnly(engine)


def model_name(config: Config) -> str:
    """What clients call the model: `api.model`, or what the engine calls it."""
    names = {
        "local": PurePath(config.engine.model).name,
        "openai": config.engine.openai.model,
        "echo": "echo",
    }
    return config.api.model.strip() or names.get(config.engine.kind, "") or "frontdesk"


class _Local:
    """The local engine knows everything that the API asks for."""

    def __init__(self, engine: LocalEngine) -> None:
        self._engine = engine

    def stream(
        self,
        messages: Sequence[ChatMessage],
        sampling: Sampling,
        *,
        owner: str,
        priority: int,
        deadline: float,
        tools: Sequence[Tool],
    ) -> AsyncGenerator[Delta, None]:
        known = cast(Sequence[EngineMessage], messages)
        return _translated(
            self._engine.stream(known, sampling, owner=owner, priority=priority, deadline=deadline, tools=tools)
        )

    def complete(
        self, prompt: Prompt, sampling: Sampling, *, owner: str, priority: int, deadline: float
    ) -> AsyncGenerator[Delta, None]:
        return _translated(
            self._engine.complete(prompt, sampling, owner=owner, priority=priority, deadline=deadline)
        )  # fmt: skip

    def count_tokens(self, text: str) -> int:
        return _counted(self._engine, text)


class _ChatOnly:
    """The other engines: conversations of plain text. They know no priorities, and time is kept here."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def stream(
        self,
        messages: Sequence[ChatMessage],
        sampling: Sampling,
        *,
        owner: str,
        priority: int,  # noqa: ARG002 - it is 0: `generator_of` saw to that
        deadline: float,
        tools: Sequence[Tool],
    ) -> AsyncGenerator[Delta, None]:
        if tools:
            raise GenerationRefused(_only_local("tools"), field="tools")
        for message in messages:
            if extra := sorted(set(message) - {"role", "content"}):
                raise GenerationRefused(_only_local(f"`{extra[0]}` in messages"), field="messages")
        known = cast(Sequence[EngineMessage], messages)
        return _translated(_within(self._engine.stream(known, sampling, owner=owner), deadline))

    def complete(
        self,
        prompt: Prompt,  # noqa: ARG002 - see below
        sampling: Sampling,  # noqa: ARG002
        *,
        owner: str,  # noqa: ARG002
        priority: int,  # noqa: ARG002
        deadline: float,  # noqa: ARG002
    ) -> AsyncGenerator[Delta, None]:
        """Refused: these engines answer conversations."""
        raise GenerationRefused(_only_local("prompts without a conversation"), field="prompt")

    def count_tokens(self, text: str) -> int:
        return _counted(self._engine, text)


def _only_local(what: str) -> str:
    return f'The engine of this server does not know {what}: that needs engine.kind = "local".'


def _counted(engine: Engine, text: str) -> int:
    try:
        return engine.count_tokens(text)
    except EngineFault as fault:
        raise _told(fault) from None


async def _translated(deltas: AsyncGenerator[Delta, None]) -> AsyncGenerator[Delta, None]:
    """The same deltas; what the engine raises is raised in the API's words."""
    try:
        async with aclosing(deltas):
            async for delta in deltas:
                yield delta
    except EngineFault as fault:
        raise _told(fault) from None


async def _within(deltas: AsyncGenerator[Delta, None], seconds: float) -> AsyncGenerator[Delta, None]:
    """The same deltas for so many seconds, then `EngineSlow`."""
    until = asyncio.get_running_loop().time() + seconds
    async with aclosing(deltas):
        while True:
            try:
                async with asyncio.timeout_at(until):
                    delta = await anext(deltas, None)
            except TimeoutError:
                raise EngineSlow(f"The answer took longer than {seconds:g} s.") from None
            if delta is None:
                return
            yield delta


def _told(fault: EngineFault) -> GenerationFault:
    match fault:
        case EngineTooLong():
            return GenerationTooLong(str(fault), field=fault.field)
        case EngineRefused():
            return GenerationRefused(str(fault), field=fault.field)
        case EngineBusy():
            return GenerationBusy(str(fault))
        case EngineSlow():
            return GenerationSlow(str(fault))
    return GenerationFault(str(fault))
