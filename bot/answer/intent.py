"""What a message wants: an answer, or one of the things that need no knowledge."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Literal

from bot.answer.words import words
from bot.chinese import simplified
from bot.terms import content_terms

Intent = Literal["question", "greeting", "thanks", "goodbye", "human", "identity"]

LONGEST = 160
"""A longer message is about something, whatever else it says."""

_CEREMONY = ("greeting", "thanks", "goodbye", "filler")

ELSE = 4
"""A wish for a person, or a question who is speaking, leaves at most so many other content terms in its message."""


def intent(text: str, language: str) -> Intent:
    """What `text` wants. A greeting that is followed by a question is a question.

    The patterns of every language are tried, since people greet in other languages than they ask in.
    """
    plain = simplified(unicodedata.normalize("NFKC", text)).replace("’", "'").strip().lower()
    if not plain or len(plain) > LONGEST:
        return "question"
    kind = _ceremony(plain)
    if kind:
        return kind
    if _found("identity", plain, language):
        return "identity"
    if not _pattern("asks").search(plain) and _found("human", plain, language):
        return "human"
    return "question"


def _ceremony(plain: str) -> Intent | None:
    """Greeting, thanks or goodbye, when `plain` is made of nothing else; the last kind in that order wins."""
    if not _made_of().fullmatch(plain):
        return None
    said = [match.group() for match in _spoken().finditer(plain)]
    kinds: tuple[Intent, ...] = ("goodbye", "thanks", "greeting")
    return next((kind for kind in kinds if any(_alone(kind).fullmatch(phrase) for phrase in said)), None)


def _found(name: str, plain: str, language: str) -> bool:
    match = _pattern(name).search(plain)
    if not match:
        return False
    rest = _alone("greeting").sub(" ", f"{plain[: match.start()]} {plain[match.end() :]}")
    return min(len(content_terms(rest, language)), len(content_terms(rest, "en"))) <= ELSE


@lru_cache(maxsize=8)
def _pattern(name: str) -> re.Pattern[str]:
    table = words("intents")[name]
    patterns = [pattern for entry in table.values() for pattern in ([entry] if isinstance(entry, str) else entry)]
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE)


@lru_cache(maxsize=8)
def _alone(name: str) -> re.Pattern[str]:
    """One phrase of a kind, as whole words where the script has words."""
    return re.compile(_any_of([name]), re.IGNORECASE)


@lru_cache(maxsize=1)
def _spoken() -> re.Pattern[str]:
    return re.compile(_any_of(_CEREMONY), re.IGNORECASE)


@lru_cache(maxsize=1)
def _made_of() -> re.Pattern[str]:
    # Possessive: once a phrase is taken it is not given back, so time stays linear in the text.
    return re.compile(rf"\W*+(?:{_any_of(_CEREMONY)}\W*+)++", re.IGNORECASE)


def _any_of(names: Iterable[str]) -> str:
    table = words("intents")
    phrases = {phrase for name in names for patterns in table[name].values() for phrase in patterns}
    return f"(?:{'|'.join(map(_whole, sorted(phrases, key=lambda phrase: (-len(phrase), phrase))))})"


def _whole(phrase: str) -> str:
    dense = re.match(r"\(?\??:?[\u3040-\u9fff\uac00-\ud7af]", phrase)
    return f"(?:{phrase})" if dense else rf"\b(?:{phrase})\b"
