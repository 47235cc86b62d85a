"""A part of the answer, around the chosen unit: the list it is of, a column's name, the exception beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.answer.blocks import Listing, Paragraph, Table
from bot.answer.expect import leans, marked, shows
from bot.answer.score import Scored, Scorer
from bot.answer.units import Section, Unit
from bot.terms import content_terms

SHORT, LONG, WHOLE = 260, 420, 900
"""Characters: a paragraph or list up to SHORT is told whole, numbered steps up to LONG, steps that were asked for up to
WHOLE."""

MOST_ROWS, MOST_MEMBERS = 6, 3
"""Rows of a table that is told whole; rows or items that the question singles out."""

NEARLY, CLEARLY = 0.85, 0.8
"""Members that score this share of the best are told with it; from this weight on a member is singled out for sure."""


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Units of one block in their order, and sentences that limit them.

    `columns` are those of a table that are told; empty means all. `whole` says that all of a block is told.
    """

    section: Section
    block: int
    members: tuple[Scored, ...]
    limits: tuple[str, ...] = ()
    columns: tuple[int, ...] = ()
    whole: bool = False

    @property
    def size(self) -> int:
        return sum(len(member.unit.text) for member in self.members) + sum(map(len, self.limits))


def piece_of(scorer: Scorer, scored: Scored) -> Piece:
    """The piece around a unit, or of a whole list."""
    section, at = scorer.sections[scored.unit.passage], scored.unit.block
    block = section.blocks[at]
    beside = list(scored.group) or [other for other in scorer.scored if _together(other, scored)]
    columns: tuple[int, ...] = ()
    if isinstance(block, Paragraph):
        members, whole = (beside if block.label else _sentences(scorer, beside, scored, section.language)), False
    elif isinstance(block, Table):
        members, whole = _rows(scorer, beside, scored)
        columns = _columns(scorer, block, members)
    else:
        members, whole = _items(scorer, block, beside, scored)
    return Piece(section, at, tuple(members), _limits(section, scored, members), columns, whole)


def _together(one: Scored, other: Scored) -> bool:
    return one.unit.passage == other.unit.passage and one.unit.block == other.unit.block


def _sentences(scorer: Scorer, beside: list[Scored], scored: Scored, language: str) -> list[Scored]:
    """The sentence with its neighbours: what it leans on, what limits it, what adds to it; a short paragraph whole."""
    if sum(len(member.unit.text) for member in beside) <= SHORT:
        return beside
    first = last = scored.unit.place
    while first > 0 and leans(beside[first].unit.text, language) and scored.unit.place - first < 2:
        first -= 1
    length = sum(len(beside[at].unit.text) for at in range(first, last + 1))
    while last + 1 < len(beside):
        after = beside[last + 1]
        length += len(after.unit.text)
        if length > LONG or not _belongs(scorer, after, scored, language):
            break
        last += 1
    return beside[first : last + 1]


def _belongs(scorer: Scorer, after: Scored, scored: Scored, language: str) -> bool:
    """Whether the sentence after the chosen one limits it, leans on it, or speaks of more of the question."""
    if marked("strong_exception", after.unit.text, language) or leans(after.unit.text, language):
        return True
    if any(here > there + 0.3 for here, there in zip(after.own, scored.all, strict=True)):
        return True
    return any(
        wanted.must >= 0.6 and shows(wanted.kind, after.unit.text) and not shows(wanted.kind, scored.unit.text)
        for wanted in scorer.question.wanted
    )


def _items(scorer: Scorer, block: Listing, beside: list[Scored], scored: Scored) -> tuple[list[Scored], bool]:
    """The items to tell, and whether the list is told whole."""
    picked, weight = ([], 0.0) if scored.group else _standing_out(scorer, beside, scored)
    length = sum(len(member.unit.text) for member in beside)
    steps = block.ordered and (length <= LONG or scorer.question.waits_for("steps"))
    if not picked or steps or (length <= SHORT and weight < CLEARLY):
        return _all_that_fit(beside, scored), True
    return picked[:MOST_MEMBERS], False


def _all_that_fit(beside: list[Scored], scored: Scored) -> list[Scored]:
    """The whole list; of one that is very long as much as fits, so that the best is in it."""
    before = sum(len(member.unit.text) for member in beside[: scored.unit.place + 1])
    kept: list[Scored] = []
    total = 0
    for member in beside if before <= WHOLE else [scored]:
        total += len(member.unit.text)
        if kept and total > WHOLE:
            break
        kept.append(member)
    return kept


