"""What is known of the messages that show something: kept before and after every call, found again after a crash.

The one ambiguous case is a message that was begun: Slack was asked for it, or was about to be, and its id never came
back. Then its thread is read. A message that we posted says itself, in its metadata, what it is. A stream says nothing
until it is stopped: one of ours that nobody knows, newer than the question, is taken for it, since the house writes in
one conversation one thing at a time.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from adapters.slack import names
from adapters.slack.api import Api, SlackError
from adapters.slack.installs import Account
from adapters.slack.plan import Part
from storage.base import Send, Store

METADATA = "frontdesk_answer"
_EARLIER_SECONDS = 300.0
"""How far Slack's clock may be behind ours."""
_PAGE, _PAGES = 200, 5
_TS = re.compile(r"\d{10}\.\d{6}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where something is shown: `thread` is the ts of the thread's root, "" for a message that begins one.

    `recipient` is the user whom it answers ("" when nobody knows).
    """

    account: Account
    channel: str
    thread: str
    recipient: str = ""


@dataclass(slots=True)
class Known:
    """The messages that show one thing, as the store has them. `message` is which form of the question they answer."""

    parts: list[Part]
    message: str = ""
    digests: dict[int, str] = field(default_factory=dict)
    note: Mapping[str, Any] = field(default_factory=dict)


def is_ts(text: str) -> bool:
    return _TS.fullmatch(text) is not None


def digest(*content: Any) -> str:
    """A short name for what a message shows."""
    encoded = json.dumps(content, sort_keys=True, ensure_ascii=False).encode("utf-8", "replace")
    return hashlib.blake2b(encoded, digest_size=12).hexdigest()


class Sends:
    def __init__(self, store: Store, api: Api) -> None:
        self._store, self._api = store, api

    async def known(self, key: str, place: Place) -> Known:
        """What there is of `key`, also what was begun and never came back. Raises `SlackError`."""
        sends = await self._store.sends(names.CHANNEL, key)
        parts = [Part(number) for number in range(1 + max((send.part for send in sends), default=-1))]
        found = Known(parts)
        for send in sends:
            part = parts[send.part]
            found.message = str(send.detail.get("message", "")) or found.message
            found.note = send.detail if send.part == 0 else found.note
            if send.remote:
                part.ts = send.remote.rpartition(":")[2]
                part.streaming = bool(send.detail.get("stream"))
                if send.state == "done":
                    found.digests[send.part] = str(send.detail.get("digest", ""))
        begun = [send for send in sends if send.state == "begun" and not send.detail.get("refused")]
        if begun:
            await self._find(key, place, begun, parts)
        return found

    async def keep(
        self, key: str, place: Place, part: Part, state: Literal["begun", "placed", "done"], **detail: Any
    ) -> None:
        remote = names.remote(place.account.team, place.channel, part.ts) if part.ts else ""
        await self._store.keep_send(
            names.CHANNEL, key, Send(part=part.number, state=state, remote=remote, detail=detail)
        )

    # -- after a crash -----------------------------------------------------------------------------------
    async def _find(self, key: str, place: Place, begun: Sequence[Send], parts: list[Part]) -> None:
        messages = await self._ours(key, place, begun)
        strays = [message for message in messages if not message.get("metadata")]
        for send in begun:
            part = parts[send.part]
            said = next((message for message in messages if _says(message, key, send.part)), None)
            if said is None and send.detail.get("how") == "stream":
                said = await self._stray(place, strays)
            if said is not None:
                part.ts, part.shown = str(said["ts"]), None
                part.streaming = not said.get("metadata")
                note = {**send.detail, "stream": part.streaming}
                await self.keep(key, place, part, "placed", **note)

    async def _stray(self, place: Place, strays: list[Mapping[str, Any]]) -> Mapping[str, Any] | None:
        while strays:
            message = strays.pop(0)
            remote = names.remote(place.account.team, place.channel, str(message["ts"]))
            if not await self._store.sent_as(names.CHANNEL, remote):
                return message
        return None

    async def _ours(self, key: str, place: Place, begun: Sequence[Send]) -> list[Mapping[str, Any]]:
        """Our messages where `key` is shown, oldest first, newer than what it answers."""
        about: dict[str, Any] = {"channel": place.channel, "include_all_metadata": True, "limit": _PAGE}
        about["oldest"] = _since(key, place, begun)
        method = "conversations.replies" if place.thread else "conversations.history"
        about |= {"ts": place.thread} if place.thread else {}
        account, found = place.account, []
        for _ in range(_PAGES):
            try:
                page = await self._api.call(account.team, method, **about)
            except SlackError as error:
                if error.ambiguous or not error.permanent:
                    raise
                break  # we may not read there: then one placeholder may be left behind
            for message in page.get("messages", ()):
                mine = message.get("bot_id") == account.bot_id or message.get("user") == account.bot_user
                if mine and message.get("ts") != place.thread:
                    found.append(message)
            cursor = (page.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                break
            about["cursor"] = cursor
        return sorted(found, key=lambda message: str(message["ts"]))


def _says(message: Mapping[str, Any], key: str, part: int) -> bool:
    metadata = message.get("metadata") or {}
    payload = metadata.get("event_payload") or {}
    return metadata.get("event_type") == METADATA and payload.get("key") == key and payload.get("part") == part


def _since(key: str, place: Place, begun: Sequence[Send]) -> str:
    """The question's own ts where it stands in that conversation, else a little before the first was begun."""
    parts = key.split(":")
    if len(parts) == 3 and parts[1] == place.channel and is_ts(parts[2]):
        return parts[2]
    began = min((float(send.detail.get("at", 0.0)) for send in begun), default=time.time())
    return f"{max(0.0, began - _EARLIER_SECONDS):.6f}"
