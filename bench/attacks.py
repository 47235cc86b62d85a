"""What attackers send to any channel's door, and what the world's mishaps make of what the channel sends."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["forged", "malformed", "odd"]
"""Not from the channel; from it, but nothing that it would say; from it, and perhaps said by it one day."""
Headers = Mapping[str, str | None]

JSON = "application/json"
STRANGE: tuple[Any, ...] = (
    None, True, 0, -1, 1.5, 1e300, "", "\0", "\ud800", "x" * 9_000, "../../etc/passwd", "<!channel>", [], [[]], {},
    {"id": None}, ["U0123"], "U0123:C0123:1.2", "' or 1=1 --", "٣", "\u202e", "9" * 64, "1e400",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent. `headers` take the place of the right ones, where they are given; None leaves one out. `streamed`:
    in chunks, without saying how long it is."""

    body: bytes
    content_type: str = JSON
    headers: Headers | None = None
    packed: bool = False
    streamed: bool = False
    kind: Kind = "malformed"


class Bodies:
    """Makes them of what the channel says, from a chance."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance

    def cut(self, whole: Mapping[str, Any]) -> Request:
        """A few bytes changed, and the rest lost."""
        body = bytearray(json.dumps(whole).encode())
        for _ in range(self.chance.randint(1, 6)):
            body[self.chance.randrange(len(body))] = self.chance.randrange(256)
        return Request(bytes(body[: self.chance.randint(0, len(body))]), kind="odd")

    def noise(self) -> Request:
        return Request(self.chance.randbytes(self.chance.randint(0, 2_000)))

    def deep(self, *names: str) -> Request:
        opened = self.chance.choice([b"[", *(f'{{"{name}":'.encode() for name in names)])
        return Request((opened * self.chance.choice([500, 5_000, 60_000]))[:300_000])

    def mistyped(self, whole: dict[str, Any], *parts: Any) -> Request:
        """Something in it, or in one of its `parts`, is of another type."""
        for _ in range(self.chance.randint(1, 3)):
            where = self.chance.choice([whole, *(part for part in parts if isinstance(part, dict) and part)])
            where[self.chance.choice(list(where))] = self.chance.choice(STRANGE)
        return Request(json.dumps(whole).encode(), kind="odd")

    def numbers(self, before: str, after: str = "}") -> Request:
        number = self.chance.choice(["NaN", "-Infinity", "1e999", "9" * 20_000, "01"])
        return Request(f"{before}{number}{after}".encode(), kind="odd")

    def packed(self) -> Request:
        bomb = gzip.compress(b" " * self.chance.choice([1_000, 20_000_000]))
        return Request(self.chance.choice([bomb, bomb[: len(bomb) // 2], b"not packed"]), packed=True)

    def encoded(self, whole: Mapping[str, Any]) -> Request:
        text = json.dumps({**whole, "text": "ünïcödé 你好"}, ensure_ascii=False)
        return Request(text.encode(self.chance.choice(["utf-16", "utf-32", "utf-8-sig", "gb18030", "utf-16-le"])))

    def large(self) -> Request:
        begun = self.chance.choice([b" ", b"[", b'{"text":"'])
        body = begun + b"x" * self.chance.choice([1_000_001, 3_000_000])
        return Request(body, streamed=self.chance.random() < 0.5)

    def mislabelled(self, whole: Mapping[str, Any], kinds: Sequence[str] = ()) -> Request:
        others = ["text/plain", "", "multipart/form-data; boundary=x", "a" * 500, "image/png", *kinds]
        return Request(json.dumps(whole).encode(), self.chance.choice(others), kind="odd")

    def not_an_object(self) -> Request:
        return Request(self.chance.choice([b"[]", b"null", b"1", b'"x"', b"", b"true", b"{}"]), kind="odd")
