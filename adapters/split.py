"""Markdown, cut into pieces that a channel takes, where a reader would cut it. Pure, in linear time.

Four laws:

1. Joined, the pieces' texts are the text; none is empty, and none shows more than the limit.
2. No piece ends inside a character, a link, inline code, an entity or a table's row, unless that alone is too long.
3. A fence or a table that crosses a border begins a piece of its own; one that is longer than a piece goes on in the
   next: the fence is opened again, the table's header is said again, in what is shown and not in the text.
4. What `grow` shows of a text that is still being written stands: earlier pieces stay and the last one only grows,
   unless a fence or a table in it turns out to need a piece of its own.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from adapters.graphemes import may_cut
from adapters.growing import ripe
from adapters.marks import Block, Spans, blocks

Measure = Callable[[str], int]
"""How long a channel takes a text to be. It has to be additive: the length of a text is the sum of its characters'."""

_BREAK = re.compile(
    r"(?P<paragraph>\n[ \t]*+\n)|(?P<line>\n)"
    r"|(?P<sentence>(?<=[^\s\d][.!?…])[\"'”’)\]]*+(?=\s)|[。！？]++[」』”’）]*+)"
    r"|(?P<word>[ \t]++|[，、；：])"
)
_RANKS = {"paragraph": 4, "line": 3, "sentence": 2, "word": 1}
_MARKER = re.compile(r"[ \t>]*+(?:[-*+]|\d{1,9}[.)]|#{1,6})?[ \t]*+")
_HEADING = re.compile(r"[ \t>]*+#{1,6}[ \t]")
_BLANK = re.compile(r"\s*+")
_MOST_INDENT = 100
_AHEAD = 64


@dataclass(frozen=True, slots=True)
class Piece:
    """`text` is this piece of the text as it was; `shown` is what to send for it."""

    text: str
    shown: str


def utf16(text: str) -> int:
    """The length of `text` in UTF-16 units, as JavaScript and some messengers count."""
    return len(text) + sum(character > "\uffff" for character in text)


def split(markdown: str, limit: int, measure: Measure = len) -> list[Piece]:
    """`markdown` in pieces of which each shows at most `limit`. What is blank alone is one piece that shows nothing."""
    return _without_blank(_Cutter(markdown, limit, measure).pieces())


def grow(markdown: str, limit: int, measure: Measure = len) -> list[Piece]:
    """As `split`, of a text that is still being written: only what will stay as it is. May be empty."""
    found = _without_blank(_Cutter(markdown[: ripe(markdown)], limit, measure, growing=True).pieces())
    return found if found and found[-1].shown else found[:-1]


def _without_blank(pieces: Iterator[Piece]) -> list[Piece]:
    """A piece in which there is nothing to see goes to the one before it, or to the next."""
    found: list[Piece] = []
    for piece in pieces:
        shown = piece.shown if piece.shown.strip() else ""
        if found and not (shown and found[-1].shown):
            found[-1] = Piece(found[-1].text + piece.text, found[-1].shown or shown)
        else:
            found.append(Piece(piece.text, shown))
    return found


@dataclass(frozen=True, slots=True)
class _Cut:
    """A piece ends with index `stop` in what is shown, with `end` in the text."""

    stop: int
    end: int
    closing: str = ""


