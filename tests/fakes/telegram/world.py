"""Everything that the parts of the fake share: the bot, people, chats, what was asked and what was done wrong."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.fakes.telegram import shapes
from tests.fakes.telegram.arguments import Refused, Version
from tests.fakes.telegram.faults import Chance
from tests.fakes.telegram.state import SUPERGROUPS, Business, Chat, Clock, File, Kind, Numbers, Shown, User

Place = tuple[str, int]
"""The business connection ("" for the bot itself) and the chat."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One call of a method, and how it was answered (nothing while it was not, or never). `at` is monotonic."""

    method: str
    given: Mapping[str, Any]
    at: float
    answer: list[str] = field(default_factory=list)


@dataclass
class Button:
    """A press that waits for its answer: `answer` is what answerCallbackQuery said, None while it said nothing."""

    id: str
    user: int
    until: float
    answer: Mapping[str, Any] | None = None


class World:
    def __init__(self, *, token: str, username: str, clock: Clock, version: Version, privacy: bool) -> None:
        self.token, self.version, self.privacy = token, version, privacy
        self.clock, self.chance, self.numbers = clock, Chance(), Numbers()
        self.bot = User(int(token.partition(":")[0]), "Frontdesk", username=username, is_bot=True)
        self.people: dict[int, User] = {self.bot.id: self.bot}
        self.chats: dict[Place, Chat] = {}
        self.businesses: dict[str, Business] = {}
        self.files: dict[str, File] = {}
        self.paths: dict[str, tuple[File, float]] = {}
        self.violations: list[str] = []
        self.calls: deque[Asked] = deque(maxlen=400_000)
        self.presses: dict[str, Button] = {}
        self.inline: dict[str, Button] = {}
        self.profile: dict[str, Any] = {}
        self.revoked = False
        self.emit: Callable[[str, Mapping[str, Any]], None] = lambda _kind, _payload: None
        self.idents = itertools.count(4_382_000_000_000_001)
        self._changed = asyncio.Condition()
        self._noted: asyncio.Task[None] | None = None

    # -- people and places -------------------------------------------------------------------------------
    def person(self, ident: int) -> User:
        """Whoever has this id; people make themselves."""
        if ident not in self.people:
            self.people[ident] = User(ident, f"Person {ident}", username=f"person{ident}")
        return self.people[ident]

    def place(self, ident: int, business: str = "", *, kind: Kind | None = None) -> Chat:
        """The chat of this id; chats make themselves, of the kind that the id tells, with the bot in them."""
        key = (business, ident)
        if key not in self.chats:
            kind = kind or ("private" if ident > 0 else "supergroup" if ident < SUPERGROUPS else "group")
            title = "" if kind == "private" else f"Group {-ident}"
            place = Chat(ident, kind, title=title, business=business)
            place.members[self.bot.id] = "member"
            self.chats[key] = place
        return self.chats[key]

    def message(self, place: Chat, shown: Shown) -> dict[str, Any]:
        return shapes.message(shown, place, self.person, self.bot)

    def put(self, place: Chat, **said: Any) -> Shown:
        """Put a message there."""
        shown = Shown(chat=place.id, id=self.numbers.next(place), date=self.clock.date(), at=time.monotonic(),
                      business=place.business, **said)  # fmt: skip
        shown.texts.append(shown.text)
        place.messages[shown.id] = shown
        self.changed()
        return shown

    # -- what happens ------------------------------------------------------------------------------------
    def violation(self, text: str) -> None:
        self.violations.append(text)
        self.changed()

    def changed(self) -> None:
        """Wake whoever waits for something to be so."""
        if self._noted is None or self._noted.done():
            self._noted = asyncio.get_running_loop().create_task(self._wake())

    async def _wake(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def until(self, holds: Callable[[], Any], seconds: float) -> Any:
        """Wait until `holds()` is true, and return it. Raises `TimeoutError`."""
        async with asyncio.timeout(seconds), self._changed:
            while not (found := holds()):
                await self._changed.wait()
            return found


@dataclass
class Call:
    """What a method is given."""

    world: World
    method: str
    given: dict[str, Any]
    request: web.Request

    def __getitem__(self, name: str) -> Any:
        return self.given.get(name)

    def place(self, name: str = "chat_id", *, write: bool = True) -> Chat:
        """The chat that is named, in which the bot may write."""
        world, ident = self.world, self[name]
        business = self._business(write=write)
        place = world.chats.get((business, ident)) if isinstance(ident, int) else None
        if place is None:
            raise Refused("chat not found")
        if place.migrated_to:
            raise Refused("group chat was upgraded to a supergroup chat", migrate_to_chat_id=place.migrated_to)
        status = place.members.get(world.bot.id, "left")
        if write and status == "kicked" and place.kind == "private":
            raise Refused("bot was blocked by the user", code=403)
        if write and status == "kicked":
            raise Refused(f"bot was kicked from the {place.kind} chat", code=403)
        if write and status == "left":
            raise Refused(f"bot is not a member of the {place.kind} chat", code=403)
        if write and status == "restricted":
            raise Refused("not enough rights to send text messages to the chat")
        return place

    def _business(self, *, write: bool) -> str:
        ident = self["business_connection_id"]
        if not ident:
            return ""
        business = self.world.businesses.get(ident)
        if business is None or not business.enabled:
            raise Refused("business connection not found")
        if write and not business.can_reply:
            raise Refused("BUSINESS_CONNECTION_NOT_ALLOWED", code=403)
        return business.id

    def thread(self, place: Chat) -> int:
        """The topic that is named, 0 when there is none."""
        ident = self["message_thread_id"]
        if not ident:
            return 0
        topic = place.topics.get(ident)
        if topic is None:
            raise Refused("message thread not found")
        if topic.closed and place.members.get(self.world.bot.id) not in ("administrator", "creator"):
            raise Refused("TOPIC_CLOSED")
        return topic.id

    def own(self, place: Chat, missing: str, foreign: str) -> Shown:
        """The message of ours that is named; one that is not there is refused as `missing`, another's as `foreign`."""
        shown = place.messages.get(self["message_id"] or 0)
        if shown is None or shown.deleted:
            raise Refused(missing)
        if not shown.by_bot or shown.service:
            raise Refused(foreign)
        return shown
