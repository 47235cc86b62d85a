"""What a Telegram message is made of: a text and its entities, as the server takes them. Pure.

The server's rules (https://core.telegram.org/bots/api#formatting-options, and TDLib's MessageEntity.cpp, which is what
runs there): a text has at most 4,096 UTF-16 units and 100 entities; of two entities with common characters one holds
the other; `pre` and `code` hold nothing and stand in nothing but a quotation; a link holds styles only; quotations do
not nest. The server drops or replaces some characters and white space at the ends. All of that is done here already,
so that what is sent is what stands there afterwards.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Literal

from adapters.graphemes import may_cut

LIMIT = 4_096
"""UTF-16 units in a message."""
MOST_ENTITIES = 100

Kind = Literal["bold", "italic", "strikethrough", "code", "pre", "text_link", "blockquote"]
_STYLES: tuple[Kind, ...] = ("bold", "italic", "strikethrough")
_ORDER: tuple[Kind, ...] = ("blockquote", "pre", "text_link", "code", *_STYLES)

_DROPPED = re.compile("[\r\u2028-\u202e\u030a\u0333\u033f]")
_CONTROL = re.compile("[\x00-\x09\x0b\x0c\x0e-\x1f]")
_HALF = re.compile("[\ud800-\udfff]")
_RING = re.compile(".\u030a")
_TO_SEE = re.compile(r"[^\s\u00a0\u180e\u200b-\u200f\u2800\ufeff\ufffc\U000e0000-\U000e007f]")


@dataclass(frozen=True, slots=True)
class Entity:
    """`offset` and `length` in UTF-16 units. `url` is a link's, `language` that of code, where it is known."""

    type: Kind
    offset: int
    length: int
    url: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class Rendered:
    """One message: at most `LIMIT` units and `MOST_ENTITIES` entities, outer ones before those that they hold."""

    text: str
    entities: tuple[Entity, ...] = ()


@dataclass(frozen=True, slots=True)
class Span:
    """`text[start:end]` is a `kind`. `detail` is a link's address, or the language of code."""

    start: int
    end: int
    kind: Kind
    detail: str = ""


def clean(text: str) -> str:
    """`text` without what the server would take out of it or replace in it."""
    text = _RING.sub(lambda found: unicodedata.normalize("NFC", found[0]), text)
    return _HALF.sub("\ufffd", _CONTROL.sub(" ", _DROPPED.sub("", text)))


def is_blank(text: str) -> bool:
    """Whether the server would say that a message with this text is empty."""
    return _TO_SEE.search(text) is None


def rendered(text: str, spans: Iterable[Span]) -> Rendered:
    """A message of `spans` that are settled. What lies outside of `text` is cut off."""
    at = list(accumulate((1 + (character > "\uffff") for character in text), initial=0))
    inside = [replace(span, start=max(0, span.start), end=min(len(text), span.end)) for span in spans]
    found = [_entity(span, at[span.start], at[span.end] - at[span.start]) for span in _trimmed(text, inside)]
    found.sort(key=lambda entity: (entity.offset, -entity.length, _ORDER.index(entity.type)))
    return Rendered(text, tuple(found))


def _entity(span: Span, offset: int, length: int) -> Entity:
    if span.kind == "text_link":
        return Entity(span.kind, offset, length, url=span.detail)
    return Entity(span.kind, offset, length, language=span.detail)


def settled(text: str, spans: Sequence[Span]) -> list[Span]:
    """`spans` as the server nests them, in order. They may only be nested or apart, as in Markdown, but for links,
    which may begin or end inside a style. Of code in a link the link stays; of styles, what is outside of code.
    """
    whole = sorted((span for span in spans if span.kind in ("pre", "text_link")), key=lambda span: span.start)
    links = Stretches(whole)
    whole += (span for span in spans if span.kind == "code" and not links.touched(span.start, span.end))
    code = Stretches([span for span in whole if span.kind != "text_link"])
    found = [*whole, *_outermost(span for span in spans if span.kind == "blockquote")]
    for kind in _STYLES:
        for style in _outermost(span for span in spans if span.kind == kind):
            for part in code.without(style):
                found += links.cut(part)
    return sorted(_trimmed(text, found), key=lambda span: (span.start, -span.end, _ORDER.index(span.kind)))


def _outermost(spans: Iterable[Span]) -> Iterator[Span]:
    end = 0
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        if span.start >= end:
            yield span
            end = span.end


def _trimmed(text: str, spans: Sequence[Span]) -> Iterator[Span]:
    """Without white space at their ends, and without parts of characters. The indent of code is part of it."""
    code = {span.start for span in spans if span.kind == "pre"}
    for span in spans:
        start, end = span.start, span.end
        while start < end and not (_may_begin(text, start) and (start in code or not text[start].isspace())):
            start += 1
        while end > start and not (_may_begin(text, end) and not text[end - 1].isspace()):
            end -= 1
        if start < end:
            yield replace(span, start=start, end=end)


def _may_begin(text: str, at: int) -> bool:
    return "\n" in text[max(0, at - 1) : at + 1] or may_cut(text, at)


class Stretches:
    """Spans that are apart from each other, and what is around them."""

    def __init__(self, spans: Iterable[Span]) -> None:
        self._spans = sorted(spans, key=lambda span: span.start)
        self._starts = [span.start for span in self._spans]

    def around(self, at: int) -> Span | None:
        """The one that a cut before index `at` would tear."""
        number = bisect_right(self._starts, at - 1) - 1
        return self._spans[number] if number >= 0 and self._spans[number].end > at else None

    def last_before(self, at: int) -> Span | None:
        """The last that ends at index `at` or before it."""
        number = bisect_right(self._starts, at - 1) - 1
        if number >= 0 and self._spans[number].end > at:
            number -= 1
        return self._spans[number] if number >= 0 else None

    def touched(self, start: int, end: int) -> bool:
        """Whether one of them has something of `text[start:end]`."""
        number = bisect_right(self._starts, end - 1) - 1
        return number >= 0 and self._spans[number].end > start

    def without(self, span: Span) -> Iterator[Span]:
        """What of `span` is outside of all of them."""
        number = max(0, bisect_right(self._starts, span.start) - 1)
        start = span.start
        while start < span.end and number < len(self._spans) and self._starts[number] < span.end:
            other = self._spans[number]
            if other.start > start:
                yield replace(span, start=start, end=other.start)
            start = max(start, other.end)
            number += 1
        if start < span.end:
            yield replace(span, start=start)

    def cut(self, span: Span) -> Iterator[Span]:
        """`span` in parts, so that none is partly inside of one of them and partly outside."""
        edges = [span.start]
        before, after = self.around(span.start), self.around(span.end)
        edges += [other.end for other in (before,) if other is not None and other.end < span.end]
        edges += [other.start for other in (after,) if other is not None and other.start > span.start]
        for start, end in zip(edges, [*edges[1:], span.end], strict=True):
            yield replace(span, start=start, end=end)
