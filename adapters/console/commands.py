"""What a typed line means. Pure."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Literal

from adapters import commands
from bot import events

HELP = """\
Write a question and press Enter. Ctrl-C stops an answer; at the prompt, Ctrl-C or Ctrl-D leaves.
  /feedback up|down [comment]   say what you think of the last answer; /feedback none takes it back
  /new                          start a new conversation
  /stop                         stop the answer that is being written
  /help                         show this, and what the assistant does for you
  /quit                         leave
A question that begins with a slash is written with two: //like this."""

Name = Literal["help", "stop", "new", "quit"]

_NAMES: tuple[Name, ...] = ("help", "stop", "new", "quit")
_VALUES = {"up": 1, "down": -1, "none": 0}


@dataclass(frozen=True, slots=True)
class Say:
    """A message for the bot: an answer to its text is wanted, or what its command says."""

    text: str
    command: events.Command = ""


@dataclass(frozen=True, slots=True)
class Judge:
    """An opinion on the last answer: `value` is +1, -1, or 0 to take it back."""

    value: int
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Unclear:
    """Nothing that can be done; `explanation` says what can."""

    explanation: str


Command = Say | Judge | Unclear | Name


def understand(line: str) -> Command | None:
    """The meaning of `line`; None when it is blank."""
    line = line.strip()
    if not line:
        return None
    if not line.startswith("/") or line.startswith("//"):
        return Say(line.removeprefix("/"))
    word, _, rest = line[1:].partition(" ")
    if word == "feedback":
        return _judge(rest)
    for name in _NAMES:
        if word == name:
            return name
    command, text = commands.command_of(line)
    if command:
        return Say(text, command)
    near = difflib.get_close_matches(word, [*_NAMES, "feedback", *commands.NAMES], n=1)
    return Unclear(
        f"There is no /{word}." + (f" Did you mean /{near[0]}?" if near else " Type /help for what there is.")
    )


def _judge(rest: str) -> Command:
    word, _, comment = rest.strip().partition(" ")
    if word not in _VALUES:
        return Unclear("Write /feedback up or /feedback down, and after it, if you like, why.")
    return Judge(_VALUES[word], comment.strip())