def _rows(scorer: Scorer, beside: list[Scored], scored: Scored) -> tuple[list[Scored], bool]:
    """The rows to tell, in their order, and whether they stand for the whole table."""
    picked, _ = _standing_out(scorer, beside, scored)
    limit = MOST_MEMBERS if picked else MOST_ROWS
    members = sorted(picked or beside, key=lambda member: -member.score)[:limit]
    members += _missing(scorer, beside, members)
    return sorted(members, key=lambda member: member.unit.place), not picked


def _missing(scorer: Scorer, beside: list[Scored], members: list[Scored]) -> list[Scored]:
    """The row that shows what is asked for besides and the chosen ones lack ("which one, and what does it cost")."""
    for wanted in scorer.question.wanted:
        if wanted.must < 0.6 or any(shows(wanted.kind, member.unit.text) for member in members):
            continue
        rest = [other for other in beside if other not in members and shows(wanted.kind, other.unit.text)]
        if rest:
            return [max(rest, key=lambda other: other.score)]
    return []


def _standing_out(scorer: Scorer, beside: list[Scored], scored: Scored) -> tuple[list[Scored], float]:
    """Those of a list's items or a table's rows that the question singles out, and with what weight; none otherwise."""
    if len(beside) == 1:
        return beside, 0.0
    marks = [_singled(scorer, beside, member) for member in beside]
    best = max(marks)
    pairs = list(zip(beside, marks, strict=True))
    if best <= 0:
        return [], 0.0
    if marked("both", scorer.question.text, scorer.question.language):
        return [member for member, mark in pairs if mark >= 0.5 * best], best
    top = max(member.score for member, mark in pairs if mark >= best)
    chosen = [m for m, mark in pairs if mark >= best and (m is scored or m.score >= NEARLY * top)]
    return chosen, best


def _singled(scorer: Scorer, beside: list[Scored], member: Scored) -> float:
    """The weight of what this member speaks of, beyond what stands above it, and at most half of the others do."""
    total = 0.0
    for at, feature in enumerate(scorer.question.features):
        others = sum(other.own[at] >= 0.5 for other in beside)
        if member.own[at] >= max(0.5, member.above[at] + 0.2) and others <= max(1, len(beside) // 2):
            total += feature.weight * member.own[at]
    for wanted in scorer.question.wanted:
        if wanted.must >= 0.6 and shows(wanted.kind, member.unit.text):
            others = sum(shows(wanted.kind, other.unit.text) for other in beside)
            total += 0.4 if others <= max(1, len(beside) // 3) else 0.0
    return total + (1.0 if scorer.within(member) else 0.0)


def _columns(scorer: Scorer, table: Table, members: Sequence[Scored]) -> tuple[int, ...]:
    """The columns that the question names, with those of the kind it waits for; none when it names or compares all."""
    columns = range(1, len(table.header))
    if len(columns) < 2 or marked("both", scorer.question.text, scorer.question.language):
        return ()
    named = dict(zip(columns, scorer.named(table.header[1:], members), strict=True))
    best = max(named.values())
    if best < 0.5:
        return ()
    found = {at for at in columns if named[at] >= 0.8 * best}
    if not any(_shows_wanted(scorer, member, table, at) for member in members for at in found):
        found |= {at for at in columns for member in members if _shows_wanted(scorer, member, table, at)}
    return tuple(sorted(found)) if len(found) < len(columns) else ()


def _shows_wanted(scorer: Scorer, member: Scored, table: Table, column: int) -> bool:
    cell = table.rows[member.unit.place][column]
    return all(shows(wanted.kind, cell) for wanted in scorer.question.wanted if wanted.must >= 0.6)


def _limits(section: Section, scored: Scored, members: Sequence[Scored]) -> tuple[str, ...]:
    """A sentence just beside the chosen ones that takes something out of them, and stands on its own."""
    told = {id(member.unit) for member in members}
    for unit in section.units:
        if id(unit) in told or not isinstance(section.blocks[unit.block], Paragraph) or len(unit.text) > SHORT:
            continue
        if not 0 <= unit.block - scored.unit.block <= 1 or leans(unit.text, section.language):
            continue
        if marked("strong_exception", unit.text, section.language) and _shares(unit, members, section.language):
            return (unit.text,)
    return ()


def _shares(unit: Unit, members: Sequence[Scored], language: str) -> bool:
    """Whether a sentence speaks of something that the members or what stands above them speak of."""
    about = {
        term
        for member in members
        for text in (member.unit.own.plain, *(above.meaning.plain for above in member.unit.context))
        for term in content_terms(text, language)
    }
    return bool(about & set(content_terms(unit.own.plain, language)))
