"""PDF: the text of each page under a heading with its number, so that a citation can say where it stands."""

from __future__ import annotations

import io
import logging
import re
from typing import TYPE_CHECKING

from bot.errors import SourceError
from prompts.knowledge.readers.base import Reading, escape, language_code

if TYPE_CHECKING:
    from pypdf import PdfReader

_HYPHEN = re.compile(r"(?<=[^\W\d_])-\n(?=[a-zà-ÿ])")
_SENTENCE_END = re.compile(r"[.!?:;。！？：；]$")
_CJK_BREAK = re.compile(r"(?<=[\u3000-\u9fff\uff00-\uffef])\n(?=[\u3000-\u9fff\uff00-\uffef])")
_BULLET = re.compile(r"^\s*(?:[•‣▪●◦·–-]|(\d{1,3})[.)])\s+")


def read_pdf(raw: bytes) -> Reading:
    """Raises `SourceError` for a file that is encrypted, damaged, or holds only pictures of its text."""
    import pypdf

    logging.getLogger("pypdf").setLevel(logging.ERROR)
    try:
        reader = pypdf.PdfReader(io.BytesIO(raw))
        _unlock(reader)
        pages = [page.extract_text() for page in reader.pages]
        title, language = _title(reader), _language(reader)
    except SourceError:
        raise
    except Exception as error:  # damaged files make the parser fail in any way there is
        raise SourceError(
            f"It is not a PDF that can be read ({type(error).__name__}): export it anew.", why="damaged"
        ) from error
    if not any(page.strip() for page in pages):
        raise SourceError(
            "It holds no text, so it was probably scanned: run a text recognition (OCR) over it first.", why="empty"
        )
    parts = [f"# Page {number}\n\n{_paragraphs(page)}\n" for number, page in enumerate(pages, 1) if page.strip()]
    return Reading(markdown="\n".join(parts), title=title, language=language)


def _unlock(reader: PdfReader) -> None:
    """Files that only restrict printing open with an empty password."""
    if reader.is_encrypted and not reader.decrypt(""):
        raise SourceError("It is encrypted: save a copy without a password.", why="locked")


def _paragraphs(page: str) -> str:
    """Lines joined again into paragraphs: one ends at a blank line, a bullet, or a short line that ends a sentence."""
    page = page.replace("\x00", "").replace("\r", "\n")
    lines = [line.strip() for line in _HYPHEN.sub("", page).split("\n")]
    full = 0.7 * max(map(len, lines), default=0)
    found: list[str] = []
    open_paragraph = False
    for line in lines:
        bullet = _BULLET.match(line)
        if bullet:
            found.append(f"{bullet.group(1) or ''}{'. ' if bullet.group(1) else '- '}{escape(line[bullet.end() :])}")
        elif line and open_paragraph:
            found[-1] += f"\n{escape(line)}"
        elif line:
            found.append(escape(line))
        open_paragraph = bool(line) and not (_SENTENCE_END.search(line) and len(line) < full)
    return "\n\n".join(_CJK_BREAK.sub("", paragraph).replace("\n", " ") for paragraph in found)


def _title(reader: PdfReader) -> str:
    title = str((reader.metadata.title if reader.metadata else "") or "").strip()
    return "" if re.search(r"\.(docx?|indd|tex|pptx?|xlsx?)$|^(untitled|microsoft word)", title, re.I) else title


def _language(reader: PdfReader) -> str:
    return language_code(str(reader.root_object.get("/Lang") or ""))
