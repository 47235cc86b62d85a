"""A person's turn: wraps an `Answering`, and lets people take over from it. What follows from what is in `bot.cases`.

A case lives in the store alone, and every change of it is committed with the end of the message that brought it about:
whatever dies, the visitor, the desk and the bot agree on who speaks. Visitor and desk have lanes of their own, so an
answer may be on its way while somebody takes the conversation over. Then the running answer is stopped (`Work`), what
it still says is not passed on, and its end is decided anew: a commit that was decided on what a case is no more is
refused by the store, so that nothing of the bot's comes after "Ana has joined".
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import structlog

from bot.answer.intent import LONGEST, intent
from bot.cases import (
    ACTS,
    OF_THE_HOUSE,
    Step,
    abandoned,
    at_support,
    before,
    by_colleague,
    by_visitor,
    lapsed,
    opened,
    opening,
)
from bot.config import Config
from bot.errors import CaseConflict, ConfigError, UsageError
from bot.events import Case, Message, Passage, Reply, Turn
from bot.house import Cancellation
from bot.language import Languages
from bot.preferences import preferred_language
from bot.work import Answering, Outcome, unusable
from storage.base import Outgoing, Store

log = structlog.get_logger()

Emit = Callable[[Reply], Awaitable[None]]

_HOUR = 3_600
_TURNS_SINCE = 1_000
"""Turns that are looked through for those before a case was opened, when its card is shown again."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What an `Answering` is asked."""

    message: Message
    attempt: int
    cancellation: Cancellation
    emit: Emit

    def quiet_when_taken(self) -> _Asked:
        """The same, but that nothing is shown from the moment on when somebody takes the conversation over."""

        async def emit(reply: Reply) -> None:
            if self.cancellation.reason != "human":
                await self.emit(reply)

        return replace(self, emit=emit)

    def ends(self, text: str, language: str) -> Reply:
        return Reply(
            message_id=self.message.id,
            attempt=self.attempt,
            address=self.message.address,
            text=text,
            seq=0,
            final=True,
            finish_reason="human",
            language=language,
        )


