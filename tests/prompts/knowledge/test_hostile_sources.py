"""A hostile source is read or refused in seconds and in little memory; it never ends the reading of the others."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

import docx
import pytest

from bot.errors import SourceError
from prompts.knowledge.cut import cut
from prompts.knowledge.readers import read
from prompts.knowledge.readers.base import Reading

pytestmark = pytest.mark.timeout(30)


BOMB = "\n".join(
    ["a: &a [x,x]"]
    + [
        f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]"
        for before, name in zip("abcdefghijk", "bcdefghijkl", strict=True)
    ]
)


def front(lines: str) -> Reading:
    return read(f"---\n{lines}\n---\nhello".encode(), "markdown", name="n.md")


def word(body: str, *, packed: bytes | None = None) -> bytes:
    """A Word document with `body` as its XML; `packed` stands in the place of all the XML, with lies about its size."""
    template, out = io.BytesIO(), io.BytesIO()
    docx.Document().save(template)
    space = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    content = f"<w:document {space}><w:body>{body}</w:body></w:document>".encode() if packed is None else packed
    with zipfile.ZipFile(template) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, content if name == "word/document.xml" else old.read(name))
    return out.getvalue()


def in_word(body: str) -> str:
    return read(word(body), "docx", name="n.docx").markdown


def row(cell: str, about: str = "") -> str:
    return f"<w:tr><w:tc><w:tcPr>{about}</w:tcPr><w:p><w:r><w:t>{cell}</w:t></w:r></w:p></w:tc></w:tr>"


def grid(rows: str) -> str:
    return f"<w:tbl><w:tblPr/><w:tblGrid><w:gridCol/></w:tblGrid>{rows}</w:tbl>"


# -- front matter ----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "lines",
    [
        BOMB + "\nurl: *l",
        "url: &a [*a]",
        "a: &a {<<: *a}",
        "url: !!python/object/apply:os.system [id]",
        "date: 2026-13-45",
        "date: " + "9" * 5_000,
        "date: 0x" + "f" * 60_000,
        "date: 1" + ":59" * 15_000 + ".0",
        "url: " + "[" * 30_000,
    ],
)  # fmt: skip
def test_no_front_matter_is_computed(lines: str) -> None:
    """References are not unfolded, tags not obeyed, numbers and dates not reckoned: the title counts all the same."""
    reading = front(f"title: Returns\n{lines}")
    assert (reading.title, reading.url, reading.markdown) == ("Returns", "", "hello")


def test_front_matter_is_taken_as_it_is_written() -> None:
    """A year, a date and a word that YAML reads as no are titles like any other; null is none."""
    assert [front(f"title: {given}").title for given in ("2024", "2024-01-02", "no", "'1e3'", "null", "~", "")] == [
        "2024", "2024-01-02", "no", "1e3", "N", "N", "N",
    ]  # fmt: skip


@pytest.mark.parametrize("title", [r'"a\0b\ud800\u202ec\e]0;x\a"', '"' + "long " * 9_000 + '"'])
def test_a_title_is_one_line_that_can_be_shown_anywhere(title: str) -> None:
    """No controls, no halves of characters, no turned direction, no more than fits a line or two."""
    found = front(f"title: {title}").title
    assert found.isprintable()
    assert 0 < len(found) <= 300


# -- pages and tables ------------------------------------------------------------------------------------
def test_lists_of_definitions_inside_each_other_are_written_once() -> None:
    """Each list writes its own entries, so that their number does not double with every level."""
    page = "<dl><dt>a<dd>" * 40 + "end"
    assert read(page.encode(), "html", name="n.html").markdown.count("end") == 1


def test_a_wide_cell_is_not_written_over_and_over() -> None:
    """A short text stands in each column that it spans, a long one in the first."""
    page = "<table><tr><td colspan=50>{}</td></tr><tr>" + "<td>x" * 50 + "</table>"
    assert read(page.format("here").encode(), "html", name="n.html").markdown.count("here") == 50
    assert len(read(page.format("word " * 200_000).encode(), "html", name="n.html").markdown) < 1_100_000


@pytest.mark.parametrize(
    ("kind", "source"),
    [
        ("csv", "a," * 5_000 + "\n" + "b,c\n" * 1_000_000),
        ("csv", "a," * 1_500 + "\n" + "b,c\n" * 1_000_000),
        ("html", "<table><tr>" + "<td>a" * 3_000 + "<tr><td>b" * 20 + "</table>"),
    ],
)
def test_a_table_is_not_filled_up_without_end(kind: str, source: str) -> None:
    """One long row does not make a million others as long."""
    with pytest.raises(SourceError, match="columns"):
        read(source.encode(), kind, name="n")


@pytest.mark.parametrize(
    "markdown",
    ["x " + "<!-- " * 200_000, "x --> " + "<!-- " * 200_000, "x" + "." * 300_000 + "y", "x " + "?!" * 150_000 + "y"],
)
def test_marks_without_an_end_are_gone_through_once(markdown: str) -> None:
    """Comments that never end and sentences of marks alone."""
    assert cut(markdown, title="", budget=300)


def test_a_long_link_is_not_written_wherever_it_is_referred_to() -> None:
    """The target of a reference is put in its place only while that is short."""
    markdown = "[a]: http://x/" + "y" * 50_000 + "\n[b]: http://z/\n\n" + "[a] [b] " * 5_000
    found = "".join(piece.text for piece in cut(markdown, title="", budget=300))
    assert "[b](http://z/)" in found
    assert len(found) < 200_000


# -- Word ------------------------------------------------------------------------------------------------
def test_a_document_that_unpacks_to_more_than_it_says_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The size that an archive states is a lie when somebody wants it to be: what comes out is counted."""
    packed = word("", packed=b" " * 60_000_000)
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        size = archive.getinfo("word/document.xml").file_size
    largest = 0
    unpack = zlib.decompressobj

    class Watched:
        def __init__(self, bits: int = 15) -> None:
            self._inner = unpack(bits)

        def decompress(self, data: bytes, length: int = 0) -> bytes:
            nonlocal largest
            found = self._inner.decompress(data, length)
            largest = max(largest, len(found))
            return found

        def __getattr__(self, name: str) -> object:
            return getattr(self._inner, name)

    monkeypatch.setattr(zlib, "decompressobj", Watched)
    for raw in (packed, packed.replace(struct.pack("<I", size), struct.pack("<I", 1_000))):
        with pytest.raises(SourceError):
            read(raw, "docx", name="n.docx")
    assert 0 < largest < 1_000_000


