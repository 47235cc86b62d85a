"""From a source's bytes to Markdown. `read` is all that others need."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePosixPath

from bot.errors import SourceError
from prompts.knowledge.readers.base import Reading
from prompts.knowledge.readers.encoding import declared_in_html, decode

KINDS: Mapping[str, str] = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".txt": "text",
    ".text": "text",
    ".pdf": "pdf",
    ".docx": "docx",
    ".csv": "csv",
    ".tsv": "csv",
}
"""Kinds of sources by the end of a file's name."""

MEDIA_TYPES: Mapping[str, str] = {
    "text/markdown": "markdown",
    "text/x-markdown": "markdown",
    "text/html": "html",
    "application/xhtml+xml": "html",
    "text/plain": "text",
    "application/pdf": "pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "text/csv": "csv",
    "text/tab-separated-values": "csv",
}
"""Kinds of sources by the media type that a server names."""


_TITLE_CHARACTERS = 300
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Controls, orders of writing direction and halves of characters: a title is shown in many places, on one line."""


def kind_of(name: str, media_type: str = "") -> str:
    """The kind of a file by its name, else by its media type, or ""; text of a kind that is not known is text."""
    media = media_type.partition(";")[0].strip().lower()
    by_type = MEDIA_TYPES.get(media, "text" if media.startswith("text/") else "")
    return KINDS.get(PurePosixPath(name).suffix.lower(), by_type)


def read(raw: bytes, kind: str, *, name: str, base: str = "", charset: str = "") -> Reading:
    """The source as Markdown with a title: its own, else its first heading of level one, else its file's name.

    `base` is the address that it was fetched from, `charset` the encoding that came with it. Raises `SourceError`.
    """
    try:
        reading = _read(raw, kind, base, charset)
        title = reading.title or ("" if kind == "pdf" else first_heading(reading.markdown)) or _spoken(name)
    except RecursionError:
        raise SourceError("It is nested too deeply to be read.", why="damaged") from None
    return replace(reading, title=one_line(title) or name)


def one_line(title: str) -> str:
    """A title as it may stand on one line: without controls and orders of writing direction, and not too long."""
    return " ".join(_UNSEEN.sub(" ", title).split())[:_TITLE_CHARACTERS]


def first_heading(markdown: str) -> str:
    """The text of the first block when it is a heading of level one, else ""."""
    from prompts.knowledge.blocks import heading_of

    return heading_of(markdown)


def _read(raw: bytes, kind: str, base: str, charset: str) -> Reading:
    from prompts.knowledge.readers import docx, html, markdown, pdf, plain, tables

    if kind == "pdf":
        return pdf.read_pdf(raw)
    if kind == "docx":
        return docx.read_docx(raw)
    if kind == "html":
        return html.read_html(decode(raw, declared=charset or declared_in_html(raw)), base=base)
    text = decode(raw, declared=charset)
    if kind == "markdown":
        return markdown.read_markdown(text)
    if kind == "csv":
        return tables.read_csv(text)
    if kind == "text":
        return plain.read_plain(text)
    raise SourceError(f"It is of no kind that is read ({', '.join(sorted(KINDS))}).", why="kind")


def _spoken(name: str) -> str:
    """A file's name as a title: "return-policy.md" -> "Return policy"."""
    words = re.sub(r"[-_\s]+", " ", PurePosixPath(name).stem).strip()
    return words[:1].upper() + words[1:] or name
