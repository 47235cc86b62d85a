"""What in a Markdown text belongs together: code fences and tables, links, code, entities. Pure, in linear time.

It reads what models and people write and never fails: what it does not understand is plain text.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

_FENCE = re.compile(r"(?P<lead>[ \t]*+(?:>[ \t]*+)*+)(?P<item>(?:[-*+]|\d{1,9}[.)])[ \t]++)?(?P<mark>`{3,}+|~{3,}+)")
_SPAN = re.compile(
    r"!?\[(?:[^\[\]\n\\]|\\.|\[[^\[\]\n]*+\])*+\]\((?:[^()\n\\]|\\.|\([^()\n]*+\))*+\)"  # a link, an image
    r"|\[\^?\w{1,10}\]"  # a citation
    r"|<[^<>\s][^<>\n]{0,2000}>"  # an address, a tag, a mention
    r"|https?://[^\s<>]+"
    r"|&(?:[A-Za-z][A-Za-z0-9]{1,31}|#\d{1,7}|#[xX][0-9a-fA-F]{1,6});"
    r"|\*\*(?=\S)[^*\n]{1,300}\*\*"
    r"|\\[!-/:-@\[-`{-~]"
)
_TICKS = re.compile(r"`++")
_GAP = re.compile(r"\n[ \t]*+\n")
_RULE = frozenset("|:- \t")


@dataclass(frozen=True, slots=True)
class Block:
    """A fence or a table: `text[start:end]`, without the line break after it.

    `body` is where its second part begins: a fence's code, a table's first row. `last` is where its code or its rows
    end. What is cut in its body ends with `closing` and goes on after `opening`. `open`: the text ends inside it.
    """

    kind: Literal["fence", "table"]
    start: int
    body: int
    last: int
    end: int
    opening: str
    closing: str
    open: bool


@dataclass(frozen=True, slots=True)
class Line:
    start: int
    end: int


def lines(text: str) -> list[Line]:
    found, start = [], 0
    while (end := text.find("\n", start)) >= 0:
        found.append(Line(start, end))
        start = end + 1
    return [*found, Line(start, len(text))]


def blocks(text: str) -> list[Block]:
    """The fences and tables of `text`, in order."""
    rows = lines(text)
    found: list[Block] = []
    at = 0
    while at < len(rows):
        if block := _fence(text, rows, at) or _table(text, rows, at):
            found.append(block)
            while at < len(rows) and rows[at].start < block.end:
                at += 1
        else:
            at += 1
    return found


def _fence(text: str, rows: list[Line], at: int) -> Block | None:
    line = text[rows[at].start : rows[at].end]
    found = _FENCE.match(line)
    if not found or ("`" in found["mark"] and "`" in line[found.end() :]):
        return None
    quoted, mark = ">" in found["lead"], found["mark"]
    lead = found["lead"] + " " * len(found["item"] or "")
    opening, closing = f"{lead}{line[found.start('mark') :].rstrip()}\n", f"\n{lead}{mark}"
    start, body = rows[at].start, min(rows[at].end + 1, len(text))
    for number in range(at + 1, len(rows)):
        row = rows[number]
        inner = text[row.start : row.end].strip(" \t>\r")
        if len(inner) >= len(mark) and inner == mark[0] * len(inner):
            return Block("fence", start, body, max(body, row.start - 1), row.end, opening, closing, open=False)
        if quoted and not text[row.start : row.end].lstrip().startswith(">"):
            return Block("fence", start, body, row.start - 1, row.start - 1, opening, closing, open=False)
    return Block("fence", start, body, len(text), len(text), opening, closing, open=True)


def _table(text: str, rows: list[Line], at: int) -> Block | None:
    if at + 1 >= len(rows) or not _is_row(text, rows[at]) or not is_rule(text[rows[at + 1].start : rows[at + 1].end]):
        return None
    last = at + 1
    while (
        last + 1 < len(rows) and _is_row(text, rows[last + 1]) and not _FENCE.match(text[rows[last + 1].start :][:80])
    ):
        last += 1
    start, body, end = rows[at].start, min(rows[at + 1].end + 1, len(text)), rows[last].end
    return Block("table", start, body, end, end, text[start : rows[at + 1].end] + "\n", "", open=last + 1 == len(rows))


def _is_row(text: str, row: Line) -> bool:
    return text.find("|", row.start, row.end) >= 0


def is_rule(line: str) -> bool:
    """Whether it is the row of dashes below a table's header."""
    inner = line.strip(" \t>\r")
    return "|" in inner and "-" in inner and _RULE.issuperset(inner)


class Spans:
    """The stretches of `text`, outside of fences, that are not to be cut: links, code, entities, bold words."""

    def __init__(self, text: str, found: list[Block]) -> None:
        parts = sorted(part for start, end in _between(text, found) for part in _parts(text, start, end))
        self.starts: list[int] = []
        self.ends: list[int] = []
        for start, end in parts:
            if self.ends and start < self.ends[-1]:
                self.ends[-1] = max(self.ends[-1], end)
            else:
                self.starts.append(start)
                self.ends.append(end)

    def around(self, at: int) -> tuple[int, int] | None:
        """The stretch that a cut before index `at` would tear."""
        number = bisect_right(self.starts, at - 1) - 1
        if number >= 0 and self.starts[number] < at < self.ends[number]:
            return self.starts[number], self.ends[number]
        return None


def _between(text: str, found: list[Block]) -> Iterator[tuple[int, int]]:
    """What lies outside of blocks, and every row of the tables."""
    start = 0
    for block in found:
        yield start, block.start
        if block.kind == "table":
            yield from (
                (block.start + row.start, block.start + row.end) for row in lines(text[block.start : block.end])
            )
        start = block.end
    yield start, len(text)


def _parts(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    for span in _SPAN.finditer(text, start, end):
        yield span.span()
    while start < end:
        gap = _GAP.search(text, start, end)
        yield from code_spans(text, start, gap.start() if gap else end)
        start = gap.end() if gap else end


def code_spans(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Inline code in one paragraph: it ends at the next run of as many backticks as it began with.

    A backslash takes one from a run that might begin it; within code it is one like any other.
    """
    runs = [run.span() for run in _TICKS.finditer(text, start, end)]
    escaped = [int(_is_escaped(text, first)) for first, _ in runs]
    following: dict[int, int] = {}
    partner: list[int | None] = [None] * len(runs)
    for number in range(len(runs) - 1, -1, -1):
        length = runs[number][1] - runs[number][0]
        partner[number] = following.get(length - escaped[number])
        following[length] = number
    number = 0
    while number < len(runs):
        other = partner[number]
        if other is None:
            number += 1
        else:
            yield runs[number][0] + escaped[number], runs[other][1]
            number = other + 1


def _is_escaped(text: str, at: int) -> bool:
    """Whether an odd number of backslashes stands before `at`."""
    before = at
    while before and text[before - 1] == "\\":
        before -= 1
    return (at - before) % 2 == 1
