"""The receiving half of the channel, over a real store, with a house that only remembers what it was given."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from adapters.base import Quick
from adapters.courtesies import Courtesies
from adapters.telegram.api import Api, Busy, TelegramRefused
from adapters.telegram.cases import Cases
from adapters.telegram.connections import Connections
from adapters.telegram.offers import Offers
from adapters.telegram.receiver import Receiver
from adapters.telegram.receiving import Receiving
from adapters.telegram.sender import Sender
from adapters.telegram.shape import checked
from bot.config import Config, load
from bot.events import Feedback, Message, Stop
from bot.metrics import Metrics
from storage.base import Store
from storage.sqlite import SqliteStore
from tests.adapters.telegram.updates import update
from tests.fakes.telegram.server import FakeTelegram, fake_telegram

Published = Message | Stop | Feedback


def config_for(telegram: FakeTelegram, folder: Path, /, **sections: Any) -> Config:
    """What `frontdesk.toml` and the environment would say."""
    overrides = {name: dict(values) for name, values in sections.items()}
    overrides["telegram"] = {"enabled": True, "base_url": telegram.http, **overrides.get("telegram", {})}
    secrets = {"TELEGRAM_BOT_TOKEN": telegram.token}
    return load(environ=secrets, overrides={"data": str(folder), **overrides})


class Inlet:
    """`published` is everything that the house took; `refuse` says which of it is refused, and how."""

    def __init__(self, telegram: FakeTelegram, store: Store, config: Config, quick: Quick | None) -> None:
        self.telegram, self.store, self.config = telegram, store, config
        self.metrics = Metrics()
        self.published: list[Published] = []
        self.refuse: Callable[[Published], Exception | None] = lambda _: None
        self.api = Api(config, self.metrics)
        counted = self.metrics.counter("telegram_courtesies", "Small things.", "outcome")
        self.courtesies = Courtesies("telegram", counted, busy=Busy, refused=TelegramRefused)
        self.sender = Sender(self.api, store, config, self.metrics, self.courtesies)
        self.at = Receiving(
            config=config,
            store=store,
            api=self.api,
            sender=self.sender,
            courtesies=self.courtesies,
            connections=Connections(self.api),
            cases=Cases(config.handover, store, now=self.api.place),
            publish=self._publish,
        )
        self.receiver = Receiver(self.at, Offers(self.at, quick))

    async def take(self, kind: str, payload: Mapping[str, Any]) -> list[Published]:
        """Take an update in; what was published by it."""
        before = len(self.published)
        await self.receiver.receive(checked(update(kind, payload)))
        return self.published[before:]

    async def asked(self, kind: str, payload: Mapping[str, Any]) -> Message | None:
        """The message that was published by an update, if one was."""
        taken = await self.take(kind, payload)
        return next((event for event in taken if isinstance(event, Message)), None)

    @property
    def messages(self) -> list[Message]:
        """Those that were new, in their order."""
        found = [event for event in self.published if isinstance(event, Message)]
        return list({message.id: message for message in reversed(found)}.values())[::-1]

    async def _publish(self, event: Published) -> bool:
        if (error := self.refuse(event)) is not None:
            raise error
        self.published.append(event)
        if isinstance(event, Message):
            if event.replaces:  # the house lets the first form be known with the first edit at the latest
                await self.store.accept(replace(event, id=event.replaces, text="", command="withdrawn", replaces=""))
            return await self.store.accept(event)
        return await self.store.feedback(event) if isinstance(event, Feedback) else True

    async def close(self) -> None:
        await self.courtesies.close()
        await self.sender.close()
        await self.api.close()


@asynccontextmanager
async def inlet(
    folder: Path, *, fake: Mapping[str, Any] | None = None, quick: Quick | None = None, **sections: Any
) -> AsyncIterator[Inlet]:
    """A fake Telegram and the receiving half, which nothing connects but the test."""
    async with fake_telegram(**(fake or {})) as telegram:
        store = SqliteStore(folder)
        await store.open()
        made = Inlet(telegram, store, config_for(telegram, folder, **sections), quick)
        try:
            yield made
        finally:
            await made.close()
            await store.close()
        assert telegram.violations == []
