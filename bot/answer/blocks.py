"""A passage's Markdown as blocks: paragraphs, lists and tables, with what introduces each of them.

It reads what knowledge is written in and never fails: what it does not understand is a paragraph.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.answer.sentences import sentences

_ITEM = re.compile(r"(?P<indent>\s*)(?P<marker>[-*+•]|\d{1,3}[.)、])\s+(?P<text>\S.*)")
_HEADING = re.compile(r"\s{0,3}#{1,6}\s+(?P<text>.*?)\s*#*\s*")
_FENCE = re.compile(r"\s*(`{3,}|~{3,})")
_RULE = re.compile(r"\s*(?:[-*_]\s*){3,}")
_TABLE_RULE = re.compile(r"\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*")
_CELL = re.compile(r"(?:\\.|`[^`]*`|[^|\\`]|[\\`])*")
_COLONS = (":", "：")
_QUESTION = re.compile(r"\s*\*\*(?P<label>[^*\n]{2,200}?[?？؟])\*\*[\s:：]*(?P<rest>.*)", re.DOTALL)
_MOST_ROWS = 400


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Sentences. `label` is the question in bold that they answer, where there is one."""

    sentences: tuple[str, ...]
    label: str = ""
    heading: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Listing:
    """A list; `lead` is the sentence before it that ends with a colon. Lines nested in an item stay in it."""

    items: tuple[str, ...]
    ordered: bool = False
    lead: str = ""
    heading: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """A table: every row has as many cells as `header`."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    lead: str = ""
    heading: tuple[str, ...] = ()


Block = Paragraph | Listing | Table


@dataclass(slots=True)
class _Reader:
    lines: Sequence[str]
    at: int = 0
    blocks: list[Block] = field(default_factory=list)
    prose: list[str] = field(default_factory=list)
    heading: tuple[str, ...] = ()

    def read(self) -> list[Block]:
        while self.at < len(self.lines):
            if not (self._fence() or self._heading() or self._table() or self._list()):
                self._line()
        self._end_paragraph()
        return self.blocks

    def _line(self) -> None:
        line = re.sub(r"^\s*(?:>\s?)+", "", self.lines[self.at])
        self.at += 1
        if not line.strip() or _RULE.fullmatch(line):
            self._end_paragraph()
        else:
            self.prose.append(line.strip())

    def _end_paragraph(self) -> None:
        text, self.prose = _joined(self.prose), []
        if not text:
            return
        asked = _QUESTION.fullmatch(text)
        label, rest = (asked["label"], asked["rest"]) if asked and asked["rest"].strip() else ("", text)
        self.blocks.append(Paragraph(tuple(sentences(rest)), label, self.heading))

    def _lead(self) -> str:
        """The sentence just before that ends with a colon, taken out of its paragraph."""
        self._end_paragraph()
        before = self.blocks[-1] if self.blocks else None
        if not isinstance(before, Paragraph) or not before.sentences[-1].rstrip("*_").endswith(_COLONS):
            return ""
        self.blocks.pop()
        if before.sentences[:-1]:
            self.blocks.append(Paragraph(before.sentences[:-1], before.label, before.heading))
        return before.sentences[-1]

    def _heading(self) -> bool:
        match = _HEADING.fullmatch(self.lines[self.at])
        if not match:
            return False
        self._end_paragraph()
        self.heading = (match["text"],) if match["text"] else ()
        self.at += 1
        return True

    def _fence(self) -> bool:
        opening = _FENCE.match(self.lines[self.at])
        if not opening:
            return False
        end = self.at + 1
        while end < len(self.lines) and not self.lines[end].strip().startswith(opening[1]):
            end += 1
        self._end_paragraph()
        code = " ".join(line.strip() for line in self.lines[self.at + 1 : end]).replace("`", "'").strip()
        if code:
            self.blocks.append(Paragraph((f"`{code}`",), "", self.heading))
        self.at = end + 1
        return True

    def _table(self) -> bool:
        if "|" not in self.lines[self.at] or self.at + 2 >= len(self.lines):
            return False
        rule = self.lines[self.at + 1]
        if "-" not in rule or not _TABLE_RULE.fullmatch(rule) or "|" not in self.lines[self.at + 2]:
            return False
        header = _cells(self.lines[self.at])
        lead = self._lead()
        self.at += 2
        rows: list[tuple[str, ...]] = []
        while self.at < len(self.lines) and "|" in self.lines[self.at] and self.lines[self.at].strip():
            cells = _cells(self.lines[self.at])
            rows.append((*cells, *("",) * len(header))[: len(header)])
            self.at += 1
        self.blocks.append(Table(header, tuple(rows[:_MOST_ROWS]), lead, self.heading))
        return True

    def _list(self) -> bool:
        first = _ITEM.fullmatch(self.lines[self.at])
        if not first or (self.prose and first["marker"][0].isdigit() and first["marker"][:-1] != "1"):
            return False
        lead, depth = self._lead(), len(first["indent"])
        items: list[list[str]] = []
        while self.at < len(self.lines):
            line = self.lines[self.at]
            match = _ITEM.fullmatch(line)
            if match and len(match["indent"]) <= depth + 1:
                if match["marker"][-1].isalnum() != first["marker"][-1].isalnum() or (
                    match["marker"][0].isdigit() != first["marker"][0].isdigit()
                ):
                    break
                items.append([match["text"].strip()])
            elif match:
                items[-1].append(f"\n  - {match['text'].strip()}")
            elif line.strip() and (line[:1].isspace() or self._lazy(line)):
                items[-1].append(line.strip())
            elif line.strip() or not self._goes_on(depth):
                break
            self.at += 1
        ordered = first["marker"][0].isdigit()
        self.blocks.append(Listing(tuple(map(_joined, items)), ordered, lead, self.heading))
        return True

    def _lazy(self, line: str) -> bool:
        """Whether a line that is not indented goes on with the item just before it."""
        starts = _HEADING.fullmatch(line) or _FENCE.match(line) or "|" in line or line.lstrip().startswith(">")
        return bool(self.lines[self.at - 1].strip()) and not starts

    def _goes_on(self, depth: int) -> bool:
        """Whether a blank line is inside the list: an item or an indented line follows."""
        after = self.lines[self.at + 1] if self.at + 1 < len(self.lines) else ""
        match = _ITEM.fullmatch(after)
        return bool(match and len(match["indent"]) <= depth + 4) or after.startswith(("  ", "\t"))


def blocks(markdown: str) -> list[Block]:
    """The blocks of a passage, in order; an empty one has none."""
    return _Reader(markdown.replace("\r\n", "\n").replace("\r", "\n").split("\n")).read()


def _joined(parts: Sequence[str]) -> str:
    """Lines as one text: with a space between words, with none between East Asian characters."""
    text = ""
    for part in parts:
        dense = text[-1:] > "\u2e7f" and part[:1] > "\u2e7f"
        text += part if not text or part.startswith("\n") or dense else f" {part}"
    return text.strip()


def _cells(line: str) -> tuple[str, ...]:
    inner = line.strip().removeprefix("|")
    if inner.endswith("|") and not inner.endswith("\\|"):
        inner = inner[:-1]
    cells, at = [], 0
    while at <= len(inner):
        match = _CELL.match(inner, at)
        end = match.end() if match else at
        cells.append(inner[at:end].strip().replace("\\|", "|"))
        at = end + 1
    return tuple(cells) or ("",)
