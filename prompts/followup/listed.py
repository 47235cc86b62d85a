"""What "the second one" or 第二个 names, when the answer before was a list."""

from __future__ import annotations

import re

_ITEM = re.compile(r"^\s*(?:[-*+]|\d{1,2}[.)、])\s*(\S.{0,200})$", re.MULTILINE)
_BOLD = re.compile(r"\*\*([^*\n]{2,60})\*\*")
_NAME = re.compile(r"[^,，:：;；(（.。–—|]{1,40}")
_LAST = {"last", "letzte", "letzten", "último", "última"}
_ORDINALS = (
    {"first", "erste", "ersten", "primero", "primera"},
    {"second", "zweite", "zweiten", "segundo", "segunda"},
    {"third", "dritte", "dritten", "tercero", "tercera"},
    {"fourth", "vierte", "vierten", "cuarto", "cuarta"},
)
_HAN_ORDINAL = re.compile(r"第([一二三四1-4])[个款种项条]|最后(?:一|那)?[个款种项条]")


def ordinal(word: str) -> int | None:
    """1 for "first", -1 for "last", None for a word that is no ordinal."""
    if word in _LAST:
        return -1
    return next((number for number, words in enumerate(_ORDINALS, 1) if word in words), None)


def han_ordinal(text: str) -> int | None:
    """The ordinal in Chinese `text`, as `ordinal` gives it."""
    found = _HAN_ORDINAL.search(text)
    if not found:
        return None
    return "一二三四1234".index(found[1]) % 4 + 1 if found[1] else -1


def item(answer: str, number: int | None) -> str:
    """The name of item `number` of the list in `answer`: what is bold in it, else its beginning; "" for none."""
    items = _ITEM.findall(answer)
    if number is None or not items or number > len(items):
        return ""
    text = items[number if number < 0 else number - 1]
    bold = _BOLD.search(text)
    name = _NAME.match(text)
    return (bold[1] if bold else name[0] if name else "").strip()
