"""Which language a text is to be translated into: "to German: Good morning", "ins Englische: …", "翻译成德语：…"."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from bot.phrases import languages_by_name
from prompts.names import language_names

_ALSO_CALLED = {
    **{"mandarin": "zh", "simplified chinese": "zh", "traditional chinese": "zh", "汉语": "zh", "漢語": "zh"},
    **{"普通话": "zh", "国语": "zh", "华语": "zh", "简体中文": "zh", "繁体中文": "zh", "繁體中文": "zh"},
    **{"castilian": "es", "castellano": "es", "farsi": "fa", "flemish": "nl", "holandés": "nl", "nederlands": "nl"},
    **{"brazilian portuguese": "pt", "português": "pt", "français": "fr", "polski": "pl", "türkçe": "tr"},
    **{"русский": "ru", "українська": "uk", "日本語": "ja", "한국어": "ko", "ελληνικά": "el", "עברית": "he"},
}
_SHORT = {
    "中": "zh",
    "汉": "zh",
    "英": "en",
    "德": "de",
    "法": "fr",
    "西": "es",
    "阿": "ar",
    "日": "ja",
    "韩": "ko",
    "俄": "ru",
}

_POLITE = r"please|bitte|por\s++favor|من\s++فضلك|请|請"
_OBJECT = (
    r"this|it|that|the\s++following|das|dies|folgendes|esto|lo\s++siguiente|هذا"
    r"|[把将將](?:这句话|这段话|下面的话|以下内容|下文|它)"
)
_FROM = (
    r"from\s++NAME|(?:aus\s++dem|vom)\s++NAMEen|von\s++NAME|(?:del?|desde(?:\s++el)?)\s++NAME"
    r"|من\s++(?:اللغة\s++)?NAME|[从從]\s*+NAME"
)
_INTO = (
    r"(?:(?:in)?to(?:\s++the)?|in|nach|auf|zu|al?|en)\s++(?:idioma\s++)?(NAME)(?:\s++language)?",
    r"(?:ins|in\s++das)\s++(NAME)e",
    r"in\s++(?:die\s++)?(NAME)er?\s++Sprache",
    r"(?:[إا]ل[ىي]\s++(?:اللغة\s++)?|باللغة\s++|ب|لل)(NAME)",
    r"(?:翻?[译譯]|翻|[转轉])?[成为為到]\s*+(NAME)",
)
"""What may stand before any text."""
_ONLY_APART = (r"(NAME)", r"(?:(?:in)?to|in|nach|ins|auf|al?|en)\s++(CODE)", r"用\s*+(NAME)", r"[SHORT][译譯]([SHORT])")
"""What may be a text's own words, unless a colon or a new line parts them from it: "no" is a word and a code."""
_APART = r"[^\S\n]*+(?:[:：\n]\s*+|\Z)"
_AFTER = (
    rf"(?:\s++übersetzen)?(?:\s*+(?:[,،，]\s*+)?(?:{_POLITE}|吧))?(?:{_APART})|\s*+[,،，]\s*+|\s++|(?<=[\u4e00-\u9fff])"
)
_UNKNOWN = re.compile(
    r"(?:(?:(?:to|into|nach|ins)\s+)([^\W\d_]+(?:\s[^\W\d_]+)?)|翻?[译譯][成为為](?!功)\s*([\u4e00-\u9fff]{1,8}))\s*[:：]"
)


def target(text: str) -> tuple[str, str]:
    """(the language's code, the text without its name); "" for the code when none is named.

    Raises `LookupError`, which holds the name, when one is plainly named that nobody here knows.
    """
    text = text.strip()
    for pattern in _patterns():
        if match := pattern.match(text):
            return _codes()[match[1].casefold()], text[match.end() :].lstrip()
    if unknown := _UNKNOWN.match(text):
        raise LookupError(unknown[1] or unknown[2])
    return "", text


def known_languages() -> frozenset[str]:
    """The codes of the languages that can be named."""
    return frozenset(_codes().values())


@lru_cache(maxsize=1)
def _codes() -> dict[str, str]:
    """The names of languages, as the house's own languages and English have them, as people spell them; and codes."""
    named = {name: code for code, name in language_names()} | languages_by_name() | _ALSO_CALLED
    found = {spelled: code for name, code in named.items() for spelled in _spellings(name.casefold())}
    return found | {code: code for code in set(found.values())} | _SHORT


def _spellings(name: str) -> Iterator[str]:
    """`name`, and as it is written without accents, umlauts, hamzas or an article, or in traditional characters."""
    yield name
    yield name.replace("语", "語")
    yield name.translate({ord("ä"): "ae", ord("ö"): "oe", ord("ü"): "ue"})
    yield "".join(sign for sign in unicodedata.normalize("NFD", name) if not unicodedata.combining(sign))
    if name.startswith("ال"):
        for form in (name, name.removesuffix("ة")):
            for spelled in (form, form.translate({ord("أ"): "ا", ord("إ"): "ا"})):
                yield from (spelled, spelled.removeprefix("ال"))


@lru_cache(maxsize=1)
def _patterns() -> tuple[re.Pattern[str], ...]:
    """Each takes the name as its only group, and everything up to the text."""
    known = sorted(_codes(), key=lambda name: (-len(name), name))
    values = {
        "NAME": "|".join(re.escape(name) for name in known if len(name) > 2 or not (name.isascii() or name in _SHORT)),
        "CODE": "|".join(name for name in known if len(name) == 2 and name.isascii()),
        "SHORT": "".join(_SHORT),
    }
    before = rf"(?:(?:{_POLITE})\s*+(?:[,،，]\s*+)?)?(?:(?:{_OBJECT})\s*+)?(?:(?:{_FROM})\s*+)?"
    forms = [*(f"{form}(?:{_AFTER})" for form in _INTO), *(f"{form}(?:{_APART})" for form in _ONLY_APART)]
    return tuple(re.compile(_filled(before + form, values), re.IGNORECASE) for form in forms)


def _filled(form: str, values: dict[str, str]) -> str:
    return re.sub(r"\((NAME|CODE)\)|NAME|SHORT", lambda found: _one_of(found, values), form)


def _one_of(found: re.Match[str], values: dict[str, str]) -> str:
    if found[0] == "SHORT":
        return values["SHORT"]
    return f"({values[found[1]]})" if found[1] else f"(?:{values['NAME']})"
