"""One turn: memory ▶ language ▶ privacy ▶ attachments ▶ knowledge ▶ prompt ▶ generate ▶ ground; or an errand.

Everything that a turn needs is handed in; of channels it knows no more than how to fetch what came with a message. It
ends in an `Outcome` and raises only what makes another attempt worth while.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import structlog

from bot.answer.claims import only
from bot.answer.ground import ground
from bot.answer.intent import Intent
from bot.answer.quote import Answer, Quoter
from bot.attachments import Attachments, files_read
from bot.config import Config
from bot.draft import Draft, Emit, aside, unless
from bot.engine.base import Engine, EngineBusy, EngineFault
from bot.errands import ERRANDS, Errands
from bot.events import Command, Failed, FinishReason, Message, Passage, Reply, Turn
from bot.explaining import begun, ended
from bot.explanation import Checked
from bot.house import SILENT
from bot.language import Languages
from bot.phrases import said
from bot.privacy import Redactor
from bot.question import Question, Understanding
from bot.quoting import Quotes
from bot.rehearsal import foresee, rehearse
from bot.settings import SETTINGS, Settings
from bot.work import Cancellation, Outcome
from bot.writing import Writer
from prompts.knowledge import Knowledge
from prompts.memory import Memory
from prompts.template import Library
from storage.base import Store

log = structlog.get_logger()

_SMALL_TALK: frozenset[Intent] = frozenset({"greeting", "thanks", "goodbye", "identity"})
_UNANSWERED: frozenset[Command] = frozenset({"take", "resolve", "return", "withdrawn"})
"""Commands that ask the bot for nothing."""
_OTHERS_WORDS: frozenset[Command] = frozenset({"summarize", "translate"})
"""Commands whose text is not what the person tells: nothing of it is remembered as theirs."""


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
        attachments: Attachments,
    ) -> None:
        self._config, self._languages, self._memory, self._knowledge = config, languages, memory, knowledge
        self._quotes = Quotes(knowledge, quoter, most=config.knowledge.passages)
        self._attachments = attachments
        self._understanding = Understanding(
            config,
            store,
            languages=languages,
            redactor=redactor,
            memory=memory,
            told=attachments.perception.told,
        )
        self._writer = Writer(config, engine, library=library, count=count) if engine else None
        self._errands = Errands(
            config,
            writer=self._writer if config.engine.models else None,
            attachments=attachments,
            understanding=self._understanding,
            search=self._quotes.search,
        )
        self._settings = Settings(config, store, models=self._writer is not None and config.engine.models)

    async def answer(self, message: Message, attempt: int, cancellation: Cancellation, emit: Emit) -> Outcome:
        """Write the answer to `message`, telling `emit` of every piece; ends early when `cancellation` asks."""
        if message.command in _UNANSWERED:
            return _silence(Draft(message, attempt, message.language, emit), _reason(message.command))
        began = time.perf_counter()
        question = await self._understanding.question(message)
        how = begun(message, question, self._config.engine)
        how.timings["understanding"] = time.perf_counter() - began
        draft = Draft(message, attempt, question.language, emit, how=how)
        if not cancellation.reason:
            await draft.show("")
            try:
                await unless(cancellation, self._work(question, draft))
            except EngineFault as error:
                log.error("turn.engine", message=message.id, error=str(error))
                how.error = str(error)
                if not cancellation.reason and not await self._quote_instead(question, draft):
                    return self._outcome(question, draft, self._failed(draft, error))
        if cancellation.reason in SILENT:
            return _silence(draft, cancellation.reason)
        if cancellation.reason:
            draft.reason = cancellation.reason
            if self._config.engine.models and draft.sources:  # a model may name what is not there
                draft.text = only(draft.text, {source.number for source in draft.sources})
        else:
            draft.text = "\n\n".join(filter(None, (draft.text, *draft.notes)))
        return self._outcome(question, draft, draft.reply(final=True))

    def _outcome(self, question: Question, draft: Draft, event: Reply | Failed) -> Outcome:
        explained = ended(draft.how, question, event) if self._config.privacy.explanations else None
        turns = _turns(draft.message, draft, question.asked_in)
        return Outcome(event=event, turns=turns, forget=draft.forget, explanation=explained)

    async def settle(self, message: Message, outcome: Outcome) -> None:
        """After the end was committed: bring the conversation's memory up to date. Its language is what people speak,
        and not the one that they chose to be answered in."""
        spoken = [turn.language for turn in outcome.turns if turn.role == "user"]
        await self._memory.update(message.address, spoken[-1] if spoken else "")

    async def warm(self) -> None:
        """Load what the first visitor would wait for: the statistics of languages, words, then the embedding model."""
        await asyncio.to_thread(self._languages.detect, "Lorem ipsum")  # words of no language: letters have to tell
        documents = await self._knowledge.documents()
        await rehearse(self._quotes, documents)
        if await self._knowledge.warm():
            log.info("turn.semantic_ready")
            await foresee(self._quotes, documents)

    async def consulted(self, message: Message) -> Sequence[Passage]:
        """The passages that an answer to `message` would draw on now, best first."""
        question = await self._understanding.question(message)
        return await self._quotes.search(question) if question.intent == "question" else ()

    # -- work ----------------------------------------------------------------------------------------
    async def _work(self, question: Question, draft: Draft) -> None:
        """Take in what came with the message, then do what it asks."""
        came = await self._attachments.take(
            question.attachments,
            draft.message.address,
            attempt=draft.attempt,
            language=question.language,
            asked=bool(question.text.strip()),
        )
        draft.notes += came.notes
        if draft.message.command in SETTINGS:
            await self._settings.run(question, draft)
        elif draft.message.command == "start" and await self._open(question, draft):
            return
        elif draft.message.command in ERRANDS:
            await self._errands.run(question, came, draft)
        elif not question.text.strip() and (came.files or came.notes):
            await self._tell(files_read(came, question.language), draft)
            draft.reason = "remark"
        else:
            await self._write(replace(question, attached=tuple(came.files)), draft)

    async def _open(self, question: Question, draft: Draft) -> bool:
        """Answer the topic that a conversation begins with; False when there is none, or nothing is known about it."""
        if not question.text.strip():
            return False
        answer = await self._quotes.answer(question, draft.how)
        if answer.kind != "quote":
            return False
        if self._writer:
            await self._write(question, draft)
        else:
            await self._quoted(answer, draft)
        return True

    async def _tell(self, text: str, draft: Draft) -> None:
        await draft.stream(text, pause=self._config.engine.quote.delay_ms / 1000)

    # -- write ---------------------------------------------------------------------------------------
    async def _write(self, question: Question, draft: Draft) -> None:
        echoes = self._config.engine.kind == "echo"
        if self._writer is None or not question.text.strip() or (question.intent == "human" and not echoes):
            return await self._quoted(await self._quotes.answer(question, draft.how), draft)
        if question.intent in _SMALL_TALK:
            await self._writer.write("small_talk", question, (), draft)
            draft.reason = "remark"
            return None
        found = tuple(await self._quotes.search(question, draft.how))
        checked = await self._checks(found)
        composed = await self._writer.write(self._config.prompts.answer, question, found, draft, checked=checked)
        if checked:
            await self._ground(question, composed.prompt.passages, draft)
        if composed.shortened:
            draft.notes.append(said("too_long_note", question.language))
        return None

    async def _quoted(self, answer: Answer, draft: Draft) -> None:
        _finish(draft, answer)
        await self._tell(answer.text, draft)

    # -- ground --------------------------------------------------------------------------------------
    async def _checks(self, found: Sequence[Passage]) -> bool:
        """Whether a model's answer is held against its sources; without any knowledge this is a plain assistant."""
        if not self._config.engine.ground or self._config.engine.kind == "echo":
            return False
        return bool(found or await self._knowledge.documents())

    async def _ground(self, question: Question, passages: tuple[Passage, ...], draft: Draft) -> None:
        """Hold a model's answer against its sources; what they do not support is replaced by a quote."""
        length = len(draft.text) + sum(len(passage.text) for passage in passages)
        with draft.how.stage("checks"):
            grounded = await aside(length, ground, draft.text, passages, question.language)
        left_out = sum(sentence.verdict == "not held" for sentence in grounded.sentences)
        kept = "kept" if grounded.text == draft.text else "kept, with its citations put right"
        kept = f"kept, without {left_out} of its sentences" if left_out else kept
        draft.how.checked = Checked(outcome=kept if grounded.supported else "replaced", sentences=grounded.sentences)
        if grounded.supported:
            draft.text = grounded.text  # its numbers are those of `draft.sources`
            return
        log.info("turn.unsupported", message=draft.message.id)
        answer = await self._quotes.quote(question, passages, draft.how)
        _finish(draft, answer)
        draft.text = answer.text

    async def _quote_instead(self, question: Question, draft: Draft) -> bool:
        """When the engine failed: answer with a quote, if there is one."""
        if draft.message.command in ERRANDS - {"start"}:
            return False
        answer = await self._quotes.answer(question, draft.how)
        if answer.kind == "decline":
            return False
        _finish(draft, answer)
        draft.text = answer.text
        return True

    def _failed(self, draft: Draft, error: EngineFault) -> Failed:
        return Failed(
            message_id=draft.message.id,
            address=draft.message.address,
            reason=str(error),
            said=said("unavailable" if isinstance(error, EngineBusy) else "failed", draft.language),
        )


def _finish(draft: Draft, answer: Answer) -> None:
    draft.sources = answer.citations
    reasons: dict[str, FinishReason] = {"decline": "declined", "human": "human", "small_talk": "remark"}
    draft.reason = reasons.get(answer.kind, "stop")


def _reason(command: Command) -> FinishReason:
    return "withdrawn" if command == "withdrawn" else "declined"


def _silence(draft: Draft, reason: FinishReason) -> Outcome:
    """An end that shows nothing, and of which nothing is remembered."""
    draft.text, draft.sources, draft.reason = "", (), reason
    return Outcome(event=draft.reply(final=True))


def _turns(message: Message, draft: Draft, asked_in: str) -> tuple[Turn, ...]:
    if not draft.remembered:
        return ()
    asked = Turn(role="user", text=_asked(message), language=asked_in, at=message.sent_at, name=message.name)
    if not draft.text:
        return (asked,)
    return (asked, Turn(role="assistant", text=draft.text, language=draft.language, at=time.time()))


def _asked(message: Message) -> str:
    if message.command in _OTHERS_WORDS:
        return message.command
    return message.text or ", ".join(file.name for file in message.attachments) or message.command
