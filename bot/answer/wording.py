"""How the chosen pieces are said: rows as sentences, items under what introduces them, each with its source."""

from __future__ import annotations

from collections.abc import Sequence

from bot.answer.blocks import Listing, Paragraph, Table
from bot.answer.expect import marked
from bot.answer.markdown import bare, quoted
from bot.answer.piece import Piece
from bot.answer.score import Scored, Scorer
from bot.phrases import said

_ENDS = (".", "!", "?", "…", "。", "！", "？", "؟", "।", ":", "：", ";", "；")
_DENSE = ("zh", "ja")


def worded(piece: Piece, scorer: Scorer, number: int) -> str:
    """A piece as Markdown, with its citation [number]."""
    block = piece.section.blocks[piece.block]
    if isinstance(block, Paragraph):
        text = _joined([quoted(member.unit.text) for member in piece.members], piece.section.language)
        if _turned_above(piece):
            text = f"{bare(piece.section.heading(piece.block))}{_colon(piece)}{text}"
    elif isinstance(block, Table):
        text = _rows(piece, block, scorer)
    else:
        text = _items(piece, block, scorer)
    limits = _joined([quoted(limit) for limit in piece.limits], piece.section.language)
    if limits:
        text += ("\n\n" if "\n" in text else _full_stop(text, piece) + _space(piece.section.language)) + limits
    return f"{text} [{number}]"


def _items(piece: Piece, listing: Listing, scorer: Scorer) -> str:
    lead = bare(listing.lead) or _above(piece, scorer)
    if len(piece.members) == 1 and not piece.whole:
        item = quoted(piece.members[0].unit.text)
        if not lead or (item.endswith(_ENDS) and not listing.lead and not _told_above(piece, scorer)):
            return item
        return f"{lead}{_colon(piece)}{item}"
    first = piece.members[0].unit.place + 1
    marks = [f"{first + at}." if listing.ordered else "-" for at in range(len(piece.members))]
    lines = [f"{mark} {quoted(member.unit.text)}" for mark, member in zip(marks, piece.members, strict=True)]
    return "\n".join([*_introduced(lead, piece), *lines])


def _rows(piece: Piece, table: Table, scorer: Scorer) -> str:
    rows = [table.rows[member.unit.place] for member in piece.members]
    lines = [_row(row, table.header, piece) for row in rows]
    lead = bare(table.lead) or _above(piece, scorer)
    if len(lines) == 1:
        return f"{lead}{_colon(piece)}{lines[0]}" if lead and (table.lead or _told_above(piece, scorer)) else lines[0]
    return "\n".join([*_introduced(lead, piece), *(f"- {line}" for line in lines)])


def _row(row: Sequence[str], header: Sequence[str], piece: Piece) -> str:
    """A row as "**Row** – Column: value; Column: value"."""
    colon, comma = said("colon", piece.section.language), said("comma", piece.section.language)
    cells = [at for at in piece.columns or range(1, len(row)) if row[at]]
    named = [f"{bare(header[at])}{colon}{quoted(row[at])}" if bare(header[at]) else quoted(row[at]) for at in cells]
    label = bare(row[0])
    if not label:
        return comma.join(named)
    dash = "——" if piece.section.language in _DENSE else " – "
    return f"**{label}**{dash}{comma.join(named)}" if named else label


def _above(piece: Piece, scorer: Scorer) -> str:
    """What introduces a list or a row: its heading, after its title where only that says what is spoken of."""
    heading, title = bare(piece.section.heading(piece.block)), bare(piece.section.passage.title)
    if heading == title or not heading:
        return title
    return f"{title} – {heading}" if _title_needed(piece, scorer) else heading


def _told_above(piece: Piece, scorer: Scorer) -> bool:
    """Whether something that the question speaks of stands only above the members."""
    return any(
        feature.weight >= 0.5 and all(member.own[at] < 0.5 for member in piece.members) and _said(piece.members, at)
        for at, feature in enumerate(scorer.question.features)
    )


def _turned_above(piece: Piece) -> bool:
    """Whether the heading says no ("What we do not accept") and the sentences below it do not repeat that."""
    language = piece.section.language
    heading = " ".join((*piece.section.passage.heading[-1:], *piece.section.blocks[piece.block].heading))
    said_again = any(marked("negation", member.unit.text, language) for member in piece.members)
    return marked("negation", heading, language) and not said_again


def _title_needed(piece: Piece, scorer: Scorer) -> bool:
    unit = piece.members[0].unit
    if len(unit.context) < 2:
        return False
    title, *others = (above.meaning for above in unit.context)
    return any(
        feature.match(title) >= 0.5
        and all(feature.match(other) < 0.5 for other in others)
        and all(member.own[at] < 0.5 for member in piece.members)
        for at, feature in enumerate(scorer.question.features)
    )


def _said(members: Sequence[Scored], at: int) -> bool:
    return any(member.all[at] >= 0.5 for member in members)


def _colon(piece: Piece) -> str:
    return said("colon", piece.section.language)


def _space(language: str) -> str:
    return "" if language in _DENSE else " "


def _full_stop(text: str, piece: Piece) -> str:
    return "" if text.endswith(_ENDS) else "。" if piece.section.language in _DENSE else "."


def _introduced(lead: str, piece: Piece) -> list[str]:
    """A lead-in as a line of its own, and the blank line that Markdown wants before a list."""
    return [lead if lead.endswith(_ENDS) else f"{lead}{_colon(piece).rstrip()}", ""] if lead else []


def _joined(texts: Sequence[str], language: str) -> str:
    return _space(language).join(text for text in texts if text)
