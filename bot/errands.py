"""What can be asked for beside answers: a greeting, help, summaries, tones, translations, and texts to be written.

They are no answers from knowledge, so nothing holds them against sources. What they are done on is material: the
templates say so to the model.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

import structlog

from bot.answer.summary import summary
from bot.attachments import THREAD, Attachments, Came
from bot.cases import at_support
from bot.classify.tone import Tone, Tones, in_words, others_words, own_words
from bot.commands import written
from bot.config import Config, PromptsConfig
from bot.draft import Draft, aside
from bot.engine.base import EngineFault
from bot.events import Command, Passage
from bot.material import Material, clipped, talk
from bot.phrases import said
from bot.question import Question, Understanding
from bot.target import target
from bot.typed import open_links, typed
from bot.writing import Writer
from prompts.memory import Remembered
from prompts.names import language_name

log = structlog.get_logger()

ERRANDS = frozenset({"start", "help", "summarize", "sentiment", "translate", "write"})
"""The commands that are done here."""

_BY_MODELS: frozenset[Command] = frozenset({"translate", "write"})
_LISTED: tuple[Command, ...] = (
    "summarize", "sentiment", "translate", "write", "language", "settings", "forget", "human", "help",
)  # fmt: skip
_ON_FILES: frozenset[Command] = frozenset({"summarize", "sentiment", "translate"})
"""Those that are done on files too, where the channel has any."""
_MEANT_ATTACHED = 200
"""A text so short beside a file or a thread says how to summarise it; it is not what is to be summarised."""
_CHARACTERS_A_TOKEN = 8
"""More than any tokenizer's mean: what is longer than a prompt is cut before it is counted."""
_KINDS = re.compile(
    r"(?P<write_email>e-?mails?\b|\bmail\b|\bletter\b|\bbrief\b|\bcorreo|\bcarta\b|邮件|\bبريد|\bرسالة)"
    r"|(?P<write_product>\bprodu[ck]t|商品|产品|\bمنتج)"
    r"|(?P<write_article>\barti(?:cle|kel)|\bartículo|文章|\bمقال)",
    re.IGNORECASE,
)


