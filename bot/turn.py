"""One turn: language ▶ privacy ▶ memory ▶ knowledge ▶ prompt ▶ generate ▶ ground.

Everything that a turn needs is handed in; it touches no channel. It ends in an `Outcome` and raises only
what makes another attempt worth while.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar, TypeVarTuple

import structlog

from bot.answer.claims import only
from bot.answer.ground import ground
from bot.answer.intent import Intent, intent
from bot.answer.quote import Answer, Quoter
from bot.answer.stream import pieces
from bot.config import Config
from bot.engine.base import ChatMessage, Engine, EngineBusy, EngineFault
from bot.events import Citation, Failed, FinishReason, Message, Passage, Reply, Turn
from bot.language import Languages
from bot.phrases import said
from bot.privacy import Redactor
from bot.work import Cancellation, Outcome
from prompts.compose import Composed, compose, messages
from prompts.facts import gather
from prompts.followup import standalone
from prompts.knowledge import Knowledge
from prompts.memory import Memory, Remembered
from prompts.template import Library
from storage.base import Store

log = structlog.get_logger()

Emit = Callable[[Reply], Awaitable[None]]
Result = TypeVar("Result")
Arguments = TypeVarTuple("Arguments")

_ECHO_TOKENS = 10_000_000
_SMALL_TALK: frozenset[Intent] = frozenset({"greeting", "thanks", "goodbye", "identity"})
_CARRIED: frozenset[str] = frozenset({"interrupted", "merged"})
_LONG = 2_000
"""Characters beyond which work on a text is done beside the event loop: 8,000 take 0.1 s and more."""


@dataclass(slots=True)
class _Draft:
    """An answer while it is written. `sources` are the citations that its text may name."""

    message: Message
    attempt: int
    language: str
    emit: Emit
    text: str = ""
    seq: int = 0
    sources: tuple[Citation, ...] = ()
    reason: FinishReason = "stop"

    async def show(self, text: str) -> None:
        """Tell the channel what the answer is so far."""
        self.text = text
        await self.emit(self.reply())
        self.seq += 1

    def reply(self, *, final: bool = False) -> Reply:
        cited = tuple(source for source in self.sources if f"[{source.number}]" in self.text)
        return Reply(
            message_id=self.message.id,
            attempt=self.attempt,
            address=self.message.address,
            text=self.text,
            seq=self.seq,
            final=final,
            citations=cited,
            finish_reason=self.reason if final else "",
            language=self.language,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """What was asked, as understood: `alone` needs no conversation around it to be searched."""

    text: str
    alone: str
    language: str
    intent: Intent
    remembered: Remembered


class Turner:
    """Answers one message after another; holds no state of a conversation itself."""

    def __init__(
        self,
        *,
        config: Config,
        store: Store,
        languages: Languages,
        redactor: Redactor,
        memory: Memory,
        knowledge: Knowledge,
        library: Library,
        quoter: Quoter,
        engine: Engine | None,
        count: Callable[[str], int],
    ) -> None:
        self._config, self._store = config, store
        self._languages, self._redactor = languages, redactor
        self._memory, self._knowledge, self._library = memory, knowledge, library
        self._quoter, self._engine, self._count = quoter, engine, count

    async def answer(self, message: Message, attempt: int, cancellation: Cancellation, emit: Emit) -> Outcome:
        """Write the answer to `message`, telling `emit` of every piece; ends early when `cancellation` asks."""
        question = await self._understand(message)
        draft = _Draft(message, attempt, question.language, emit)
        if not cancellation.reason:
            await draft.show("")
            try:
                await _unless(cancellation, self._write(question, draft))
            except EngineFault as error:
                log.error("turn.engine", message=message.id, error=str(error))
                if not cancellation.reason and not await self._quote_instead(question, draft):
                    return Outcome(event=self._failed(draft, error), turns=_turns(message, draft))
        if cancellation.reason:
            draft.reason = cancellation.reason
            if self._config.engine.models and draft.sources:  # a model may name what is not there
                draft.text = only(draft.text, {source.number for source in draft.sources})
        return Outcome(event=draft.reply(final=True), turns=_turns(message, draft))

    async def settle(self, message: Message, outcome: Outcome) -> None:
        """After the end was committed: bring the conversation's memory up to date."""
        language = outcome.event.language if isinstance(outcome.event, Reply) else ""
        await self._memory.update(message.address, language)

    async def warm(self) -> None:
        """Load what the first visitor would wait for: the statistics of languages, then the embedding model."""
        await asyncio.to_thread(self._languages.detect, "What the first visitor would wait for.")
        if await self._knowledge.warm():
            log.info("turn.semantic_ready")

    async def consulted(self, message: Message) -> Sequence[Passage]:
        """The passages that an answer to `message` would draw on now, best first."""
        question = await self._understand(message)
        return await self._search(question) if question.intent == "question" else ()

    # -- understand ----------------------------------------------------------------------------------
    async def _understand(self, message: Message) -> _Question:
        remembered = await self._memory.recall(message.address)
        text = await self._with_carried(message)
        length = len(text) + len(remembered.summary) + sum(len(turn.text) for turn in remembered.turns)
        return await _aside(length, self._reading, message, text, remembered)

    def _reading(self, message: Message, text: str, remembered: Remembered) -> _Question:
        remembered = self._private(remembered)
        language = self._languages.detect(text, prior=remembered.language, hint=message.language)
        if self._config.privacy.redact_before_model:
            text = self._redactor.redact(text)
        return _Question(
            text=text,
            alone=standalone(text, remembered.turns, language),
            language=language,
            intent=intent(text, language),
            remembered=remembered,
        )

    def _private(self, remembered: Remembered) -> Remembered:
        if not self._config.privacy.redact_before_model:
            return remembered
        redact = self._redactor.redact
        return replace(
            remembered,
            turns=tuple(replace(turn, text=redact(turn.text)) for turn in remembered.turns),
            summary=redact(remembered.summary),
            facts=tuple(redact(fact) for fact in remembered.facts),
        )

    async def _with_carried(self, message: Message) -> str:
        """The message's text after those just before it that were left unanswered for its sake."""
        if self._config.bus.busy not in ("interrupt", "debounce"):
            return message.text
        texts: list[str] = []
        for exchange in await self._store.history(message.address, limit=self._config.bus.per_conversation + 1):
            if exchange.message.id == message.id:
                break
            end = exchange.outgoing.event if exchange.outgoing else None
            texts = [*texts, exchange.message.text] if isinstance(end, Reply) and end.finish_reason in _CARRIED else []
        return "\n".join([*texts, message.text])

    # -- write ---------------------------------------------------------------------------------------
    async def _write(self, question: _Question, draft: _Draft) -> None:
        echoes = self._config.engine.kind == "echo"
        if self._engine is None or (question.intent == "human" and not echoes):
            return await self._write_quote(question, draft)
        if question.intent in _SMALL_TALK:
            await self._write_with(self._engine, "small_talk", question, (), draft)
            return None
        found = tuple(await self._search(question))
        composed = await self._write_with(self._engine, self._config.prompts.answer, question, found, draft)
        await self._ground(question, composed.prompt.passages, draft)
        if composed.shortened:
            draft.text += "\n\n" + said("too_long_note", question.language)
        return None

    async def _search(self, question: _Question) -> list[Passage]:
        return list(await self._knowledge.search(question.alone, language=question.language))

    async def _quote(self, question: _Question) -> Answer:
        if question.intent != "question":
            return self._quoter.small_talk(question.intent, question.language)
        return await self._quote_from(question, await self._search(question))

    async def _quote_from(self, question: _Question, passages: Sequence[Passage]) -> Answer:
        length = len(question.text) + sum(len(passage.text) for passage in passages)
        candidates = await _aside(length, self._quoter.candidates, passages, question.language)
        near = await self._knowledge.alike(question.alone, candidates, question.language)
        nearness = dict(zip(candidates, near, strict=True)) if near else {}
        quoted = partial(self._quoter.answer, nearness=nearness)
        answer = await _aside(length, quoted, question.alone, passages, question.language)
        if answer.kind == "decline" and _only_tells(question):
            return Answer(text=said("noted", question.language), kind="small_talk")
        return answer

    async def _write_quote(self, question: _Question, draft: _Draft) -> None:
        answer = await self._quote(question)
        _finish(draft, answer)
        pause = self._config.engine.quote.delay_ms / 1000
        text = ""
        for piece in pieces(answer.text):
            text += piece
            await draft.show(text)
            await asyncio.sleep(pause)

    async def _write_with(
        self, engine: Engine, template: str, question: _Question, passages: tuple[Passage, ...], draft: _Draft
    ) -> Composed:
        length = len(question.text) + sum(len(passage.text) for passage in passages)
        composed = await _aside(length, self._compose, template, question, passages)
        draft.sources = tuple(
            Citation(number=number, title=passage.title, location=passage.location, url=passage.url)
            for number, passage in enumerate(composed.prompt.passages, 1)
        )
        asked = [ChatMessage(role=part["role"], content=part["content"]) for part in messages(composed.prompt)]
        sampling = composed.sampling
        if self._config.engine.kind == "echo" and self._config.prompts.max_tokens is None:
            sampling = replace(sampling, max_tokens=_ECHO_TOKENS)  # a template's limit is meant for models
        async with aclosing(engine.stream(asked, sampling, owner=_owner(draft.message))) as stream:
            async for delta in stream:
                if delta.text:
                    await draft.show(draft.text + delta.text)
                draft.reason = delta.finish_reason or draft.reason
        return composed

    def _compose(self, template: str, question: _Question, passages: tuple[Passage, ...]) -> Composed:
        return compose(
            template=self._library.get(template, question.language),
            question=question.text,
            language=question.language,
            passages=passages,
            remembered=question.remembered,
            site=self._config.site,
            config=self._config.prompts,
            memory=self._config.memory,
            count=self._count,
            now=time.time(),
        )

    # -- ground --------------------------------------------------------------------------------------
    async def _ground(self, question: _Question, passages: tuple[Passage, ...], draft: _Draft) -> None:
        """Hold a model's answer against its sources; what they do not support is replaced by a quote."""
        if not self._config.engine.ground or self._config.engine.kind == "echo":
            return
        if not passages and not await self._knowledge.documents():
            return  # nobody gave this bot any knowledge: it is a plain assistant
        length = len(draft.text) + sum(len(passage.text) for passage in passages)
        grounded = await _aside(length, ground, draft.text, passages)
        if grounded.supported:
            draft.text = grounded.text  # its numbers are those of `draft.sources`
            return
        log.info("turn.unsupported", message=draft.message.id)
        answer = await self._quote_from(question, passages)
        _finish(draft, answer)
        draft.text = answer.text

    async def _quote_instead(self, question: _Question, draft: _Draft) -> bool:
        """When the engine failed: answer with a quote, if there is one."""
        answer = await self._quote(question)
        if answer.kind == "decline":
            return False
        _finish(draft, answer)
        draft.text = answer.text
        return True

    def _failed(self, draft: _Draft, error: EngineFault) -> Failed:
        return Failed(
            message_id=draft.message.id,
            address=draft.message.address,
            reason=str(error),
            said=said("unavailable" if isinstance(error, EngineBusy) else "failed", draft.language),
        )


