"""Tool calls, found in the text while it streams. Pure.

What models write, of those whose chat templates know tools:

    <tool_call>{"name": …, "arguments": {…}}</tool_call>        Hermes, Qwen
    [TOOL_CALLS][{"name": …, "arguments": {…}}, …]              Mistral
    [TOOL_CALLS]name{…}  and  [TOOL_CALLS]name[ARGS]{…}         Mistral, newer
    <|python_tag|>{"name": …, "parameters": {…}}; {…}           Llama 3
    {"name": …, "parameters": {…}}  or an array of such         the same, where the tokenizer drops the marker

The last form counts only at the start of an answer. Nothing that may become a marker or a call is shown as text; what
then turns out to be none (JSON that is broken, a tool that was not offered) is shown as the text that it is. Where the
text was cut into deltas makes no difference, and each character is looked at once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from adapters.openai.json_text import Whole, parsed

_HERMES, _MISTRAL, _PYTHON = "<tool_call>", "[TOOL_CALLS]", "<|python_tag|>"
_MARKERS = (_HERMES, _MISTRAL, _PYTHON)
_AFTER = {_HERMES: "</tool_call>", _MISTRAL: "", _PYTHON: ";", "": ";"}
"""What may follow the JSON of a call, by its marker: an end, or (";") another call."""
_BARE = tuple(
    start + key
    for start in ('{"', '[{"')
    for key in ('name"', 'parameters"', 'arguments"', 'type":"function"', 'function"')
)
_NAMED = re.compile(r"\s*([A-Za-z0-9_.-]{1,64})\s*(?:\[ARGS\]\s*)?(?=\{)")
_NAMED_SO_FAR = re.compile(r"\s*[A-Za-z0-9_.-]{0,64}\s*(?:\[(?:A(?:R(?:G(?:S(?:\]\s*)?)?)?)?)?)?")
_LONGEST = 1_000_000
"""Characters of one call. What is longer is text, and so is all that follows it."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call of the tool `name`; `arguments` is a JSON object, as text."""

    name: str
    arguments: str


class _State(Enum):
    START = auto()
    TEXT = auto()
    CALL = auto()
    AFTER = auto()
    REST = auto()
    """Nothing but text follows."""


