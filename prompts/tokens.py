"""How many tokens a text has, where no tokenizer is known."""

from __future__ import annotations

import math
import re

MESSAGE_TOKENS = 4
"""What the frame of one chat message costs (role and separators, as in ChatML)."""

_EAST_ASIAN = re.compile("[\u1100-\u11ff\u2e80-\ua4cf\uac00-\ud7af\uf900-\ufaff\ufe30-\uffef\U00020000-\U0003ffff]")
_ASCII_LETTER_OR_SPACE = re.compile(r"[A-Za-z ]")


def estimate_tokens(text: str) -> int:
    """An estimate on the safe side: for prose, real tokenizers mostly count fewer.

    A token for every 4 ASCII letters or spaces (the usual figure for English), for every 2 other characters
    (digits, punctuation, accented, Cyrillic or Arabic letters), and 1.2 for every Chinese, Japanese or Korean
    character (byte-level vocabularies need 0.6 to 1.3). Never more for a text than for its parts together.
    """
    east_asian = len(_EAST_ASIAN.findall(text))
    letters = len(_ASCII_LETTER_OR_SPACE.findall(text))
    others = len(text) - east_asian - letters
    return math.ceil((5 * letters + 10 * others + 24 * east_asian) / 20)
