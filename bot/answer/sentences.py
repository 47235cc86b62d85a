"""Sentences of a line of prose, in any of the scripts that people write to us in."""

from __future__ import annotations

import re

_CLOSERS = "\"'”’»)\\]*_`）」』】》"
_BORDER = re.compile(
    rf"(?P<spaced>(?<![.!?…؟؛।])[.!?…؟؛।]++[{_CLOSERS}]*+)(?=\s|\Z)|(?P<dense>[。！？｡；]++[{_CLOSERS}]*+)"
)
_NO_END = re.compile(
    r"(?:(?<!\w)[A-Za-zÀ-ž]|\b(?:Mr|Mrs|Ms|Dr|Prof|St|vs|etc|e\.g|i\.e|z\.B|u\.a|d\.h|approx|incl|excl|vol|fig|Inc|"
    r"Ltd|Co|ca|bzw|usw|ggf|inkl|exkl|zzgl|evtl|max|min|Str|Abs|Tel|Sra?|Srta|aprox|núm|pág|p\.ej)|(?:^|\s)\d{1,3})\.\Z"
)
_BEFORE_NUMBER = re.compile(r"\b(?:No|Nr|Nos|Art|Abb|Núm)\.\Z", re.IGNORECASE)


def sentences(text: str) -> list[str]:
    """The sentences of `text`, trimmed; nothing but white space between them is lost."""
    found, begin = [], 0
    for match in _BORDER.finditer(text):
        if match["spaced"] and _goes_on(text[max(begin, match.end() - 12) : match.end()], text[match.end() :][:2]):
            continue
        found.append(text[begin : match.end()].strip())
        begin = match.end()
    found.append(text[begin:].strip())
    return [sentence for sentence in found if sentence]


def _goes_on(before: str, after: str) -> bool:
    """Whether the full stop at the end of `before` belongs to an abbreviation or a number."""
    return bool(_NO_END.search(before) or (_BEFORE_NUMBER.search(before) and after.strip().isdigit()))
