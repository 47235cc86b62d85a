"""The terms of a passage, counted once and not again for every question that finds it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

from storage.base import StoredPassage

_TITLE, _HEADING, _BODY = 3.0, 2.0, 1.0
_KEPT = 1_024
"""Passages whose counts are kept: some 25 kB each."""


@dataclass(frozen=True)
class Counted:
    """What stands in a passage, and in its title and headings (`heading`).

    `times` says how often a term stands there, in a title three times and in a heading twice as much; `length` how many
    terms there are without amounts: these stand there in words, too, and tables are full of them.
    """

    times: Mapping[str, float]
    length: int
    heading: frozenset[str]
    present: frozenset[str]

    @cached_property
    def beginnings(self) -> Mapping[str, float]:
        """How often terms that begin with a character stand there, weighed as in `times`."""
        found: dict[str, float] = {}
        for term, times in self.times.items():
            found[term[0]] = found.get(term[0], 0.0) + times
        return found


def counted(stored: StoredPassage) -> Counted:
    """The counts of a passage's terms, as it is indexed."""
    return _counted(stored.title_terms, stored.heading_terms, stored.body_terms)


@lru_cache(maxsize=_KEPT)
def _counted(title: str, heading: str, body: str) -> Counted:
    fields = [Counter(text.split()) for text in (title, heading, body)]
    times: dict[str, float] = {}
    for weight, field in zip((_TITLE, _HEADING, _BODY), fields, strict=True):
        for term, number in field.items():
            times[term] = times.get(term, 0.0) + weight * number
    length = sum(number for field in fields for term, number in field.items() if not _is_amount(term))
    return Counted(times, length, frozenset((*fields[0], *fields[1])), frozenset(times))


def _is_amount(term: str) -> bool:
    return term[0].isdigit() and term[-1].isalpha()
