"""Word documents: headings, lists and tables in their order."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from bot.errors import SourceError
from prompts.knowledge.readers.base import Reading, escape, escape_inline, language_code, table

if TYPE_CHECKING:
    from docx.document import Document
    from docx.table import Table
    from docx.text.paragraph import Paragraph

_OLE = bytes.fromhex("d0cf11e0a1b11ae1")
_LARGEST_UNPACKED = 200_000_000
_LARGEST_TEXT = 50_000_000
"""Of the parts that are read as XML: a tree takes twenty times as much memory."""
_CHUNK = 65_536
_MOST_PARTS = 20_000
"""In one paragraph or one run of it, whose reading takes time with the square of them."""
_WIDEST_CELL = 63
"""Columns: no more fit into a table of Word's."""
_REPEATED = 200
"""A cell over several columns or rows stands in each of them, when its text is no longer than this."""
_HEADING = re.compile(r"^heading ?([1-9])$", re.IGNORECASE)


def read_docx(raw: bytes) -> Reading:
    """Raises `SourceError` for encrypted or old (.doc) files, damaged ones, and those that unpack to too much."""
    if raw.startswith(_OLE):
        raise SourceError("It is encrypted or of the old .doc kind: save it as .docx without a password.", why="locked")
    try:
        document = _open(raw)
        markdown = "\n".join(_blocks(document))
    except SourceError:
        raise
    except Exception as error:  # damaged files make the parser fail in any way there is
        message = f"It is not a Word document that can be read ({type(error).__name__}): save it anew."
        raise SourceError(message, why="damaged") from error
    about = document.core_properties
    return Reading(markdown=markdown, title=(about.title or "").strip(), language=language_code(about.language or ""))


def _open(raw: bytes) -> Document:
    import docx

    return docx.Document(_unpacked(raw))


def _unpacked(raw: bytes) -> io.BytesIO:
    """The archive with nothing packed in it, unpacked piece by piece: the sizes that it states may be lies."""
    plain = io.BytesIO()
    total = text = 0
    with zipfile.ZipFile(io.BytesIO(raw)) as packed, zipfile.ZipFile(plain, "w") as archive:
        for name in dict.fromkeys(packed.namelist()):
            with packed.open(name) as stream, archive.open(name, "w") as part:
                while piece := stream.read(_CHUNK):
                    total += len(piece)
                    text += len(piece) if name.endswith((".xml", ".rels")) else 0
                    if total > _LARGEST_UNPACKED or text > _LARGEST_TEXT:
                        raise SourceError("It unpacks to more than 200 MB, or 50 MB of text: split it.", why="large")
                    part.write(piece)
    return plain


def _blocks(document: Document) -> Iterator[str]:
    from docx.table import Table

    ordered = _ordered_lists(document)
    numbers: dict[tuple[int, int], int] = {}
    previous_listed = False
    for item in _items(document):
        if isinstance(item, Table):
            yield f"\n{_table(item)}\n"
            listed = False
        else:
            line, listed = _paragraph(item, ordered, numbers)
            yield line if listed and previous_listed else f"\n{line}"
        previous_listed = listed


def _items(document: Document) -> Iterator[Paragraph | Table]:
    """Paragraphs and tables in their order. (The library's own way takes time with the square of their number.)"""
    from docx.oxml.ns import qn
    from docx.table import Table
    from docx.text.paragraph import Paragraph

    for element in document.element.body.iter(qn("w:p"), qn("w:r")):
        if len(element) > _MOST_PARTS:
            raise SourceError(
                f"It has a paragraph of {len(element)} parts: no more than {_MOST_PARTS} are read.", why="large"
            )
    for element in document.element.body:
        if element.tag == qn("w:p"):
            yield Paragraph(element, document)
        elif element.tag == qn("w:tbl"):
            yield Table(element, document)


