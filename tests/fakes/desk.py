"""A desk over a real store, with an answerer and a channel that do what the test says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bot.config import Config, load
from bot.desk import Desk
from bot.events import Address, Message, Passage, Reply, Turn
from bot.handover import Handover
from bot.language import Languages
from bot.metrics import Metrics
from bot.work import Answering, Cancellation, Outcome
from prompts.knowledge import Knowledge
from storage.sqlite import SqliteStore
from tests.fakes.channel import Channel


def message(conversation: str, ident: str, text: str = "hello") -> Message:
    return Message(id=ident, address=address(conversation), sender="visitor", text=text, sent_at=1.0)


def address(conversation: str) -> Address:
    return Address(channel="test", conversation=conversation)


class Scripted:
    """Answers when the test says so: "end" writes an end, "fail" raises; a cancellation ends it by itself."""

    def __init__(self) -> None:
        self.gates: dict[str, asyncio.Future[str]] = {}
        self.order: list[Message] = []
        self.attempts: dict[str, list[int]] = {}

    async def answer(
        self, message: Message, attempt: int, cancellation: Cancellation, emit: Callable[[Reply], Awaitable[None]]
    ) -> Outcome:
        if message.id not in self.attempts:
            self.order.append(message)
        self.attempts.setdefault(message.id, []).append(attempt)
        gate = self.gates[message.id] = asyncio.get_running_loop().create_future()
        asked = asyncio.ensure_future(cancellation.wait())
        try:
            await emit(self.reply(message, attempt, "so far"))
            await asyncio.wait({gate, asked}, return_when=asyncio.FIRST_COMPLETED)
            if not cancellation.reason and gate.result() == "fail":
                raise RuntimeError("broken")
            text = cancellation.reason or f"answer to {message.text}"
            end = self.reply(message, attempt, text, final=True, finish_reason=cancellation.reason or "stop")
            return Outcome(event=end, turns=(Turn(role="user", text=message.text, language="en", at=1),))
        finally:
            asked.cancel()
            self.gates.pop(message.id, None)

    def reply(self, message: Message, attempt: int, text: str, **more: Any) -> Reply:
        return Reply(
            message_id=message.id, attempt=attempt, address=message.address, text=text, seq=0, language="en", **more
        )

    async def settle(self, message: Message, outcome: Outcome) -> None: ...

    async def warm(self) -> None: ...

    async def consulted(self, message: Message) -> Sequence[Passage]:
        return ()

    async def wait_for(self, message_id: str) -> asyncio.Future[str]:
        while message_id not in self.gates:
            await asyncio.sleep(0.001)
        return self.gates[message_id]


class House:
    """A desk with a scripted answerer and a recording channel over one folder.

    With `handover.channel` people may take over, on the recording channel of that name.
    """

    def __init__(self, folder: Path, config: Config) -> None:
        self.folder, self.config = folder, config
        self.channel, self.scripted = Channel(), Scripted()
        support = config.handover.channel
        self.support = Channel(support) if support not in ("", "test") else self.channel

    async def open(self) -> None:
        self.store = SqliteStore(self.folder)
        await self.store.open()
        self.desk = Desk(
            self.config,
            store=self.store,
            answering=self._answering(),
            adapters={channel.name: channel for channel in (self.channel, self.support)},
            metrics=Metrics(),
            knowledge=Knowledge(self.store, self.config.knowledge),
        )
        await self.desk.start()

    def _answering(self) -> Answering:
        if not self.config.handover.channel:
            return self.scripted
        return Handover(self.scripted, self.store, self.config, Languages(self.config.language))

    async def close(self) -> None:
        await self.desk.close()
        await self.store.close()


def config(**sections: dict[str, Any]) -> Config:
    return load(environ={}, overrides=sections)


@asynccontextmanager
async def house(folder: Path, **sections: dict[str, Any]) -> AsyncIterator[House]:
    made = House(folder, config(**sections))
    await made.open()
    try:
        yield made
    finally:
        await made.close()
