"""JSON that a model wrote: where it ends while it streams, and what it says. Pure."""

from __future__ import annotations

import json
import math
from typing import Any


class Whole:
    """Finds the end of the JSON object or array that begins at `start` of a text that grows."""

    __slots__ = ("_at", "_depth", "_escaped", "_quoted")

    def __init__(self, start: int = 0) -> None:
        self._at, self._depth = start, 0
        self._quoted = self._escaped = False

    def end(self, text: str) -> int:
        """Where it ends in `text`, which is everything so far; -1 while it is open."""
        for at in range(self._at, len(text)):
            letter = text[at]
            if self._escaped:
                self._escaped = False
            elif self._quoted:
                self._escaped = letter == "\\"
                self._quoted = letter != '"'
            elif letter == '"':
                self._quoted = True
            elif letter in "{[":
                self._depth += 1
            elif letter in "}]":
                self._depth -= 1
                if not self._depth:
                    return at + 1
        self._at = len(text)
        return -1


def parsed(text: str) -> Any:
    """Raises `ValueError` for what other readers would not take: numbers without an end, halves of characters."""
    found = json.loads(text, parse_constant=_finite, parse_float=_finite)
    if "\\u" in text:
        json.dumps(found, ensure_ascii=False).encode()
    return found


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(digits)
    return number
