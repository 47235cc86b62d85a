"""Answers in the words of what is known, without a model: what is found for a question, and what of it is quoted."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import zip_longest

from bot.answer.quote import Answer, Quoter
from bot.answer.several import questions
from bot.draft import aside
from bot.events import Passage, Turn
from bot.explaining import decided, found
from bot.explanation import Explanation, Why
from bot.learning.filing import ruling
from bot.phrases import said
from bot.question import Question
from prompts.facts import gather
from prompts.knowledge import Knowledge

_FORESEEN = 1_000
"""Passages of one document that are made ready to be quoted before anybody asks."""
_AROUND, _BESIDE = 8, 0.6
"""Passages of the best one's document that are read with it, the nearest; what search may think of them, beside it."""

_BEGINS = Why(notes=("how a file begins that came with the question",))


class Quotes:
    """Quotes `knowledge`, from at most `most` passages.

    `remembers` says that what people tell of themselves is kept: then they are thanked for it.
    """

    def __init__(self, knowledge: Knowledge, quoter: Quoter, *, most: int, remembers: bool = True) -> None:
        self._knowledge, self._quoter, self._most, self._remembers = knowledge, quoter, most, remembers

    async def search(self, question: Question, how: Explanation | None = None) -> list[Passage]:
        """What may answer `question`: first what files that came with it say, or how they begin, should its words not
        lead there. It is told in `how`."""
        how = how or Explanation()
        with how.stage("search"):
            told = ruling(question.alone, await self._told(question))
            passages = await self._with_attached(question, [passage for passage, why in told if why.kept])
        reasons = dict(told)
        left_out = [passage for passage, why in told if not why.kept]
        how.passages = tuple(found(passage, reasons.get(passage, _BEGINS)) for passage in (*passages, *left_out))
        return passages

    async def _told(self, question: Question) -> list[tuple[Passage, Why]]:
        """What search says of each of the questions asked at once, by turns."""
        told = [
            await self._knowledge.explained(
                f"{one.before} {one.text}" if one.leans else one.text,
                language=question.asked_in,
                prefer=question.language,
                scopes=question.scopes,
                about=question.about,
            )
            for one in questions(question.alone, question.asked_in)
        ]
        return list(told[0]) if len(told) == 1 else _by_turns(told, self._most + 2 * (len(told) - 1))

    async def _with_attached(self, question: Question, found: list[Passage]) -> list[Passage]:
        if not question.attached:
            return found
        if own := _attached(question, found):
            return own + [passage for passage in found if passage not in own]
        scopes = question.scopes
        opened = [await self._knowledge.opening(location, scope=scopes[-1], limit=2) for location in question.attached]
        return [passage for passages in (*opened, found) for passage in passages][: self._most]

    async def answer(self, question: Question, how: Explanation | None = None) -> Answer:
        """What is said to a greeting and the like, or what is known about it. It is told in `how`."""
        how = how or Explanation()
        if question.intent == "question":
            return await self.quote(question, await self.search(question, how), how)
        answer = self._quoter.small_talk(question.intent, question.language)
        how.decided = decided(answer)
        return answer

    async def quote(self, question: Question, passages: Sequence[Passage], how: Explanation | None = None) -> Answer:
        """What of `passages` answers `question`. It is told in `how`."""
        how = how or Explanation()
        with how.stage("quote"):
            answer = await self._quote(question, passages)
        how.decided = decided(answer)
        return answer

    async def rehearse(self, text: str, language: str) -> None:
        """Read what a question in `language` needs, so that nobody waits for it."""
        found = await self._knowledge.search(text, language=language, limit=self._most)
        await asyncio.to_thread(self._quoter.answer, text, found, language)

    async def foresee(self, location: str) -> bool:
        """Make ready what may be quoted of a document; False when that is enough, or nothing can be done."""
        passages = await self._knowledge.opening(location, scope="", limit=_FORESEEN)
        candidates = await asyncio.to_thread(self._quoter.candidates, passages, "")
        return await self._knowledge.foresee(candidates)

    async def _quote(self, question: Question, passages: Sequence[Passage]) -> Answer:
        passages = await read_on(self._knowledge, passages, question.scopes)
        length = len(question.text) + sum(len(passage.text) for passage in passages)
        candidates = await aside(length, self._quoter.candidates, passages, question.language)
        near = await self._knowledge.alike(question.alone, candidates, question.asked_in)
        nearness = dict(zip(candidates, near, strict=True)) if near else {}
        quoted = partial(self._quoter.answer, asked_in=question.asked_in, nearness=nearness)
        answer = await aside(length, quoted, question.alone, passages, question.language)
        if answer.kind == "quote" and (own := _attached(question, passages)):  # who attaches a file asks about it
            theirs = await aside(length, quoted, question.alone, own, question.language)
            answer = theirs if theirs.kind == "quote" else answer
        if answer.kind == "decline" and self._remembers and _only_tells(question):
            return Answer(text=said("noted", question.language), kind="small_talk")
        return answer


async def read_on(
    knowledge: Knowledge, passages: Sequence[Passage], scopes: Sequence[str] = ("",)
) -> Sequence[Passage]:
    """`passages`, best first, and more of the best one's document: who asks in few words ("how long may I return it?")
    names the document, and no part of it."""
    if not passages:
        return passages
    whole = await knowledge.around(passages[0], scopes=scopes, limit=_AROUND)
    known = set(map(_key, passages))
    more = (replace(other, score=_BESIDE * passages[0].score) for other in whole if _key(other) not in known)
    return [*passages, *more]


def _by_turns(lists: Sequence[Sequence[tuple[Passage, Why]]], most: int) -> list[tuple[Passage, Why]]:
    """The best of each list, then the second of each: `most` of what is kept, and all that is not."""
    found: dict[tuple[str, str], tuple[Passage, Why]] = {}
    for turn in zip_longest(*lists):
        for passage, why in filter(None, turn):
            found.setdefault(_key(passage), (passage, why))
    kept = [one for one in found.values() if one[1].kept][:most]
    return [*kept, *(one for one in found.values() if not one[1].kept)]


def _key(passage: Passage) -> tuple[str, str]:
    return passage.location, passage.text


def _attached(question: Question, passages: Sequence[Passage]) -> list[Passage]:
    """Those of `passages` that are from files which came with `question`."""
    return [passage for passage in passages if passage.location in question.attached]


def _only_tells(question: Question) -> bool:
    """Whether a message tells something about its sender that memory keeps, and asks nothing."""
    told = Turn(role="user", text=question.text, language=question.asked_in, at=0)
    return not any(mark in question.text for mark in "?？؟") and bool(gather((), (told,), limit=1))
