"""Which units answer, and what must be told along with them: the rest of a list, a column's name, an exception."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.answer.blocks import Listing, Paragraph, Table
from bot.answer.expect import leans, marked, shows
from bot.answer.score import Scored, Scorer
from bot.answer.units import Section, Unit
from bot.terms import content_terms

NEARLY, CLOSE = 0.8, 0.88
"""What scores at least this share of the best is told as well: when it adds something; when the source is the same."""

SHORT, LONG, WHOLE = 260, 420, 900
"""Characters: a paragraph up to SHORT is quoted whole; an answer grows to LONG at most, a list of steps to WHOLE."""

MOST_PIECES, MOST_ROWS, MOST_MEMBERS = 3, 6, 3
_SAME = 0.7


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """A part of the answer, from one place: units of one block in their order, and sentences that limit them.

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


def choose(scorer: Scorer) -> list[Piece]:
    """The pieces of the answer, the best first; empty when there is nothing to choose from."""
    ranked = sorted((*scorer.scored, *scorer.groups), key=lambda scored: -scored.score)
    if not ranked:
        return []
    _steps_first(scorer, ranked)
    pieces = [_piece(scorer, ranked[0])]
    for scored in ranked[1:40]:
        if len(pieces) == MOST_PIECES or scored.score < NEARLY * ranked[0].score:
            break
        close = scored.score >= CLOSE * ranked[0].score and _location(scorer, scored) == _location(scorer, ranked[0])
        if _other(scored, pieces) and (close or _adds(scorer, scored, pieces)):
            piece = _piece(scorer, scored)
            if sum(other.size for other in pieces) + piece.size <= LONG:
                pieces.append(piece)
    return pieces


def _steps_first(scorer: Scorer, ranked: list[Scored]) -> None:
    """Who asks how to do something wants the steps, not the sentence that introduces them in the same source."""
    if not scorer.question.waits_for("steps") or ranked[0].group:
        return
    for at, scored in enumerate(ranked):
        if scored.score < CLOSE * ranked[0].score:
            return
        block = scorer.sections[scored.unit.passage].blocks[scored.unit.block]
        ordered = isinstance(block, Listing) and block.ordered
        if scored.group and ordered and _location(scorer, scored) == _location(scorer, ranked[0]):
            ranked.insert(0, ranked.pop(at))
            return


def strengths(pieces: Sequence[Piece]) -> tuple[float, ...]:
    """For each feature of the question how well the pieces, taken together, speak of it."""
    members = [member.all for piece in pieces for member in piece.members]
    return tuple(max(column) for column in zip(*members, strict=True))


def _other(scored: Scored, pieces: Sequence[Piece]) -> bool:
    """Whether a unit is of another block than the pieces, and says something else."""
    unit = scored.unit
    told = [member.unit for piece in pieces for member in piece.members]
    return not any(
        (unit.passage, unit.block) == (other.passage, other.block) or _same(unit.own.terms, other.own.terms)
        for other in told
    )


def _location(scorer: Scorer, scored: Scored) -> str:
    return scorer.sections[scored.unit.passage].passage.location


def _adds(scorer: Scorer, scored: Scored, pieces: Sequence[Piece]) -> bool:
    """Whether a unit speaks of something that the pieces do not, or shows a kind that is asked for and missing."""
    unit = scored.unit
    told = [member.unit for piece in pieces for member in piece.members]
    covered = strengths(pieces)
    new = sum(
        feature.weight * max(0.0, here - there)
        for feature, here, there in zip(scorer.question.features, scored.all, covered, strict=True)
    )
    if new >= 0.25 * scorer.question.weight:
        return True
    missing = [
        wanted.kind
        for wanted in scorer.question.wanted
        if wanted.must >= 0.6 and not any(shows(wanted.kind, other.text) for other in told)
    ]
    return any(shows(kind, unit.text) for kind in missing)


