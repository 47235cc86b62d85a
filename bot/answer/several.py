"""Several questions in one message: "When do you open, and can I pay by card?"."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from bot.answer.expect import marked, parted
from bot.answer.sentences import sentences
from bot.answer.several_han import questions as chinese
from bot.colloquial import written

MOST = 3
_MARKS = ("?", "？", "؟")


@dataclass(frozen=True, slots=True)
class Part:
    """One question of a message, and what was said before it there. It `leans` on that when it points back ("it")."""

    text: str
    before: str = ""

    leans: bool = False


def questions(text: str, language: str) -> list[Part]:
    """The questions of a message, at most three; the message itself where it asks but one thing.

    What is told between them belongs to the one after it.
    """
    if language == "zh":
        return [Part(asked, before, bool(before)) for asked, before in chinese(written(text))][:MOST]
    found: list[Part] = []
    told: list[str] = []
    for segment in _segments(text, language):
        told.append(segment)
        if _asks(segment, language):
            before = " ".join((*(part.text for part in found[:1]), *told[:-1]) if found else ())
            leans = bool(found) and marked("pointing_back", segment, language)
            found.append(Part(" ".join(told) if not found else segment, before, leans))
            told = []
    if len(found) < 2:
        return [Part(text)]
    found[-1] = replace(found[-1], text=" ".join((found[-1].text, *told)))
    return found[:MOST]


def _segments(text: str, language: str) -> Iterator[str]:
    for sentence in sentences(text):
        pieces = parted("joint", sentence, language)
        if sum(_asks(piece, language) for piece in pieces) > 1:
            yield from pieces
        else:
            yield sentence


def _asks(segment: str, language: str) -> bool:
    return segment.rstrip().endswith(_MARKS) or marked("asks", segment, language)
