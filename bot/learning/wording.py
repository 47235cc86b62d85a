"""Questions as they are compared: by their letters and digits alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.learning.asked import Asked


@dataclass(frozen=True, slots=True)
class Wording:
    """One way to ask, in one language, and everybody who asked so."""

    text: str
    language: str
    asked: tuple[Asked, ...]


def wordings(asked: Iterable[Asked]) -> list[Wording]:
    """The questions, those that differ in case and marks alone together; in an order of their own."""
    found: dict[tuple[str, str], list[Asked]] = {}
    for one in asked:
        found.setdefault((one.language, plain(one.text)), []).append(one)
    return [Wording(_spelling(several), language, tuple(several)) for (language, _), several in sorted(found.items())]


def plain(text: str) -> str:
    """A question as it is compared: letters and digits alone, case-folded."""
    return " ".join("".join(each if each.isalnum() else " " for each in text.casefold()).split())


def _spelling(asked: Sequence[Asked]) -> str:
    """How a question is written most often."""
    counted = Counter(one.text for one in asked)
    return min(counted, key=lambda text: (-counted[text], len(text), text))
