"""Messages typed as people text, written out: "howmuch if im 16" is "how much if I'm 16".

Only what is no word of the language itself is written out: contractions without their apostrophe, which follow from the
stop words, and the usual short forms of `texting.toml`. Codes, numbers and names stay as they are.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from bot.terms import STOP_WORDS

_WORD = re.compile(r"(?<![\w@./'’+-])(?!\d+\b)\w{1,12}(?![\w@/'’+-]|\.\w)")
_WORDS_OF_THEIR_OWN = frozenset(("hell", "id", "ill", "its", "shed", "shell", "wed", "well", "were", "wont"))
"""What is left of a contraction without its apostrophe, and means something else."""


def written_out(text: str, language: str) -> str:
    """`text` with its short forms written out, in a language that `texting.toml` knows; else as it is."""
    known = _known(language)
    return _WORD.sub(lambda match: _one(match, known), text) if known else text


def _one(match: re.Match[str], known: Mapping[str, str]) -> str:
    """What stands in capitals is a name or a code, and a letter beside a number a unit or a sign."""
    written, text = match.group(), match.string
    if written.isupper() and len(written) > 1:
        return written
    if len(written) == 1 and any(map(str.isdigit, text[max(0, match.start() - 2) : match.end() + 2])):
        return written
    return known.get(written.casefold(), written)


@lru_cache(maxsize=16)
def _known(language: str) -> Mapping[str, str]:
    listed: Mapping[str, Mapping[str, str]] = _file()
    if language not in listed:
        return {}
    bare = {word.replace("'", ""): word for word in STOP_WORDS.get(language, ()) if "'" in word}
    words = STOP_WORDS.get(language, frozenset()) | _WORDS_OF_THEIR_OWN
    return {short: word for short, word in bare.items() if short not in words} | dict(listed[language])


@lru_cache(maxsize=1)
def _file() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads((Path(__file__).parent / "texting.toml").read_text("utf-8"))
