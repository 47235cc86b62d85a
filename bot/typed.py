"""People's own words in a text that is read as Markdown: they say there what was typed, and do nothing. Pure.

CommonMark's backslash escapes (https://spec.commonmark.org/0.31.2/#backslash-escapes) are what every channel reads.
"""

from __future__ import annotations

import re

_MARK = re.compile(r"[\\`*\[\]|<~]|&(?=#?\w{1,32};)|(?<![^\W_])_|_(?![^\W_])")
_LINE_START = re.compile(r"(?P<space>[ \t]*)(?:(?P<sign>[#>+=-])|(?P<number>\d{1,9})(?P<end>[.)])(?=\s|\Z))?")
_HIDING = re.compile(r"(?<=\])(?=[(:])|(?=<[^<>|\s]{1,2000}\|)")
_NAME_CHARACTERS = 60
_SPACE = "\u00a0"
"""Looks like a space, and indents nothing."""


def typed(text: str) -> str:
    """`text` as Markdown that shows it character for character: its marks are escaped, its lines stay lines."""
    return "\n".join(_line(line) for line in text.splitlines())


def open_links(markdown: str) -> str:
    """The same, but that its links are shown as they are written, so that each is seen to lead where it leads."""
    return _HIDING.sub(r"\\", markdown)


def speaker(name: str) -> str:
    """`name` as it may stand before a colon, and what was said: nobody's name says something in another's."""
    return " ".join(re.sub(r"[:：]", " ", name).split())[:_NAME_CHARACTERS]


def _line(line: str) -> str:
    start = _LINE_START.match(line)
    rest = line[start.end() :] if start else line
    return (_started(start) if start else "") + _MARK.sub(r"\\\g<0>", rest)


def _started(start: re.Match[str]) -> str:
    space = _SPACE * len(start["space"].expandtabs(4))
    if start["number"]:
        return f"{space}{start['number']}\\{start['end']}"
    return f"{space}\\{start['sign']}" if start["sign"] else space
