"""Which questions were not answered well, and why. Pure: from what the store found to questions that staff may read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal, get_args

from bot.answer.intent import intent
from bot.config import Privacy
from bot.privacy import Redactor
from storage.learning import Around, Unsettled

Reason = Literal["declined", "disliked", "handed over", "unsure"]
REASONS: tuple[Reason, ...] = get_args(Reason)

LONGEST = 400
"""Characters of a question; what is longer is told as its beginning."""

_NEAREST_FIRST: tuple[Around, ...] = ("before", "opening", "after")
_MORE = "…"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question as it stands alone, without personal data, and why it is here. Nothing tells who asked it.

    `conversation` only tells conversations apart. `comments` are what people said of its answer, `said` is what
    colleagues told the visitor; both without personal data.
    """

    text: str
    language: str
    conversation: int
    at: float
    reasons: tuple[Reason, ...]
    comments: tuple[str, ...] = ()
    said: tuple[str, ...] = ()


def redactor_of(config: Privacy) -> Redactor:
    """One for texts that staff read: it takes every kind of personal data out, whatever is configured for models."""
    return Redactor(Privacy(phone_region=config.phone_region))


def questions(found: Sequence[Unsettled], redactor: Redactor) -> list[Asked]:
    """The questions among `found`, in their order: no greetings, no wishes for a person, nothing empty.

    A case stands for one question: the last one before it was opened, else what opened it, else the first one after.
    """
    real = {one.number: text for one in found if (text := _question(one))}
    led = {one.number for one in _leading(found, real)}
    asked = []
    for one in found:
        reasons = tuple(_reasons(one, one.number in led))
        if one.number in real and reasons:
            asked.append(_asked(one, real[one.number], reasons, redactor))
    return asked


def _asked(one: Unsettled, text: str, reasons: tuple[Reason, ...], redactor: Redactor) -> Asked:
    return Asked(
        text=_line(redactor.redact(text)),
        language=one.language,
        conversation=one.conversation,
        at=one.at,
        reasons=reasons,
        comments=tuple(_line(redactor.redact(comment)) for comment in one.comments),
        said=tuple(redactor.redact(said).strip() for said in one.said) if "handed over" in reasons else (),
    )


def _question(one: Unsettled) -> str:
    """What was asked, "" when that was no question."""
    text = " ".join((one.standalone or one.text).split())
    if not any(character.isalnum() for character in text):
        return ""
    meant = one.intent if one.intent and not one.case else intent(text, one.language)
    return text if meant == "question" else ""


def _reasons(one: Unsettled, led: bool) -> Iterator[Reason]:
    if one.end == "declined":
        yield "declined"
    if one.disliked:
        yield "disliked"
    if led:
        yield "handed over"
    if one.unsure:
        yield "unsure"


def _leading(found: Sequence[Unsettled], real: dict[int, str]) -> Iterator[Unsettled]:
    """For each case the message that it is about."""
    around = sorted((one for one in found if one.case and one.number in real), key=lambda one: one.case)
    for _, several in groupby(around, key=lambda one: one.case):
        yield min(several, key=_distance)


def _distance(one: Unsettled) -> tuple[int, int]:
    side = _NEAREST_FIRST.index(one.around)
    return side, -one.number if one.around == "before" else one.number


def _line(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else text[: LONGEST - 1].rstrip() + _MORE
