"""What Telegram holds: people, chats, topics, messages, drafts, files. No network, no policy."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["private", "group", "supergroup", "channel"]
Status = Literal["creator", "administrator", "member", "restricted", "left", "kicked"]
Markup = Mapping[str, Any]

SUPERGROUPS = -1_000_000_000_000
"""Ids below are those of supergroups and channels, ids between it and 0 those of groups."""


class Clock:
    """Telegram's time, of which a second lasts `second` seconds of ours."""

    def __init__(self, second: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.second, self._monotonic = second, monotonic

    def now(self) -> float:
        """Telegram's seconds since some day."""
        return self._monotonic() / self.second

    @staticmethod
    def date() -> int:
        """What messages carry as their date: ours, in whole seconds, as the real ones are."""
        return int(time.time())


@dataclass
class User:
    id: int
    first_name: str
    last_name: str = ""
    username: str = ""
    language_code: str = "en"
    is_bot: bool = False


@dataclass
class Topic:
    id: int
    name: str
    icon_color: int = 0x6FB9F0
    icon: str = ""
    closed: bool = False
    by: int = 0


@dataclass
class File:
    """What a message carries: `kind` is the name of its field."""

    kind: Literal["document", "voice", "photo", "audio", "video"]
    id: str
    unique_id: str
    body: bytes
    name: str = ""
    media_type: str = ""
    seconds: int = 0


@dataclass
class Shown:
    """One message as it stands; `at` and `edited_at` are monotonic seconds of ours."""

    chat: int
    id: int
    user: int
    date: int
    text: str = ""
    entities: Sequence[Mapping[str, Any]] = ()
    thread: int = 0
    reply_to: int = 0
    markup: Markup | None = None
    rich: Mapping[str, Any] | None = None
    file: File | None = None
    service: Mapping[str, Any] = field(default_factory=dict)
    """What it tells of the chat, where it says nothing itself."""
    more: Mapping[str, Any] = field(default_factory=dict)
    """Further fields, such as sender_chat."""
    business: str = ""
    by_bot: bool = False
    """Whether our bot said it."""
    preview: Mapping[str, Any] | None = None
    edit_date: int = 0
    edits: int = 0
    deleted: bool = False
    at: float = 0.0
    edited_at: float = 0.0
    texts: list[str] = field(default_factory=list)
    """Every text that it has shown, in order."""
    reactions: dict[int, tuple[str, ...]] = field(default_factory=dict)

    @property
    def buttons(self) -> list[Mapping[str, Any]]:
        """Its inline buttons, row after row."""
        return [button for row in (self.markup or {}).get("inline_keyboard", ()) for button in row]


@dataclass
class Draft:
    """A text that is being written. It goes when it is not refreshed, when it is stopped, or when a message is sent."""

    chat: int
    id: int
    text: str
    entities: Sequence[Mapping[str, Any]]
    thread: int
    rich: Mapping[str, Any] | None
    until: float
    can_stop: bool = False
    keep_on_stop: bool = False
    began: float = 0.0
    stopped: bool = False
    texts: list[str] = field(default_factory=list)


@dataclass
class Chat:
    """`members` holds every status that is known, the bot's among them."""

    id: int
    kind: Kind
    title: str = ""
    forum: bool = False
    business: str = ""
    members: dict[int, Status] = field(default_factory=dict)
    topics: dict[int, Topic] = field(default_factory=dict)
    messages: dict[int, Shown] = field(default_factory=dict)
    drafts: dict[tuple[int, int], Draft] = field(default_factory=dict)
    """By topic and draft_id."""
    migrated_to: int = 0
    actions: list[str] = field(default_factory=list)
    """What sendChatAction said, in order."""

    @property
    def group(self) -> bool:
        return self.kind in ("group", "supergroup", "channel")


@dataclass
class Business:
    """The account of `user`, on whose behalf the bot may read and, with `can_reply`, write."""

    id: str
    user: int
    date: int
    can_reply: bool = True
    enabled: bool = True


@dataclass(frozen=True)
class Standing:
    """What a chat shows at a moment: `messages` that stand, oldest first, `deleted` ones, `drafts` that are visible."""

    messages: list[Shown]
    deleted: list[Shown]
    drafts: list[Draft]

    @property
    def said(self) -> list[Shown]:
        """What our bot says there; services' messages are not among them."""
        return [shown for shown in self.messages if shown.by_bot and not shown.service]

    @property
    def texts(self) -> list[str]:
        return [shown.text for shown in self.said]


class Numbers:
    """Ids of messages: private chats and groups share one row of numbers, each supergroup has its own."""

    def __init__(self) -> None:
        self._shared = itertools.count(101)
        self._own: dict[tuple[str, int], itertools.count[int]] = {}

    def next(self, chat: Chat) -> int:
        if chat.kind not in ("supergroup", "channel"):
            return next(self._shared)
        return next(self._own.setdefault((chat.business, chat.id), itertools.count(2)))
