"""A channel in memory: remembers what was sent, and can be told to break."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from aiohttp.web import AbstractRouteDef

from adapters.base import Publish
from bot.events import Address, Failed, Outbound, Post, Reply


class Channel:
    """An adapter whose visitors are the test. `break_next` sends raise before anything is recorded.

    `shown` is everything in the order of its sending; `sent` are the replies and failures in it, `posted` the posts.
    """

    def __init__(self, name: str = "test") -> None:
        self.name = name
        self.shown: list[Outbound] = []
        self.sent: list[Reply | Failed] = []
        self.posted: list[Post] = []
        self.break_next = 0
        self.publish: Publish | None = None
        self.changed = asyncio.Condition()
        self.closed = False

    def routes(self) -> Sequence[AbstractRouteDef]:
        return ()

    async def run(self, publish: Publish) -> None:
        self.publish = publish
        await asyncio.Event().wait()

    async def send(self, event: Outbound) -> str:
        if self.break_next:
            self.break_next -= 1
            raise ConnectionError("the channel is broken")
        self.shown.append(event)
        if isinstance(event, Post):
            self.posted.append(event)
        else:
            self.sent.append(event)
        async with self.changed:
            self.changed.notify_all()
        return f"remote-{len(self.shown)}"

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

    def posts(self, address: Address) -> list[Post]:
        """The posts that were sent to a conversation."""
        return [post for post in self.posted if post.address == address]

    async def post(self, address: Address, count: int = 1) -> Post:
        """Wait for the post that is number `count` in a conversation."""
        async with self.changed:
            await self.changed.wait_for(lambda: len(self.posts(address)) >= count)
        return self.posts(address)[count - 1]
