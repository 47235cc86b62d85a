"""The Quoter: answers a question with what the passages say, in their words, or says honestly that it cannot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from types import MappingProxyType
from typing import Literal

from bot.answer.choose import choose, strengths
from bot.answer.feature import CODE
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
from bot.config import Site
from bot.events import Citation, Passage
from bot.phrases import language_name, said

ENOUGH = 0.52
"""Below this confidence the Quoter declines. Like the four figures below chosen on the demo's questions, so that nine
in ten of those that the knowledge does not answer are declined; raising it declines more of both kinds."""

CLOSED_BY_NEARNESS, OF_ANOTHER, HARDLY_KNOWN = 0.4, 0.8, 0.9
"""How much of what is missing nearness in meaning makes up for; what is left of the confidence when the source speaks
of something of another name; and when at most half of the question is spoken of anywhere."""


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
        parts, found = self._parts(question, passages, language, asked_in or language, nearness)
        good = [(scorer, pieces, confidence) for scorer, pieces, confidence in found if confidence >= ENOUGH]
        if not good:
            return replace(self._decline(language, max(confidence for _, confidence in parts)), parts=parts)
        return replace(_told(good, language), parts=parts)

    def small_talk(self, kind: Intent, language: str) -> Answer:
        """What is said to a greeting, to thanks, on parting, and to somebody who wants a person."""
        if kind == "question":
            return self._decline(language)
        text = said(kind, language, name=self._site.name, person=self._person(language))
        return Answer(text=text, kind="human" if kind == "human" else "small_talk", score=1.0)

    def _parts(
        self, question: str, passages: Sequence[Passage], language: str, asked_in: str, nearness: Mapping[str, float]
    ) -> tuple[tuple[tuple[str, float], ...], list[Reading]]:
        """What was asked at once, each with its confidence, and what was found for it.

        A question that leans on what was said before it is read with that, too; the surer reading counts. Where one of
        them has no answer, the message may still be one question.
        """

        def found(text: str, before: str = "") -> Reading:
            return self._found(text, passages, language, asked_in, nearness, before)

        def read_of(one: Part) -> Reading:
            alone = [] if one.leans else [found(one.text)]
            leaning = [found(one.text, one.before)] if one.before else []
            readings: list[Reading] = [*alone, *leaning]
            return max(readings, key=_sure)

        asked = questions(question, asked_in)
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
    return scorer, pieces, _confidence(scorer, pieces)


def _confidence(scorer: Scorer, pieces: Sequence[Piece]) -> float:
    """How likely the pieces answer (0 to 1): the mean of three shares, since each errs in another way.

    What the best piece and its source's others speak of; what of the question anything found speaks of at all, so that
    a subject that the knowledge never mentions weighs against answering; and what the search thought of the passage.
    Nearness in meaning closes a part of what is missing, since other words may say the same. Two things that likeness
    hides count against answering: a code or numbered name that the source does not speak of, and that hardly anything
    of the question is spoken of anywhere.
    """
    features = scorer.question.features
    if not pieces or not features:
        return 0.0
    location = pieces[0].section.passage.location
    told = strengths([piece for piece in pieces if piece.section.passage.location == location])
    known = scorer.known()
    found = min(1.0, max(0.0, pieces[0].section.passage.score))
    share = (scorer.coverage(told) + known + found) / 3
    share += CLOSED_BY_NEARNESS * scorer.near_best(pieces[0].members) * (1 - share)
    if any(feature.weight >= CODE and strength <= 0.3 for feature, strength in zip(features, told, strict=True)):
        share *= OF_ANOTHER
    if known <= 0.5:
        share *= HARDLY_KNOWN
    return round(share, 4)


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
    return Answer(
        text="\n\n".join([*foreign, *texts]), citations=citations, score=min(confidence for _, _, confidence in found)
    )
