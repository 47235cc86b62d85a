"""Make a text shorter without cutting a sentence, a table row or a line of code in two.

A text is a row of `Unit`s. Units of a table carry its header and units of a code block its fences, so that
what is left of either still reads as one. `fit` keeps the beginning, `shorten` the beginning and the end.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from prompts.sentences import sentences

Count = Callable[[str], int]

MARKER = "[…]"
"""Stands where something was left out."""

_FENCE = re.compile(r"\s*(`{3,}|~{3,})")
_RULE = re.compile(r"\s*\|?\s*:?-{2,}:?\s*(\|\s*:?-{2,}:?\s*)*\|?\s*\Z")
_FINER = (
    re.compile(r"(?s).*?(?:[,;:](?=\s)|[，；：、\n])\s*|.+"),  # clauses
    re.compile(r"\s*[^\s\u2e80-\u9fff]+\s*|\s*[\u2e80-\u9fff]\s*|\s+"),  # words
    re.compile(r"(?s)(?:.[\u0300-\u036f\u200d\ufe0f]*){1,8}"),  # where there are no words
)
"""How a sentence is taken apart that alone is too long; each joins to the text again."""


@dataclass(frozen=True, slots=True)
class Unit:
    """What is never cut. `opening` and `closing` frame the units of one `block` (-1: no block)."""

    text: str
    block: int = -1
    opening: str = ""
    closing: str = ""


def units(text: str) -> list[Unit]:
    """The units of Markdown `text`; `assemble(units(text)) == text`."""
    found: list[Unit] = []
    prose: list[str] = []
    lines = text.splitlines(keepends=True)
    at = 0
    while at < len(lines):
        block = _code(lines, at) or _table(lines, at)
        if not block:
            prose.append(lines[at])
            at += 1
            continue
        found += [Unit(sentence) for sentence in sentences("".join(prose))]
        prose.clear()
        length, opening, body, closing = block
        found += [Unit(line, at, opening, closing) for line in body]
        at += length
    return found + [Unit(sentence) for sentence in sentences("".join(prose))]


def assemble(kept: Sequence[Unit]) -> str:
    """The text of `kept`, with the header or the fences of every block that is in it."""
    parts: list[str] = []
    for index, unit in enumerate(kept):
        if unit.block >= 0 and (index == 0 or kept[index - 1].block != unit.block):
            parts.append(unit.opening)
        parts.append(unit.text)
        if unit.block >= 0 and (index + 1 == len(kept) or kept[index + 1].block != unit.block):
            parts.append(unit.closing)
    return "".join(parts)


def fit(text: str, tokens: int, count: Count) -> str:
    """The longest beginning of `text`, in whole units, that has at most `tokens`; "" when not even one fits.

    What was cut ends with the marker.
    """
    if count(text) <= tokens:
        return text
    whole = units(text)
    low, high = 0, len(whole) - 1
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if count(_marked(whole[:middle], [])) <= tokens else (low, middle - 1)
    while low > 0 and count(_marked(whole[:low], [])) > tokens:
        low -= 1
    return _marked(whole[:low], []) if low > 0 else ""


def shorten(text: str, tokens: int, count: Count) -> tuple[str, bool]:
    """`text` within `tokens`, and whether something was left out, which is then in the middle and marked.

    A sentence is cut only when it alone has more than `tokens`: then between clauses, else between words.
    """
    if count(text) <= tokens:
        return text, False
    room = tokens - count(f"\n{MARKER}\n")
    pieces = [piece for unit in units(text) for piece in _pieces(unit, room, count)]
    head, tail = _ends(pieces, room, count)
    result = _marked(head, tail)
    while (head or tail) and count(result) > tokens:
        # A tokenizer may count a text higher than its pieces: give up what is nearest to the gap.
        head, tail = (head[:-1], tail) if len(head) >= len(tail) else (head, tail[1:])
        result = _marked(head, tail)
    return result, True


def _ends(pieces: Sequence[Unit], room: int, count: Count) -> tuple[list[Unit], list[Unit]]:
    """Take pieces from the beginning and from the end, in turn, while they fit."""
    head: list[Unit] = []
    tail: list[Unit] = []
    used, refused, at_head = 0, 0, True
    while len(head) + len(tail) < len(pieces) and refused < 2:
        piece = pieces[len(head)] if at_head else pieces[-1 - len(tail)]
        beside = (head if at_head else tail)[-1:]
        framed = piece.block >= 0 and (not beside or beside[0].block != piece.block)
        cost = count(piece.opening + piece.text + piece.closing if framed else piece.text)
        if used + cost <= room:
            (head if at_head else tail).append(piece)
            used, refused = used + cost, 0
        else:
            refused += 1
        at_head = not at_head
    return head, tail[::-1]


def _marked(head: Sequence[Unit], tail: Sequence[Unit]) -> str:
    before, after = assemble(head).rstrip(), assemble(tail).lstrip("\n")
    # A block's last line must stay its own line, or the marker would become part of the table or the fence.
    apart = "\n\n" if head and (head[-1].block >= 0 or head[-1].text.endswith("\n")) else " "
    gap = "\n\n" if tail and tail[0].block >= 0 else " "
    return f"{before}{apart if before else ''}{MARKER}{gap if after else ''}{after}"


def _pieces(unit: Unit, room: int, count: Count) -> Iterator[Unit]:
    """`unit` when it fits into `room`; else its parts, without a frame that would leave them no room."""
    if count(unit.opening + unit.text + unit.closing) <= room:
        yield unit
    elif count(unit.text) <= room:
        yield Unit(unit.text)
    else:
        yield from map(Unit, _finer(unit.text, room // 2, count))


def _finer(text: str, room: int, count: Count, depth: int = 0) -> Iterator[str]:
    if count(text) <= room or depth == len(_FINER):
        yield text
        return
    for part in _FINER[depth].findall(text):
        yield from _finer(part, room, count, depth + 1)


def _code(lines: Sequence[str], at: int) -> tuple[int, str, Sequence[str], str] | None:
    """(lines, opening, body, closing) of a fenced block that starts at line `at`."""
    fence = _FENCE.match(lines[at])
    if not fence:
        return None
    for end in range(at + 1, len(lines)):
        if lines[end].strip().startswith(fence[1]) and not lines[end].strip().strip(fence[1][0]):
            break
    else:
        return None
    body = lines[at + 1 : end]
    if not body:
        return None
    return end + 1 - at, lines[at], body, lines[end]


def _table(lines: Sequence[str], at: int) -> tuple[int, str, Sequence[str], str] | None:
    """(lines, header, rows, "") of a pipe table that starts at line `at` and has a row."""
    if "|" not in lines[at] or at + 2 >= len(lines) or "|" not in lines[at + 1] or not _RULE.match(lines[at + 1]):
        return None
    end = at + 2
    while end < len(lines) and "|" in lines[end]:
        end += 1
    if end == at + 2:
        return None
    return end - at, lines[at] + lines[at + 1], lines[at + 2 : end], ""
