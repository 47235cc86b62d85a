"""The commands that people type to the bot: "/translate de Guten Morgen". They are the same on every channel. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from bot.events import Command, Message

NAMES: Mapping[str, Command] = {
    "start": "start",
    "help": "help",
    "ask": "ask",
    "summarize": "summarize",
    "summarise": "summarize",
    "sentiment": "sentiment",
    "translate": "translate",
    "write": "write",
    "language": "language",
    "forget": "forget",
    "settings": "settings",
    "human": "human",
}
"""What a command is called by those who may be answered. What is said at a support desk is no such command."""

_FIRST = re.compile(r"\s*[/／]([A-Za-z]{1,32})(?:@([A-Za-z0-9_]{1,64}))?[:,：]?(?:\s+|$)")


def typed(message: Message) -> str:
    """What somebody typed, when `command_of` made `message` of it."""
    return f"/{message.command} {message.text}".rstrip() if message.command in NAMES.values() else message.text


def command_of(text: str, bot: str = "") -> tuple[Command, str]:
    """The command that `text` begins with, and what it is to be applied to; ("", `text`) when it begins with none.

    A text that merely begins with a slash ("/etc/hosts is empty") is no command. `bot` is the bot's own name where
    several hear what is said: "/help@bot" is meant for one of them, and without a name for whoever knows it.
    """
    first = _FIRST.match(text)
    command = NAMES.get(first[1].lower()) if first else None
    if first is None or command is None or (first[2] and first[2].lower() != bot.lower()):
        return "", text
    return command, text[first.end() :].strip()
