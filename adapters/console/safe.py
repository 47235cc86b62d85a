"""Text of others made safe for a terminal, which obeys what it is shown."""

from __future__ import annotations

import re

# C0 but for newline and tab, DEL and C1; overrides of the writing direction, which make a text read as another;
# halves of characters, which no terminal can be sent.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202d\u202e\ud800-\udfff]")


def visible(text: str) -> str:
    """`text` with every control character as something that can be seen: ESC as "␛", U+009B as "\\x9b"."""
    return _UNSAFE.sub(_picture, text.replace("\r\n", "\n"))


def one_line(text: str) -> str:
    """The same on a single line."""
    return " ".join(visible(text).split())


def _picture(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    return f"\\x{code:02x}" if code < 0x100 else "\ufffd"
