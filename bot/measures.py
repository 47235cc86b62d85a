"""Amounts and codes under one spelling each: what a customer writes as "5 gigabytes" an article has as "5GB".

An amount is its number and the code of its unit or currency ("3p9eur" for €3.90); units are in `measures.toml`. A code
is letters and digits that somebody parted ("E 1042"). These terms are indexed beside the words themselves.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

_NUMBER = r"\d{1,12}(?:[.,'’]\d{1,3})*"
_THOUSANDS = re.compile(r"\d{1,3}(?:[.,'’]\d{3})+")
_DIGIT = re.compile(r"\d")
_THIN = re.compile(r"(?<=\d)[\u00a0\u2009\u202f](?=\d{3}(?!\d))")
_PARTED_CODE = re.compile(r"(?<![^\W_])([A-Za-z]{1,4})[ -]?[-./ ]?(\d{2,8})(?![^\W_]|[.,]\d)")


def measured(text: str) -> list[str]:
    """The amounts of `text`, each followed by its unit's code, in their order.

    >>> measured("€3.90 or 3,90 Euro for 5 GB")
    ['3p9eur', 'eur', '3p9eur', 'eur', '5gb', 'gb']
    """
    normal = unicodedata.normalize("NFKC", _THIN.sub("'", text)).casefold()
    found: list[str] = []
    if not _DIGIT.search(normal):
        return found
    for match in _pattern().finditer(normal):
        code = _codes()[(match["sign"] or match["unit"]).strip()]
        found += (f"{_number(match['after'] or match['before'])}{code}", code)
    return found


def parted_codes(text: str, *, capitals: bool = True) -> list[str]:
    """Codes that are written in two parts, as one: "E 1042" is e1042. Without `capitals` "e 1042" is one, too.

    >>> parted_codes("It shows E 1042 in 2024.")
    ['e1042']
    """
    found = _PARTED_CODE.findall(unicodedata.normalize("NFKC", text))
    return [f"{letters}{digits}".casefold() for letters, digits in found if letters.isupper() or not capitals]


@lru_cache(maxsize=4_096)
def unit_code(word: str) -> str:
    """The code of a unit's or currency's name, "" for any other word."""
    return _codes().get(word.casefold(), "")


def _number(text: str) -> str:
    """A number's digits with "p" for the point: "1,000" is 1000, "3,90" is 3p9."""
    whole, _, rest = (re.sub(r"\D", "", text), "", "") if _THOUSANDS.fullmatch(text) else _at_the_point(text)
    rest = rest.rstrip("0")
    return f"{whole.lstrip('0') or '0'}{'p' if rest else ''}{rest}"


def _at_the_point(text: str) -> tuple[str, str, str]:
    at = max(text.rfind("."), text.rfind(","))
    whole, rest = (text[:at], text[at + 1 :]) if at >= 0 else (text, "")
    return re.sub(r"\D", "", whole), "", re.sub(r"\D", "", rest)


@lru_cache(maxsize=1)
def _codes() -> Mapping[str, str]:
    listed = _listed()
    return {name: code for kind in listed.values() for code, names in kind.items() for name in names.split()}


@lru_cache(maxsize=1)
def _listed() -> Mapping[str, Mapping[str, str]]:
    found: Mapping[str, Mapping[str, str]] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
    return found


@lru_cache(maxsize=1)
def _pattern() -> re.Pattern[str]:
    signs = "|".join(_longest_first("signs"))
    both = "|".join((*_longest_first("signs"), *_longest_first("names")))
    money = "|".join(map(re.escape, (*_listed()["signs"], "rmb")))
    return re.compile(
        rf"(?<![\w])(?P<sign>{signs}|(?:{money})(?=\s))\s?(?P<after>{_NUMBER})(?!\w*\d)"
        rf"|(?<![\w.,])(?P<before>{_NUMBER})[\s-]?(?P<unit>{both})(?![a-zà-ÿ\d])"
    )


def _longest_first(kind: str) -> Iterator[str]:
    names = (name for names in _listed()[kind].values() for name in names.split())
    yield from map(re.escape, sorted(names, key=len, reverse=True))
