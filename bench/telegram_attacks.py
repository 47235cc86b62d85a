"""What attackers send to the webhook, and what the world's mishaps make of Telegram's updates."""

from __future__ import annotations

import copy
import json
import random
import string
from collections.abc import Callable, Mapping
from typing import Any

from bench.attacks import STRANGE, Bodies, Headers, Kind, Request
from bench.telegram_house import SECRET
from tests.fakes.telegram.webhook import HEADER

MAY: Mapping[Kind, frozenset[int]] = {
    "forged": frozenset({401, 403}),
    "malformed": frozenset({400, 413}),
    "odd": frozenset({200, 400}),
}
_GROUP = {"id": -1_000_000_000_999, "type": "supergroup", "title": "Nobody answers here"}
_ANNA = {"id": 7, "is_bot": False, "first_name": "Anna", "language_code": "de"}


def right(_: bytes) -> Headers:
    """What Telegram sends with each update."""
    return {HEADER: SECRET}


class Attacks:
    """Makes requests, from a seed."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self._bodies = bodies = Bodies(self.chance)
        forged = (self._without, self._guessed, self._nearly, self._strange)
        malformed = (bodies.noise, self._deep, bodies.packed, self._encoded, bodies.large, self._empty, self._foreign)
        odd = (self._cut, self._mistyped, self._numbers, self._mislabelled, bodies.not_an_object)
        self._all: tuple[Callable[[], Request], ...] = (*forged, *forged, *malformed, *malformed, *odd)

    def next(self) -> Request:
        return self.chance.choice(self._all)()

    def _whole(self) -> dict[str, Any]:
        """An update as Telegram sends it, of something that is not answered."""
        number = self.chance.randrange(1, 10**9)
        kinds: list[tuple[str, dict[str, Any]]] = [
            ("message", {"message_id": number, "date": number, "chat": _GROUP, "from": _ANNA, "text": "hello"}),
            ("edited_message", {"message_id": number, "date": 1, "edit_date": number, "chat": _GROUP, "text": "x"}),
            ("business_message", {"message_id": number, "date": 1, "chat": {"id": 8, "type": "private"},
                                  "business_connection_id": "none", "from": _ANNA, "text": "hello"}),
            ("callback_query", {"id": str(number), "from": _ANNA, "chat_instance": "1", "data": "f+"}),
            ("inline_query", {"id": str(number), "from": _ANNA, "query": "hours", "offset": ""}),
            ("message_reaction", {"chat": _GROUP, "message_id": 5, "date": 1, "user": _ANNA, "old_reaction": [],
                                  "new_reaction": [{"type": "emoji", "emoji": "👍"}]}),
            ("stopped_message_generation", {"chat": {"id": 7, "type": "private"}, "draft_id": number}),
            ("something_new", {"id": number}),
        ]  # fmt: skip
        kind, payload = self.chance.choice(kinds)
        return copy.deepcopy({"update_id": number, kind: payload})

    # -- forged ----------------------------------------------------------------------------------------
    def _body(self) -> bytes:
        """An update, or bytes on which a parser would stumble, if one saw them."""
        whole = json.dumps(self._whole()).encode()
        return self.chance.choice([whole, whole[:-1], b"", b"[" * 100_000, b"\xff\xfe", b"x" * 2_000_000])

    def _forged(self, secret: str | None) -> Request:
        return Request(self._body(), headers={HEADER: secret}, kind="forged")

    def _without(self) -> Request:
        return self._forged(None)

    def _guessed(self) -> Request:
        letters = string.ascii_letters + string.digits + "_-"
        return self._forged("".join(self.chance.choices(letters, k=self.chance.choice([1, 19, 64, 256]))))

    def _nearly(self) -> Request:
        """One letter is wrong, too many, or missing."""
        place, letter = self.chance.randrange(len(SECRET)), self.chance.choice("aZ0_-é")
        changed = SECRET[:place] + letter + SECRET[place + 1 :]
        others = [SECRET + letter, letter + SECRET, SECRET[:-1], SECRET.upper(), f'"{SECRET}"', f"{SECRET}, {SECRET}"]
        return self._forged(self.chance.choice([*others, *[changed] * (changed != SECRET)]))

    def _strange(self) -> Request:
        return self._forged(self.chance.choice(["", " ", "0" * 5_000, "é" * 20, "\u2028", "null", "%00", "*", "None"]))

    # -- with the secret, but no updates of Telegram's --------------------------------------------------
    def _cut(self) -> Request:
        return self._bodies.cut(self._whole())

    def _deep(self) -> Request:
        return self._bodies.deep("message", "reply_to_message")

    def _mistyped(self) -> Request:
        whole = self._whole()
        payload = next(value for value in whole.values() if isinstance(value, dict))
        return self._bodies.mistyped(whole, payload, *payload.values())

    def _numbers(self) -> Request:
        return self._bodies.numbers(
            '{"message":{"message_id":1,"chat":{"id":1,"type":"private"},"date":1},"update_id":'
        )

    def _encoded(self) -> Request:
        return self._bodies.encoded(self._whole())

    def _mislabelled(self) -> Request:
        return self._bodies.mislabelled(self._whole())

    def _empty(self) -> Request:
        """No update has no number, nor one that is something else."""
        whole = self._whole()
        del whole["update_id"]
        wrong = [one for one in STRANGE if not isinstance(one, int) or isinstance(one, bool)]
        numbers = self.chance.choice([{}, {"update_id": self.chance.choice(wrong)}])
        return Request(json.dumps(whole | numbers).encode())

    def _foreign(self) -> Request:
        """What other services send: objects, but no updates."""
        bodies = [{"type": "event_callback", "event": {}}, {"ok": True, "result": [self._whole()]}, {"ref": "main"}]
        return Request(json.dumps(self.chance.choice(bodies)).encode())
