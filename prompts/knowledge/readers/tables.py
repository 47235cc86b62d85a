"""CSV and TSV: one table with its header; cutting repeats the header, so that a row never stands alone."""

from __future__ import annotations

import csv
import io

from bot.errors import SourceError
from prompts.knowledge.readers.base import Reading, escape_inline, table

_DELIMITERS = ",;\t|"


def read_csv(text: str) -> Reading:
    """Raises `SourceError` when quotes are broken, a field is larger than 128 KiB, or there are too many columns."""
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), _dialect(text)) if any(map(str.strip, row))]
    except csv.Error as error:
        raise SourceError(f"It is not valid CSV: {error}.", why="damaged") from None
    return Reading(markdown=table([[escape_inline(cell) for cell in row] for row in rows]) + "\n")


def _dialect(text: str) -> type[csv.Dialect]:
    """What separates the fields: the mark that cuts the first lines into equally many (and the most) fields."""

    class Dialect(csv.excel):
        delimiter = max(_DELIMITERS, key=lambda mark: _agreement(text, mark))

    return Dialect


def _agreement(text: str, mark: str) -> tuple[int, int]:
    lines = io.StringIO(text[:65_536], newline="")
    try:
        widths = [len(row) for row, _ in zip(csv.reader(lines, delimiter=mark), range(20), strict=False) if row]
    except csv.Error:
        return (0, 0)
    usual = max(set(widths), key=widths.count, default=0)
    return (widths.count(usual) if usual > 1 else 0, usual)
