"""What is known of the messages that show something: kept before and after every call, found again after a crash.

A message that was begun and whose id never came back cannot be looked for in Telegram. It shows no more than a
beginning, and another one is sent in its place: so a beginning may stand twice, and the text itself never does.

Of the topic of a case its service message is kept, as one more part of the card: a topic has the id of that message.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from adapters.telegram import names
from storage.base import Send, Store

CARD = "case-"
"""What the ids of cards begin with; the case's id follows."""
TOPIC = 1
"""The part of a card that is the topic of its case."""

State = Literal["begun", "placed", "done"]


@dataclass(frozen=True, slots=True)
class Spot:
    """Where something is shown: a chat, and the message there that it answers (0: none)."""

    place: names.Place
    answers: int = 0

    @property
    def group(self) -> bool:
        return self.place.chat < 0

    def arguments(self) -> dict[str, Any]:
        """Those of whatever is sent there for good."""
        found = self.theirs() | self.topic()
        if self.answers:
            found["reply_parameters"] = {"message_id": self.answers, "allow_sending_without_reply": True}
        return found

    def topic(self) -> dict[str, Any]:
        return {"message_thread_id": self.place.thread} if self.place.thread else {}

    def theirs(self) -> dict[str, Any]:
        """Those of whatever is done on behalf of a business account."""
        return {"business_connection_id": self.place.business} if self.place.business else {}


@dataclass(slots=True)
class Part:
    """One message. `id` is 0 when it is not there; `shown` is the digest of what it shows, "" when nobody knows."""

    number: int
    chat: int = 0
    id: int = 0
    shown: str = ""


@dataclass(slots=True)
class Known:
    """The messages that show one thing, as the store has them. `message` is which form of the question they answer,
    `lost` how many were begun and never came back."""

    parts: list[Part]
    message: str = ""
    note: Mapping[str, Any] = field(default_factory=dict)
    lost: int = 0


class Sends:
    def __init__(self, store: Store) -> None:
        self._store = store

    async def known(self, key: str) -> Known:
        """What there is of `key`. Raises `StorageError`."""
        sends = [send for send in await self._store.sends(names.CHANNEL, key) if not send.detail.get("topic")]
        found = Known([Part(number) for number in range(1 + max((send.part for send in sends), default=-1))])
        for send in sends:
            part = found.parts[send.part]
            found.message = str(send.detail.get("message", "")) or found.message
            found.note = send.detail if send.part == 0 else found.note
            if send.remote:
                part.chat, part.id = _standing(send.remote)
                part.shown = str(send.detail.get("digest", "")) if send.state == "done" else ""
            elif send.state == "begun":
                found.lost += not send.detail.get("refused")
        return found

    async def keep(self, key: str, place: names.Place, part: Part, state: State, **detail: Any) -> None:
        await self._keep(key, place, part.number, (part.chat, part.id), state, detail)

    async def keep_topic(self, key: str, place: names.Place, topic: int) -> None:
        await self._keep(key, place, TOPIC, (place.chat, topic), "done", {"topic": topic})

    async def _keep(
        self, key: str, place: names.Place, part: int, stands: tuple[int, int], state: State, detail: dict[str, Any]
    ) -> None:
        chat, ident = stands
        remote = names.remote(names.Place(place.bot, chat, 0, place.business), ident) if ident else ""
        await self._store.keep_send(names.CHANNEL, key, Send(part=part, state=state, remote=remote, detail=detail))


async def answered(store: Store, remote: str) -> str:
    """The id of the message, in the form that was answered last, whose answer stands at `remote`; "" for none."""
    key = await store.sent_as(names.CHANNEL, remote)
    if not key or key.startswith(CARD):
        return ""
    sends = await store.sends(names.CHANNEL, key)
    return next((str(send.detail["message"]) for send in sends if send.detail.get("message")), "")


def key(message: str) -> str:
    """What the answer to `message` is kept under: one for all forms of a question, its own for what was pressed."""
    return names.question(message) if number(message) else message


def edition(message: str) -> int:
    """Which form of a question a message is: later ones are greater; the first is 0."""
    form = message.split(":")[3:4] if number(message) else []
    return int(form[0]) if form and form[0].isascii() and form[0].isdigit() else 0


def number(name: str) -> int:
    """The number in its chat of a message that the house calls `name`; 0 when that names none."""
    parts = name.split(":")
    return int(parts[2]) if len(parts) > 2 and parts[2].isascii() and parts[2].isdigit() else 0


def chat(name: str) -> int:
    """The chat of a message that the house calls `name`; 0 when that names none."""
    found = name.split(":")[1:2]
    ident = found[0].partition("/")[0] if found else ""
    return int(ident) if ident.removeprefix("-").isascii() and ident.removeprefix("-").isdigit() else 0


def _standing(remote: str) -> tuple[int, int]:
    return chat(remote), number(remote)
