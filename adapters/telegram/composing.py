"""Markdown as one text with spans, however long: what a reader of Telegram sees. Pure.

The visible text is that of the Markdown's words, code, and images' descriptions, unchanged and in their order, with
marks for what Telegram has no form for: "•" and numbers before items of lists, "☐" and "☑" before tasks, "———" for a
rule, a column's name before a cell (`tables`), the address after a link that cannot be one. Blocks are apart by a blank
line where they are in the Markdown. Headings are bold. HTML is shown as it is written.

What Telegram does with a text by itself, and what can be done about it without changing what is seen: web addresses,
mail addresses, telephone numbers, #tags and /commands become links. Nothing happens until somebody taps them, and it
cannot be held back. @names become links too, and whoever is named in a group is told so: with `quiet` they are set as
code, which the server leaves alone. Links that would name people by number are left out always (`addresses`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from adapters.telegram import inline, tables
from adapters.telegram.entities import Span, Stretches, clean, is_blank, settled
from adapters.telegram.parsing import Document, Node, parse
from adapters.telegram.pen import Pen, Solid, Written

TASK = re.compile(r"\[([ xX])\]\s+(?=\S)")
LANGUAGE = re.compile(r"[\w+#.-]{1,32}")
_BULLETS = "•◦▪"
_RULE = "———"
_NOTHING = "–"
_FOUND = re.compile(
    r"\[(?P<number>\d{1,4})\]"
    r"|https?://[\w.-]+(?::\d+)?(?:/[^\s<>()\[\]{},;!'\"“”‘’«»]*)?"
    r"|(?<!\w)(?P<name>@[A-Za-z0-9_]{2,32})(?!\w)"
)


@dataclass(frozen=True, slots=True)
class Composed:
    """`spans` are settled; `heads` are the headings, which stay with what follows them."""

    text: str
    spans: Sequence[Span]
    solids: Sequence[Solid] = ()
    heads: Sequence[tuple[int, int]] = ()


@dataclass(frozen=True, slots=True)
class Sources:
    """What an answer cites: `lines` are (number, title), `links` the addresses of those that have one."""

    heading: str = ""
    lines: Sequence[tuple[int, str]] = ()
    links: Mapping[int, str] = field(default_factory=dict)


NO_SOURCES = Sources()


def compose(markdown: str, sources: Sources = NO_SOURCES, root: str = "", *, quiet: bool = True) -> Composed:
    """`markdown`, and after it its sources. `root` is our own public address, for links that begin with a slash."""
    pen = Pen()
    document = parse(markdown)
    _Composer(document, pen, root).blocks(document.nodes)
    if not is_blank(pen.written().text):
        _write_sources(pen, sources)
    written = pen.written()
    spans = [*written.spans, *_found(written, sources.links, quiet=quiet)]
    return Composed(written.text, settled(written.text, spans), pen.solids, pen.heads)


def _write_sources(pen: Pen, sources: Sources) -> None:
    if sources.lines:
        pen.gap(2)
        with pen.heading():
            pen.write(sources.heading)
    for number, title in sources.lines:
        pen.gap(1)
        shown = Written(clean(f"[{number}] {title}"))
        url = sources.links.get(number)
        pen.add(Written(shown.text, [Span(0, len(shown.text), "text_link", url)]) if url else shown)


def _found(written: Written, links: Mapping[int, str], *, quiet: bool) -> Iterator[Span]:
    """Citations of sources that have an address, and names that nobody is to be called by."""
    taken = [Stretches(span for span in written.spans if span.kind == kind) for kind in ("pre", "code", "text_link")]
    for match in _FOUND.finditer(written.text):
        url = links.get(int(match["number"])) if match["number"] else None
        if not (url or (quiet and match["name"])) or any(spans.touched(*match.span()) for spans in taken):
            continue
        yield Span(*match.span(), "text_link" if url else "code", url or "")


class _Composer:
    def __init__(self, document: Document, pen: Pen, root: str) -> None:
        self._document, self._pen, self._root = document, pen, root
        self._bullets = 0
        self._quoted = False

    def blocks(self, nodes: Sequence[Node]) -> None:
        for number, node in enumerate(nodes):
            if number:
                own = node.kind in ("heading", "table") or nodes[number - 1].kind == "table"
                self._pen.gap(2 if own or self._document.stands_apart(node) else 1)
            self._block(node)

    def _block(self, node: Node) -> None:
        match node.kind:
            case "bullet_list" | "ordered_list":
                self._list(node)
            case "blockquote":
                self._quotation(node)
            case "table":
                self._table(node)
            case "fence" | "code_block":
                self._code(node)
            case "hr":
                self._pen.write(_RULE)
            case "heading":
                with self._pen.heading():
                    inline.write(self._pen, node.inline(), self._root)
            case _:
                inline.write(self._pen, node.inline(), self._root)

    def _list(self, node: Node) -> None:
        ordered = node.kind == "ordered_list"
        first = int(node.token.attrs.get("start", 1))
        bullet = _BULLETS[self._bullets % len(_BULLETS)]
        self._bullets += not ordered
        for number, item in enumerate(node.children):
            if number:
                self._pen.gap(2 if self._document.stands_apart(item) else 1)
            self._item(item, f"{first + number}{item.token.markup}" if ordered else bullet)
        self._bullets -= not ordered

    def _item(self, item: Node, mark: str) -> None:
        box = {None: "", " ": "☐"}.get(taken_task(item), "☑")
        self._pen.write(mark if not box else box if mark in _BULLETS else f"{mark} {box}")
        with self._pen.indented("   "):
            if item.children and item.children[0].kind in ("paragraph", "heading"):
                self._pen.glue(" ")
            else:
                self._pen.gap(1)
            self.blocks(item.children)

    def _quotation(self, node: Node) -> None:
        if self._quoted:  # Telegram's do not nest
            self.blocks(node.children)
            return
        self._quoted = True
        with self._pen.flush_left(), self._pen.span("blockquote"):
            self.blocks(node.children)
        self._quoted = False

    def _code(self, node: Node) -> None:
        text = clean(node.token.content.expandtabs(4)).strip("\n").rstrip()
        if text:
            with self._pen.flush_left():
                self._pen.solid(text, language(node))

    def _table(self, node: Node) -> None:
        lines = [[self._cell(cell) for cell in row.children] for part in node.children for row in part.children]
        head, *rows = [[cell.text for cell in line] for line in lines]
        linked = any(span.kind == "text_link" for line in lines for cell in line for span in cell.spans)
        drawn = None if linked else tables.grid(head, rows, alignments(node))
        with self._pen.flush_left():
            if drawn is not None:
                self._pen.solid(drawn.text, header=f"{drawn.header}\n")
            elif rows:
                self._rows(lines[1:], tables.labels(head, rows))
            else:
                self._pen.write(" · ".join(filter(None, head)))

    def _cell(self, cell: Node) -> Written:
        pen = Pen()
        inline.write(pen, cell.inline(), self._root)
        return pen.written().stripped()

    def _rows(self, rows: Sequence[Sequence[Written]], named: Sequence[Sequence[tuple[str, int]]]) -> None:
        for row, labels in zip(rows, named, strict=True):
            for line, (label, number) in enumerate(labels):
                self._pen.gap(1 if line else 2)
                if number:
                    self._named(label, row[number])
                else:
                    with self._pen.span("bold"):
                        self._named(label, row[number])

    def _named(self, label: str, cell: Written) -> None:
        if label:
            self._pen.write(f"{label}:")
            self._pen.glue(" ")
        self._pen.add(cell if cell.text else Written(_NOTHING))


def language(node: Node) -> str:
    """What a fence says that its code is written in."""
    said = node.token.info.split()[:1]
    return said[0] if said and LANGUAGE.fullmatch(said[0]) else ""


def alignments(table: Node) -> list[str]:
    """ "left", "right", "center" or "" for each column."""
    cells = table.children[0].children[0].children
    return [str(cell.token.attrs.get("style", "")).removeprefix("text-align:") for cell in cells]


def taken_task(item: Node) -> str | None:
    """What is between the brackets that make an item a task; they are taken out of its text."""
    words = item.children[0].of("inline") if item.children and item.children[0].kind == "paragraph" else []
    first = words[0].token.children[0] if words and words[0].token.children else None
    found = TASK.match(words[0].token.content) if words else None
    if first is None or found is None or not first.content.startswith(found[0].rstrip()):
        return None
    first.content = first.content[len(found[0].rstrip()) :].lstrip()
    return found[1]
