"""What attackers send to Slack's door, and what the world's mishaps make of what Slack sends."""

from __future__ import annotations

import gzip
import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlencode

from tests.fakes.slack import shapes
from tests.fakes.slack.server import FakeSlack, Team

Kind = Literal["forged", "malformed", "odd"]
"""Not signed by Slack; signed, but nothing that Slack would say; signed, and perhaps said by Slack one day."""
MAY: Mapping[Kind, frozenset[int]] = {
    "forged": frozenset({401}),
    "malformed": frozenset({400, 401, 403}),
    "odd": frozenset({200, 400, 403}),
}

_JSON, _FORM = "application/json", "application/x-www-form-urlencoded"
_STRANGE: tuple[Any, ...] = (
    None, True, 0, -1, 1.5, 1e300, "", "\0", "\ud800", "x" * 9_000, "../../etc/passwd", "<!channel>", [], [[]], {},
    {"id": None}, ["U0123"], "U0123:C0123:1.2", "' or 1=1 --", "٣", "\u202e", "9" * 64, "1e400",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent. `headers` take the place of the right signature's, where they are given; None leaves one out."""

    body: bytes
    content_type: str = _JSON
    headers: Mapping[str, str | None] | None = None
    packed: bool = False
    kind: Kind = "malformed"


class Attacks:
    """Makes requests, from a seed."""

    def __init__(self, slack: FakeSlack, team: Team, seed: int) -> None:
        self._slack, self._team = slack, team
        self.chance = random.Random(seed)
        forged = (self._unsigned, self._guessed, self._stale, self._other_secret, self._strange_header)
        malformed = (self._cut, self._noise, self._deep, self._mistyped, self._numbers, self._packed, self._encoded)
        others = (self._form, self._large, self._foreign, self._mislabelled, self._not_an_object)
        self._all: tuple[Callable[[], Request], ...] = (*forged, *forged, *malformed, *others)

    def next(self) -> Request:
        return self.chance.choice(self._all)()

    def _whole(self) -> dict[str, Any]:
        """An event as Slack sends it; its channel is one where nobody answers."""
        ts = f"{self.chance.randrange(10**9)}.{self.chance.randrange(10**6):06d}"
        event = {"type": "message", "channel": "C0999", "user": "U0123", "text": "hello", "ts": ts, "event_ts": ts}
        ident = f"Ev{self.chance.randrange(10**9)}"
        return shapes.envelope(event | {"channel_type": "channel"}, self._team, ident)

    def _body(self) -> bytes:
        """An event, or bytes on which a parser would stumble, if one saw them."""
        whole = json.dumps(self._whole()).encode()
        return self.chance.choice([whole, whole[:-1], b"", b"[" * 100_000, b"\xff\xfe", b"payload=%zz"])

    # -- forged ----------------------------------------------------------------------------------------
    def _unsigned(self) -> Request:
        names = ["X-Slack-Signature", "X-Slack-Request-Timestamp"]
        return Request(
            self._body(), headers=dict.fromkeys(self.chance.sample(names, self.chance.randint(1, 2))), kind="forged"
        )

    def _guessed(self) -> Request:
        digest = self.chance.choice(["0" * 64, f"{self.chance.getrandbits(256):064x}", "", "v0", "0" * 5_000])
        kind = self.chance.choice(["v0=", "v1=", "", "sha256=", "V0="])
        return Request(self._body(), headers={"X-Slack-Signature": kind + digest}, kind="forged")

    def _stale(self) -> Request:
        body, away = self._body(), self.chance.choice([-301, -86_400, 400, 86_400, -(10**9), 10**12])
        return Request(body, headers=self._slack.delivery.signed(body, at=time.time() + away), kind="forged")

    def _other_secret(self) -> Request:
        body = self._body()
        return Request(
            body,
            headers=self._slack.delivery.signed(body, secret=self.chance.choice(["x", " ", "signing"])),
            kind="forged",
        )

    def _strange_header(self) -> Request:
        name = self.chance.choice(["X-Slack-Signature", "X-Slack-Request-Timestamp"])
        value = self.chance.choice(
            [
                "abc",
                "-1",
                "1e9",
                "0x10",
                "١٢٣",
                "NaN",
                "é" * 20,
                "v0=é",
                "9" * 400,
                " ",
                "1 2",
                "+1",
                "1_0",
                "v0=\u2028",
            ]
        )
        return Request(self._body(), headers={name: value}, kind="forged")

    # -- signed, but no request of Slack's -------------------------------------------------------------
    def _cut(self) -> Request:
        body = bytearray(json.dumps(self._whole()).encode())
        for _ in range(self.chance.randint(1, 6)):
            body[self.chance.randrange(len(body))] = self.chance.randrange(256)
        return Request(bytes(body[: self.chance.randint(0, len(body))]), kind="odd")

    def _noise(self) -> Request:
        return Request(self.chance.randbytes(self.chance.randint(0, 2_000)))

    def _deep(self) -> Request:
        opened = self.chance.choice([b"[", b'{"a":', b'{"event":'])
        return Request((opened * self.chance.choice([500, 5_000, 60_000]))[:300_000])

    def _mistyped(self) -> Request:
        body = self._whole()
        for _ in range(self.chance.randint(1, 3)):
            where = self.chance.choice([body, body["event"] if isinstance(body.get("event"), dict) else body])
            where[self.chance.choice(list(where))] = self.chance.choice(_STRANGE)
        return Request(json.dumps(body).encode(), kind="odd")

    def _numbers(self) -> Request:
        number = self.chance.choice(["NaN", "-Infinity", "1e999", "9" * 20_000, "01"])
        return Request(f'{{"type":"event_callback","team_id":"T0123","event_time":{number}}}'.encode(), kind="odd")

    def _packed(self) -> Request:
        bomb = gzip.compress(b" " * self.chance.choice([1_000, 20_000_000]))
        return Request(self.chance.choice([bomb, bomb[: len(bomb) // 2], b"not packed"]), packed=True)

    def _encoded(self) -> Request:
        text = json.dumps(self._whole() | {"text": "ünïcödé 你好"}, ensure_ascii=False)
        return Request(text.encode(self.chance.choice(["utf-16", "utf-32", "utf-8-sig", "gb18030", "utf-16-le"])))

    def _form(self) -> Request:
        strange = self.chance.choice([json.dumps(one) for one in _STRANGE] + ["", "{", "x"])
        kind = self.chance.choice(["block_actions", "message_action", "view_submission", "shortcut", ""])
        payload = {"type": kind, "team": {"id": "T0123"}, "user": strange, "actions": strange, "message": strange}
        fields: dict[str, str] = {"payload": self.chance.choice([strange, json.dumps(payload)])}
        if self.chance.random() < 0.3:
            fields = {"command": strange, "text": strange, "team_id": strange, "x" * self.chance.randint(1, 200): "y"}
        body = urlencode(fields).encode() + self.chance.choice([b"", b"&&=&%zz", b"&a" * 500])
        return Request(body, _FORM, kind="odd")

    def _large(self) -> Request:
        return Request(
            self.chance.choice([b" ", b"[", b'{"text":"']) + b"x" * self.chance.choice([1_000_001, 3_000_000])
        )

    def _foreign(self) -> Request:
        body = self._whole() | {"team_id": "T0666", "authorizations": [{"team_id": "T0666"}]}
        return Request(json.dumps(body).encode())

    def _mislabelled(self) -> Request:
        kind = self.chance.choice(["text/plain", "", "multipart/form-data; boundary=x", "a" * 500, _FORM, "image/png"])
        return Request(json.dumps(self._whole()).encode(), kind, kind="odd")

    def _not_an_object(self) -> Request:
        return Request(self.chance.choice([b"[]", b"null", b"1", b'"x"', b"", b"true", b"{}"]), kind="odd")
