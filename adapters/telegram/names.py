"""What Telegram's things are called in the house, and back. Pure.

A message's id is made of where it stands and not of the update that told of it, so that an update that comes again, or
in another order, is known. Update ids are never compared by size: they turn random after a week without updates.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from bot.events import Address

CHANNEL = "telegram"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a conversation stands: `thread` is a topic's (0: none), `business` the connection of a business account."""

    bot: int
    chat: int
    thread: int = 0
    business: str = ""


def address(place: Place) -> Address:
    """A conversation: a private chat, a group, or one topic of it."""
    conversation = f"{place.chat}:{place.business}" if place.business else str(place.chat)
    return Address(
        channel=CHANNEL,
        account=str(place.bot),
        conversation=conversation,
        thread=str(place.thread) if place.thread else "",
    )


def place(of: Address) -> Place:
    """The place of an address that `address` made. Raises `ValueError` for another."""
    chat, _, business = of.conversation.partition(":")
    return Place(int(of.account), int(chat), int(of.thread or 0), business)


def message_id(where: Place, message: int, edited_at: int = 0) -> str:
    """The durable id of a message in a chat, or of the form that it got at `edited_at` (seconds since the epoch)."""
    chat = f"{where.chat}/{where.business}" if where.business else str(where.chat)
    return f"{where.bot}:{chat}:{message}" + (f":{edited_at}" if edited_at else "")


def question(message: str) -> str:
    """The id of the message that `message` is a form of: its answer stands in one place, however often it is edited."""
    return ":".join(message.split(":")[:3])


def press_id(where: Place, query: str) -> str:
    """The durable id of what somebody pressed in a chat; `query` is unique for each press."""
    return f"{message_id(where, 0)}-{query}"


def draft_id(message: str) -> int:
    """The number under which the answer to `message` is shown while it is written: positive, in 31 bits."""
    digest = hashlib.blake2b(message.encode("utf-8", "replace"), digest_size=4).digest()
    return (int.from_bytes(digest) & 0x7FFFFFFF) or 1


def remote(where: Place, message: int) -> str:
    """The house's name of a message of ours that stands in a chat."""
    return message_id(where, message)
