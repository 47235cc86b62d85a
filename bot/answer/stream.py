"""A finished text, cut the way a model streams."""

from __future__ import annotations

import re
from collections.abc import Iterator

_DENSE = "\u2e80-\u9fff\uac00-\ud7af\uf900-\uffef"
_MARK = "[\u3001-\u303f\uff00-\uff65]"
_PIECE = re.compile(rf"\s*(?:[{_DENSE}]{_MARK}?|[^\s{_DENSE}]+)|\s+")


def pieces(text: str) -> Iterator[str]:
    """`text` in words and single East Asian characters, each with the blanks before it; joined they are `text`."""
    return (match.group() for match in _PIECE.finditer(text))
