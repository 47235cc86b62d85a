"""Plain text: paragraphs, and the lists and headings that people write in it anyway."""

from __future__ import annotations

import re

from prompts.knowledge.readers.base import Reading

_INDENT = re.compile(r"^[ \t]+", re.MULTILINE)
_TAG = re.compile(r"<(?=[A-Za-z/!?])")


def read_plain(text: str) -> Reading:
    """Indents go (they would mean code); a "<" that would begin a tag is kept as a character."""
    return Reading(markdown=_TAG.sub(r"\\<", _INDENT.sub("", text.replace("\f", "\n\n"))))
