"""Wraps an `Answering`, so that what is said and shown is read as if it had been written.

The answer begins with what was understood. It is no part of what is remembered.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from bot.cases import at_support
from bot.config import Config
from bot.draft import Emit, unless
from bot.events import Command, Message, Passage, Reply
from bot.house import Cancellation
from bot.perception import Perception, perceivable
from bot.question import left_for
from bot.senses import Senses
from bot.work import Answering, Outcome
from storage.base import Store

_WORDS: frozenset[Command] = frozenset({"", "ask", "start", "summarize", "sentiment", "translate", "write", "human"})
"""Commands whose text matters."""


class Perceiving:
    """Answers with `inner`; with `senses` it hears and sees."""

    def __init__(self, inner: Answering, perception: Perception, senses: Senses, store: Store, config: Config) -> None:
        self.inner = inner
        self._perception, self._senses, self._store, self._config = perception, senses, store, config

    async def answer(self, message: Message, attempt: int, cancellation: Cancellation, emit: Emit) -> Outcome:
        before = await left_for(message, self._store, self._config.bus)
        together = [one for one in (*before, message) if await self._has_words(one)]
        if not together:
            return await self.inner.answer(message, attempt, cancellation, emit)
        await self._begin(message, attempt, emit)
        await unless(cancellation, self._perceive(together))

        def led(reply: Reply) -> Reply:
            """One later than what was shown first, and after what was understood."""
            lead = self._perception.lead(together, reply.language)
            nothing = reply.final and not reply.text.strip()
            text = reply.text if nothing else "\n\n".join(filter(None, (lead, reply.text)))
            return replace(reply, seq=reply.seq + 1, text=text)

        async def emit_led(reply: Reply) -> None:
            await emit(led(reply))

        told = self._perception.told(message)
        outcome = await self.inner.answer(told, attempt, cancellation, emit_led)
        event = led(outcome.event) if isinstance(outcome.event, Reply) else outcome.event
        self._perception.forget(together)
        return replace(outcome, event=event)

    async def settle(self, message: Message, outcome: Outcome) -> None:
        await self.inner.settle(message, outcome)

    async def warm(self) -> None:
        await self.inner.warm()
        await self._senses.warm()

    async def consulted(self, message: Message) -> Sequence[Passage]:
        return await self.inner.consulted(message)

    async def _has_words(self, message: Message) -> bool:
        """Whether something came with it that may hold words for the bot: what colleagues send stays as it is."""
        if message.command not in _WORDS or not any(map(perceivable, message.attachments)):
            return False
        colleague = not message.command and at_support(message.address, self._config.handover)
        return not (colleague and await self._store.case_at(message.address))

    async def _begin(self, message: Message, attempt: int, emit: Emit) -> None:
        """Let the channel show that something is being done, unless a person has the conversation."""
        case = await self._store.case(message.address) if self._config.handover.channel else None
        if case is None or case.state != "taken":
            nothing = Reply(
                message_id=message.id,
                attempt=attempt,
                address=message.address,
                text="",
                seq=0,
                language=message.language,
            )
            await emit(nothing)

    async def _perceive(self, together: Iterable[Message]) -> None:
        for message in together:
            known = await self._store.recall(message.address)
            await self._perception.perceive(message, known.language or message.language)
