"""The sending half of the channel, over a real store and the fake Telegram, and a house that delivers as ours does."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from adapters.courtesies import Courtesies
from adapters.telegram import names
from adapters.telegram.api import Api, Busy, TelegramRefused
from adapters.telegram.sender import Sender
from bot.config import Config, load
from bot.events import Case, Citation, Failed, FinishReason, Message, Outbound, Post, PostKind, Reply
from bot.metrics import Metrics
from storage.base import Send, Store
from storage.sqlite import SqliteStore
from tests.fakes.telegram.server import TOKEN, FakeTelegram, Shown, fake_telegram

BOT, PERSON, GROUP, DESK = 123456, 7, -1_001_234_567_890, -1_009_876_543_210
FAST = {"chat_per_second": 1e4, "group_per_minute": 1e6, "all_per_second": 1e4}
"""Rates for tests of something else."""


class Killed(BaseException):
    """The process dies here."""


class Mortal:
    """A store in front of which the process dies: just before the `dies_at`-th time that a send is kept, or just after
    it when `after`. Who is dead keeps and says nothing more."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.kept = itertools.count(1)
        self.dies_at, self.after, self.dead = 0, False, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def keep_send(self, channel: str, key: str, send: Send) -> None:
        dies = next(self.kept) == self.dies_at
        self.dead = self.dead or (dies and not self.after)
        if self.dead:
            raise Killed
        await self._store.keep_send(channel, key, send)
        if dies:
            self.dead = True
            raise Killed


class Outlet:
    """`restart` is what a new process has: the store, and nothing of what was in memory."""

    def __init__(self, telegram: FakeTelegram, store: SqliteStore, config: Config, second: float) -> None:
        self.telegram, self.config, self._second = telegram, config, second
        self.store = Mortal(store)
        self._begin()

    def _begin(self) -> None:
        store: Any = self.store
        metrics = Metrics()
        self.api = Api(self.config, metrics, second=self._second)
        counted = metrics.counter("telegram_courtesies", "Small things.", "outcome")
        self.courtesies = Courtesies("telegram", counted, busy=Busy, refused=TelegramRefused)
        self.sender = Sender(self.api, store, self.config, metrics, self.courtesies)

    async def restart(self) -> None:
        await self.close()
        self.store.dies_at, self.store.dead = 0, False
        self._begin()

    async def close(self) -> None:
        await self.courtesies.close()
        await self.sender.close()
        await self.api.close()

    async def ask(self, text: str = "hello", *, chat: int = PERSON, thread: int = 0, edited: int = 0) -> Message:
        """Somebody asks, and it is durable."""
        ident = await self.telegram.say(chat, PERSON, text, thread=thread)
        return await self.accept(names.Place(BOT, chat, thread), ident, text, edited)

    async def accept(self, place: names.Place, ident: int, text: str, edited: int = 0) -> Message:
        message = Message(
            id=names.message_id(place, ident, edited),
            address=names.address(place),
            sender=str(PERSON),
            text=text,
            sent_at=1.0,
            replaces=names.message_id(place, ident) if edited else "",
        )
        await self.store.accept(message)
        return message

    async def send(self, event: Outbound) -> str:
        if self.store.dead:
            raise Killed
        return await self.sender.send(event)

    async def deliver(self, event: Outbound, *, tries: int = 60) -> str:
        """As the house does with an end: again and again until it is taken."""
        for _ in range(tries - 1):
            try:
                return await self.send(event)
            except Exception as error:
                self.last = error
        return await self.send(event)

    def said(self, chat: int = PERSON) -> list[Shown]:
        return self.telegram.chat(chat).said

    def texts(self, chat: int = PERSON) -> list[str]:
        return [shown.text for shown in self.said(chat)]


def partial(message: Message, text: str, *, attempt: int = 1, seq: int = 0) -> Reply:
    return Reply(
        message_id=message.id, attempt=attempt, address=message.address, text=text, seq=seq, language="en"
    )  # fmt: skip


def final(message: Message, text: str, *, citations: tuple[Citation, ...] = (), reason: FinishReason = "stop") -> Reply:
    return replace(partial(message, text), final=True, finish_reason=reason, citations=citations)


def failed(message: Message, said: str) -> Failed:
    return Failed(message_id=message.id, address=message.address, reason="test", said=said)


def case_of(visitor: Message, **changes: Any) -> Case:
    """A case at the desk in `DESK`."""
    desk = replace(visitor.address, account="", conversation=str(DESK), thread="c0ffee123456")
    case = Case(id="c0ffee123456", visitor=visitor.address, desk=desk, state="waiting", opened_at=1.0, name="Vera")
    return replace(case, **changes)


def post(case: Case, kind: PostKind, text: str, *, number: int = 1, name: str = "", visitor: bool = False) -> Post:
    ident = f"case-{case.id}" if kind == "case" else f"{case.id}-abc-{number}"
    return Post(
        id=ident, address=case.visitor if visitor else case.desk, kind=kind, text=text, case=case, name=name
    )  # fmt: skip


def config_for(fake: FakeTelegram, folder: Path, /, **sections: Mapping[str, Any]) -> Config:
    overrides: dict[str, Any] = {name: dict(values) for name, values in sections.items()}
    overrides["telegram"] = {"enabled": True, "base_url": fake.http, "rates": FAST, **overrides.get("telegram", {})}
    overrides["knowledge"] = {"semantic": {"enabled": "no"}}
    return load(environ={"TELEGRAM_BOT_TOKEN": TOKEN}, overrides={"data": str(folder), **overrides})


@asynccontextmanager
async def outlet(
    folder: Path, *, fake: Mapping[str, Any] | None = None, **sections: Mapping[str, Any]
) -> AsyncIterator[Outlet]:
    async with AsyncExitStack() as stack:
        telegram = await stack.enter_async_context(fake_telegram(**(fake or {})))
        store = SqliteStore(folder)
        await store.open()
        stack.push_async_callback(store.close)
        second = float((fake or {}).get("second", 1.0))
        out = Outlet(telegram, store, config_for(telegram, folder, **sections), second)
        stack.push_async_callback(out.close)
        yield out
