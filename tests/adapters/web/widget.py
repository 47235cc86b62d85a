"""A strict double of the widget's side of the event stream: what a page shows, from the bytes that arrive.

It holds the server to the protocol: a connection's first word about a message is a snapshot, nothing comes after
a message's end, numbers only rise. Whatever breaks that is an `AssertionError`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

KINDS = {"said", "reply", "delta", "final", "failed", "post", "closing"}


@dataclass
class Page:
    """`shown` is the text of each message, `ends` how it ended, `number` the last durable event."""

    number: int = 0
    shown: dict[str, str] = field(default_factory=dict)
    ends: dict[str, dict[str, Any]] = field(default_factory=dict)
    said: list[dict[str, Any]] = field(default_factory=list)
    posts: list[dict[str, Any]] = field(default_factory=list)
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    comments: int = 0
    closing: bool = False
    _rest: bytes = b""
    _snapshots: dict[str, int] = field(default_factory=dict)

    def connect(self) -> None:
        """A new connection: half an event that was under way is lost, and so is what the server knew of us."""
        self._rest = b""
        self._snapshots.clear()
        self.closing = False

    def feed(self, arrived: bytes) -> None:
        *whole, self._rest = (self._rest + arrived).split(b"\n\n")
        for block in whole:
            self._take(block.decode("utf-8"))

    def _take(self, block: str) -> None:
        if block.startswith(":"):
            self.comments += 1
            return
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        assert fields.keys() <= {"id", "event", "data"}, fields
        kind, content = fields["event"], json.loads(fields["data"])
        assert kind in KINDS, kind
        assert not self.closing, "an event after `closing`"
        assert ("id" in fields) == (kind in ("final", "failed", "post")), fields
        self.events.append((kind, content))
        getattr(self, f"_{kind}")(content, int(fields.get("id", 0)))

    def _said(self, content: dict[str, Any], _: int) -> None:
        self.said.append(content)

    def _reply(self, content: dict[str, Any], _: int) -> None:
        name = content["message_id"]
        assert name not in self.ends, "a snapshot after the end"
        self._snapshots[name] = content["attempt"]
        self.shown[name] = content["text"]

    def _delta(self, content: dict[str, Any], _: int) -> None:
        name = content["message_id"]
        assert name not in self.ends, "a delta after the end"
        assert self._snapshots.get(name) == content["attempt"], "a delta without its snapshot"
        assert content["text"], "a delta without text"
        self.shown[name] += content["text"]

    def _final(self, content: dict[str, Any], number: int) -> None:
        self._end("final", content, number)
        self.shown[content["message_id"]] = content["text"]

    def _failed(self, content: dict[str, Any], number: int) -> None:
        self._end("failed", content, number)
        self.shown[content["message_id"]] = content["said"]

    def _end(self, kind: str, content: dict[str, Any], number: int) -> None:
        assert number > self.number, "a number that does not rise"
        assert content["message_id"] not in self.ends, "two ends of one message"
        self.number = number
        self.ends[content["message_id"]] = {"kind": kind, **content}

    def _post(self, content: dict[str, Any], number: int) -> None:
        assert number > self.number, "a number that does not rise"
        assert content.keys() == {"kind", "text", "name", "at", "person"}, "more, or less, than a visitor may know"
        assert content["kind"] in ("said", "notice"), content["kind"]
        self.number = number
        self.posts.append(content)

    def _closing(self, content: dict[str, Any], _: int) -> None:
        assert content == {}
        self.closing = True
