"""The direct channel: a program asks and awaits the end. `ask`, `eval` and tests of the whole way use it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from aiohttp.web import AbstractRouteDef

from adapters.base import Publish
from bot.events import Failed, Message, Outbound, Post, Reply


class Direct:
    """An adapter without a network: `ask` publishes a message and returns how it ended."""

    name = "direct"

    def __init__(self) -> None:
        self._publish: asyncio.Future[Publish] = asyncio.get_running_loop().create_future()
        self._ends: dict[str, asyncio.Future[Reply | Failed]] = {}

    def routes(self) -> Sequence[AbstractRouteDef]:
        return ()

    async def run(self, publish: Publish) -> None:
        self._publish.set_result(publish)
        await asyncio.Event().wait()

    async def ask(self, message: Message) -> Reply | Failed:
        """Publish `message` and wait for its end. Raises what `Publish` raises."""
        publish = await self._publish
        end: asyncio.Future[Reply | Failed] = asyncio.get_running_loop().create_future()
        self._ends[message.id] = end
        try:
            await publish(message)
            return await end
        finally:
            del self._ends[message.id]

    async def send(self, event: Outbound) -> str:
        """Wake who waits for this end. Nobody waits for posts: they stay in the store."""
        if isinstance(event, Post) or (isinstance(event, Reply) and not event.final):
            return ""
        end = self._ends.get(event.message_id)
        if end and not end.done():
            end.set_result(event)
        return ""

    async def close(self) -> None:
        for end in self._ends.values():
            end.cancel()
