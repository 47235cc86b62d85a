"""Whether a text states a fact, however it is set: case, emphasis, quotes, dashes, widths and spaces tell nothing."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_CJK = "\u3400-\u9fff\uf900-\ufaff\u3000-\u303f"
_EMPHASIS = re.compile(r"[*_`\\]+")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]+")
_MARKS = str.maketrans(
    {
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u00b4", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"'),
    }
)
_NO_SPACE = re.compile(
    rf"(?<=[{_CJK}]) | (?=[{_CJK}])"
    r"|(?<=\d) (?=[^\W\d]|[€$£¥%°+~-])|(?<=[^\W\d]) (?=\d)|(?<=[€$£¥+~-]) (?=\d)"
)
"""A space that tells nothing: beside a Chinese character, and between a number and its unit, currency or sign. One
after a full stop or comma stays, or the end of a sentence would make a longer number of the next one."""


@lru_cache(maxsize=8_192)
def fold(text: str) -> str:
    """`text` as it is compared. Folding twice changes nothing, so that both sides of a comparison are alike.

    Characters are brought to one form and case as by Unicode's toNFKC_Casefold (The Unicode Standard, section 3.13).
    """
    while (folded := _folded(text)) != text:
        text = folded
    return text


def _folded(text: str) -> str:
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", _INVISIBLE.sub("", text)).casefold())
    spaced = re.sub(r"\s+", " ", _EMPHASIS.sub("", plain.translate(_MARKS)))
    return _NO_SPACE.sub("", spaced).strip()


def holds(text: str, fact: str) -> bool:
    """Whether `fact` occurs in `text`, not as a part of a longer number: "€29" is not in "€290" or "€29.50"."""
    needle = fold(fact)
    before = r"(?<!\d)(?<!\d[.,])" if needle[:1].isdigit() else ""
    after = r"(?!\d|[.,]\d)" if needle[-1:].isdigit() else ""
    return re.search(before + re.escape(needle) + after, fold(text)) is not None
