"""Dates in a question against the dates that a heading limits a rule to ("orders before September 2026")."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from bot.answer.words import words

_MONTHS = "january february march april may june july august september october november december".split()  # noqa: SIM905
Date = tuple[int, int, int]
"""Year, month, day; a day of 0 stands for the whole month."""


@lru_cache(maxsize=1)
def _names() -> dict[str, int]:
    listed = words("calendar")
    named = {name: at for at, month in enumerate(_MONTHS, 1) for name in listed[month]["names"].split("|")}
    return {**{name: at for name, at in named.items() if re.fullmatch(r"[^\W\d]{3,}", name)}, "may": 5}


@lru_cache(maxsize=1)
def _patterns() -> tuple[re.Pattern[str], ...]:
    month = rf"(?P<name>{'|'.join(sorted(_names(), key=len, reverse=True))})\b\.?"
    return (
        re.compile(rf"(?P<day>\d{{1,2}})(?:st|nd|rd|th|\.)?\s+(?:of |de )?{month},?\s*(?:de |del )?(?P<year>\d{{4}})"),
        re.compile(rf"{month}\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<year>\d{{4}})"),
        re.compile(rf"{month},?\s*(?:de |del )?(?P<year>\d{{4}})"),
        re.compile(r"(?P<year>\d{4})\s?年\s?(?P<month>\d{1,2})\s?月(?:\s?(?P<day>\d{1,2})\s?[日号])?"),
        re.compile(r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})"),
        re.compile(r"(?P<day>\d{1,2})[./](?P<month>\d{1,2})[./](?P<year>\d{4})"),
    )


_BEFORE = re.compile(
    r"(?:before|until|till|up to|through|prior to|vor(?: dem)?|bis(?: zum)?|antes del?|hasta(?: el)?|قبل|حتى)"
    r"\s*(?:the )?$"
)
_SINCE = re.compile(
    r"(?:from|since|after|as of|starting|ab(?: dem)?|seit(?: dem)?|nach(?: dem)?|desde(?: el)?|a partir del?|بعد|منذ)"
    r"\s*(?:the )?$"
)
_BEFORE_ZH = re.compile(r"\s*及?(?:之前|以前|前|为止|止)")
_SINCE_ZH = re.compile(r"\s*及?(?:起|之后|以后|后|开始)")


def dates(text: str) -> list[Date]:
    """The dates that `text` names with their year."""
    return [date for date, _, _ in _found(text.casefold())]


def undated(plain: str) -> str:
    """`plain` without the dates in it."""
    for _, begin, end in sorted(_found(plain), key=lambda found: -found[1]):
        plain = f"{plain[:begin]} {plain[end:]}"
    return plain


@lru_cache(maxsize=4_096)
def agreement(question: str, heading: str) -> int:
    """1 when a date in `question` is within what `heading` limits itself to, -1 when all are outside, else 0.

    A month or day without its year is held against a part of the year ("15 May to 30 September").
    """
    asked = dates(question)
    plain = heading.casefold()
    if not asked and (season := _seasons().search(plain)):
        return _in_season(question.casefold(), season)
    limits = [(date, way) for date, begin, end in _found(plain) if (way := _way(plain, begin, end))]
    if not asked or not limits:
        return 0
    inside = [all(_within(date, limit, way) for limit, way in limits) for date in asked]
    return 1 if any(inside) else -1


def ended(question: str, until: str) -> int:
    """The same by the last day on which something holds ("2025-01-31"), 0 where that is not known."""
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", until) or not (asked := dates(question)):
        return 0
    year, month, day = map(int, until.split("-"))
    return 1 if any(date <= (year, month, day) for date in asked) else -1


@lru_cache(maxsize=1)
def _seasons() -> re.Pattern[str]:
    months = "|".join(sorted(_names(), key=len, reverse=True))
    day = r"(?:(?P<day{0}>\d{{1,2}})(?:st|nd|rd|th|\.)?\s+(?:of |de )?)?(?P<month{0}>" + months + r")\b\.?"
    chinese = r"(?P<month{0}>\d{{1,2}})\s?月(?:\s?(?P<day{0}>\d{{1,2}})\s?[日号])?"
    to = r"\s*(?:–|-|—|to|until|till|through|bis(?: zum)?|a|al|hasta(?: el)?)\s*(?:the )?"
    return re.compile(
        rf"\b{day.format(1)}{to}{day.format(2)}|{chinese.format(3)}\s*(?:至|到|–|-|—|~)\s*{chinese.format(4)}"
    )


def _in_season(plain: str, season: re.Match[str]) -> int:
    """Whether the months or days of a question lie in a part of the year, which may reach over its end."""
    first, last = (1, 2) if season["month1"] else (3, 4)
    begin, end = _day_of_year(season, first, 1), _day_of_year(season, last, 31)
    found = _month_asked().finditer(plain[:1_000])
    asked = [_day_of_year(match, 0 if match["month0"] else 5, 15) for match in found]
    inside = [begin <= day <= end if begin <= end else not end < day < begin for day in asked]
    return 0 if not inside else 1 if any(inside) else -1


def _day_of_year(match: re.Match[str], which: int, otherwise: int) -> tuple[int, int]:
    name = match[f"month{which}"]
    return (int(name) if name.isdigit() else _names()[name], int(match[f"day{which}"] or otherwise))


@lru_cache(maxsize=1)
def _month_asked() -> re.Pattern[str]:
    months = "|".join(sorted((name for name in _names() if name != "may"), key=len, reverse=True))
    day = r"(?:(?P<day0>\d{1,2})(?:st|nd|rd|th|\.)?\s+(?:of |de )?)?"
    chinese = r"(?P<month5>\d{1,2})\s?月(?:\s?(?P<day5>\d{1,2})\s?[日号])?"
    return re.compile(rf"{day}\b(?P<month0>{months}|(?<=in )may|(?<=\d )may)\b|{chinese}")


def _found(plain: str) -> Iterator[tuple[Date, int, int]]:
    taken: list[tuple[int, int]] = []
    for pattern in _patterns():
        for match in pattern.finditer(plain[:2_000]):
            if any(begin < match.end() and match.start() < end for begin, end in taken):
                continue
            groups = match.groupdict()
            month = _names()[groups["name"]] if groups.get("name") else int(groups.get("month") or 0)
            taken.append((match.start(), match.end()))
            yield (int(groups["year"]), month, int(groups.get("day") or 0)), match.start(), match.end()


def _way(plain: str, begin: int, end: int) -> str:
    if _BEFORE.search(plain[:begin]) or _BEFORE_ZH.match(plain, end):
        return "before"
    return "since" if _SINCE.search(plain[:begin]) or _SINCE_ZH.match(plain, end) else ""


def _within(date: Date, limit: Date, way: str) -> bool:
    """ "Before September" leaves all of September out, "until 31 August" keeps that day; "since" keeps its day."""
    if way == "since":
        return date >= limit
    return date < limit or (limit[2] > 0 and date == limit)
