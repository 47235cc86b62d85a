"""From bytes to text. What cannot be told apart honestly is refused with a sentence, never guessed into garbage.

The order: a byte order mark; UTF-8; the encoding that a page declares; then GB18030 against Big5, told apart by how
many of the characters they give are everyday ones (the first level of either standard); then Windows' Latin-1.
"""

from __future__ import annotations

import codecs
import re

from bot.errors import SourceError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_META = re.compile(rb"<meta[^>]+charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]+)", re.IGNORECASE)
_LOOKED_AT = 65_536
_EVERYDAY_SHARE = 0.9
_ACCENTED_SHARE = 0.3


def decode(raw: bytes, *, declared: str = "") -> str:
    """The text of `raw`, with line ends as "\\n". `declared` is an encoding's name from a header.

    Raises `SourceError` when this is no text, or none that can be recognised.
    """
    return _decode(raw, declared).replace("\r\n", "\n").replace("\r", "\n")


def declared_in_html(raw: bytes) -> str:
    """The encoding that a page names in its first two kilobytes, or ""."""
    match = _META.search(raw[:2_048])
    return match.group(1).decode("ascii") if match else ""


def _decode(raw: bytes, declared: str) -> str:
    for mark, name in _MARKS:
        if raw.startswith(mark):
            if (text := _try(raw, name)) is None:
                raise SourceError(f"It begins like {name} text but is not: save it as UTF-8.", why="damaged")
            return text
    if len(_CONTROLS.findall(raw[:_LOOKED_AT])) > len(raw[:_LOOKED_AT]) // 1_000:
        raise SourceError("It is a binary file, not text.", why="kind")
    for name in ("utf-8", declared):
        if name and (text := _try(raw, name)) is not None:
            return text
    return _guess(raw)


def _guess(raw: bytes) -> str:
    rated = [(_everyday(text, level), text) for name, level in _CHINESE if (text := _try(raw, name)) is not None]
    share, text = max(rated, key=lambda pair: pair[0], default=(0.0, ""))
    if share >= _EVERYDAY_SHARE:
        return text
    accented = sum(byte >= 0x80 for byte in raw)
    if accented <= _ACCENTED_SHARE * len(raw) and (latin := _try(raw, "cp1252") or _try(raw, "latin-1")):
        return latin
    raise SourceError("Its encoding is not recognised: save it as UTF-8.", why="damaged")


_CHINESE = (("gb18030", ("gb2312", 0xB0, 0xD7)), ("big5", ("big5", 0xA4, 0xC6)))
"""Each encoding with its first level: the characters whose first byte lies in that range of that standard."""


def _everyday(text: str, level: tuple[str, int, int]) -> float:
    """The share of the characters beyond ASCII that are everyday ones or full-width marks."""
    name, first, last = level
    foreign = [character for character in text[:_LOOKED_AT] if ord(character) > 0x7F]
    known = 0
    for character in foreign:
        if character in "　、。，！？；：（）《》“”‘’「」『』…—·％￥":
            known += 1
        else:
            coded = character.encode(name, "ignore")
            known += len(coded) == 2 and first <= coded[0] <= last
    return known / len(foreign) if foreign else 0.0


def _try(raw: bytes, name: str) -> str | None:
    try:
        return raw.decode(name)
    except (UnicodeDecodeError, LookupError):
        return None