class CallReader:
    """Reads one answer. `names` are the tools that were offered."""

    def __init__(self, names: Collection[str]) -> None:
        self._names = names
        self._text = ""
        self._state = _State.START
        self._marker = ""
        self._whole: Whole | None = None
        self._trim = False
        self.calls = 0

    def feed(self, text: str) -> list[str | Call]:
        """The text and the calls that are certain now."""
        self._text += text
        return self._found(final=False)

    def finish(self) -> list[str | Call]:
        """The answer is at its end: what was held back is decided."""
        return self._found(final=True)

    def _found(self, *, final: bool) -> list[str | Call]:
        found: list[str | Call] = []
        for one in self._read(final=final):
            if isinstance(one, Call):
                self.calls += 1
                self._trim = True
                found.append(one)
            elif shown := one.lstrip() if self._trim else one:  # the blanks between two calls are nobody's text
                self._trim = False
                found.append(shown)
        return found

    def _read(self, *, final: bool) -> Iterator[str | Call]:
        """One state after the other, until more text is needed."""
        steps = {
            _State.START: self._start,
            _State.TEXT: self._plain,
            _State.CALL: self._call,
            _State.AFTER: self._after,
            _State.REST: self._plain,
        }
        while self._text or self._state is _State.CALL:
            before = (len(self._text), self._state)
            yield from steps[self._state](final)
            if (len(self._text), self._state) == before:
                return

    def _start(self, final: bool) -> Iterator[str | Call]:
        """The first characters: a call without a marker, or text."""
        compact = "".join(self._text[:200].split())
        if compact.startswith(_BARE):
            self._open("", 0)
        elif final or not any(beginning.startswith(compact) for beginning in _BARE):
            self._state = _State.TEXT
        yield from ()

    def _plain(self, final: bool) -> Iterator[str | Call]:
        places = [(self._text.find(one), one) for one in _MARKERS if one in self._text]
        if places and self._state is not _State.REST:
            at, marker = min(places)
            yield self._text[:at]
            self._open(marker, at + len(marker))
            return
        keep = 0 if final else _held(self._text)
        yield self._text[: len(self._text) - keep]
        self._text = self._text[len(self._text) - keep :]

    def _open(self, marker: str, end: int) -> None:
        self._text, self._marker, self._whole = self._text[end:], marker, None
        self._state = _State.CALL

    def _call(self, final: bool) -> Iterator[str | Call]:
        if self._whole is None:
            start = self._json_start()
            if start is None and not final:
                return
            if start is None or start < 0:
                yield from self._as_text(0)
                return
            self._whole = Whole(start)
        end = self._whole.end(self._text)
        if end >= 0:
            yield from self._closed(end)
        elif final or len(self._text) > _LONGEST:
            yield from self._as_text(len(self._text), _State.REST)

    def _json_start(self) -> int | None:
        """Where the JSON begins; -1 when none does, None while that is open."""
        blank = len(self._text) - len(self._text.lstrip())
        if blank == len(self._text):
            return None
        if self._text[blank] in "{[":
            return blank
        if self._marker == _MISTRAL:
            if named := _NAMED.match(self._text):
                return named.end()
            if _NAMED_SO_FAR.fullmatch(self._text):
                return None
        return -1

    def _closed(self, end: int) -> Iterator[str | Call]:
        calls = self._calls_in(self._text[:end])
        if not calls:
            yield from self._as_text(end)
            return
        yield from calls
        self._text = self._text[end:]
        self._state = _State.AFTER

    def _calls_in(self, text: str) -> list[Call]:
        named = _NAMED.match(text) if self._marker == _MISTRAL else None
        try:
            found = parsed(text[named.end() :] if named else text)
            if named:
                found = {"name": named[1], "arguments": found}
            return [_as_call(one, self._names) for one in (found if isinstance(found, list) else [found])]
        except (ValueError, RecursionError):
            return []

    def _after(self, final: bool) -> Iterator[str | Call]:
        """Behind a call: its end marker, another call of the same kind, or text."""
        wanted, rest = _AFTER[self._marker], self._text.lstrip()
        if wanted and not final and len(rest) < len(wanted) and wanted.startswith(rest):
            return
        if wanted and rest.startswith(wanted):
            self._text = rest[len(wanted) :]
            if wanted == ";":
                self._open("", 0)
                return
        self._state = _State.TEXT
        yield from ()

    def _as_text(self, end: int, then: _State = _State.TEXT) -> Iterator[str]:
        """What looked like a call up to `end`, and its marker, are text."""
        yield self._marker + self._text[:end]
        self._text, self._state = self._text[end:], then


def _as_call(found: Any, names: Collection[str]) -> Call:
    """Raises `ValueError` for what is no call of a tool that was offered."""
    if isinstance(found, dict) and isinstance(found.get("function"), dict):
        found = found["function"]
    name = found.get("name") if isinstance(found, dict) else None
    if not isinstance(name, str) or name not in names:
        raise ValueError("not a tool")
    arguments = found.get("arguments", found.get("parameters", {}))
    if isinstance(arguments, str):  # some models write the JSON of the JSON
        arguments = parsed(arguments)
    if isinstance(arguments, dict):
        return Call(name, json.dumps(arguments, ensure_ascii=False))
    raise ValueError("no arguments")


def _held(text: str) -> int:
    """How many characters at the end may be the beginning of a marker."""
    longest = max(map(len, _MARKERS)) - 1
    for length in range(min(longest, len(text)), 0, -1):
        if any(marker.startswith(text[-length:]) for marker in _MARKERS):
            return length
    return 0