def _paragraph(
    paragraph: Paragraph, ordered: frozenset[tuple[int, int]], numbers: dict[tuple[int, int], int]
) -> tuple[str, bool]:
    """The paragraph's Markdown, and whether it is an item of a list."""
    text = paragraph.text.strip()
    if not text:
        return "", False
    if level := _heading_level(paragraph):
        return f"{'#' * level} {escape_inline(' '.join(text.split()))}\n", False
    place = _list_place(paragraph)
    if place is None:
        return escape(text).replace("\n", "\\\n") + "\n", False
    number, depth, named_ordered = place
    for deeper in [key for key in numbers if key[0] == number and key[1] > depth]:
        del numbers[deeper]
    numbers[number, depth] = numbers.get((number, depth), 0) + 1
    is_ordered = named_ordered or (number, depth) in ordered
    mark = f"{numbers[number, depth]}." if is_ordered else "-"
    return f"{'    ' * depth}{mark} {escape_inline(' '.join(text.split()))}", True


def _heading_level(paragraph: Paragraph) -> int:
    style = paragraph.style
    while style is not None:
        if style.name == "Title":
            return 1
        if match := _HEADING.match(style.name or ""):
            return min(6, int(match.group(1)))
        style = style.base_style
    return 0


def _list_place(paragraph: Paragraph) -> tuple[int, int, bool] | None:
    """(list, depth, whether its style says it is numbered), or None for a paragraph outside lists."""
    name = (paragraph.style.name if paragraph.style else "") or ""
    found = paragraph._p.xpath("./w:pPr/w:numPr")
    if found and found[0].numId is not None and found[0].numId.val == 0:
        return None
    if found:
        number = found[0].numId.val if found[0].numId is not None else -1
        depth = found[0].ilvl.val if found[0].ilvl is not None else 0
        return number, depth, name.startswith("List Number")
    match = re.match(r"^List (Bullet|Number)(?: ([2-9]))?$", name)
    return (-1 - (match[1] == "Number"), int(match[2] or 1) - 1, match[1] == "Number") if match else None


def _ordered_lists(document: Document) -> frozenset[tuple[int, int]]:
    """The (list, depth) pairs that count their items rather than mark them with a bullet."""
    try:
        root = document.part.numbering_part.element
    except (KeyError, NotImplementedError):
        return frozenset()
    from docx.oxml.ns import qn

    counting: dict[str, list[int]] = {}
    for node in root.findall(qn("w:abstractNum")):
        formats = [(level.get(qn("w:ilvl")), level.find(qn("w:numFmt"))) for level in node.findall(qn("w:lvl"))]
        counting[node.get(qn("w:abstractNumId"))] = [
            int(depth)
            for depth, found in formats
            if found is not None and found.get(qn("w:val")) not in ("bullet", "none")
        ]
    links = [(node.get(qn("w:numId")), node.find(qn("w:abstractNumId"))) for node in root.findall(qn("w:num"))]
    return frozenset(
        (int(number), depth)
        for number, link in links
        if link is not None
        for depth in counting.get(link.get(qn("w:val")), [])
    )


def _table(found: Table) -> str:
    rows: list[list[str]] = []
    above: list[str] = []
    for row in found._tbl.tr_lst:
        aside = [""] * min(row.grid_before, _WIDEST_CELL)
        cells: list[str] = []
        for cell in row.tc_lst:
            at = len(aside) + len(cells)
            text = above[at] if cell.vMerge == "continue" and at < len(above) else _cell_text(cell, found)
            times = max(1, min(cell.grid_span, _WIDEST_CELL))
            cells += [text] + [_again(text)] * (times - 1)
        rows.append(cells)
        above = [*aside, *map(_again, cells)]
    return table(rows)


def _cell_text(cell: Any, found: Table) -> str:
    from docx.table import _Cell

    return escape_inline(_Cell(cell, found).text)


def _again(text: str) -> str:
    return text if len(text) <= _REPEATED else ""
