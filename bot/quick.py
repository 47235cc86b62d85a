"""Quick answers: of no conversation, by quoting what everybody may know. Nothing is stored, and no model is asked."""

from __future__ import annotations

import asyncio

from bot.answer.intent import intent
from bot.draft import aside
from bot.errors import Overloaded
from bot.events import Address, FinishReason, Reply
from bot.language import Languages
from bot.question import Question
from bot.quoting import Quotes
from bot.texting import written_out
from prompts.memory import Remembered

RUNNING, WAITING = 4, 64
"""So many are answered at once, and so many more may wait: people who type ask again with every letter."""
CHARACTERS = 500
"""What is longer is no quick question: so much of its beginning is looked at."""

_NOWHERE = Address(channel="", conversation="")


class Quick:
    """`adapters.base.Context.quick`."""

    def __init__(self, quotes: Quotes, languages: Languages) -> None:
        self._quotes, self._languages = quotes, languages
        self._free, self._held = asyncio.Semaphore(RUNNING), 0

    async def __call__(self, text: str, language: str = "") -> Reply:
        """Raises `Overloaded` when too many ask at once, and `StorageError`."""
        if self._held >= RUNNING + WAITING:
            raise Overloaded("Too many quick questions are being asked. Please try again in a moment.")
        self._held += 1
        try:
            async with self._free:
                return await self._answer(text[:CHARACTERS].strip(), language)
        finally:
            self._held -= 1

    async def _answer(self, text: str, hint: str) -> Reply:
        question = await aside(len(text), self._question, text, hint)
        answer = await self._quotes.answer(question)
        reasons: dict[str, FinishReason] = {"decline": "declined", "human": "human"}
        return Reply(
            message_id="",
            attempt=1,
            address=_NOWHERE,
            text=answer.text,
            seq=0,
            final=True,
            citations=tuple(one for one in answer.citations if f"[{one.number}]" in answer.text),
            finish_reason=reasons.get(answer.kind, "stop"),
            language=question.language,
        )

    def _question(self, text: str, hint: str) -> Question:
        language = self._languages.detect(text, hint=hint)
        return Question(
            text=text,
            alone=written_out(text, language),
            language=language,
            asked_in=language,
            intent=intent(text, language) if text else "greeting",
            remembered=Remembered(),
            scopes=("",),
        )
