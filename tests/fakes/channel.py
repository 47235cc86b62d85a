"""A channel in memory: remembers what was sent, and can be told to break."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from aiohttp.web import AbstractRouteDef

from adapters.base import Publish
from bot.events import Failed, Reply


class Channel:
    """An adapter whose visitors are the test. `break_next` sends raise before anything is recorded."""

    name = "test"

    def __init__(self) -> None:
        self.sent: list[Reply | Failed] = []
        self.break_next = 0
        self.publish: Publish | None = None
        self.changed = asyncio.Condition()
        self.closed = False

    def routes(self) -> Sequence[AbstractRouteDef]:
        return ()

    async def run(self, publish: Publish) -> None:
        self.publish = publish
        await asyncio.Event().wait()

    async def send(self, event: Reply | Failed) -> str:
        if self.break_next:
            self.break_next -= 1
            raise ConnectionError("the channel is broken")
        self.sent.append(event)
        async with self.changed:
            self.changed.notify_all()
        return f"remote-{len(self.sent)}"

    async def close(self) -> None:
        self.closed = True

    def ends(self, message_id: str) -> list[Reply | Failed]:
        """The ends that were sent for a message."""
        return [
            event
            for event in self.sent
            if event.message_id == message_id and (isinstance(event, Failed) or event.final)
        ]

    async def end(self, message_id: str) -> Reply | Failed:
        """Wait for a message's end."""
        async with self.changed:
            await self.changed.wait_for(lambda: self.ends(message_id))
        return self.ends(message_id)[0]
