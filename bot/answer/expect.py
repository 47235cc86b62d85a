"""What kind of answer a question waits for, and whether a text is of that kind."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from bot.answer.meaning import plain_text
from bot.answer.words import words

IMPLIED: Mapping[str, str] = {"money": "price"}
"""The class of synonyms that a kind stands for when the question has no word of it ("how much is …")."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """A kind of thing asked for: `must` (0 to 1) is how much an answer without it loses."""

    kind: str
    must: float


def expectations(question: str, language: str) -> tuple[Expectation, ...]:
    """What `question` waits for; several when it asks several things, none when it is just words."""
    plain = plain_text(question)
    found = [kind for kind, pattern in _asked(language).items() if pattern.search(plain)]
    table = words("expectations")
    if "duration" in found and "time" in found:
        found.remove("time")
    if {"money", "measure", "duration", "percent"} & set(found) and "number" in found:
        found.remove("number")
    return tuple(Expectation(kind, float(table[kind]["must"])) for kind in found)


@lru_cache(maxsize=16_384)
def shows(kind: str, text: str) -> bool:
    """Whether `text` holds something of `kind`."""
    pattern = _shown(kind)
    return bool(pattern and pattern.search(plain_text(text)))


@lru_cache(maxsize=32)
def _asked(language: str) -> Mapping[str, re.Pattern[str]]:
    """The language's own patterns and English's, since product names and habits come in English."""
    found = {}
    for kind, entry in words("expectations").items():
        patterns = [*entry["asked"].get(language, ()), *(entry["asked"]["en"] if language != "en" else ())]
        found[kind] = re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE)
    return found


@lru_cache(maxsize=32)
def _shown(kind: str) -> re.Pattern[str] | None:
    patterns = words("expectations")[kind]["shown"]
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE) if patterns else None


@lru_cache(maxsize=64)
def _mark(name: str, language: str) -> re.Pattern[str]:
    entry = words("marks")[name]
    return re.compile(entry.get(language, entry["en"]), re.IGNORECASE)


def marked(name: str, text: str, language: str) -> bool:
    """Whether `text` bears a mark of `name` ("exception", "negation", …) in its language."""
    return bool(_mark(name, language).search(plain_text(text)))


def leans(text: str, language: str) -> bool:
    """Whether a sentence begins with a word that points back ("It", "However")."""
    edge = "" if language in ("zh", "ja") else r"\b"
    return bool(re.match(rf"\W*(?:{_mark('leaning', language).pattern}){edge}", plain_text(text), re.IGNORECASE))


def without(name: str, text: str, language: str) -> str:
    """`text` without what bears the mark `name`."""
    return _mark(name, language).sub("", text)


def parted(name: str, text: str, language: str) -> list[str]:
    """`text` cut at what bears the mark `name`, which is left out."""
    return [part for found in _mark(name, language).split(text) if (part := found.strip(" ,;"))]


def picked(name: str, text: str, language: str) -> list[str]:
    """What the groups of the mark `name` hold wherever `text` bears it."""
    found = _mark(name, language).finditer(plain_text(text))
    return [part for match in found for part in match.groups() if part]
