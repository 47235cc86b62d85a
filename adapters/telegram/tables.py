"""Tables for a screen that is as wide as a hand: a narrow one stays a table, a wide one becomes a block for each row.
Pure.

Columns are counted as a fixed-width font shows them: East Asian wide characters and emoji take two.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from adapters.graphemes import may_cut

WIDEST = 34
"""Columns of fixed-width text that a phone shows without breaking a line."""
_BETWEEN = "  "
_LABEL_CHARACTERS = 40
_EMOJI = "\ufe0f"


@dataclass(frozen=True, slots=True)
class Grid:
    """A table in fixed-width text; `header` is its first two lines."""

    text: str
    header: str


def grid(head: Sequence[str], rows: Sequence[Sequence[str]], aligns: Sequence[str]) -> Grid | None:
    """A table as lines of one font; None when it is too wide, or runs from right to left, which would mix it up."""
    lines = [head, *rows]
    if any(is_right_to_left(cell) for line in lines for cell in line):
        return None
    widths = [max(width(line[number]) for line in lines) for number in range(len(head))]
    if sum(widths) + len(_BETWEEN) * (len(head) - 1) > WIDEST:
        return None
    first, *others = (_line(line, widths, aligns) for line in lines)
    header = f"{first}\n{_BETWEEN.join('-' * columns for columns in widths)}"
    return Grid("\n".join((header, *others)).rstrip(), header)


def labels(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[list[tuple[str, int]]]:
    """For each row, (what its column is called, the number of the column) of what is to be said of it.

    Cells without anything are left out; a column that has nothing in any row is named with the first one. A long name
    is said once in full.
    """
    bare = {number for number in range(len(head)) if head[number] and not any(row[number] for row in rows)}
    short = [label if len(label) <= _LABEL_CHARACTERS else _shortened(label) for label in head]
    said: set[int] = set()
    found = []
    for place, row in enumerate(rows):
        numbers = [number for number in range(len(head)) if row[number] or (place == 0 and number in bare)]
        found.append([(short[number] if number in said else head[number], number) for number in numbers])
        said.update(numbers)
    return found


def width(text: str) -> int:
    """Columns that `text` takes in a fixed-width font."""
    columns, start = 0, 0
    for at in range(1, len(text) + 1):
        if may_cut(text, at):
            columns += _character(text[start:at])
            start = at
    return columns


def is_right_to_left(text: str) -> bool:
    return any(unicodedata.bidirectional(character) in ("R", "AL") for character in text)


def _character(cluster: str) -> int:
    if _EMOJI in cluster:
        return 2
    return max(_columns(character) for character in cluster)


def _columns(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" or "\U0001f1e6" <= character <= "\U0001f1ff" else 1


def _line(cells: Sequence[str], widths: Sequence[int], aligns: Sequence[str]) -> str:
    padded = (_padded(*cell) for cell in zip(cells, widths, aligns, strict=True))
    return _BETWEEN.join(padded).rstrip()


def _padded(cell: str, columns: int, align: str) -> str:
    free = columns - width(cell)
    left = free if align == "right" else free // 2 if align == "center" else 0
    return " " * left + cell + " " * (free - left)


def _shortened(label: str) -> str:
    end = _LABEL_CHARACTERS - 1
    while end > 1 and not may_cut(label, end):
        end -= 1
    return label[:end].rstrip() + "…"