class Errands:
    """Does what a message's command asks. `writer` is None where no model is; `search` finds passages to write from."""

    def __init__(
        self,
        config: Config,
        *,
        writer: Writer | None,
        attachments: Attachments,
        understanding: Understanding,
        search: Callable[[Question], Awaitable[Sequence[Passage]]],
    ) -> None:
        self._config, self._writer, self._attachments = config, writer, attachments
        self._understanding, self._search = understanding, search
        self._tones = Tones(config)

    async def run(self, question: Question, came: Came, draft: Draft) -> None:
        """Raises what the engine raises, but for summaries and tones, which need none."""
        command = draft.message.command
        if command in ("start", "help"):
            await self._reply(self._can(command, question.language, draft.message.address.channel), draft)
        elif command == "summarize":
            await self._summarize(question, came, draft)
        elif command == "sentiment":
            await self._sentiment(question, came, draft)
        elif self._writer is None:
            await self._reply(said("needs_model", question.language), draft)
        elif command == "translate":
            await self._translate(self._writer, question, came, draft)
        else:
            await self._write(self._writer, question, draft)

    async def _reply(self, text: str, draft: Draft) -> None:
        """Say something of the errand itself."""
        await draft.remark(text, pause=self._config.engine.quote.delay_ms / 1000)

    async def _tell(self, text: str, draft: Draft) -> None:
        draft.sources, draft.reason = (), "stop"
        await draft.stream(text, pause=self._config.engine.quote.delay_ms / 1000)

    def _can(self, opening: str, language: str, channel: str) -> str:
        """What there is, after the words of a greeting ("start") or of "help"."""
        done = [name for name in _LISTED if self._writer or name not in _BY_MODELS]
        parts = [said(opening, language, name=self._config.site.name)]
        also = self._attachments.perception.can(channel, language)
        keys = {name: _on(f"help_{name}", files=bool(also) or name not in _ON_FILES) for name in done}
        parts.append(
            "\n".join(f"- {said(key, language, command=_as_listed(name, channel))}" for name, key in keys.items())
        )
        return "\n\n".join(filter(None, (*parts, " ".join(also))))

    # -- summarize -----------------------------------------------------------------------------------
    async def _summarize(self, question: Question, came: Came, draft: Draft) -> None:
        material = await self._material(question, came, draft) or talk(question)
        if material.text.strip() and self._writer is not None:
            try:
                length = self._length(self._writer, question.language)
                await self._apply(self._writer, "summarize", question, material.text, draft, length=length)
                draft.text = open_links(draft.text)
                return
            except EngineFault as error:
                log.error("errand.engine", message=draft.message.id, error=str(error))
        told = await aside(len(material.text), self._extract, material)
        if told:
            await self._tell(f"{said('summary_lead', question.language)}\n\n{told}", draft)
        elif not draft.notes:  # they say already why there is nothing to read
            files = bool(self._attachments.perception.can(draft.message.address.channel, question.language))
            await self._reply(said(_on("summarize_what", files=files), question.language), draft)

    def _length(self, writer: Writer, language: str) -> str:
        """What the template is told of the length; "" leaves it to the template."""
        count, spoken = self._config.tasks.sentences, writer.template("summarize", language).language
        return said("sentences", spoken, count=str(count)) if count else ""

    def _extract(self, material: Material) -> str:
        """Its main points. What people said stands there as they typed it, and nobody's link hides where it leads."""
        language, most = self._understanding.language_of(material.text), self._config.tasks.sentences
        points = summary(material.text, language, speakers=material.speakers, most=most)
        if not material.speakers:
            return open_links(points)
        return "\n".join(f"- {typed(point.removeprefix('- '))}" for point in points.splitlines())

    async def _material(self, question: Question, came: Came, draft: Draft) -> Material | None:
        """The text after the command, else what came with it; None when there is neither."""
        attached = bool(came.files or came.threads)
        if question.text.strip() and not (attached and len(question.text) <= _MEANT_ATTACHED):
            return Material(question.text)
        return await self._attached(came, draft) if attached or question.attachments else None

    async def _attached(self, came: Came, draft: Draft) -> Material:
        files = await self._attachments.text(came, draft.message.address)
        return Material("\n\n".join(filter(None, (*came.threads, files))), speakers=not came.files)

    # -- sentiment -----------------------------------------------------------------------------------
    async def _sentiment(self, question: Question, came: Came, draft: Draft) -> None:
        text = await self._to_judge(question, came, draft)
        if text.strip():
            tone = await self._tone(question, text, draft)
            draft.remembered = False
            await self._tell(in_words(tone, question.language), draft)
        elif not draft.notes:
            command = written("sentiment", draft.message.address.channel)
            await self._reply(said("sentiment_what", question.language, command=command), draft)

    async def _to_judge(self, question: Question, came: Came, draft: Draft) -> str:
        """The text after the command, else what came with it, else what the visitor has said here."""
        if question.text.strip():
            return question.text
        if any(attachment.media_type != THREAD for attachment in question.attachments):
            return await self._attachments.text(came, draft.message.address)
        colleague = at_support(draft.message.address, self._config.handover)
        own = "" if colleague else own_words(question, sorted(ERRANDS))
        return own or others_words(came.threads, draft.message.name)

    async def _tone(self, question: Question, text: str, draft: Draft) -> Tone:
        if self._writer is None:
            return await self._tones.judged(text)
        text, budget, _ = self._for_a_prompt(text)
        return await self._tones.asked(self._writer, question, text, draft, budget)

    # -- translate and write -------------------------------------------------------------------------
    async def _translate(self, writer: Writer, question: Question, came: Came, draft: Draft) -> None:
        language, channel = question.language, draft.message.address.channel
        try:
            code, text = target(question.text)
        except LookupError as error:
            return await self._reply(said("unknown_language", language, spoken=str(error.args[0])), draft)
        text = text or (await self._attached(came, draft)).text
        if not text.strip():
            if not draft.notes:
                await self._reply(said("translate_what", language, command=_as_listed("translate", channel)), draft)
            return None
        template = writer.template("translate", language)
        into = language_name(code, template.language) if code else ""
        most = self._config.prompts.max_tokens or template.sampling.max_tokens  # no more is read than can be written
        return await self._apply(writer, "translate", question, text, draft, most=most, target=into)

    async def _write(self, writer: Writer, question: Question, draft: Draft) -> None:
        if not question.text.strip():
            command = written("write", draft.message.address.channel)
            return await self._reply(said("write_what", question.language, command=command), draft)
        kind = _KINDS.search(question.text)
        passages = tuple(await self._search(question))
        composed = await writer.write((kind and kind.lastgroup) or "write_article", question, passages, draft)
        if composed.shortened:
            draft.notes.append(said("shortened_note", question.language))
        return None

    async def _apply(
        self, writer: Writer, name: str, question: Question, text: str, draft: Draft, *, most: int = 0, **values: str
    ) -> None:
        """Have the model do what template `name` says with `text` alone: with `most` tokens of it, or a prompt full."""
        text, budget, was_cut = self._for_a_prompt(text, most)
        alone = replace(question, text=text, remembered=Remembered())
        given = {key: value for key, value in values.items() if value}
        composed = await writer.write(name, alone, (), draft, values=given, budget=budget)
        if was_cut or composed.shortened:
            draft.notes.append(said("shortened_note", question.language))

    def _for_a_prompt(self, text: str, most: int = 0) -> tuple[str, PromptsConfig, bool]:
        """`text` as a model may see it, the budget for as much of it as `_apply` says, and whether it was cut."""
        room = min(most or self._config.prompts.context_tokens, self._config.prompts.context_tokens)
        text, was_cut = clipped(self._understanding.private(text), room * _CHARACTERS_A_TOKEN)
        return text, self._config.prompts.model_copy(update={"question_tokens": room}), was_cut


def _on(key: str, *, files: bool) -> str:
    """The phrase `key`, which speaks of files, or its like that does not."""
    return key if files else f"{key}_text"


def _as_listed(command: Command, channel: str) -> str:
    return written(command, channel, "to German:" if command == "translate" else "")
