"""How large a text is for a model, and where its sentences end."""

from __future__ import annotations

import re
from collections.abc import Iterator

_DENSE = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff"
_PIECE = re.compile(rf"[{_DENSE}]|\d+|[^\W\d{_DENSE}]+|[^\w\s]")
_END = re.compile(r"(?:(?<![.!?…])[.!?…]++[\"'”’)\]*_]*+(?=\s)|[。！？…]+[”’」』）]*)\s*")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\[])(?:[^\W\d_]|e\.g|i\.e|z\.B|u\.a|d\.h|bzw|usw|ca|etc|vs|approx|incl|excl|max|min|No|Nr|Mr|Mrs|Ms|Dr|Prof"
    r"|St|Str|Sr|Sra|Inc|Ltd|Co|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sep|Sept|Oct|Nov|Dec|\d{1,3})\.$"
)


def tokens(text: str) -> int:
    """About how many tokens a model's tokenizer makes of `text`: never far below, for budgets.

    One for each character of a script without spaces and each mark, one for six letters or three digits.
    """
    return sum(_size(match.group()) for match in _PIECE.finditer(text))


def sentences(text: str) -> list[str]:
    """The sentences of `text` with the white space after them: joined, they are the text again.

    Where it is not clear that one ends (an abbreviation, a number, a lower-case letter follows) none does.
    """
    return list(_sentences(text))


def _sentences(text: str) -> Iterator[str]:
    start = 0
    for match in _END.finditer(text):
        following = text[match.end() : match.end() + 1]
        if not following or following.islower() or _ABBREVIATION.search(text[max(0, start) : match.end()].rstrip()):
            continue
        yield text[start : match.end()]
        start = match.end()
    if start < len(text):
        yield text[start:]


def _size(piece: str) -> int:
    if piece.isdecimal():
        return -(-len(piece) // 3)
    return -(-len(piece) // 6) if piece.isascii() else -(-len(piece) // 3)
