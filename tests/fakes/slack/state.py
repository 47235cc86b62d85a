"""What Slack holds: workspaces, people, channels, messages, files. No network, no policy."""

from __future__ import annotations

import itertools
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["channel", "group", "im", "mpim"]
"""A public or private channel, a direct message, a direct message of several."""

ALL_SCOPES = (
    "app_mentions:read,assistant:write,channels:history,channels:read,channels:join,chat:write,commands,files:read,"
    "groups:history,groups:read,im:history,im:read,im:write,mpim:history,mpim:read,reactions:read,reactions:write,"
    "team:read,users:read"
)


class Clock:
    """Timestamps as Slack makes them: seconds with six digits, each only once, rising."""

    def __init__(self) -> None:
        self._last = 0

    def ts(self) -> str:
        self._last = max(self._last + 1, time.time_ns() // 1_000)
        return f"{self._last // 1_000_000}.{self._last % 1_000_000:06d}"


@dataclass
class User:
    id: str
    name: str
    real_name: str
    display_name: str = ""
    locale: str = "en-US"
    deleted: bool = False
    is_bot: bool = False


@dataclass
class Channel:
    id: str
    name: str
    kind: Kind
    members: set[str] = field(default_factory=set)
    archived: bool = False

    @property
    def shared(self) -> bool:
        """Whether several people read it, so that a stream has to say whom it is for."""
        return self.kind in ("channel", "group", "mpim")


@dataclass
class File:
    id: str
    name: str
    body: bytes
    media_type: str
    user: str
    url: str
    checked: bool = False
    """Whether events tell nothing of it but its id, as with files of another workspace."""


@dataclass
class Shown:
    """One message as it stands. `text` is what it says; `fallback` is Slack's own field of that name."""

    team: str
    channel: str
    ts: str
    user: str
    fallback: str
    thread_ts: str = ""
    bot_id: str = ""
    markdown: str = ""
    blocks: Sequence[Mapping[str, Any]] = ()
    attachments: Sequence[Mapping[str, Any]] = ()
    metadata: Mapping[str, Any] | None = None
    files: Sequence[File] = ()
    subtype: str = ""
    edited: str = ""
    streaming: bool = False
    streamed: bool = False
    stopped_by: str = ""
    recipient: str = ""
    mode: str = ""
    began: float = 0.0
    updates: int = 0
    deleted: bool = False
    texts: list[str] = field(default_factory=list)
    """Every text that it has shown, in order."""
    chunks: list[Mapping[str, Any]] = field(default_factory=list)
    client_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def text(self) -> str:
        """What a reader reads: streamed or posted Markdown and Markdown blocks, else the plain text."""
        blocks = [str(block.get("text", "")) for block in self.blocks if block.get("type") == "markdown"]
        written = self.markdown + "".join(blocks)
        return written or self.fallback

    @property
    def root(self) -> str:
        return self.thread_ts or self.ts

    def button(self, action_id: str) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
        """(block, element) of every element that has this action."""
        for block in self.blocks:
            elements = list(block.get("elements", ()))
            if "accessory" in block:
                elements.append(block["accessory"])
            for element in elements:
                if element.get("action_id") == action_id:
                    yield block, element


@dataclass
class Token:
    """What a token may do. `dead` is the error that it is answered with ("" while it lives)."""

    value: str
    team: str
    kind: Literal["bot", "app"] = "bot"
    scopes: str = ALL_SCOPES
    expires: float = 0.0
    dead: str = ""


class Team:
    """One workspace in which the app is installed. `user`, `channel` and `dm` make what is not there yet."""

    def __init__(self, ident: str, clock: Clock, *, bot_user: str, bot_id: str, enterprise: str = "") -> None:
        self.id, self.clock, self.bot_user, self.bot_id, self.enterprise = ident, clock, bot_user, bot_id, enterprise
        self.name, self.domain = f"Team {ident}", ident.lower()
        self.users: dict[str, User] = {}
        self.channels: dict[str, Channel] = {}
        self.messages: dict[tuple[str, str], Shown] = {}
        self.files: dict[str, File] = {}
        self._replies: dict[tuple[str, str], list[Shown]] = {}
        self._dms: dict[str, str] = {}
        self._numbers = itertools.count(1)
        self.user(bot_user, name="frontdesk", real_name="Frontdesk", is_bot=True)

    def user(self, ident: str, **known: Any) -> User:
        """The person `ident`; `known` names what is known of them (name, real_name, display_name, locale, deleted)."""
        if ident not in self.users:
            name = known.pop("name", ident.lower())
            self.users[ident] = User(ident, name, known.pop("real_name", name.title()))
        for key, value in known.items():
            setattr(self.users[ident], key, value)
        return self.users[ident]

    def channel(self, ident: str, *, name: str = "", kind: Kind = "channel", bot: bool = True) -> Channel:
        """The channel `ident`, with or without the bot in it."""
        if ident not in self.channels:
            members = {self.bot_user} if bot else set()
            self.channels[ident] = Channel(ident, name or ident.lower(), kind, members)
        return self.channels[ident]

    def dm(self, user: str) -> str:
        """The id of the direct messages between `user` and the bot."""
        if user not in self._dms:
            self._dms[user] = "D" + user[1:]
            self.user(user)
            channel = self.channel(self._dms[user], name="directmessage", kind="im")
            channel.members.add(user)
        return self._dms[user]

    def place(self, channel: str, user: str) -> Channel:
        """Where `user` writes: known already, or made with both in it."""
        if channel not in self.channels:
            if channel.startswith("D"):
                self._dms.setdefault(user, channel)
                self.channel(channel, name="directmessage", kind="im")
            else:
                self.channel(channel, kind="group" if channel.startswith("G") else "channel")
        found = self.channels[channel]
        found.members.add(user)
        self.user(user)
        return found

    def put(self, message: Shown) -> Shown:
        self.messages[message.channel, message.ts] = message
        if message.thread_ts and message.thread_ts != message.ts:
            self._replies.setdefault((message.channel, message.thread_ts), []).append(message)
        return message

    def replies(self, channel: str, root: str) -> list[Shown]:
        """What was said in the thread of `root`, without it, and without what was deleted."""
        return [reply for reply in self.ever(channel, root) if not reply.deleted]

    def ever(self, channel: str, root: str) -> Sequence[Shown]:
        """Everything that was ever said in the thread of `root`, without it."""
        return self._replies.get((channel, root), ())

    def number(self) -> int:
        return next(self._numbers)
