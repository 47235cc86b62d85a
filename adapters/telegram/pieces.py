"""A text with spans, cut into messages, where a reader would cut it. Pure.

It is cut after the Markdown was read, not before: what was emphasis, a link or a list is one whatever comes between.
Laws: joined, the messages are the text but for white space at the borders and for what is said again; each is within
the server's limits; code and tables that fit in a message stand in one; what does not is cut between lines, and a table
says its header again. Where prose is cut is `adapters.split`'s to say.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import replace
from itertools import accumulate

from adapters.graphemes import may_cut
from adapters.split import split, utf16
from adapters.telegram.composing import Composed
from adapters.telegram.entities import LIMIT, MOST_ENTITIES, Rendered, Span, Stretches, is_blank, rendered
from adapters.telegram.pen import Solid

_AHEAD = 200


def cut(composed: Composed) -> Iterator[Rendered]:
    """The messages of a text, in order; none for a text in which there is nothing to see."""
    return (piece for piece in _Cutter(composed).pieces() if not is_blank(piece.text))


class _Cutter:
    def __init__(self, composed: Composed) -> None:
        self._text, self._spans = composed.text, composed.spans
        self._units = list(accumulate((1 + (character > "\uffff") for character in self._text), initial=0))
        self._starts = [span.start for span in self._spans]
        self._solids = composed.solids
        self._blocks = Stretches(Span(solid.start, solid.end, "pre") for solid in self._solids)
        self._solid_starts = [solid.start for solid in self._solids]
        self._heads = {end: start for start, end in composed.heads}
        self._whole = Stretches(span for span in self._spans if span.kind in ("text_link", "code"))

    def pieces(self) -> Iterator[Rendered]:
        at, number, open_ = self._next(0), 0, list[Span]()
        while at < len(self._text):
            header = self._header(at)
            following = bisect_left(self._starts, at)
            open_ = [span for span in (*open_, *self._spans[number:following]) if span.end > at]
            number = following
            stop = self._stop(at, LIMIT - utf16(header), MOST_ENTITIES - len(open_))
            inside = [*open_, *self._spans[number : bisect_left(self._starts, stop)]]
            yield self._piece(header, at, stop, inside)
            at = self._next(stop)

    def _piece(self, header: str, at: int, stop: int, spans: list[Span]) -> Rendered:
        shift = len(header) - at
        moved = (
            replace(span, start=span.start + shift if span.start > at else 0, end=span.end + shift) for span in spans
        )
        return rendered(header + self._text[at:stop].rstrip(), moved)

    def _header(self, at: int) -> str:
        """What a table that goes on at `at` says again, unless that alone fills a message."""
        solid = self._solid(at)
        if solid is None or at < solid.start + len(solid.header):
            return ""
        return solid.header if utf16(solid.header) <= LIMIT // 2 else ""

    def _next(self, stop: int) -> int:
        """Where the next message begins: code keeps its indent."""
        end = stop
        while end < len(self._text) and self._text[end].isspace():
            end += 1
        if end < len(self._text) and (solid := self._solid(stop)):
            return max(stop, solid.start, self._text.rfind("\n", stop, end) + 1)
        inside = self._solid(end)
        return inside.start if inside is not None else end

    # -- where a message ends ----------------------------------------------------------------------------
    def _stop(self, at: int, room: int, entities: int) -> int:
        top = bisect_right(self._units, self._units[at] + room) - 1
        crowded = bisect_left(self._starts, at) + entities
        if crowded < len(self._starts):
            top = min(top, self._starts[crowded])
        if top >= len(self._text):
            return len(self._text)
        top = max(top, at + 1)
        solid = self._solid(top)
        if solid is not None:
            return solid.start if solid.start > at else self._in_solid(solid, at, top)
        return self._prose(at, top)

    def _in_solid(self, solid: Solid, at: int, top: int) -> int:
        """After a line; after a blank one, if there is one near the end."""
        low = max(at, solid.start + len(solid.header)) + 1
        near = at + (top - at) * 3 // 4
        for sign, first in (("\n\n", max(low, near)), ("\n", low)):
            if (end := self._text.rfind(sign, first, top + 1)) >= 0:
                return end
        return self._between_characters(at, top)

    def _prose(self, at: int, top: int) -> int:
        """Where prose is cut best. What comes after code or a table near the end goes to the next message."""
        before = self._blocks.last_before(top)
        start = max(at, before.end if before is not None else at)
        if start - at > (top - at) // 2:
            paragraph = self._text.rfind("\n\n", start, top + 1)
            return self._with_head(at, paragraph if paragraph >= 0 else start)
        room = self._units[top] - self._units[start]
        first = split(self._text[start : top + _AHEAD], max(1, room), utf16)[0].text.rstrip()
        stop = min(start + len(first), top)
        torn = self._whole.around(stop)
        if torn is not None and torn.start > start + (stop - start) // 2:
            stop = torn.start
        stop = self._with_head(at, start + len(self._text[start:stop].rstrip()))
        return stop if stop > at else self._between_characters(at, top)

    def _with_head(self, at: int, stop: int) -> int:
        """Headings go with what they are above."""
        while stop in self._heads and self._heads[stop] > at:
            stop = len(self._text[: self._heads[stop]].rstrip())
        return stop

    def _between_characters(self, at: int, top: int) -> int:
        stop = top
        while stop > at + 1 and not may_cut(self._text, stop):
            stop -= 1
        return stop if may_cut(self._text, stop) else top

    def _solid(self, at: int) -> Solid | None:
        """The code or the table that a cut before index `at` would tear."""
        if self._blocks.around(at) is None:
            return None
        return self._solids[bisect_right(self._solid_starts, at - 1) - 1]
