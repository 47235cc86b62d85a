"""How commands are written, for whoever is told of them. What is written becomes a `Command` in the adapters."""

from __future__ import annotations

from bot.events import Command

_OF_WORDS = frozenset({"slack"})
"""Channels where a command is a word; they keep the slash for themselves. Everywhere else it begins with one."""


def written(command: Command, channel: str, argument: str = "") -> str:
    """`command` as people write it on `channel`, as Markdown. With a slash it is no code: a phone lets it be tapped."""
    words = f"{command} {argument}".rstrip()
    return f"`{words}`" if channel in _OF_WORDS else f"/{words}"
