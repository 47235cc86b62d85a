"""The units an answer is picked from (sentence, item of a list, row of a table), each with what stands above it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from bot.answer.blocks import Block, Listing, Paragraph, Table, blocks
from bot.answer.expect import marked
from bot.answer.meaning import Meaning, meaning, plain_text
from bot.answer.ranges import with_units
from bot.events import Passage

LABEL, COLUMN, SUBJECT, LEAD, HEADING, OUTER, TITLE, BESIDE = 0.95, 0.95, 0.95, 0.85, 0.85, 0.8, 0.8, 0.3
"""How much a word above a unit says of it, beside a word in it: the question it answers, the head of its column, what
its source's title begins with, its lead-in, its own heading, the headings above that, the rest of the title, the
sentence before."""

_KEPT = 1_024
"""Passages whose units are kept."""

_SUBJECT = re.compile(r"[^,:;–—(（，：；]+")


@dataclass(frozen=True, slots=True)
class Context:
    """What stands above a unit; `strength` is how much it says of it."""

    meaning: Meaning
    strength: float


@dataclass(frozen=True, slots=True, eq=False)
class Unit:
    """The smallest thing that is quoted. `passage` and `block` say where it stands, `place` which one it is there.

    `measured` is its text with the units that stand in the heads of a table's columns only.
    """

    passage: int
    block: int
    place: int
    text: str
    measured: str
    own: Meaning
    context: tuple[Context, ...]
    stale: bool
    limiting: bool
    pointing: bool


@dataclass(frozen=True, slots=True, eq=False)
class Section:
    """A passage taken apart."""

    number: int
    passage: Passage
    language: str
    blocks: tuple[Block, ...]
    units: tuple[Unit, ...]

    def heading(self, block: int) -> str:
        """The nearest heading above a block, or the source's title."""
        path = (self.passage.title, *self.passage.heading, *self.blocks[block].heading)
        return path[-1]

    def of(self, block: int) -> list[Unit]:
        """The units of one block, in order."""
        return [unit for unit in self.units if unit.block == block]


def view(section: Section, unit: Unit) -> str:
    """A unit as somebody reads it who sees nothing else: where it stands, then what it says, without markup."""
    block = section.blocks[unit.block]
    path = [section.passage.title, *section.passage.heading, *block.heading]
    if isinstance(block, Listing | Table) and block.lead:
        path.append(block.lead)
    text = unit.text
    if isinstance(block, Table):
        cells = zip(block.header, block.rows[unit.place], strict=True)
        text = ", ".join(f"{head}: {cell}" if head else cell for head, cell in cells)
    return f"{' > '.join(dict.fromkeys(path))}: {plain_text(text)}"


def sections(passages: Sequence[Passage], language: str) -> list[Section]:
    """Every passage, taken apart; `language` is taken for those that do not say theirs."""
    return [_section(number, passage, passage.language or language) for number, passage in enumerate(passages)]


@lru_cache(maxsize=4_096)
def subject_of(title: str) -> str:
    """What a title begins with, before its first comma, colon, dash or bracket."""
    match = _SUBJECT.match(title)
    return match.group().strip() if match else ""


def _section(number: int, passage: Passage, language: str) -> Section:
    found, units = _taken_apart(replace(passage, score=0.0), language)
    return Section(number, passage, language, found, tuple(replace(unit, passage=number) for unit in units))


@lru_cache(maxsize=_KEPT)
def _taken_apart(passage: Passage, language: str) -> tuple[tuple[Block, ...], tuple[Unit, ...]]:
    """The blocks of a passage, and its units as those of the first one that was found."""
    found = tuple(blocks(passage.text))
    stale = marked("stale", " / ".join((passage.title, *passage.heading)), language)
    units = []
    for at, block in enumerate(found):
        above = _above(passage, block, language)
        for place, (text, context) in enumerate(_units(block, above, language)):
            marks = (stale, _limiting(passage, block, text, language), marked("pointing", text, language))
            measured = _measured(block, place) if isinstance(block, Table) else text
            units.append(Unit(0, at, place, text, measured, meaning(text, language), context, *marks))
    return found, tuple(units)


def _measured(table: Table, place: int) -> str:
    return " | ".join(with_units(*cell) for cell in zip(table.header, table.rows[place], strict=True))


def _limiting(passage: Passage, block: Block, text: str, language: str) -> bool:
    """Whether a unit limits another rule: it stands under "Exceptions", or begins with a word like "However"."""
    above = " ".join((*passage.heading[-1:], *block.heading))
    return marked("limits", above, language) or marked("limits", text[:24], language)


def _above(passage: Passage, block: Block, language: str) -> tuple[Context, ...]:
    path = [*passage.heading, *block.heading]
    found = [Context(meaning(passage.title, language), TITLE)] if passage.title else []
    subject = subject_of(passage.title)
    if subject and subject != passage.title:
        found.append(Context(meaning(subject, language), SUBJECT))
    found += [Context(meaning(heading, language), OUTER) for heading in path[:-1]]
    return (*found, *(Context(meaning(heading, language), HEADING) for heading in path[-1:]))


def _units(block: Block, above: tuple[Context, ...], language: str) -> Iterator[tuple[str, tuple[Context, ...]]]:
    if isinstance(block, Paragraph):
        if block.label:
            yield " ".join(block.sentences), (*above, Context(meaning(block.label, language), LABEL))
            return
        for place, sentence in enumerate(block.sentences):
            before = [Context(meaning(block.sentences[place - 1], language), BESIDE)] if place else []
            yield sentence, (*above, *before)
        return
    lead = (Context(meaning(block.lead, language), LEAD),) if block.lead else ()
    if isinstance(block, Listing):
        for item in block.items:
            yield item, above + lead
    else:
        header = Context(meaning(" | ".join(block.header), language), COLUMN)
        for row in block.rows:
            yield " | ".join(row), (*above, *lead, header)
