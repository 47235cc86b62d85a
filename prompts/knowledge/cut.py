"""Cutting a document into passages: by heading, then by size, never through a sentence, an item or a row.

A passage belongs to one heading: joining small neighbours would blur what a citation points at. A table that is larger
than the budget is cut between rows and repeats its header; a list between items; code between lines; a paragraph
between sentences. Only what cannot be kept whole within reason goes further: a sentence over twice the budget is cut
between words, a row over four times the budget becomes "column: value" lines. So no passage exceeds four budgets.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from prompts.knowledge.blocks import Block, blocks
from prompts.knowledge.sizes import sentences, tokens

_LEADS_IN = re.compile(r"[:：][\s*_]*$")
_CELL = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A passage's Markdown without headings, and the headings above it, outermost first, without the title."""

    text: str
    heading: tuple[str, ...] = ()


def cut(markdown: str, *, title: str, budget: int) -> list[Piece]:
    """The passages of a document. `budget` is in tokens as `tokens` counts them."""
    return [piece for section in _sections(blocks(markdown), title) for piece in _pack(section, budget)]


@dataclass(frozen=True, slots=True)
class _Section:
    heading: tuple[str, ...]
    blocks: Sequence[Block]


def _sections(found: Sequence[Block], title: str) -> Iterator[_Section]:
    """Blocks under the same heading. A heading with nothing under it becomes text, so that its words are not lost."""
    path: list[tuple[int, str]] = []
    inside: list[Block] = []
    for block in [*found, Block(kind="heading", text="", level=0)]:
        if block.kind != "heading":
            inside.append(block)
            continue
        if inside:
            yield _Section(_heading(path, title), inside)
        elif path and block.level <= path[-1][0]:
            yield _Section(_heading(path[:-1], title), [Block(kind="text", text=path[-1][1])])
        inside = []
        while path and path[-1][0] >= block.level:
            path.pop()
        path.append((block.level, block.text))


def _heading(path: Sequence[tuple[int, str]], title: str) -> tuple[str, ...]:
    words = [text for _, text in path if text]
    return tuple(words[1:] if words and words[0].casefold() == title.casefold() else words)


def _pack(section: _Section, budget: int) -> Iterator[Piece]:
    """Blocks joined while they fit; a paragraph that ends with a colon stays with what it leads to."""
    held: list[str] = []
    used = 0
    for text in _units(section.blocks, budget):
        size = tokens(text)
        if held and used + size > budget:
            kept = [held.pop()] if len(held) > 1 and _LEADS_IN.search(held[-1]) else []
            if tokens("".join(kept)) + size > budget:
                held, kept = held + kept, []
            yield Piece(text="\n\n".join(held), heading=section.heading)
            held, used = kept, tokens("".join(kept))
        held.append(text)
        used += size
    if held:
        yield Piece(text="\n\n".join(held), heading=section.heading)


def _units(found: Sequence[Block], budget: int) -> Iterator[str]:
    lead = 0
    for block in found:
        size = tokens(block.text)
        if size <= budget:
            yield block.text
        else:
            yield from _split(block, budget, lead)
        lead = size if size <= budget // 2 and _LEADS_IN.search(block.text) else 0


def _split(block: Block, budget: int, lead: int) -> Iterator[str]:
    """A block that is too large, in parts. `lead` is the size of what should stand above the first one."""
    if block.kind == "table":
        yield from _split_table(block.parts, budget, lead)
    elif block.kind == "list":
        items = [part for item in block.parts for part in _item(item, budget)]
        yield from map(_dedent, _gather(items, budget, lead, "\n"))
    elif block.kind == "code":
        lines = [part for line in block.parts for part in _prose(line, budget)]
        for part in _gather(lines, max(1, budget - 4), lead, "\n"):
            yield f"```\n{part}\n```"
    else:
        yield from _prose(block.text, budget, lead)


def _split_table(rows: Sequence[str], budget: int, lead: int) -> Iterator[str]:
    header = "\n".join(rows[:2])
    head = tokens(header)
    fitting: list[str] = []
    for row in rows[2:]:
        if head + tokens(row) <= 4 * budget:
            fitting.append(row)
            continue
        yield from _with_header(header, fitting, budget - head, lead)
        fitting, lead = [], 0
        yield from _prose(_unrolled(rows[0], row), budget)
    yield from _with_header(header, fitting, budget - head, lead)
    if len(rows) <= 2:
        yield from _prose(" ".join(_cells(rows[0])), budget)


def _with_header(header: str, rows: Sequence[str], budget: int, lead: int) -> Iterator[str]:
    for part in _gather(rows, max(1, budget), lead, "\n"):
        yield f"{header}\n{part}"


def _unrolled(header: str, row: str) -> str:
    """A row that is too large for a table."""
    return "\n".join(f"{name}: {value}" for name, value in zip(_cells(header), _cells(row), strict=False) if value)


def _cells(row: str) -> list[str]:
    return [cell.strip() for cell in _CELL.split(row.strip().removeprefix("|").removesuffix("|"))]


def _item(item: str, budget: int) -> Iterator[str]:
    """An item whole; one that is too large by its lines, and those by their sentences."""
    if tokens(item) <= budget:
        yield item
    else:
        for line in item.split("\n"):
            if line.strip():
                yield from _prose(line, budget)


def _prose(text: str, budget: int, lead: int = 0) -> Iterator[str]:
    if tokens(text) <= budget:
        yield text
        return
    whole = [part for sentence in sentences(text) for part in _within(sentence, budget)]
    for part in _gather(whole, budget, lead, ""):
        yield part.strip("\n").rstrip()


def _within(sentence: str, budget: int) -> Iterator[str]:
    """The sentence, or, over twice the budget, as many words (or characters) as fit at a time."""
    if tokens(sentence) <= 2 * budget:
        yield sentence
        return
    words = [
        word[at : at + budget]
        for word in re.findall(r"\S+\s*|\s+", sentence)
        for at in range(0, len(word), budget if tokens(word) > budget else len(word))
    ]
    yield from _gather(words, budget, 0, "")


def _gather(parts: Sequence[str], budget: int, lead: int, between: str) -> Iterator[str]:
    """Neighbouring parts joined while they fit; `lead` is taken from the first one's room."""
    held: list[str] = []
    used = lead
    for part in parts:
        size = tokens(part)
        if held and used + size > budget:
            yield between.join(held)
            held, used = [], 0
        held.append(part)
        used += size
    if held:
        yield between.join(held)


def _dedent(text: str) -> str:
    """A part of a list that begins within an item must not look like code."""
    return textwrap.dedent(text) if text[:1].isspace() else text
