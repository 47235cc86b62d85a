"""What Slack can tell us, as frozen values. All ids are Slack's own; texts are as Slack sent them.

`root` is the `ts` of the message that begins the thread, which may be the message's own.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.events import Attachment


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """Whose payload it is: the workspace that the app is installed in, and its organisation ("" without one)."""

    team: str
    enterprise: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """Somebody wrote a message, or (with `edited_ts`) changed its text.

    `home` is the workspace that the writer belongs to, `starter` who began the thread; "" when Slack did not say.
    `bot` holds every id under which a bot may be known, and is empty for a person.
    """

    of: Installed
    channel: str
    ts: str
    root: str
    user: str
    text: str
    direct: bool
    threaded: bool
    edited_ts: str = ""
    files: tuple[Attachment, ...] = ()
    bot: tuple[str, ...] = ()
    home: str = ""
    starter: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted:
    """A message was deleted. `said` is what it was, when Slack told."""

    of: Installed
    channel: str
    ts: str
    root: str
    direct: bool
    said: Said | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pressed:
    """Somebody pressed a button in a message of ours. `at` is Slack's own time of it, which does not change."""

    of: Installed
    channel: str
    ts: str
    root: str
    user: str
    name: str
    action: str
    value: str
    at: str
    home: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picked:
    """Somebody wants `said`, which may be anybody's, to be answered."""

    of: Installed
    user: str
    name: str
    said: Said
    home: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordered:
    """A slash command. `trigger` is unique for each time that one is sent."""

    of: Installed
    channel: str
    user: str
    name: str
    text: str
    trigger: str
    command: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """Somebody pressed Slack's own Stop button. `streams` are the messages of ours that were being written."""

    of: Installed
    channel: str
    root: str
    user: str
    streams: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """Somebody opened the assistant's pane (`root` is its thread) or our direct messages (`root` is "")."""

    of: Installed
    channel: str
    root: str
    user: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """The workspace took our token back, or is said to have: Slack may tell of it when we have another long since."""

    of: Installed


@dataclass(frozen=True, slots=True, kw_only=True)
class Nothing:
    """Nothing that concerns us. `why` is one of few words, for a counter."""

    of: Installed
    why: str


Heard = Said | Deleted | Pressed | Picked | Ordered | Stopped | Opened | Removed | Nothing
