"""Tokens to text as they come: never half a character, and together what the tokenizer makes of the whole.

Two ways. Where the tokenizer's decoder only puts bytes together (byte-level BPE; SentencePiece's spaces and byte
tokens), each token has bytes of its own: they are looked up, and whole characters are let out. For any other decoder
(WordPiece, Metaspace ...) the last few tokens are decoded with and without the new one, and the difference is new.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

_BYTE_TOKEN = re.compile(r"<0x([0-9A-Fa-f]{2})>")
_REPLACED = "\ufffd"
_WINDOW = 16
"""Tokens without a whole character after which what there is counts as text: a character has at most 4 bytes."""


class Detokenizer(Protocol):
    """The text of one answer."""

    def feed(self, tokens: Sequence[int]) -> str:
        """The whole characters that `tokens` complete."""

    def finish(self) -> str:
        """What is left, now that nothing follows: U+FFFD for half a character."""


@dataclass(frozen=True, slots=True)
class Spelling:
    """How a decoder turns tokens into bytes; `strip` spaces are left out at the very beginning of a text."""

    spell: Callable[[str], bytes]
    strip: int = 0


def spelling_of(decoder: Any) -> Spelling | None:
    """The spelling of a decoder of the tokenizers library; None where a token's text depends on its neighbours."""
    steps = _steps(decoder)
    match [step["type"] for step in steps]:
        case ["ByteLevel"]:
            return Spelling(_byte_level)
        case [*replacements, "ByteFallback", "Fuse"] if set(replacements) <= {"Replace"}:
            return _with_byte_tokens(steps[: len(replacements)])
        case [*replacements, "ByteFallback", "Fuse", "Strip"] if set(replacements) <= {"Replace"}:
            strip = steps[-1]
            if strip["content"] == " " and not strip["stop"]:
                return _with_byte_tokens(steps[: len(replacements)], strip["start"])
    return None


def _steps(decoder: Any) -> list[dict[str, Any]]:
    if decoder is None:
        return []
    state = json.loads(decoder.__getstate__())
    return state["decoders"] if state["type"] == "Sequence" else [state]


def _byte_of_char() -> dict[str, int]:
    """GPT-2's alphabet for bytes: those that print stand for themselves, the others for characters from U+0100 on."""
    printing = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = sorted(set(range(0x100)) - set(printing))
    return {chr(byte): byte for byte in printing} | {chr(0x100 + at): byte for at, byte in enumerate(others)}


_BYTE_OF_CHAR = _byte_of_char()


def _byte_level(token: str) -> bytes:
    """A token with a character outside the alphabet was added as it is written."""
    try:
        return bytes([_BYTE_OF_CHAR[char] for char in token])
    except KeyError:
        return token.encode()


def _with_byte_tokens(replacements: Sequence[dict[str, Any]], strip: int = 0) -> Spelling | None:
    """SentencePiece's way: tokens `<0x00>` to `<0xFF>` are bytes, and a mark such as U+2581 is a space."""
    if any("String" not in step["pattern"] for step in replacements):
        return None
    changes = [(step["pattern"]["String"], step["content"]) for step in replacements]

    def spell(token: str) -> bytes:
        for old, new in changes:
            token = token.replace(old, new)
        byte = _BYTE_TOKEN.fullmatch(token)
        return bytes([int(byte[1], 16)]) if byte else token.encode()

    return Spelling(spell, strip)


class Pieces(dict[int, "str | bytes"]):
    """What each token adds, filled as tokens are met: text where it is whole characters, else bytes.

    Tokens that `spell` does not know, or that are not shown (`hidden`), add nothing.
    """

    def __init__(self, spell: Callable[[int], bytes], hidden: frozenset[int]) -> None:
        super().__init__()
        self._spell = spell
        self._hidden = hidden

    def __missing__(self, token: int) -> str | bytes:
        raw = b"" if token in self._hidden else self._spell(token)
        try:
            piece: str | bytes = raw.decode()
        except UnicodeDecodeError:
            piece = raw
        self[token] = piece
        return piece


class BytesDetokenizer:
    """Puts the bytes of tokens together and lets whole characters out."""

    def __init__(self, pieces: Pieces, strip: int = 0, prompt: Sequence[int] = ()) -> None:
        self._pieces = pieces
        self._half = b""
        self._strip = 0
        self.feed(prompt[-_WINDOW:])
        self._strip = 0 if any(pieces[token] for token in prompt) else strip

    def feed(self, tokens: Sequence[int]) -> str:
        text = "".join([self._add(self._pieces[token]) for token in tokens])
        return self._stripped(text) if self._strip and text else text

    def finish(self) -> str:
        half, self._half = self._half, b""
        return half.decode(errors="replace")

    def _add(self, piece: str | bytes) -> str:
        if isinstance(piece, str):
            if not self._half or not piece:
                return piece
            piece = piece.encode()
        raw = self._half + piece
        text, used = codecs.utf_8_decode(raw, "replace", False)
        self._half = raw[used:]
        return text

    def _stripped(self, text: str) -> str:
        while self._strip and text:
            if text[0] != " ":
                self._strip = 0
                break
            text = text[1:]
            self._strip -= 1
        return text


class WindowDetokenizer:
    """Decodes the last few tokens with and without the new ones. `hidden` tokens are left out before.

    The cost of a token is that of decoding at most 2 * 16 of them, whatever the length of the answer.
    """

    def __init__(
        self, decode: Callable[[Sequence[int]], str], hidden: frozenset[int], prompt: Sequence[int] = ()
    ) -> None:
        self._decode = decode
        self._hidden = hidden
        self._new: list[int] = []
        self._shown: list[int] = []
        self._before = ""
        self._shift([token for token in prompt[-2 * _WINDOW :] if token not in hidden][-_WINDOW:])
        self._before = self._before.rstrip(_REPLACED)

    def feed(self, tokens: Sequence[int]) -> str:
        return "".join([self._add(token) for token in tokens if token not in self._hidden])

    def finish(self) -> str:
        text = self._text() if self._new else ""
        self._shift([])
        return text

    def _add(self, token: int) -> str:
        self._new.append(token)
        text = self._text()
        if (not text or text.endswith(_REPLACED)) and len(self._new) < _WINDOW:
            return ""
        self._shift(self._new)
        return text

    def _text(self) -> str:
        return self._decode([*self._shown, *self._new])[len(self._before) :]

    def _shift(self, shown: list[int]) -> None:
        """From here on `shown` is what comes before."""
        self._shown, self._new = shown, []
        self._before = self._decode(shown) if shown else ""