class _Cutter:
    def __init__(self, text: str, limit: int, measure: Measure, *, growing: bool = False) -> None:
        if limit < 1:
            raise ValueError("a piece has to hold at least one character")
        self._text, self._limit, self._measure, self._growing = text, limit, measure, growing
        self._at: Sequence[int] = (
            range(len(text) + 1) if measure is len else list(accumulate(map(measure, text), initial=0))
        )
        self._blocks = blocks(text)
        self._starts = [block.start for block in self._blocks]
        self._spans = Spans(text, self._blocks)
        self._last = len(text.rstrip())
        self._known: dict[int, bool] = {}

    def pieces(self) -> Iterator[Piece]:
        start, text = 0, self._text
        while start < len(text):
            opening = self._opening(start)
            seen = start if start else self._skip(0)
            cut = self._cut(seen, self._limit - self._measure(opening))
            shown = text[seen : cut.stop]
            yield Piece(text[start : cut.end], f"{opening}{shown}{cut.closing}" if shown else "")
            start = cut.end

    # -- where a piece ends ----------------------------------------------------------------------------
    def _cut(self, seen: int, room: int) -> _Cut:
        rest = self._at[self._last] - self._at[min(seen, self._last)]
        if rest <= room + (_AHEAD if self._growing else 0):
            whole = _Cut(max(seen, self._last), len(self._text))
            return self._settled(seen, room, whole) if self._growing and rest > room * 3 // 4 else whole
        top = max(self._reach(seen, room), seen + 1)
        block = self._across(top)
        if block is None:
            return self._ended(self._prose(seen, top, room))
        if block.start > seen:
            return _Cut(seen + len(self._text[seen : block.start].rstrip()), block.start)
        return self._inside(block, seen, room)

    def _settled(self, seen: int, room: int, whole: _Cut) -> _Cut:
        """Of the last piece of a growing text: up to where it would be cut if nothing better came."""
        if self._blocks and self._blocks[-1].end >= self._last:
            return (
                whole
                if self._at[self._last] - self._at[seen] <= room
                else _Cut(self._reach(seen, room), len(self._text))
            )
        top = self._reach(seen, room)
        low = self._low(seen, room, top)
        ranked = self._ranked(seen, low, top)
        stop = ranked if ranked is not None else self._safe(seen, low) or seen
        return _Cut(seen + len(self._text[seen:stop].rstrip()), len(self._text))

    def _inside(self, block: Block, seen: int, room: int) -> _Cut:
        """In a block that is longer than a piece and fills it from its beginning: after a line."""
        closing = block.closing if self._reopens(block) else ""
        top = max(self._reach(seen, room - self._measure(closing)), seen + 1)
        first, most = max(seen + 1, block.body), min(top + 1, block.last)
        blank = self._text.rfind("\n\n", max(first, self._low(seen, room, top)), most) if block.kind == "fence" else -1
        if blank >= 0:
            return _Cut(blank, blank + 2, closing)
        if (end := self._text.rfind("\n", first, most)) >= 0:
            return _Cut(end, end + 1, closing)
        stop = self._safe(seen, top) if block.kind == "fence" else self._prose(seen, top, room)
        stop = stop or top
        return _Cut(stop, stop, closing if stop >= block.body else "")

    def _prose(self, seen: int, top: int, room: int) -> int:
        """The best place in the last quarter of what fits, else any in it, else the last one before it."""
        low = self._low(seen, room, top)
        for found in (self._ranked(seen, low, top), self._safe(low, top), self._safe(seen, low)):
            if found is not None:
                return found
        at = top
        while at > seen + 1 and not may_cut(self._text, at):
            at -= 1
        return at if may_cut(self._text, at) else top

    def _low(self, seen: int, room: int, top: int) -> int:
        """Where the last quarter of a piece begins; not before the end of a block that it holds whole."""
        low = min(top, max(seen + 1, self._reach(seen, room * 3 // 4)))
        block = self._across(low)
        return block.end if block is not None and block.end <= top else low

    def _ranked(self, seen: int, low: int, top: int) -> int | None:
        found: list[tuple[int, int]] = []
        for match in _BREAK.finditer(self._text, low, min(len(self._text), top + 2)):
            kind = match.lastgroup or "word"
            after = kind == "sentence" or (kind == "word" and not match[0].isspace())
            place = match.end() if after else match.start()
            if low <= place <= top and self._spans.around(place) is None:
                found.append((_RANKS[kind], place))
        for _, place in sorted(found, reverse=True):
            if place > seen and self._reads(seen, place):
                return place
        return None

    def _reads(self, seen: int, place: int) -> bool:
        """Whether a piece may end here: not after a heading or a list's mark, and not inside a block."""
        begun = self._text[max(seen, self._text.rfind("\n", 0, place) + 1) : place]
        if not begun.strip():
            return bool(self._text[seen:place].strip())
        return not (_MARKER.fullmatch(begun) or _HEADING.match(begun)) and self._across(place) is None

    def _safe(self, low: int, top: int) -> int | None:
        """The last place that tears nothing, after `low`."""
        at = top
        while at > low:
            torn = self._spans.around(at)
            if torn is None and may_cut(self._text, at):
                return at
            at = torn[0] if torn else at - 1
        return None

    # -- small things ------------------------------------------------------------------------------------
    def _reach(self, start: int, room: int) -> int:
        """The last index up to which `room` holds what begins at `start`."""
        return bisect_right(self._at, self._at[start] + max(0, room)) - 1

    def _across(self, at: int) -> Block | None:
        """The block that a cut at `at` would tear."""
        number = bisect_right(self._starts, at - 1) - 1
        return self._blocks[number] if number >= 0 and self._blocks[number].end > at else None

    def _reopens(self, block: Block) -> bool:
        """Whether what opens and closes it leaves room enough for what is in it."""
        if block.start not in self._known:
            around = self._measure(block.opening) + self._measure(block.closing)
            self._known[block.start] = around <= self._limit // 2
        return self._known[block.start]

    def _opening(self, start: int) -> str:
        """What comes before a piece that begins inside a block."""
        block = self._across(start)
        if block is None or start < block.body or not self._reopens(block):
            return ""
        return block.opening if block.kind == "fence" or self._text[start - 1] == "\n" else ""

    def _ended(self, stop: int) -> _Cut:
        end = self._skip(stop)
        return _Cut(stop, self._last_or(end))

    def _last_or(self, end: int) -> int:
        return len(self._text) if end >= self._last else end

    def _skip(self, start: int) -> int:
        """Where the next thing to see begins: after blank lines, with its own indent; after a blank."""
        found = _BLANK.match(self._text, start)
        end = found.end() if found else start
        line = self._text.rfind("\n", start, end) + 1
        return line if line > start and end - line <= _MOST_INDENT else end if start else max(line, 0)
