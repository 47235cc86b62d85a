"""Chinese as it is typed in a hurry, put as it is written: one reading for search and for answers."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.chinese import simplified

_HAN = "[\u3400-\u9fff]"
_END = "(?=[，,。；;！!？?]|$)"
_WRITTEN: Sequence[tuple[re.Pattern[str], str]] = (
    (re.compile(rf"(?<={_HAN})[ \t\u3000]+(?={_HAN})"), "，"),
    (re.compile(rf"(?<={_HAN})[不没][啊呀哈呢哦]?\s*{_END}"), "吗"),
    (re.compile("礼拜"), "星期"),
    (re.compile("俩(?=个|月|星期|小时)(?:个)?"), "两个"),
    (re.compile("仨(?=个|月|星期|小时)(?:个)?"), "三个"),
    (re.compile(r"公分(?!之)"), "厘米"),
    (re.compile(r"(今年)(\d{1,2})(?![\d年月日号岁.:：%/-])"), r"\1\2岁"),
)
"""A space where a comma belongs; 行不 and 到货没 for 行吗 and 到货了吗; words for measures; an age without its unit."""


def written(question: str) -> str:
    """A Chinese question with simple characters, its clauses parted by commas, and as an article would put it."""
    text = simplified(question).rstrip()
    for pattern, instead in _WRITTEN:
        text = pattern.sub(instead, text)
    return text
