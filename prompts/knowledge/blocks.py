"""Markdown as the blocks that cutting works with: each knows its kind, its source text and where it may be cut."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

Kind = Literal["heading", "text", "list", "table", "code"]

_KINDS: Mapping[str, Kind] = {
    "heading_open": "heading",
    "bullet_list_open": "list",
    "ordered_list_open": "list",
    "table_open": "table",
    "fence": "code",
    "code_block": "code",
}
_LONGEST_TARGET = 500
_REFERENCE = re.compile(r"\[([^\[\]]+)\](?:\[([^\[\]]*)\]|(?![\[(:]))")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One block at the top of a document.

    `text` is its Markdown; for a heading, its words alone, with `level` 1 to 6. `parts` is where a large block may be
    cut: a list's items, a table's rows (header and rule are the first two), the lines of code between its fences.
    """

    kind: Kind
    text: str
    level: int = 0
    parts: tuple[str, ...] = ()


def blocks(markdown: str) -> list[Block]:
    """The blocks of a document in their order. Comments and rules go; blocks of HTML are read like a page."""
    environment: dict[str, Any] = {}
    tokens = _parser().parse(markdown, environment)
    lines = markdown.split("\n")
    references = {label: entry["href"] for label, entry in environment.get("references", {}).items()}
    found: list[Block] = []
    for at, token in enumerate(tokens):
        if token.level == 0 and token.nesting >= 0 and token.map:
            found += _block(tokens, at, lines, references)
    return found


def heading_of(markdown: str) -> str:
    """The words of the first block when it is a heading of level one, else ""."""
    first = next(iter(blocks(markdown[:20_000])), None)
    return first.text if first and first.kind == "heading" and first.level == 1 else ""


def _block(tokens: Sequence[Token], at: int, lines: Sequence[str], references: Mapping[str, str]) -> Iterator[Block]:
    token = tokens[at]
    kind = _KINDS.get(token.type, "text")
    if kind == "heading":
        yield Block(kind=kind, text=_words(tokens[at + 1]), level=int(token.tag[1]))
        return
    text = _source(token, lines)
    if token.type == "html_block":
        from prompts.knowledge.readers.html import read_html

        inner = read_html(text).markdown
        yield from blocks(inner) if inner.strip() else []
    elif kind == "code":
        yield Block(kind=kind, text=text, parts=tuple(token.content.rstrip("\n").split("\n")))
    elif token.type != "hr":
        clean = _resolve(_uncommented(text), references)
        parts = tuple(_resolve(_uncommented(part), references) for part in _parts(kind, tokens, at, lines))
        if clean.strip():
            yield Block(kind=kind, text=clean, parts=parts)


def _uncommented(text: str) -> str:
    """`text` without comments; one that has no end is text."""
    kept, at = [], 0
    while (begin := text.find("<!--", at)) >= 0 and (end := text.find("-->", begin + 4)) >= 0:
        kept.append(text[at:begin])
        at = end + 3
    return "".join(kept) + text[at:]


def _parts(kind: Kind, tokens: Sequence[Token], at: int, lines: Sequence[str]) -> Iterator[str]:
    if kind == "table":
        yield from _source(tokens[at], lines).split("\n")
    elif kind == "list":
        for token in tokens[at + 1 :]:
            if token.level == 0:
                return
            if token.level == 1 and token.type == "list_item_open":
                yield _source(token, lines)


def _source(token: Token, lines: Sequence[str]) -> str:
    first, last = token.map or (0, 0)
    return "\n".join(lines[first:last]).rstrip().strip("\n")


def _words(inline: Token) -> str:
    """The words of a heading without their markup."""
    pieces = [
        " " if child.type in ("softbreak", "hardbreak") else child.content
        for child in inline.children or []
        if child.type in ("text", "code_inline", "image", "softbreak", "hardbreak", "text_special")
    ]
    return " ".join("".join(pieces).split())


def _resolve(text: str, references: Mapping[str, str]) -> str:
    """Links by reference as links, because a passage is read without the rest of its document."""
    if not references:
        return text
    from markdown_it.common.utils import normalizeReference

    def link(match: re.Match[str]) -> str:
        target = references.get(normalizeReference(match.group(2) or match.group(1)))
        if target and len(target) > _LONGEST_TARGET:
            return match.group(1)  # it would stand at each place that refers to it
        return f"[{match.group(1)}]({target})" if target else match.group()

    return _REFERENCE.sub(link, text)


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    """CommonMark with tables. Parsing keeps its state in its arguments, so threads may share the parser."""
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark").enable("table")
