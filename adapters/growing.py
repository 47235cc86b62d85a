"""How much of a Markdown text that is still being written can be shown as it will stay. Pure.

A link whose address has not come, a row of a table, a header before its row of dashes: a reader would see signs, and
then something else in their place.
"""

from __future__ import annotations

import re

from adapters.marks import Block, Spans, blocks, is_rule

_TAIL = 600
"""An opened bracket holds back at most so many characters: it may never be closed."""
_ENTITY = re.compile(r"&[#\w]{0,31}\Z")
_CLOSES_TAG = re.compile(r"[>\n]")
_BOLD = re.compile(r"\*[^\s*\n][^*\n]{0,300}\*?")
_MAY_GROW = re.compile(r"\[[^\[\]\n]{0,12}\]|https?://\S*")
_TARGET = re.compile(r"\([^\n]*")


def ripe(text: str) -> int:
    """The length of the part of `text` that can be shown."""
    end = len(text.rstrip())
    found = blocks(text)
    last = found[-1] if found and found[-1].end >= end else None
    if last is not None and last.kind == "fence":
        return end
    return min(end, _table(text, end, last), _inline(text, found[-1].end if found and last is None else 0, end))


def _table(text: str, end: int, block: Block | None) -> int:
    """Without a row that is being written, and without a header whose row of dashes may still come."""
    line = text.rfind("\n", 0, end) + 1
    finished = "\n" in text[end:]
    if block is not None:
        return end if finished and end > block.body else block.start if end <= block.body else line
    ended = text.count("\n", end) > 1
    if ended or end - line > _TAIL:
        return end
    if text.find("|", line, end) < 0:
        before = text.rfind("\n", 0, max(0, line - 1)) + 1
        begun = set(text[line:end].strip()) <= set(":-") and line > 0 and text.find("|", before, line) >= 0
        return before if begun else end
    before = text.rfind("\n", 0, max(0, line - 1)) + 1
    dashes = line > 0 and is_rule(text[line:end] + "-|") and text.find("|", before, line) >= 0
    return before if dashes else line


def _inline(text: str, start: int, end: int) -> int:
    """Without what was opened and not closed in the last paragraph."""
    first = max(text.rfind("\n\n", 0, end) + 1, end - _TAIL, start)
    tail = text[first:end]
    spans = Spans(tail, [])
    closed = dict(zip(spans.starts, spans.ends, strict=True))
    at = 0
    while at < len(tail):
        if at in closed:
            stop = closed[at]
            begins_link = tail[stop - 1] == "]" and _TARGET.fullmatch(tail, stop)
            if begins_link or (stop == len(tail) and _MAY_GROW.fullmatch(tail, at)):
                return first + at
            at = stop
        elif _is_open(tail, at):
            return first + at
        else:
            at += 1
    return end


def _is_open(tail: str, at: int) -> bool:
    """Whether something begins at `at` that is not complete. What is complete is a span and never comes here."""
    sign, rest = tail[at], tail[at + 1 :]
    if sign == "[":
        return _is_open_link(rest)
    if sign == "<":
        return (not rest or not rest[0].isspace()) and not _CLOSES_TAG.search(rest)
    if sign == "&":
        return _ENTITY.match(tail, at) is not None
    if sign == "*":
        return rest in ("", "*") or _BOLD.fullmatch(rest) is not None
    return sign == "`" or (sign in "!\\" and not rest)


def _is_open_link(rest: str) -> bool:
    """`rest` is what follows a bracket: its label, or its address, may still come."""
    close, broken = rest.find("]"), "\n" in rest
    if close < 0:
        return not broken
    return close == len(rest) - 1 or (rest[close + 1] == "(" and not broken)