class Handover:
    """Answers with `inner`, until somebody takes a conversation over. Needs `config.handover.channel`."""

    def __init__(self, inner: Answering, store: Store, config: Config, languages: Languages) -> None:
        if not config.handover.conversation:
            raise ConfigError(
                "`handover.conversation` is missing: set it to the id of the conversation where cases are posted."
            )
        self._inner, self._store, self._languages = inner, store, languages
        self._config = config.handover
        self._spoken = config.language
        self._language = config.language.fixed or config.language.default

    async def answer(self, message: Message, attempt: int, cancellation: Cancellation, emit: Emit) -> Outcome:
        """What `inner` answers, or what follows from a case."""
        asked = _Asked(message, attempt, cancellation, emit)
        if at_support(message.address, self._config):
            case = await self._store.case_at(message.address)
            if case:
                return await self._by_colleague(case, asked)
        if message.command in OF_THE_HOUSE:
            return await self._answered(asked)
        case = await self._store.case(message.address)
        if case and not at_support(case.desk, self._config):
            step = abandoned(case, message)
            return replace(await self._answered(asked), posts=step.posts, case=step.case, seen=case)
        return await (self._by_visitor(case, asked) if case else self._without_case(asked))

    async def settle(self, message: Message, outcome: Outcome) -> None:
        if outcome.turns:
            await self._inner.settle(message, outcome)

    async def warm(self) -> None:
        await self._inner.warm()

    async def consulted(self, message: Message) -> Sequence[Passage]:
        return await self._inner.consulted(message)

    async def _answered(self, asked: _Asked) -> Outcome:
        """What `inner` answers. When it cannot, colleagues are shown what was said all the same."""
        try:
            return await self._inner.answer(asked.message, asked.attempt, asked.cancellation, asked.emit)
        except UsageError as error:
            return unusable(asked.message, error)

    # -- the visitor's side ----------------------------------------------------------------------------
    async def _without_case(self, asked: _Asked) -> Outcome:
        language = await self._asks_for_person(asked.message)
        if language:
            return await self._opened(asked, language)
        outcome = await self._answered(asked)
        offer = _offer(asked, outcome)
        return await self._opened(asked, offer.language) if offer else outcome

    async def _opened(self, asked: _Asked, language: str) -> Outcome:
        case = opened(asked.message, self._config, language, time.time())
        told = [turn for _, turn in await self._store.turns(case.visitor, limit=self._config.turns)]
        step = opening(case, told, self._language)
        outcome = self._decided(asked, step, case, case.opened_at)
        return replace(outcome, seen=None)  # there was none before

    async def _by_visitor(self, case: Case, asked: _Asked) -> Outcome:
        waits = case.state == "waiting"
        again = waits and bool(await self._asks_for_person(asked.message))
        step = by_visitor(case, asked.message, self._language, asks_for_person=again)
        if not step.answers:
            return self._decided(asked, step, case, asked.message.sent_at)
        outcome = await self._answered(asked.quiet_when_taken())
        now = await self._store.case(case.visitor)
        taken = now is not None and now.state == "taken"
        if taken or _offer(asked, outcome):
            case = now or case
            step = by_visitor(case, asked.message, self._language, asks_for_person=True)
            return self._decided(asked, step, case, asked.message.sent_at)
        return replace(outcome, posts=step.posts, seen=case)

    async def _asks_for_person(self, message: Message) -> str:
        """The language of a message that asks for a person, "" of any other."""
        if message.command not in ("", "human") or (not message.command and len(message.text) > LONGEST):
            return ""
        known = await self._store.recall(message.address)
        language = self._languages.detect(message.text, prior=known.language, hint=message.language)
        if message.command != "human" and intent(message.text, language) != "human":
            return ""
        return await preferred_language(self._store, message.address, self._spoken) or language

    # -- the support desk's side -----------------------------------------------------------------------
    async def _by_colleague(self, case: Case, asked: _Asked) -> Outcome:
        told = await _before(self._store, case, self._config.turns) if asked.message.command in ACTS else ()
        step = by_colleague(case, asked.message, told, self._language)
        if step.answers:
            return await self._answered(asked)
        return self._decided(asked, step, case, asked.message.sent_at)

    # -- both ------------------------------------------------------------------------------------------
    def _decided(self, asked: _Asked, step: Step, case: Case, at: float) -> Outcome:
        """The end of a message, decided on `case`. What visitors say is remembered, what colleagues say is not."""
        visitor = asked.message.address == case.visitor
        language = case.language if visitor else self._language
        return Outcome(
            event=asked.ends(step.says, language),
            turns=_remembered(asked.message, step.says, language, at) if visitor else (),
            posts=step.posts,
            case=step.case,
            seen=case,
        )


async def return_idle(store: Store, config: Config, now: float) -> Sequence[Outgoing]:
    """Give back to the bot what cases nobody has said anything in for `handover.idle_hours`; what goes out of that.

    A hundred at a time. Raises `StorageError`.
    """
    hours, language = config.handover.idle_hours, config.language.fixed or config.language.default
    since, posted = now - hours * _HOUR, list[Outgoing]()
    for case in await store.idle_cases(since):
        step = lapsed(case, await _before(store, case, config.handover.turns), language, hours)
        with suppress(CaseConflict):  # somebody said something just now
            posted += await store.lapse(case, step.posts, before=since)
            log.info("handover.idle", case=case.id)
    return posted


async def _before(store: Store, case: Case, most: int) -> Sequence[Turn]:
    """What was said before a case was opened, as much as its card shows."""
    turns = [turn for _, turn in await store.turns(case.visitor, limit=_TURNS_SINCE)]
    return before(case, turns)[-most:] if most else ()


def _offer(asked: _Asked, outcome: Outcome) -> Reply | None:
    """What the bot says to a wish for a person that only it understood, from what was said before."""
    event = outcome.event
    if isinstance(event, Reply) and event.finish_reason == "human" and not asked.cancellation.reason:
        return event
    return None


def _remembered(message: Message, says: str, language: str, at: float) -> tuple[Turn, ...]:
    asked = Turn(role="user", text=message.text, language=language, at=at, name=message.name)
    told = Turn(role="assistant", text=says, language=language, at=at)
    return tuple(turn for turn in (asked, told) if turn.text.strip())
