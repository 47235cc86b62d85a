"""Until when something holds, by what its title, its headings and its beginning say of that.

Dates are text in the order of ISO 8601 ("2025-03-31"), so that later ones sort behind; `PAST` sorts before every date.
How languages say it stands in `validity.toml`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from functools import cache, lru_cache
from pathlib import Path

PAST = "0000"
"""What holds no longer, since nobody says when."""

_LANGUAGES = ("en", "de", "es", "zh", "ar")
_LOOKED_AT = 400


def held_until(above: str, beginning: str = "") -> str:
    """The last day on which something holds, `PAST`, or "" when nothing limits it.

    `above` is a title or a heading, where few words say it; `beginning` is how a document begins, in sentences.

    >>> held_until("Prices until 31 March 2025")
    '2025-03-31'
    >>> held_until("Returns", "This policy has been superseded by another.")
    '0000'
    """
    above, beginning = above.casefold()[:_LOOKED_AT], beginning.casefold()[:_LOOKED_AT]
    ends = [
        *_ends(above),
        *(end for sentence in _sentences(beginning) if _said("held", sentence) for end in _ends(sentence)),
    ]
    if ends:
        return max(ends)
    return PAST if _said("past", above) or _said("gone", f"{above}\n{beginning}") else ""


def asks_for_the_past(question: str, today: str) -> bool:
    """Whether a question is about what held before `today`: it says so, or names a day or a year before this one."""
    plain = question.casefold()
    years = re.findall(r"(?<!\d)(?:19|20)\d\d(?!\d)", plain)
    before = any(year < today[:4] for year in years) or any(last < today for _, _, _, last in _dates(plain))
    return before or _said("asks", plain)


def day_of(text: str) -> str:
    """The first day that `text` names, "" for none.

    >>> day_of("1 June 2025")
    '2025-06-01'
    """
    return next((first for _, _, first, _ in _dates(text.casefold())), "")


def _ends(plain: str) -> Iterator[str]:
    for begin, end, first, last in _dates(plain):
        if _patterns("until").search(plain[:begin]) or _patterns("until_after").match(plain, end):
            yield last
        elif _patterns("before").search(plain[:begin]):
            yield (date.fromisoformat(first) - timedelta(days=1)).isoformat()


def _dates(plain: str) -> Iterator[tuple[int, int, str, str]]:
    """(begin, end, first day, last day) of each date; those of a month without a day are all of its days."""
    for match in _date_pattern().finditer(plain):
        groups = {name.rstrip("12345"): value for name, value in match.groupdict().items() if value}
        month = _months()[groups["name"]] if "name" in groups else int(groups["month"])
        year, day = int(groups["year"]), int(groups.get("day", 0))
        try:
            first = date(year, month, day or 1)
        except ValueError:
            continue
        last = first if day else (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
        yield match.start(), match.end(), first.isoformat(), last.isoformat()


def _sentences(plain: str) -> list[str]:
    return re.split(r"(?<=[.!?])(?<!\d\.)\s+|[。！？\n]+", plain)


def _said(kind: str, plain: str) -> bool:
    return _patterns(kind).search(plain) is not None


@cache
def _patterns(kind: str) -> re.Pattern[str]:
    every = "|".join(f"(?:{_words()[language][kind]})" for language in _LANGUAGES if kind in _words()[language])
    return re.compile(
        rf"(?:(?<=\s)|(?<=^)|(?<=[\W\u4e00-\u9fff]))(?:{every})$" if kind in ("until", "before") else every
    )


@lru_cache(maxsize=1)
def _date_pattern() -> re.Pattern[str]:
    name = "|".join(sorted(map(re.escape, _months()), key=len, reverse=True))
    return re.compile(
        rf"(?<!\d)(?P<day1>\d{{1,2}})(?:st|nd|rd|th|\.)?\s+(?:of |de )?(?P<name1>{name})\b\.?,?\s*(?:del? )?"
        r"(?P<year1>\d{4})"
        rf"|\b(?P<name2>{name})\b\.?\s+(?P<day2>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<year2>\d{{4}})"
        rf"|\b(?P<name3>{name})\b\.?,?\s*(?:del? )?(?P<year3>\d{{4}})"
        r"|(?P<year4>\d{4})\s?[年/-]\s?(?P<month4>\d{1,2})\s?[月/-](?:\s?(?P<day4>\d{1,2})\s?[日号]?)?(?!\d)"
        r"|(?<!\d)(?P<day5>\d{1,2})[./](?P<month5>\d{1,2})[./](?P<year5>\d{4})(?!\d)"
    )


@lru_cache(maxsize=1)
def _months() -> Mapping[str, int]:
    return {name: int(month) for month, names in _words()["months"].items() for name in names.split()}


@lru_cache(maxsize=1)
def _words() -> Mapping[str, Mapping[str, str]]:
    found: Mapping[str, Mapping[str, str]] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
    return found
