"""Server-sent events, read from bytes that may be cut anywhere. No sockets here.

The rules are those of the HTML standard, section 9.2.6 "Interpreting an event stream".
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass

_LINE_END = re.compile(r"\r\n|\n|\r")


class EventTooLong(ValueError):
    """One event is longer than the reader accepts."""


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One event: its data lines joined by a newline, and its name ("message" when the server gave none)."""

    data: str
    name: str = "message"


class EventReader:
    """Bytes in, events out.

    `data_fields` are the fields whose lines are data, by the standard only "data"; an event that has one of
    the others is named after it. `limit` is how many characters an event may have; a longer one raises
    `EventTooLong`.
    """

    def __init__(self, *, data_fields: tuple[str, ...] = ("data",), limit: int = 4_000_000) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")(errors="replace")
        self._data_fields = data_fields
        self._limit = limit
        self._rest: list[str] = []
        self._skip_newline = False
        self._data: list[str] = []
        self._name = ""
        self._size = 0

    def feed(self, received: bytes) -> list[ServerEvent]:
        """The events that are complete with these bytes."""
        return list(self._read(self._decoder.decode(received)))

    def end(self) -> list[ServerEvent]:
        """What the stream left without the blank line that ends an event; it may be cut off anywhere.

        The standard throws this away. Whoever can tell a whole value from a cut one may use it.
        """
        events = list(self._read(self._decoder.decode(b"", True)))
        last, self._rest = "".join(self._rest), []
        for line in (last, ""):
            events.extend(self._line(line))
        return events

    def _read(self, text: str) -> Iterator[ServerEvent]:
        if self._skip_newline and text:
            text = text.removeprefix("\n")
            self._skip_newline = False
        # A carriage return ends its line at once; the newline that may follow in the next bytes belongs to it.
        self._skip_newline = self._skip_newline or text.endswith("\r")
        *ends, rest = _LINE_END.split(text)
        for end in ends:
            self._grow(len(end))
            line = "".join((*self._rest, end))
            self._rest.clear()
            yield from self._line(line)
        self._grow(len(rest))
        if rest:
            self._rest.append(rest)

    def _line(self, line: str) -> Iterator[ServerEvent]:
        if not line:
            if self._data:
                yield ServerEvent("\n".join(self._data), self._name or "message")
            self._data, self._name, self._size = [], "", 0
            return
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field in self._data_fields:
            self._data.append(value)
            if field != "data":
                self._name = self._name or field
        elif field == "event":
            self._name = value

    def _grow(self, characters: int) -> None:
        self._size += characters
        if self._size > self._limit:
            raise EventTooLong(f"an event is longer than {self._limit} characters")
