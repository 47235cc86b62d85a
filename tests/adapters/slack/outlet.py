"""The sending half of the channel, over a real store and the fake Slack, and a house that delivers as the real one."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from adapters.slack import names
from adapters.slack.accounts import Accounts
from adapters.slack.api import Api
from adapters.slack.sender import Sender
from bot.config import Config, load
from bot.events import Address, Citation, Failed, FinishReason, Message, Outbound, Reply
from bot.metrics import Metrics
from storage.base import Send, Store
from storage.sqlite import SqliteStore
from tests.fakes.slack.server import FakeSlack, Shown, fake_slack

TEAM, PERSON, ROOM = "T0123", "U0123", "C0123"
FAST = {"start_per_minute": 1e6, "append_per_minute": 1e6, "update_per_minute": 1e6, "post_per_second": 1e4}
"""Rates for tests of something else."""


class Killed(BaseException):
    """The process dies here."""


class Mortal:
    """A store in front of which the process dies: just before the `dies_at`-th time that a send is kept, or just after
    it when `after`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.kept = itertools.count(1)
        self.dies_at, self.after = 0, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def keep_send(self, channel: str, key: str, send: Send) -> None:
        dies = next(self.kept) == self.dies_at
        if dies and not self.after:
            raise Killed
        await self._store.keep_send(channel, key, send)
        if dies:
            raise Killed


class Outlet:
    """`send` is the sender's; `restart` is what a new process has: the store, and nothing of what was in memory."""

    def __init__(self, slack: FakeSlack, store: SqliteStore, config: Config, minute: float) -> None:
        self.slack, self.config, self._minute = slack, config, minute
        self.store = Mortal(store)
        self._stack = AsyncExitStack()
        self._begin()

    def _begin(self) -> None:
        store: Any = self.store
        metrics = Metrics()
        self.accounts = Accounts(self.config, store)
        self.api = Api(self.config.slack, self.accounts, metrics, minute=self._minute)
        self.sender = Sender(self.api, self.accounts, store, self.config, metrics)

    async def restart(self) -> None:
        await self.close()
        self.store.dies_at = 0
        self._begin()

    async def close(self) -> None:
        await self.sender.close()
        await self.api.close()
        await self.accounts.close()

    async def ask(self, text: str = "hello", *, channel: str = ROOM, user: str = PERSON) -> Message:
        """Somebody asks, and it is durable."""
        ts = await self.slack.say(TEAM, channel, user, text)
        message = Message(
            id=names.message_id(TEAM, channel, ts),
            address=names.address(TEAM, channel, ts),
            sender=f"{TEAM}:{user}",
            text=text,
            sent_at=float(ts),
        )
        await self.store.accept(message)
        return message

    async def send(self, event: Outbound) -> str:
        return await self.sender.send(event)

    async def deliver(self, event: Outbound, *, tries: int = 200) -> str:
        """As the house does with an end: again and again until it is taken."""
        for _ in range(tries - 1):
            try:
                return await self.sender.send(event)
            except Exception as error:
                self.last = error
        return await self.sender.send(event)

    def said(self, message: Message) -> list[Shown]:
        """What the bot says in the thread of `message`."""
        return self.slack.said(message.address.conversation, message.address.thread)

    def texts(self, message: Message) -> list[str]:
        return [shown.text for shown in self.said(message)]


def partial(
    message: Message, text: str, *, attempt: int = 1, seq: int = 0, citations: tuple[Citation, ...] = ()
) -> Reply:
    return Reply(
        message_id=message.id, attempt=attempt, address=message.address, text=text, seq=seq, citations=citations,
        language="en",
    )  # fmt: skip


def final(message: Message, text: str, *, citations: tuple[Citation, ...] = (), reason: FinishReason = "stop") -> Reply:
    reply = partial(message, text, citations=citations)
    return replace(reply, final=True, finish_reason=reason)


def failed(message: Message, said: str) -> Failed:
    return Failed(message_id=message.id, address=message.address, reason="test", said=said)


def address(channel: str, ts: str) -> Address:
    return names.address(TEAM, channel, ts)


def config_for(fake: FakeSlack, folder: Path, /, **sections: Mapping[str, Any]) -> Config:
    overrides: dict[str, Any] = {name: dict(values) for name, values in sections.items()}
    overrides["slack"] = {"enabled": True, "base_url": fake.base_url, "rates": FAST, **overrides.get("slack", {})}
    overrides["knowledge"] = {"semantic": {"enabled": "no"}}
    return load(environ={"SLACK_BOT_TOKEN": "xoxb-test-1"}, overrides={"data": str(folder), **overrides})


@asynccontextmanager
async def outlet(
    folder: Path, *, minute: float = 60.0, fake: Mapping[str, Any] | None = None, **sections: Mapping[str, Any]
) -> AsyncIterator[Outlet]:
    async with AsyncExitStack() as stack:
        slack = await stack.enter_async_context(fake_slack(**{"echo": False, "minute": minute, **(fake or {})}))
        slack.team(TEAM, bot_token="xoxb-test-1", app_token="xapp-test-1")
        store = SqliteStore(folder)
        await store.open()
        stack.push_async_callback(store.close)
        out = Outlet(slack, store, config_for(slack, folder, **sections), minute)
        stack.push_async_callback(out.close)
        yield out
