"""Which language a text is to be translated into: "to German: Good morning", "nach Englisch …", "成德语：…"."""

from __future__ import annotations

import re
from functools import lru_cache

from bot.phrases import languages_by_name
from prompts.names import language_names

_PREPOSITION = r"(?:(?:to|into|in|nach|ins|auf|al?|en)\s+|إلى\s+|(?:翻?译)?[成为到]\s*)"
_SEPARATOR = r"(?:\s*[:：,،，\n]\s*|\s+|\s*\Z)"
_UNKNOWN = re.compile(r"\s*(?:(?:to|into|nach|ins)\s+)(?P<name>[^\W\d_]+(?:\s[^\W\d_]+)?)\s*[:：]")


def target(text: str) -> tuple[str, str]:
    """(the language's code, the text without its name); "" for the code when none is named.

    Raises `LookupError`, which holds the name, when one is plainly named that nobody here knows.
    """
    match = _named().match(text)
    if match:
        name = match["named"] or match["alone"] or match["code"]
        return _codes()[name.casefold()], text[match.end() :].strip()
    unknown = _UNKNOWN.match(text)
    if unknown:
        raise LookupError(unknown["name"])
    return "", text.strip()


def known_languages() -> frozenset[str]:
    """The codes of the languages that can be named."""
    return frozenset(_codes().values())


@lru_cache(maxsize=1)
def _codes() -> dict[str, str]:
    """Names of languages, as the house's own languages and English have them, and codes."""
    found = {name.casefold(): code for code, name in language_names()} | languages_by_name()
    return found | {code: code for code in set(found.values())}


@lru_cache(maxsize=1)
def _named() -> re.Pattern[str]:
    """A name after a preposition, or alone before a colon; a code only between both, since "no:" is a word."""
    known = sorted(_codes(), key=lambda name: (-len(name), name))
    names = "|".join(re.escape(name) for name in known if len(name) > 2 or not name.isascii())
    codes = "|".join(re.escape(name) for name in known if len(name) == 2 and name.isascii())
    return re.compile(
        rf"\s*(?:{_PREPOSITION}(?P<named>{names})(?:{_SEPARATOR}|(?<=[\u4e00-\u9fff]))"
        rf"|(?P<alone>{names})(?:\s*[:：\n]\s*|\s*\Z)"
        rf"|{_PREPOSITION}(?P<code>{codes})(?:\s*[:：\n]\s*|\s*\Z))",
        re.IGNORECASE,
    )