def _owner(message: Message) -> str:
    """Who takes turns with others where answers have to wait: a visitor, whatever the conversation."""
    address = message.address
    return "/".join((address.channel, address.account, message.sender or address.conversation))


def _only_tells(question: _Question) -> bool:
    """Whether a message tells something about its sender that memory keeps, and asks nothing."""
    told = Turn(role="user", text=question.text, language=question.language, at=0)
    return not any(mark in question.text for mark in "?？؟") and bool(gather((), (told,), limit=1))


def _finish(draft: _Draft, answer: Answer) -> None:
    draft.sources = answer.citations
    reasons: dict[str, FinishReason] = {"decline": "declined", "human": "human"}
    draft.reason = reasons.get(answer.kind, "stop")


async def _unless(cancellation: Cancellation, writing: Awaitable[None]) -> None:
    """Await `writing`; when `cancellation` asks first, cancel it, so that the engine's place is free at once."""
    task = asyncio.ensure_future(writing)
    asked = asyncio.create_task(cancellation.wait())
    try:
        await asyncio.wait({task, asked}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        asked.cancel()
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
    if not task.cancelled():
        task.result()
    elif not cancellation.reason:
        raise RuntimeError("the writing of an answer was cancelled, and nobody had asked for that")


async def _aside(length: int, work: Callable[[*Arguments], Result], *arguments: *Arguments) -> Result:
    """Do `work` on texts of `length` characters altogether; long ones in a thread, so that nobody else waits."""
    return await asyncio.to_thread(work, *arguments) if length > _LONG else work(*arguments)


def _turns(message: Message, draft: _Draft) -> tuple[Turn, ...]:
    asked = Turn(role="user", text=message.text, language=draft.language, at=message.sent_at)
    if not draft.text:
        return (asked,)
    return (asked, Turn(role="assistant", text=draft.text, language=draft.language, at=time.time()))