def _piece(scorer: Scorer, scored: Scored) -> Piece:
    section = scorer.sections[scored.unit.passage]
    block = section.blocks[scored.unit.block]
    beside = list(scored.group) or [other for other in scorer.scored if _together(other, scored)]
    if isinstance(block, Paragraph):
        members = beside if block.label else _sentences(scorer, beside, scored, section.language)
        return Piece(section, scored.unit.block, tuple(members), _limits(section, scored, members))
    picked = [] if scored.group else _standing_out(scorer, beside, scored)
    length = sum(len(member.unit.text) for member in beside)
    whole = not picked or (isinstance(block, Listing) and length <= (LONG if block.ordered else SHORT))
    if isinstance(block, Table):
        members = sorted(picked or beside, key=lambda member: -member.score)[: MOST_ROWS if whole else MOST_MEMBERS]
        members += _missing(scorer, beside, members)
        members.sort(key=lambda member: member.unit.place)
        columns = _columns(scorer, block, members)
        return Piece(section, scored.unit.block, tuple(members), _limits(section, scored, members), columns, whole)
    if isinstance(block, Listing) and (whole or (block.ordered and scorer.question.waits_for("steps"))):
        members, whole = _all_that_fit(beside, scored), True
    else:
        members = picked[:MOST_MEMBERS]
    return Piece(section, scored.unit.block, tuple(members), _limits(section, scored, members), whole=whole)


def _missing(scorer: Scorer, beside: list[Scored], members: list[Scored]) -> list[Scored]:
    """The row that shows what is asked for besides and the chosen ones lack ("which one, and what does it cost")."""
    for wanted in scorer.question.wanted:
        if wanted.must < 0.6 or any(shows(wanted.kind, member.unit.text) for member in members):
            continue
        rest = [other for other in beside if other not in members and shows(wanted.kind, other.unit.text)]
        if rest:
            return [max(rest, key=lambda other: other.score)]
    return []


def _together(one: Scored, other: Scored) -> bool:
    return one.unit.passage == other.unit.passage and one.unit.block == other.unit.block


def _all_that_fit(beside: list[Scored], scored: Scored) -> list[Scored]:
    """The whole list; of one that is very long as much as fits, beginning so that the best is in it."""
    total = 0
    kept: list[Scored] = []
    for member in beside if sum(len(m.unit.text) for m in beside[: scored.unit.place + 1]) <= WHOLE else [scored]:
        total += len(member.unit.text)
        if kept and total > WHOLE:
            break
        kept.append(member)
    return kept


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
        limiting = marked("strong_exception", after.unit.text, language) or leans(after.unit.text, language)
        adding = any(here > there + 0.3 for here, there in zip(after.own, scored.all, strict=True)) or (
            scorer.question.wanted
            and any(
                w.must >= 0.6 and shows(w.kind, after.unit.text) and not shows(w.kind, scored.unit.text)
                for w in scorer.question.wanted
            )
        )
        if length > LONG or not (limiting or adding):
            break
        last += 1
    return beside[first : last + 1]


def _standing_out(scorer: Scorer, beside: list[Scored], scored: Scored) -> list[Scored]:
    """Those of a list's items or a table's rows that the question singles out; none when it asks about them all."""
    if len(beside) == 1:
        return beside
    marks = [_singled(scorer, beside, member) for member in beside]
    best = max(marks)
    if best <= 0:
        return []
    if marked("both", scorer.question.text, scorer.question.language):
        return [member for member, mark in zip(beside, marks, strict=True) if mark >= 0.5 * best]
    top = max(member.score for member, mark in zip(beside, marks, strict=True) if mark >= best)
    return [
        member
        for member, mark in zip(beside, marks, strict=True)
        if mark >= best and (member is scored or member.score >= NEARLY * top)
    ]


def _singled(scorer: Scorer, beside: list[Scored], member: Scored) -> float:
    """The weight of what this member speaks of and at most half of the others do, as a word of its own."""
    total = 0.0
    for at, feature in enumerate(scorer.question.features):
        others = sum(other.own[at] >= 0.5 for other in beside)
        if member.own[at] >= 0.5 > member.above[at] and others <= max(1, len(beside) // 2):
            total += feature.weight * member.own[at]
    for wanted in scorer.question.wanted:
        if wanted.must >= 0.6 and shows(wanted.kind, member.unit.text):
            others = sum(shows(wanted.kind, other.unit.text) for other in beside)
            total += 0.4 if others <= max(1, len(beside) // 3) else 0.0
    return total + (1.0 if member.score >= 0.3 and scorer.within(member) else 0.0)


def _columns(scorer: Scorer, table: Table, members: Sequence[Scored]) -> tuple[int, ...]:
    """The columns that the question names, with those of the kind it waits for; none when it names or compares all."""
    columns = range(1, len(table.header))
    if len(columns) < 2 or marked("both", scorer.question.text, scorer.question.language):
        return ()
    named = {at: scorer.named(table.header[at], members) for at in columns}
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


def _same(one: frozenset[str], other: frozenset[str]) -> bool:
    both = len(one & other)
    return both >= _SAME * max(1, len(one) + len(other) - both)
