"""The first word of what is said to the bot, where it is a command; and links to messages. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from adapters.commands import NAMES
from bot.events import Command

_OF_A_CONVERSATION: tuple[Command, ...] = ("language", "settings", "forget")
"""These are said in the conversation that they are about, not with the slash command."""
_ALONE: tuple[Command, ...] = ("help", "human", "settings", "forget")
"""These are commands when nothing follows: "help me with my order" is a question. After "language" stands one word."""

_FIRST = re.compile(r"/?(\w+)\s*[:,：]?(?:\s+|$)")
_MESSAGE = re.compile(r"/archives/([A-Z0-9]{1,64})/p([0-9]{10})([0-9]{6})/?")
_TS = re.compile(r"[0-9]{10}\.[0-9]{6}")
_ADDRESS = re.compile(r"https?://[^\s<>|]+")


@dataclass(frozen=True, slots=True)
class Order:
    """A command and what it is applied to."""

    command: Command
    text: str


@dataclass(frozen=True, slots=True)
class Link:
    """A message that somebody linked to; `thread_ts` is its thread's root, or its own `ts`."""

    channel: str
    ts: str
    thread_ts: str


def said_to_bot(text: str) -> Order:
    """What somebody wants who wrote `text` to the bot: most of the time simply an answer to it."""
    order = _first(text)
    if order is None or order.command in ("ask", "start") or _goes_on(order):
        return Order("", text)
    return order


def about_thread(order: Order) -> bool:
    """Whether it is done on the thread that it is said in."""
    return order.command == "summarize" or (order.command == "sentiment" and not order.text)


def slash(text: str) -> Order:
    """What somebody wants who wrote `text` after the slash command; nothing at all asks for help."""
    if not text.strip():
        return Order("help", "")
    order = _first(text.strip())
    if order is None or order.command == "start" or _goes_on(order):
        return Order("ask", text.strip())
    return Order("help", "") if order.command in _OF_A_CONVERSATION else order


def link_in(text: str) -> Link | None:
    """The first link to a message of Slack's in `text`."""
    for found in _ADDRESS.finditer(text):
        try:
            address = urlsplit(found[0])
        except ValueError:
            continue
        place = _MESSAGE.fullmatch(address.path)
        if place and (address.hostname or "").endswith(".slack.com"):
            ts = f"{place[2]}.{place[3]}"
            thread = parse_qs(address.query).get("thread_ts", [""])[0]
            return Link(place[1], ts, thread if _TS.fullmatch(thread) else ts)
    return None


def _first(text: str) -> Order | None:
    first = _FIRST.match(text)
    command = NAMES.get(first[1].lower()) if first else None
    return Order(command, text[first.end() :].strip()) if first and command else None


def _goes_on(order: Order) -> bool:
    """Whether what begins like a command goes on as a sentence."""
    words = len(order.text.split())
    return words > 1 if order.command == "language" else words > 0 and order.command in _ALONE
