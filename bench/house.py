"""What measurements of any channel look for in a real Frontdesk: what it accepted, in which order, and what it owes."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Generic, TypeVar

Question = TypeVar("Question", bound=Hashable)


def accepted(folder: Path, channel: str) -> list[str]:
    """The ids of the messages of a channel that were made durable, in that order."""
    with sqlite3.connect(f"file:{folder / 'data' / 'frontdesk.db'}?mode=ro", uri=True) as db:
        return [row[0] for row in db.execute("select id from messages where channel = ? order by number", (channel,))]


def echoed(text: str, repeat: int = 1) -> str:
    """What the echo engine answers."""
    return " ".join([text] * repeat)


def beyond(parts: Sequence[str], answer: str) -> str | None:
    """What of `parts` stands there after the whole answer, None when that is not what they begin with. White space may
    be missing where one ends and the next begins."""
    for number, part in enumerate(parts):
        if not answer:
            return "".join(parts[number:])
        if not answer.startswith(part):
            return None
        answer = answer[len(part) :].lstrip()
    return None if answer else ""


def inversions(order: Sequence[int]) -> int:
    """How often something stands before what it should stand after."""
    return sum(later < earlier for earlier, later in pairwise(order))


class Extras(Generic[Question]):
    """How many messages more than one each question got, between two kills. `said` counts what was said to one of
    `asked`, whatever became of it."""

    def __init__(self, said: Callable[[Question], int], asked: Sequence[Question]) -> None:
        self._said, self._asked = said, asked
        self._before: Counter[Question] = Counter()
        self.most = 0

    def note(self) -> None:
        now = Counter({place: max(0, self._said(place) - 1) for place in self._asked})
        self.most = max(self.most, max((now - self._before).values(), default=0))
        self._before = now

    @property
    def total(self) -> int:
        return sum(self._before.values())
