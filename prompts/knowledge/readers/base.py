"""What every reader gives: a source as Markdown, with what it says about itself."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.errors import SourceError


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A source as Markdown. `title`, `language` (ISO 639-1) and `url` are "" where the source says nothing.

    So are `updated` and `valid_until`, days as in `bot.events.Passage`.
    """

    markdown: str
    title: str = ""
    language: str = ""
    url: str = ""
    updated: str = ""
    valid_until: str = ""


_PAIRED = re.compile(r"(?<!\\)([*`])|(?<![^\W_])(_+)(?=\w)|(?<=\w)(_+)(?![^\W_])")
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_LINE_START = re.compile(r"^([^\S\n]*)([#>]|[-+](?=\s)|\d{1,9}(?=[.)]\s)|[=~-]{2,}[^\S\n]*$)", re.MULTILINE)


def escape(text: str) -> str:
    """Plain text as Markdown that reads the same: only marks that would be understood as markup are escaped.

    >>> escape("2 * 3 <b> snake_case #4")
    '2 * 3 \\\\<b> snake_case #4'
    """
    return _LINE_START.sub(_escape_start, escape_inline(text))


def escape_inline(text: str) -> str:
    """The same for text within a line, where a leading "-" or "1." means nothing."""
    return _TAG.sub(r"\\<", _PAIRED.sub(_escape_pair, text)).replace("](", "]\\(")


def _escape_pair(match: re.Match[str]) -> str:
    before, after = match.string[: match.start()][-1:], match.string[match.end() :][:1]
    alone = (not before or before.isspace()) and (not after or after.isspace())
    return match.group() if alone and match.group() != "`" else "".join(f"\\{mark}" for mark in match.group())


def _escape_start(match: re.Match[str]) -> str:
    space, mark = match.group(1), match.group(2)
    return f"{space}{mark}\\" if mark.isdigit() else f"{space}\\{mark}"


_MOST_COLUMNS = 2_000
_MOST_CELLS = 10_000_000


def table(rows: list[list[str]]) -> str:
    """Rows of cells as a Markdown table; the first row is its header. Short rows are filled up.

    Raises `SourceError` when it would have more columns or cells than a table for people has.
    """
    width = max(map(len, rows), default=0)
    if not width:
        return ""
    if width > _MOST_COLUMNS or width * len(rows) > _MOST_CELLS:
        raise SourceError(
            f"It has a table of {width} columns and {len(rows)} rows: no more than {_MOST_COLUMNS} columns "
            f"and {_MOST_CELLS} cells are read.",
            why="large",
        )
    lines = [
        "| " + " | ".join(_cell(row[column]) if column < len(row) else "" for column in range(width)) + " |"
        for row in rows
    ]
    return "\n".join([lines[0], "|" + " --- |" * width, *lines[1:]])


def _cell(text: str) -> str:
    return re.sub(r"(?<!\\)\|", r"\\|", " ".join(text.split()))


def language_code(tag: str) -> str:
    """The language of a BCP 47 tag: "zh-Hans-CN" -> "zh"; "" for what is none."""
    code = re.split(r"[-_]", tag.strip().lower())[0]
    return code if re.fullmatch(r"[a-z]{2,3}", code) else ""


def web_address(text: str) -> str:
    """`text` when it is an http(s) address, else ""."""
    text = text.strip()
    return text if re.fullmatch(r"https?://[^\s<>\"']{1,2000}", text) else ""
