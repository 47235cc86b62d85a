"""Everything that the parts of the fake share: the workspaces, the tokens, what was shown, and what was done wrong."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.slack import shapes
from tests.fakes.slack.arguments import Refused
from tests.fakes.slack.faults import Chance
from tests.fakes.slack.state import Channel, Clock, Shown, Team, Token

Emit = Callable[[Team, Mapping[str, Any]], Any]


@dataclass(frozen=True, kw_only=True)
class Ephemeral:
    """What only `user` sees. `by` is "chat.postEphemeral", "ack" or "response_url"."""

    team: str
    channel: str
    user: str
    text: str
    by: str
    thread_ts: str = ""
    blocks: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One call of a method, as it was answered ("" while it was not, or never). `at` is monotonic."""

    team: str
    method: str
    arguments: Mapping[str, Any]
    at: float
    answer: list[str] = field(default_factory=list)


@dataclass
class Call:
    """What a method is given."""

    world: World
    team: Team
    token: Token
    method: str
    arguments: dict[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.arguments.get(name)

    def channel(self, name: str = "channel", *, member: bool = True) -> Channel:
        """The channel that was named. A person's id stands for the direct messages with them."""
        ident = str(self[name] or "")
        if ident in self.team.users and ident != self.team.bot_user:
            ident = self.team.dm(ident)
        place = self.team.channels.get(ident)
        if place is None:
            raise Refused("channel_not_found")
        if place.archived:
            raise Refused("is_archived")
        if member and self.team.bot_user not in place.members:
            raise Refused("not_in_channel" if place.kind == "channel" else "channel_not_found")
        return place

    def own(self, error: str) -> Shown:
        """The message of ours that is named by channel and ts; another's is refused as `error`."""
        place = self.channel()
        message = self.team.messages.get((place.id, self["ts"]))
        if message is None or message.deleted:
            raise Refused("message_not_found")
        if message.user != self.team.bot_user:
            raise Refused(error)
        return message

    def post(self, place: Channel, **shown: Any) -> Shown:
        """Put a message of the bot's there, and tell of it."""
        message = Shown(
            team=self.team.id,
            channel=place.id,
            ts=self.world.clock.ts(),
            user=self.team.bot_user,
            bot_id=self.team.bot_id,
            **{"fallback": "", **shown},
        )
        message.texts.append(message.text)
        self.team.put(message)
        self.world.changed()
        self.world.tell(self.team, shapes.message_event(message, self.team, place))
        return message

    def thread(self, place: Channel, ts: str | None) -> str:
        """The root of the thread that `ts` belongs to, "" when there is none to answer in."""
        if not ts:
            return ""
        message = self.team.messages.get((place.id, ts))
        if message is None or (message.deleted and not self.team.replies(place.id, ts)):
            raise Refused("thread_not_found" if self.method.startswith("chat.post") else "invalid_thread_ts")
        if message.thread_ts and message.thread_ts != ts:
            self.world.violation(f"{self.method} with a reply's ts as thread_ts: {ts}")
        return message.root


class World:
    """`echo` is whether the bot's own messages come back as events, as they do."""

    def __init__(self, *, echo: bool, stream_seconds: float) -> None:
        self.echo, self.stream_seconds = echo, stream_seconds
        self.clock, self.chance = Clock(), Chance()
        self.teams: dict[str, Team] = {}
        self.tokens: dict[str, Token] = {}
        self.violations: list[str] = []
        self.ephemerals: list[Ephemeral] = []
        self.statuses: list[Mapping[str, Any]] = []
        self.titles: dict[tuple[str, str], str] = {}
        self.prompts: list[Mapping[str, Any]] = []
        self.sessions: dict[tuple[str, str], str] = {}
        """The status of each thread's agent session, by (channel, root)."""
        self.views: list[Mapping[str, Any]] = []
        self.reactions: list[tuple[str, str, str]] = []
        self.calls: deque[Asked] = deque(maxlen=200_000)
        self.emit: Emit = lambda _team, _event: None
        self._changed = asyncio.Condition()
        self._noted: asyncio.Task[None] | None = None

    def tell(self, team: Team, event: Mapping[str, Any]) -> None:
        """The bot's own doings as events."""
        if self.echo:
            self.emit(team, event)

    def violation(self, text: str) -> None:
        self.violations.append(text)

    def now(self) -> float:
        return time.monotonic()

    def changed(self) -> None:
        """Wake whoever waits for something to be shown."""
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

    def authorised(self, value: str, team: Team | None = None) -> Token:
        """The token that lives under this value. Raises `Refused` as Slack does for those that do not."""
        if not value:
            raise Refused("not_authed")
        token = self.tokens.get(value)
        if token is None:
            raise Refused("invalid_auth")
        if token.dead or token.team in self.chance.faults.revoked:
            raise Refused(token.dead or "token_revoked")
        if token.expires and time.time() > token.expires:
            raise Refused("token_expired")
        return token
