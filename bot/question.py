"""What was asked, as understood: in which language, of which kind, and what it means without the talk around it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bot.answer.intent import Intent, intent
from bot.config import BusConfig, Config
from bot.draft import aside
from bot.events import Attachment, Command, Message, Reply
from bot.house import SILENT
from bot.language import Languages
from bot.preferences import preferred_language
from bot.privacy import Redactor
from bot.texting import written_out
from prompts.followup import standalone, subject
from prompts.memory import Memory, Remembered
from storage.base import Exchange, Store, conversation_scope

_CARRIED: frozenset[str] = frozenset({"interrupted", "merged"})
_ANSWERED: frozenset[Command] = frozenset({"", "ask"})
_OTHERS: frozenset[Command] = frozenset({"translate", "language", "forget", "settings", "start", "help"})
"""Commands whose text tells nothing of the language of whoever gives them."""
_PERHAPS_OTHERS: frozenset[Command] = frozenset({"summarize", "sentiment"})
"""Commands whose text tells something of it where nothing else does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """`alone` needs no conversation around it to be searched; where that is not sure, `about` are the words that say
    what was talked about before. `language` is the one to answer in.

    `asked_in` is the language of the text, most of the time the same; `preferred` is what was chosen to be answered in.
    `redacted` counts what was taken out of the text and of what is remembered, by kind.
    `scopes` are those whose knowledge may answer it. `attachments` came with it, or with what it carries on; `attached`
    are the locations, in the last of the scopes, of those that were read.
    """

    text: str
    alone: str
    language: str
    asked_in: str
    intent: Intent
    remembered: Remembered
    scopes: tuple[str, ...]
    attachments: tuple[Attachment, ...] = ()
    attached: tuple[str, ...] = ()
    preferred: str = ""
    about: str = ""
    redacted: Mapping[str, int] = field(default_factory=dict)


class Understanding:
    """Makes questions of messages, with what is remembered of their conversation.

    `told` gives a message with what was heard and seen in its text.
    """

    def __init__(
        self,
        config: Config,
        store: Store,
        *,
        languages: Languages,
        redactor: Redactor,
        memory: Memory,
        told: Callable[[Message], Message],
    ) -> None:
        self._config, self._store, self._told = config, store, told
        self._languages, self._redactor, self._memory = languages, redactor, memory

    async def question(self, message: Message) -> Question:
        remembered = await self._memory.recall(message.address)
        preferred = await preferred_language(self._store, message.address, self._config.language)
        whole = await self._with_carried(message)
        length = len(whole.text) + len(remembered.summary) + sum(len(turn.text) for turn in remembered.turns)
        return await aside(length, self._reading, whole, remembered, preferred)

    def private(self, text: str) -> str:
        """`text` as a model may see it."""
        return self._redactor.redact(text) if self._config.privacy.redact_before_model else text

    def language_of(self, text: str) -> str:
        """The language of a text that somebody else may have written."""
        return self._languages.detect(text)

    def _reading(self, message: Message, remembered: Remembered, preferred: str) -> Question:
        held, remembered = remembered, self._remembered(remembered)
        language = self._language(message, remembered.language)
        asked_in = self._languages.detect(message.text) if message.command == "start" else language
        text = self.private(message.text)
        alone = standalone(written_out(text, asked_in), remembered.turns, asked_in)
        return Question(
            text=text,
            alone=alone,
            about=subject(alone, remembered.turns, asked_in),
            language=preferred or language,
            asked_in=asked_in,
            intent=_intent(message, text, asked_in),
            remembered=remembered,
            scopes=("", conversation_scope(message.address)),
            attachments=message.attachments,
            preferred=preferred,
            redacted=self._redacted((message.text, *_texts(held)), (text, *_texts(remembered))),
        )

    def _redacted(self, texts: Iterable[str], clean: Iterable[str]) -> Counter[str]:
        """What was taken out of `texts` to make them `clean`."""
        found: Counter[str] = Counter()
        for text, redacted in zip(texts, clean, strict=True):
            if text != redacted:
                marks = {kind: f"[{kind}]" for kind in self._config.privacy.redact}
                found.update({kind: redacted.count(mark) - text.count(mark) for kind, mark in marks.items()})
        return +found

    def _language(self, message: Message, prior: str) -> str:
        """The person's own. Not every text that goes with a command is in it, and not every text is theirs."""
        others = message.command in _OTHERS or (message.command in _PERHAPS_OTHERS and (prior or message.language))
        return self._languages.detect("" if others else message.text, prior=prior, hint=message.language)

    def _remembered(self, remembered: Remembered) -> Remembered:
        if not self._config.privacy.redact_before_model:
            return remembered
        return replace(
            remembered,
            turns=tuple(replace(turn, text=self.private(turn.text)) for turn in remembered.turns),
            summary=self.private(remembered.summary),
            facts=tuple(map(self.private, remembered.facts)),
        )

    async def _with_carried(self, message: Message) -> Message:
        """The message with the text and the files of those just before it that were left unanswered for its sake."""
        together = [*map(self._told, await left_for(message, self._store, self._config.bus)), message]
        return replace(
            message,
            text="\n".join(one.text for one in together if one.text),
            attachments=tuple(attachment for one in together for attachment in one.attachments),
        )


async def left_for(message: Message, store: Store, config: BusConfig) -> list[Message]:
    """What was left unanswered for the sake of `message`, as `carried` finds it."""
    if config.busy not in ("interrupt", "debounce") or message.command not in _ANSWERED:
        return []
    return carried(await store.history(message.address, limit=config.per_conversation + 1), message)


def carried(past: Sequence[Exchange], message: Message) -> list[Message]:
    """What was left unanswered for the sake of `message`, oldest first, each in its newest form.

    What was deleted, and a form that another took the place of, is asked no more; it hides nothing before it either.
    """
    left: dict[str, Message] = {}
    for exchange in past:
        if exchange.message.id == message.id:
            break
        end = exchange.outgoing.event if exchange.outgoing else None
        reason = end.finish_reason if isinstance(end, Reply) else ""
        if reason in _CARRIED:
            left[_first_form(exchange.message)] = exchange.message
        elif reason not in SILENT:
            left.clear()
    left.pop(_first_form(message), None)
    return list(left.values())


def _texts(remembered: Remembered) -> Iterable[str]:
    yield remembered.summary
    yield from remembered.facts
    yield from (turn.text for turn in remembered.turns)


def _first_form(message: Message) -> str:
    return message.replaces or message.id


def _intent(message: Message, text: str, language: str) -> Intent:
    if message.command == "human":
        return "human"
    if message.command in _ANSWERED:
        return intent(text, language) if text.strip() else "greeting"
    return "question"
