"""Measures in a question against ranges in a table: 1.75 m is within "1.72–1.90 m"."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import lru_cache

from bot.answer.figures import arabic, digits

_UNITS: dict[str, tuple[str, float]] = {
    "mm": ("m", 0.001), "cm": ("m", 0.01), "m": ("m", 1.0), "km": ("m", 1000.0), "厘米": ("m", 0.01), "米": ("m", 1.0),
    "公里": ("m", 1000.0), "毫米": ("m", 0.001), "公分": ("m", 0.01),
    "g": ("kg", 0.001), "kg": ("kg", 1.0), "kilo": ("kg", 1.0), "kilos": ("kg", 1.0), "克": ("kg", 0.001),
    "公斤": ("kg", 1.0), "千克": ("kg", 1.0), "斤": ("kg", 0.5),
    "ml": ("l", 0.001), "cl": ("l", 0.01), "l": ("l", 1.0), "litre": ("l", 1.0), "litres": ("l", 1.0),
    "liter": ("l", 1.0), "liters": ("l", 1.0), "升": ("l", 1.0), "毫升": ("l", 0.001),
    "€": ("€", 1.0), "eur": ("€", 1.0), "euro": ("€", 1.0), "euros": ("€", 1.0), "欧元": ("€", 1.0), "$": ("$", 1.0),
    "usd": ("$", 1.0), "dollars": ("$", 1.0), "£": ("£", 1.0), "gbp": ("£", 1.0), "¥": ("¥", 1.0), "元": ("¥", 1.0),
    "%": ("%", 1.0), "°c": ("°", 1.0), "°": ("°", 1.0), "度": ("°", 1.0),
    "months": ("months", 1.0), "month": ("months", 1.0), "个月": ("months", 1.0), "monate": ("months", 1.0),
    "meses": ("months", 1.0), "years": ("months", 12.0), "year": ("months", 12.0), "岁": ("months", 12.0),
    "jahre": ("months", 12.0), "años": ("months", 12.0), "周岁": ("months", 12.0), "年": ("months", 12.0),
    "jahr": ("months", 12.0), "jahren": ("months", 12.0),
    "minutes": ("days", 1 / 1440), "minute": ("days", 1 / 1440), "min": ("days", 1 / 1440),
    "minuten": ("days", 1 / 1440), "minutos": ("days", 1 / 1440), "分钟": ("days", 1 / 1440),
    "hours": ("days", 1 / 24), "hour": ("days", 1 / 24), "stunden": ("days", 1 / 24), "stunde": ("days", 1 / 24),
    "horas": ("days", 1 / 24), "hora": ("days", 1 / 24), "days": ("days", 1.0), "day": ("days", 1.0),
    "weeks": ("days", 7.0), "week": ("days", 7.0), "tage": ("days", 1.0), "tagen": ("days", 1.0),
    "wochen": ("days", 7.0), "días": ("days", 1.0), "semanas": ("days", 7.0),
    "天": ("days", 1.0), "日": ("days", 1.0), "小时": ("days", 1 / 24), "周": ("days", 7.0), "星期": ("days", 7.0),
    "个小时": ("days", 1 / 24), "个星期": ("days", 7.0), "块": ("¥", 1.0), "块钱": ("¥", 1.0),
}  # fmt: skip
_UNIT = "|".join(sorted(map(re.escape, _UNITS), key=len, reverse=True))
_NUMBER = r"-?\d{1,9}(?:[.,]\d{1,4})?"
_MEASURE = re.compile(
    rf"(?P<before>[€$£¥])\s?(?P<amount>{_NUMBER})(?![\d–-])|(?P<number>{_NUMBER})[\s-]?(?P<unit>{_UNIT})(?![a-z\d])",
    re.IGNORECASE,
)
_RANGE = re.compile(
    rf"(?P<sign>[€$£¥])?\s?(?P<low>{_NUMBER})\s?(?P<unit1>{_UNIT})?\s?(?:–|-|—|~|至|到|to|bis|and|und|a|y)\s?"
    rf"[€$£¥]?(?P<high>{_NUMBER})\s?(?P<unit2>{_UNIT})?(?![a-z\d])",
    re.IGNORECASE,
)
_OPEN = re.compile(
    rf"(?P<way>up to|under|below|less than|at most|over|above|more than|from|at least|bis|unter|über|ab|"
    rf"hasta|menos de|más de|desde|不超过|低于|超过|高于|至少)\s?"
    rf"(?P<measure>[€$£¥]?\s?{_NUMBER}\s?(?:{_UNIT})?)(?![a-z\d])",
    re.IGNORECASE,
)
_OPEN_ZH = re.compile(
    rf"(?P<measure>{_NUMBER}\s?(?:{_UNIT}))(?:及|或|（?含）?)?\s?(?P<way>以上|以后|起|以内|之内|以下|以前|不到|不足|内)"
)
_FROM_ZH = re.compile(rf"(?P<way>满|不足|不到|未满|不满|达到?|最多|最长|至多)\s?(?P<measure>{_NUMBER}\s?(?:{_UNIT}))")
_UPWARD_ZH = frozenset({"以上", "以后", "起", "满", "达", "达到"})
_UPWARD = frozenset(
    {"over", "above", "more than", "from", "at least", "über", "ab", "más de", "desde", "超过", "高于", "至少"}
)
_EXCLUSIVE = frozenset(
    {"over", "above", "more than", "under", "below", "less than", "über", "unter", "más de", "menos de"}
    | {"超过", "高于", "低于"}
)


_SERIAL = re.compile(r"\b(?P<series>[a-z]{1,4}\d{0,4}[-/ ]?)(?P<number>\d{3,10})\b", re.IGNORECASE)
_SERIALS = re.compile(
    r"\b(?P<series>[a-z]{1,4}\d{0,4}[-/ ]?)(?P<low>\d{3,10})\s?(?:–|-|—|~|至|到|to|bis|a)\s?"
    r"(?:(?P=series))?(?P<high>\d{3,10})\b",
    re.IGNORECASE,
)


_NO_UNIT = rf"(?!\d|[.,:/]\d|\s?(?:{_UNIT}|%|st\b|nd\b|rd\b|th\b)(?![a-z]))"
_AGE = r"(\d{1,3})"
_AGES = tuple(
    (re.compile(pattern, re.IGNORECASE), said)
    for pattern, said in (
        (
            rf"\b(?:ages?|aged|between|alter|zwischen|entre|edad)\s+(?:from |of |von |de )?{_AGE}"
            rf"\s?(?:–|-|to|and|bis|und|a|y)\s?{_AGE}{_NO_UNIT}",
            r"\1–\2 years",
        ),
        (rf"\b{_AGE}(?: years?)?(?:\s?\+(?!\d)|,? (?:and|or) (?:over|older|above)\b)", r"at least \1 years"),
        (rf"\b{_AGE}(?: jahre| años)?,? (?:(?:und|oder) älter|o más)\b", r"at least \1 years"),
        (rf"\b(?:the age of|age of|aged|alter von|la edad de)\s+{_AGE}{_NO_UNIT}", r"\1 years"),
        (rf"\b(under|over|unter|über)[ -](\d{{1,2}})(?:s|-?jährige\w*)?\b{_NO_UNIT}", r"\1 \2 years"),
        (
            rf"\b(?:I['’]?m|I am|(?:he|she)(?:['’]s| is)|turn(?:s|ed|ing)|ich bin|tengo|tiene)\s+"
            rf"(?:just |only |now |already |schon )?{_AGE}{_NO_UNIT}(?=\W|$)",
            r"\1 years",
        ),
    )
)
"""How ages are told without their unit, and the same with it."""

_IN_BRACKETS = re.compile(r"[(\[（]\s*(?:in )?(?P<unit>[^)\]）]{1,8})\s*[)\]）]\s*$")
_OF_AGES = re.compile(r"\bage\b|\balter\b|\bedad\b|年龄|岁", re.IGNORECASE)


def with_units(header: str, cell: str) -> str:
    """A cell of a table with the unit that stands in the head of its column only: "Age", "Size (cm)"."""
    unit = _IN_BRACKETS.search(header)
    if unit and unit["unit"].lower() in _UNITS:
        return f"{cell} {unit['unit']}"
    return f"age {cell}" if _OF_AGES.search(header) and cell[:1].isdigit() else cell


def _aged(text: str) -> str:
    for pattern, said in _AGES:
        text = pattern.sub(said, text)
    return text


_OLD = re.compile(
    r"\b(?P<age>\d{1,3})(?:[ -]?(?P<months>months?|mths?)|[ -]?(?:years?|yrs?|yr|y))[ -]?(?:olds?|o)\b"
    r"|\b(?:I['’]?m|I am|(?:he|she)(?:['’]s| is)|(?:is|am|was|aged|age|turn(?:s|ed|ing)?)) "
    r"(?:just |only |now |already |about |nearly |almost )?(?P<years>\d{1,3})"
    r"(?=\W*(?:$|[,.;!?)]|and\b|but\b|so\b|now\b|with\b|on\b|years?\b(?! ago)|yrs?\b))(?: years?| yrs?)?"
    r"|\b(?:ich bin|er ist|sie ist|tengo|tiene) (?P<jahre>\d{1,3})(?=\W*(?:$|[,.;!?)]|jahre\b|años\b))(?: jahre| años)?"
    r"|(?P<suffix>\d{1,3})-?(?:jährige\w*)\b",
    re.IGNORECASE,
)


def aged_out(text: str) -> tuple[list[str], str]:
    """The ages that a question tells ("my 13 year old", "I'm 76"), each as a measure, and the text without them."""
    ages: list[str] = []

    def taken(match: re.Match[str]) -> str:
        number = match["age"] or match["years"] or match["jahre"] or match["suffix"]
        ages.append(f"{number} {'months' if match['months'] else 'years'}")
        return " "

    rest = _OLD.sub(taken, digits(text[:1_000])) + text[1_000:]
    return (ages, rest) if ages else ([], text)


COMPARABLE = 0.7
"""What it is worth that a text states a limit of the same kind as a measure, which the measure is beyond."""


@lru_cache(maxsize=8_192)
def compares(measure: str, text: str) -> float:
    """How well `text` speaks of a measure such as "13 years": by a range around it, or by one that it is beyond."""
    text = text[:2_000]
    aged = _aged(text)
    spans = _ranges(aged) if aged != text or _OF_AGES.search(text) else ()
    found = [
        COMPARABLE + (1 - COMPARABLE) * (low <= value <= high)
        for value, unit in _measures(measure)
        for low, high, other in spans
        if unit == other
    ]
    return max(found, default=0.0)


@lru_cache(maxsize=8_192)
def within(question: str, text: str) -> bool:
    """Whether a measure in `question` lies in a range that `text` states in a comparable unit, or a serial number in a
    series ("D4-22100" in "D4-21000 to D4-23499").
    """
    if any(_in_series(match, text) for match in _serials(question[:1_000])):
        return True
    asked = _asked(question[:1_000])
    if not asked:
        return False
    spans = _ranges(_aged(text[:2_000]))
    return any(unit == other and low <= value <= high for value, unit in asked for low, high, other in spans)


@lru_cache(maxsize=64)
def _asked(question: str) -> Sequence[tuple[float, str]]:
    return _measures(_aged(digits(arabic(question))))


@lru_cache(maxsize=64)
def _serials(question: str) -> Sequence[re.Match[str]]:
    return list(_SERIAL.finditer(question))


def _in_series(serial: re.Match[str], text: str) -> bool:
    return any(
        span["series"].lower() == serial["series"].lower()
        and len(span["low"]) == len(serial["number"])
        and int(span["low"]) <= int(serial["number"]) <= int(span["high"])
        for span in _SERIALS.finditer(text[:2_000])
    )


def _measures(text: str) -> list[tuple[float, str]]:
    found = []
    for match in _MEASURE.finditer(text[:1_000]):
        if match["before"]:
            found.append((_value(match["amount"]), match["before"]))
        else:
            unit, factor = _UNITS[match["unit"].lower()]
            found.append((_value(match["number"]) * factor, unit))
    return found


def _ranges(text: str) -> list[tuple[float, float, str]]:
    found = []
    for match in _RANGE.finditer(text[:2_000]):
        unit, factor = _UNITS.get((match["unit2"] or match["unit1"] or match["sign"] or "").lower(), ("", 1.0))
        low_factor = _UNITS.get((match["unit1"] or "").lower(), (unit, factor))[1]
        found.append((_value(match["low"]) * low_factor, _value(match["high"]) * factor, unit))
    for match in _OPEN.finditer(text[:2_000]):
        for value, unit in _measures(match["measure"]):
            edge = 1e-9 if match["way"].lower() in _EXCLUSIVE else 0.0
            upward = match["way"].lower() in _UPWARD
            found.append((value + edge, math.inf, unit) if upward else (-math.inf, value - edge, unit))
    for match in (*_OPEN_ZH.finditer(text[:2_000]), *_FROM_ZH.finditer(text[:2_000])):
        for value, unit in _measures(match["measure"]):
            found.append((value, math.inf, unit) if match["way"] in _UPWARD_ZH else (-math.inf, value, unit))
    return [(low, high, unit) for low, high, unit in found if unit and low <= high]


def _value(number: str) -> float:
    """1.72 and 1,72 are the same; 1,190 is a thousand."""
    if re.fullmatch(r"-?\d{1,3}[.,]\d{3}", number):
        return float(re.sub(r"[.,]", "", number))
    return float(number.replace(",", "."))
