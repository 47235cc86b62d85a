"""What writes a text with spans in it, piece by piece. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from adapters.telegram.entities import Kind, Span, clean


@dataclass(frozen=True, slots=True)
class Solid:
    """Code, or a table: `text[start:end]` stays together if it can. `header` is said again where it goes on."""

    start: int
    end: int
    header: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    text: str
    spans: Sequence[Span] = ()

    def stripped(self) -> Written:
        """Without white space at its ends."""
        first, kept = len(self.text) - len(self.text.lstrip()), self.text.strip()
        inside = (
            replace(span, start=max(span.start - first, 0), end=min(span.end - first, len(kept))) for span in self.spans
        )
        return Written(kept, [span for span in inside if span.start < span.end])


class Pen:
    """Line breaks are written when something comes after them, so that nothing begins or ends with one."""

    def __init__(self) -> None:
        self.at = 0
        self.spans: list[Span] = []
        self.solids: list[Solid] = []
        self.heads: list[tuple[int, int]] = []
        self._parts: list[str] = []
        self._indent = ""
        self._lead = ""

    def written(self) -> Written:
        return Written("".join(self._parts), self.spans)

    def gap(self, lines: int) -> None:
        """What comes next begins `lines` lines further down, if there was anything before."""
        if self.at:
            self._lead = "\n" * max(lines, self._lead.count("\n")) + self._indent

    def glue(self, text: str) -> None:
        """`text` before what comes next, if that is on this line."""
        self._lead = text

    def write(self, text: str) -> None:
        self._raw(clean(text).replace("\n", f"\n{self._indent}"))

    def add(self, piece: Written) -> None:
        """What another pen has written, in one line."""
        start = self.at + len(self._lead)
        self._raw(piece.text)
        self.spans += (replace(span, start=span.start + start, end=span.end + start) for span in piece.spans)

    def solid(self, text: str, language: str = "", header: str = "") -> None:
        """Text in a fixed-width font, with line breaks of its own."""
        start = self.at + len(self._lead)
        with self.span("pre", language):
            self._raw(text)
        self.solids.append(Solid(start, self.at, header))

    @contextmanager
    def span(self, kind: Kind, detail: str = "") -> Iterator[None]:
        before, start = self.at, self.at + len(self._lead)
        yield
        if self.at > before:
            self.spans.append(Span(start, self.at, kind, detail))

    @contextmanager
    def heading(self) -> Iterator[None]:
        before, start = self.at, self.at + len(self._lead)
        with self.span("bold"):
            yield
        if self.at > before:
            self.heads.append((start, self.at))

    @contextmanager
    def indented(self, by: str) -> Iterator[None]:
        before, self._indent = self._indent, self._indent + by
        yield
        self._indent = before

    @contextmanager
    def flush_left(self) -> Iterator[None]:
        """Without the indent: what is in here is shown as a block of its own."""
        before, self._indent = self._indent, ""
        if self._lead:
            self._lead = "\n" * self._lead.count("\n") or self._lead
        yield
        self._indent = before

    def _raw(self, text: str) -> None:
        if text:
            self._parts += (self._lead, text)
            self.at += len(self._lead) + len(text)
            self._lead = ""
