"""The Quoter: answers a question with what the passages say, in their words, or says honestly that it cannot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from types import MappingProxyType
from typing import Literal

from bot.answer.choose import choose
from bot.answer.confidence import confidence
from bot.answer.intent import Intent
from bot.answer.lexicon import DENSE
from bot.answer.meaning import meaning
from bot.answer.piece import LONG, Piece
from bot.answer.question import understand
from bot.answer.score import Scorer
from bot.answer.several import Part, questions
from bot.answer.units import sections, view
from bot.answer.verdict import verdict
from bot.answer.wording import worded
from bot.answer.words import words
from bot.config import Site
from bot.events import Citation, Passage
from bot.phrases import language_name, said

ENOUGH: float = words("confidence")["threshold"]
"""Below this confidence the Quoter declines. Chosen with the coefficients of the confidence (`bench.calibrate`)."""

Reading = tuple[Scorer, list[Piece], float]
"""What was scored for a question, the pieces that answer it, and how sure they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer to be shown. `citations` are numbered as `text` names them; `score` (0 to 1) is the confidence.

    Below `threshold` it is a decline. `parts` are the questions that were asked at once, each with its own confidence.
    """

    text: str
    citations: tuple[Citation, ...] = ()
    kind: Literal["quote", "small_talk", "decline", "human"] = "quote"
    score: float = 0.0
    threshold: float = ENOUGH
    parts: tuple[tuple[str, float], ...] = ()


class Quoter:
    """Answers from passages without a model. Holds no state; the same question and passages get the same answer.

    `hands_over` says that whoever asks for a person here gets one.
    """

    def __init__(self, site: Site, *, hands_over: bool = False) -> None:
        self._site, self._hands_over = site, hands_over

    def candidates(self, passages: Sequence[Passage], language: str) -> list[str]:
        """Everything that could be quoted, each as a text that can be understood by itself."""
        return [view(part, unit) for part in sections(passages, language) for unit in part.units]

    def answer(
        self,
        question: str,
        passages: Sequence[Passage],
        language: str,
        *,
        asked_in: str = "",
        nearness: Mapping[str, float] = MappingProxyType({}),
    ) -> Answer:
        """Quote what answers `question`, in the visitor's `language` around it; decline when nothing does.

        `asked_in` is the language of the question, should it be another than the visitor's.
        `nearness` says of candidates how near they are to the question in meaning (0 to 1), where somebody can tell.
        """
        if not any(passage.text.strip() for passage in passages):
            return self._decline(language)
        parts, found = self.read(question, passages, language, asked_in=asked_in, nearness=nearness)
        good = [(scorer, pieces, sure) for scorer, pieces, sure in found if sure >= ENOUGH]
        if not good:
            return replace(self._decline(language, max(sure for _, sure in parts)), parts=parts)
        return replace(_told(good, language), parts=parts)

    def small_talk(self, kind: Intent, language: str) -> Answer:
        """What is said to a greeting, to thanks, on parting, and to somebody who wants a person."""
        if kind == "question":
            return self._decline(language)
        text = said(kind, language, name=self._site.name, person=self._person(language))
        return Answer(text=text, kind="human" if kind == "human" else "small_talk", score=1.0)

    def read(
        self,
        question: str,
        passages: Sequence[Passage],
        language: str,
        *,
        asked_in: str = "",
        nearness: Mapping[str, float] = MappingProxyType({}),
    ) -> tuple[tuple[tuple[str, float], ...], list[Reading]]:
        """What was asked at once, each with its confidence, and what was found for it, whether that is enough or not.

        A question that leans on what was said before it is read with that, too; the surer reading counts. Where one of
        them has no answer, the message may still be one question.
        """

        def found(text: str, before: str = "") -> Reading:
            return self._found(text, passages, language, asked_in or language, nearness, before)

        def read_of(one: Part) -> Reading:
            alone = [] if one.leans else [found(one.text)]
            if one.before and alone and not alone[0][0].question.names_something:
                alone = []
            leaning = [found(one.text, one.before)] if one.before else []
            readings: list[Reading] = [*alone, *leaning]
            return max(readings, key=_sure)

        asked = questions(question, asked_in or language)
        read = [read_of(one) for one in asked]
        if len(asked) > 1 and any(_sure(reading) < ENOUGH for reading in read):
            whole = found(question)
            if _sure(whole) >= max(ENOUGH, *map(_sure, read)):
                return ((question, _sure(whole)),), [whole]
        if len(read) > 1:
            read = [(scorer, _short(pieces, len(read)), sure) for scorer, pieces, sure in read]
        return tuple((one.text, _sure(reading)) for one, reading in zip(asked, read, strict=True)), read

    def _found(
        self,
        question: str,
        passages: Sequence[Passage],
        language: str,
        asked_in: str,
        nearness: Mapping[str, float],
        before: str = "",
    ) -> Reading:
        parts = sections(passages, language)
        known = [
            one
            for part in parts
            for one in (
                *(unit.own for unit in part.units),
                *(meaning(text, part.language) for text in (part.passage.title, *part.passage.heading)),
            )
        ]
        languages = {part.language for part in parts}
        asked = understand(question, asked_in, languages, known, name=self._site.name, before=before)
        found = _read(Scorer(asked, parts, prefer=language, nearness=nearness))
        if found[2] >= ENOUGH or len({part.language for part in parts}) == 1:
            return found
        return max(found, _read(Scorer(asked, parts, prefer="", nearness=nearness)), key=lambda reading: reading[2])

    def _decline(self, language: str, score: float = 0.0) -> Answer:
        return Answer(text=said("decline", language, person=self._person(language)), kind="decline", score=score)

    def _person(self, language: str) -> str:
        if self._hands_over:
            return said("person_asked", language)
        if self._site.contact:
            return said("person", language, contact=self._site.contact)
        return said("person_unknown", language, name=self._site.name)


def _sure(reading: Reading) -> float:
    return reading[2]


def _short(pieces: list[Piece], parts: int) -> list[Piece]:
    """The first pieces, as many as leave room for the answers to the other questions."""
    sizes = accumulate(piece.size for piece in pieces)
    return [piece for at, (piece, size) in enumerate(zip(pieces, sizes, strict=True)) if not at or size <= LONG / parts]


def _read(scorer: Scorer) -> Reading:
    pieces = choose(scorer)
    return scorer, pieces, confidence(scorer, pieces)


def _told(found: Sequence[tuple[Scorer, list[Piece], float]], language: str) -> Answer:
    numbers: dict[tuple[str, str], int] = {}
    texts: list[str] = []
    for scorer, pieces, _ in found:
        for piece in pieces:
            passage = piece.section.passage
            number = numbers.setdefault((passage.title, passage.location), len(numbers) + 1)
            text = worded(piece, scorer, number)
            decided = verdict(scorer, piece) if piece is pieces[0] else ""
            if decided:
                text = f"{said(decided, language)}{'' if language in DENSE else ' '}{text}"
            if text not in texts:
                texts.append(text)
    first = found[0][1][0].section.language
    foreign = [said("other_language", language, spoken=language_name(first, language))] if first != language else []
    citations = tuple(
        Citation(number=number, title=title, location=location) for (title, location), number in numbers.items()
    )
    return Answer(text="\n\n".join([*foreign, *texts]), citations=citations, score=min(map(_sure, found)))
