"""Text in the pieces that a model would stream, and a guess of how many tokens it has."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

_CJK = "\u2e80-\u2fff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
_PIECE = re.compile(rf"\s*[{_CJK}]|\s*[^\s{_CJK}]+|\s+")

_ASCII_CHARACTERS_A_TOKEN = 3.6
_OTHER_BYTES_A_TOKEN = 3.0


def pieces(text: str) -> Iterator[str]:
    """Cut `text` into words, each with the space before it, and single CJK characters; joined, they are `text`."""
    return (match.group() for match in _PIECE.finditer(text))


def count_pieces(text: str) -> int:
    return sum(1 for _ in _PIECE.finditer(text))


def estimate_tokens(text: str) -> int:
    """A guess for tokenizers that are not known, on the high side so that a budget holds.

    English has about four characters a token and Chinese about one character a token in the byte-pair
    vocabularies in use; other scripts lie between. So: ASCII characters / 3.6 + UTF-8 bytes of the rest / 3.
    """
    plain = len(text.encode("ascii", "ignore"))
    rest = len(text.encode("utf-8", "replace")) - plain
    return math.ceil(plain / _ASCII_CHARACTERS_A_TOKEN + rest / _OTHER_BYTES_A_TOKEN)
