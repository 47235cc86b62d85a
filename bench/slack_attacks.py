"""What attackers send to Slack's door, and what the world's mishaps make of what Slack sends."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from bench.attacks import STRANGE, Bodies, Kind, Request
from tests.fakes.slack import shapes
from tests.fakes.slack.server import FakeSlack, Team

MAY: Mapping[Kind, frozenset[int]] = {
    "forged": frozenset({401}),
    "malformed": frozenset({400, 401, 403}),
    "odd": frozenset({200, 400, 403}),
}
_FORM = "application/x-www-form-urlencoded"


class Attacks:
    """Makes requests, from a seed."""

    def __init__(self, slack: FakeSlack, team: Team, seed: int) -> None:
        self._slack, self._team = slack, team
        self.chance = random.Random(seed)
        self._bodies = Bodies(self.chance)
        forged = (self._unsigned, self._guessed, self._stale, self._other_secret, self._strange_header)
        bodies = self._bodies
        malformed = (self._cut, bodies.noise, self._deep, self._mistyped, self._numbers, bodies.packed, self._encoded)
        others = (self._form, bodies.large, self._foreign, self._mislabelled, bodies.not_an_object)
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
        return self._bodies.cut(self._whole())

    def _deep(self) -> Request:
        return self._bodies.deep("a", "event")

    def _mistyped(self) -> Request:
        body = self._whole()
        return self._bodies.mistyped(body, body.get("event"))

    def _numbers(self) -> Request:
        return self._bodies.numbers('{"type":"event_callback","team_id":"T0123","event_time":')

    def _encoded(self) -> Request:
        return self._bodies.encoded(self._whole())

    def _mislabelled(self) -> Request:
        return self._bodies.mislabelled(self._whole(), [_FORM])

    def _form(self) -> Request:
        strange = self.chance.choice([json.dumps(one) for one in STRANGE] + ["", "{", "x"])
        kind = self.chance.choice(["block_actions", "message_action", "view_submission", "shortcut", ""])
        payload = {"type": kind, "team": {"id": "T0123"}, "user": strange, "actions": strange, "message": strange}
        fields: dict[str, str] = {"payload": self.chance.choice([strange, json.dumps(payload)])}
        if self.chance.random() < 0.3:
            fields = {"command": strange, "text": strange, "team_id": strange, "x" * self.chance.randint(1, 200): "y"}
        body = urlencode(fields).encode() + self.chance.choice([b"", b"&&=&%zz", b"&a" * 500])
        return Request(body, _FORM, kind="odd")

    def _foreign(self) -> Request:
        body = self._whole() | {"team_id": "T0666", "authorizations": [{"team_id": "T0666"}]}
        return Request(json.dumps(body).encode())
