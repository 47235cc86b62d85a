"""Sentences of Latin, Cyrillic, Arabic and East Asian prose. Joined, they are the text again, to the last blank."""

from __future__ import annotations

import re
from collections.abc import Iterator

_CLOSERS = "\"'”’»)\\]*_`）」』】》"
_BORDER = re.compile(
    rf"(?P<latin>(?<![.!?…؟।])[.!?…؟।]++[{_CLOSERS}]*+)(?=\s|\Z)"
    rf"|(?P<asian>[。！？｡]++[{_CLOSERS}]*+)"
    r"|(?P<line>\n++)"
)
_ABBREVIATION = re.compile(
    r"(?:\b[A-Za-zÀ-ž]|\b(?:Mr|Mrs|Ms|Dr|Prof|St|vs|etc|approx|incl|excl|no|nos|nr|vol|fig|Inc|Ltd|Co|Corp"
    r"|ca|bzw|usw|ggf|inkl|zzgl|evtl|Str|Abs|Sra?|Srta|aprox|núm|pág|tel|max|min))\.\Z",
    re.IGNORECASE,
)
_GERMAN_MONTH = re.compile(r"\s+(?:Jan|Feb|März|Apr|Mai|Jun|Jul|Aug|Sep|Okt|Nov|Dez|Etage|Stock|Klasse|Tag)")
_ORDINAL = re.compile(r"(?:^|\s)\d{1,2}\.\Z")
_LIST_NUMBER = re.compile(r"(?:^|\n)\s*\d{1,3}\.\Z")
_WRAPPED = 60
"""A line at least this long whose next line starts with a small letter was wrapped, not ended."""


def sentences(text: str) -> list[str]:
    """Cut `text` into sentences, each with the blanks that follow it; a line of its own is a sentence too."""
    return list(_cut(text))


def _cut(text: str) -> Iterator[str]:
    start = 0
    for match in _BORDER.finditer(text):
        if match.end() <= start or not _ends(text, start, match):
            continue
        end = match.end()
        while end < len(text) and text[end].isspace():
            end += 1
        yield text[start:end]
        start = end
    if start < len(text):
        yield text[start:]


def _ends(text: str, start: int, match: re.Match[str]) -> bool:
    if match["asian"]:
        return True
    if match["line"]:
        return _line_ends(text, match)
    following = text[match.end() :].lstrip()[:1]
    return not following.islower() and (match["latin"] != "." or not _dot_continues(text, start, match, following))


def _dot_continues(text: str, start: int, match: re.Match[str], following: str) -> bool:
    """Whether a dot belongs to a list number, an ordinal or an abbreviation."""
    before = text[max(start, match.start() - 12) : match.end()]
    return bool(
        _LIST_NUMBER.search(before)
        or (_ORDINAL.search(before) and _GERMAN_MONTH.match(text, match.end()))
        or (following and _ABBREVIATION.search(before))
    )


def _line_ends(text: str, match: re.Match[str]) -> bool:
    if len(match["line"]) > 1:
        return True
    line = text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
    following = text[match.end() :].lstrip(" \t")[:1]
    return not (len(line) >= _WRAPPED and following.islower())
