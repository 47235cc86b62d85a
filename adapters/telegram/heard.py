"""What Telegram can tell us, as frozen values. Ids are Telegram's own; texts are as their writer saw them.

A `Place` has a `thread` only in a topic: below an answer in a group without topics it is the group's.
"""

from __future__ import annotations

from dataclasses import dataclass

from adapters.telegram.names import Place
from bot.events import Attachment, Command


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """A person, a bot, or a chat that speaks in its own name (an anonymous administrator, a channel).

    `language` is their client's, "" when it is not told.
    """

    id: int
    name: str = ""
    language: str = ""
    bot: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """Somebody wrote or sent something, or (with `edited_at`) changed it.

    `text` is without the bot's name and without the command. `named`: it says whom it is for, by the bot's name or a
    command of its own. `answers` is the message that it replies to, `answers_us` whether that is ours, `quoted` what
    stands there; `root` is where that chain of replies began (0: not told). `unknown`: it begins with a command that is
    none of ours. `album` is common to all that was sent together.
    """

    place: Place
    private: bool
    message: int
    who: Who
    at: int
    text: str
    edited_at: int = 0
    command: Command = ""
    unknown: bool = False
    named: bool = False
    answers: int = 0
    answers_us: bool = False
    quoted: str = ""
    root: int = 0
    files: tuple[Attachment, ...] = ()
    album: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted:
    """Messages in a chat of a business account were deleted; of others Telegram says nothing."""

    place: Place
    messages: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected:
    """A business account took the bot in, changed what it may do, or let it go."""

    connection: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pressed:
    """Somebody pressed a button below message `message` of ours. `query` is unique for each press."""

    place: Place
    private: bool
    message: int
    who: Who
    query: str
    data: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reacted:
    """Somebody put a thumb below a message: `value` is +1 or -1, or 0 when they took it back."""

    place: Place
    private: bool
    message: int
    who: Who
    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """Somebody pressed Telegram's own Stop at the draft `draft`."""

    place: Place
    draft: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Somebody wrote the bot's name and `text` in any chat, and waits for what it offers (inline mode)."""

    query: str
    who: Who
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """The bot was taken into a group by `who`."""

    place: Place
    who: Who
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """The bot was blocked in a private chat, or thrown out of a group: it can say nothing more there."""

    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A group became a supergroup, which has another id."""

    old: int
    new: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Nothing:
    """Nothing that concerns us. `why` is one of few words, for a log line."""

    why: str


Heard = Said | Deleted | Connected | Pressed | Reacted | Stopped | Asked | Joined | Left | Moved | Nothing
