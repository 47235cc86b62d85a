"""What may be shown of an answer while it is still being written, before it can be held against its sources.

Whole sentences are checked in the end (`bot.answer.ground`); two things need no waiting for that. A citation of a
source that does not exist is left out at once, and a figure that no source states is not shown: the text stops before
it until the end says what becomes of it. So no amount, period or number is ever seen that nothing known holds.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.answer.claims import CITED, normalised
from bot.answer.figures import unheld
from bot.events import Passage

_CJK = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_FIGURE = re.compile(rf"\d[^\s{_CJK}]*(?:[ \u00a0\u202f]\d{{3}}(?!\d))*")
_LIST_MARK = re.compile(r"^\s*\d{1,3}[.)、](?=\s)", re.MULTILINE)
_WITH_BLANK = re.compile(rf"(?<=[ \t]){CITED.pattern}[ \t]?|{CITED.pattern}")
"""A citation, with one of the blanks that it stands between."""
_AROUND = 12
"""Characters around a figure that say what it means: eight in the evening is 20:00."""


class Live:
    """Shows one answer from `passages`, which are its sources [1], [2] and so on."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self._numbers = range(1, len(passages) + 1)
        self._source = "\n".join(text for one in passages for text in (one.title, *one.heading, one.text))
        self._checked = 0

    def of(self, text: str) -> str:
        """The beginning of `text`, which is the beginning of an answer, that may be shown now."""
        cited = _WITH_BLANK.sub(self._kept, normalised(text))
        figures = _LIST_MARK.sub(_blank, CITED.sub(_blank, cited))
        for match in _FIGURE.finditer(figures, self._checked):
            around = figures[max(0, match.start() - _AROUND) : match.end() + _AROUND]
            goes_on = match.end() == len(figures)
            if goes_on or (unheld(match.group(), self._source) and unheld(around, self._source)):
                return cited[: match.start()]
            self._checked = match.end()
        return cited

    def _kept(self, match: re.Match[str]) -> str:
        return match.group() if int(match[1] or match[2]) in self._numbers else ""


def _blank(match: re.Match[str]) -> str:
    return " " * len(match.group())
