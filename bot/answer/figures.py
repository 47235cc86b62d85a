"""The numbers in a text, so written that those of a claim and of its source can be compared."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_NUMBER = re.compile(r"(?<![\w.,])\d+(?:[.,'’ \u00a0\u202f]\d{3})+(?:[.,]\d{1,2})?(?!\d)|\d+(?:[.,]\d+)?")
_THOUSANDS = re.compile(r"\d{1,3}(?:[.,'’ \u00a0\u202f]\d{3})+")
_OTHER_DIGIT = re.compile(r"[^\D0-9]")
_LIST_MARK = re.compile(r"^\s*\d{1,3}[.)、]\s+", re.MULTILINE)
_AFTERNOON = re.compile(
    r"\b(\d{1,2})(?:[:.]\d{2})?\s?(?:p\.?m\b|uhr (?:nachmittags|abends)|de la (?:tarde|noche))", re.IGNORECASE
)
_AFTERNOON_ZH = re.compile(r"(?:下午|晚上)\s?(\d{1,2})")
_WORDS = {
    "en": "zero one two three four five six seven eight nine ten eleven twelve",
    "de": "null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf",
    "es": "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce",
}
_BY_WORD = {word: value for line in _WORDS.values() for value, word in enumerate(line.split())}
_WORD = re.compile(rf"\b(?:{'|'.join(_BY_WORD)})\b", re.IGNORECASE)
_CHINESE = {character: value for value, character in enumerate("零一二三四五六七八九")}
_HEIGHT = re.compile("([一二两])米([零一二三四五六七八九]{1,2})")
_CHINESE_NUMBER = re.compile("[一二三四五六七八九十两]+(?=[个天日年月周小分次件张条位人辆款种倍岁折斤公米克])")


def arabic(text: str) -> str:
    """Chinese numerals before a measure word as digits, and "一米七五" as 1.75 米."""
    text = _HEIGHT.sub(lambda match: f"{_chinese(match[1]):g}.{''.join(str(_CHINESE[c]) for c in match[2])}米", text)
    return _CHINESE_NUMBER.sub(lambda match: f"{_chinese(match.group()):g}", text)


def digits(text: str) -> str:
    """Numbers up to twelve in words (English, German, Spanish) as digits."""
    return _WORD.sub(lambda match: str(_BY_WORD[match.group().casefold()]), text)


_SAME_AMOUNT = (("年", "个月", 12), ("周", "天", 7), ("个星期", "天", 7), ("天", "小时", 24))


def same_amount(amount: str) -> str:
    """An amount of time in its other usual unit, so that 2年 and 24个月 meet; "" where there is none."""
    for large, small, times in _SAME_AMOUNT:
        if re.fullmatch(rf"\d+{large}", amount):
            return f"{int(amount.removesuffix(large)) * times}{small}"
        if re.fullmatch(rf"\d+{small}", amount) and int(amount.removesuffix(small)) % times == 0:
            return f"{int(amount.removesuffix(small)) // times}{large}"
    return ""


@lru_cache(maxsize=8_192)
def figures(text: str) -> frozenset[float]:
    """The numbers of `text`: 1,190 and 1.190 are 1190; 18.90 and 18,9 are 18.9; list marks are no numbers."""
    plain = _OTHER_DIGIT.sub(_digit, unicodedata.normalize("NFKC", _LIST_MARK.sub("", text)))
    return frozenset(_value(match.group()) for match in _NUMBER.finditer(plain))


@lru_cache(maxsize=8_192)
def stated(text: str) -> frozenset[float]:
    """The numbers that a source may be said to state: its figures, and those written as words."""
    plain = unicodedata.normalize("NFKC", text)
    spelled = {float(_BY_WORD[match.group().lower()]) for match in _WORD.finditer(plain)}
    chinese = {_chinese(match.group()) for match in _CHINESE_NUMBER.finditer(plain)}
    return figures(text) | spelled | chinese


def unheld(claim: str, source: str) -> frozenset[float]:
    """The numbers of `claim` that `source` does not state. Eight in the evening may be 20:00 there."""
    missing = figures(claim) - stated(source)
    plain = unicodedata.normalize("NFKC", claim)
    late = {float(m.group(1)) for pattern in (_AFTERNOON, _AFTERNOON_ZH) for m in pattern.finditer(plain)}
    return frozenset(value for value in missing if not (value in late and value + 12 in stated(source)))


def _digit(other: re.Match[str]) -> str:
    """Arabic and other digits are written as ours, so that ٣٠ and 30 are one number."""
    return str(unicodedata.decimal(other.group()))


def _value(written: str) -> float:
    if _THOUSANDS.fullmatch(written):
        return float(re.sub(r"\D", "", written))
    whole, mark, rest = (
        written.rpartition(".")
        if "." in written and written.rfind(".") > written.rfind(",")
        else written.rpartition(",")
    )
    return float(f"{re.sub(r'[^0-9]', '', whole)}.{rest}") if mark else float(re.sub(r"[^0-9]", "", written))


def _chinese(written: str) -> float:
    """一 to 九十九."""
    written = written.replace("两", "二")
    tens, ten, ones = written.partition("十")
    if not ten:
        return float(_CHINESE.get(written[-1], 0))
    return float((_CHINESE.get(tens[-1], 1) if tens else 1) * 10 + (_CHINESE.get(ones[0], 0) if ones else 0))