def test_a_cell_cannot_span_a_hundred_million_columns() -> None:
    """Spans are bounded, and merged cells are read row by row, each text no more often than it is short."""
    span = '<w:gridSpan w:val="100000000"/>'
    assert in_word(grid(row("wide", span)) + "<w:p/>").count("wide") == 63
    merged = row("word " * 100, '<w:vMerge w:val="restart"/>') + row("", "<w:vMerge/>") * 3_000
    assert len(in_word(grid(merged) + "<w:p/>")) < 40_000
    short = row("12 months", '<w:vMerge w:val="restart"/>') + row("", "<w:vMerge/>")
    assert in_word(grid(short) + "<w:p/>").count("12 months") == 2


def test_line_breaks_without_end_are_refused() -> None:
    """A paragraph of nothing but line breaks is read in one go, one of a million is not read."""
    line = "<w:p><w:r><w:t>a</w:t>{}<w:t>b</w:t></w:r></w:p>"
    assert in_word(line.format("<w:br/>" * 15_000)).startswith("\na")
    with pytest.raises(SourceError, match="parts"):
        in_word(line.format("<w:br/>" * 1_000_000))


def test_a_document_of_many_paragraphs_is_read() -> None:
    """Their number does not count twice."""
    assert in_word("<w:p/>" * 100_000 + "<w:p><w:r><w:t>end</w:t></w:r></w:p>").strip() == "end"
