"""A desk whose one channel has files: what people attach, and what fetching it comes to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bot.attachments import THREAD
from bot.config import load
from bot.desk import Desk, at_desk
from bot.errors import SourceError
from bot.events import Address, Attachment, Failed, Message, Reply
from bot.senses import Senses
from tests.fakes.channel import Channel
from tests.fakes.openai import FakeOpenAI

PAGE = "---\ntitle: Returns\nlanguage: en\n---\n# Returns\n\nYou may return a kettle within 30 days of delivery.\n"


class Filed(Channel):
    """`kept` is what can be fetched, by location: bytes, or what fetching raises. A `hanging` one never answers."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[str, bytes | Exception] = {}
        self.fetched: list[tuple[str, int]] = []
        self.hanging = False

    async def fetch(self, address: Address, attachment: Attachment, limit: int) -> bytes:
        self.fetched.append((attachment.location, limit))
        if self.hanging:
            await asyncio.Event().wait()
        found = self.kept.get(attachment.location, SourceError("It was deleted.", why="missing"))
        if isinstance(found, Exception):
            raise found
        return found

    def file(self, name: str, raw: bytes | str | Exception, *, media_type: str = "", size: int = 0) -> Attachment:
        """Keep a file, as a person attaches it."""
        location = f"file:{name}"
        self.kept[location] = raw.encode() if isinstance(raw, str) else raw
        return Attachment(name=name, media_type=media_type, size=size, location=location)

    def thread(self, text: str) -> Attachment:
        """Keep a thread, as the channel hands it over."""
        self.kept["thread:1"] = text.encode()
        return Attachment(name="thread", media_type=THREAD, size=0, location="thread:1")


class Talk:
    """People who write and attach."""

    def __init__(self, desk: Desk, channel: Filed) -> None:
        self.desk, self.channel, self.count = desk, channel, 0

    def message(self, text: str, *files: Attachment, conversation: str = "c", **more: Any) -> Message:
        self.count += 1
        return Message(
            id=f"m{self.count}",
            address=Address(channel="test", conversation=conversation),
            sender=f"visitor of {conversation}",
            text=text,
            sent_at=float(self.count),
            attachments=files,
            **more,
        )

    async def say(self, text: str, *files: Attachment, **more: Any) -> Reply:
        end = await self.end(text, *files, **more)
        assert isinstance(end, Reply), end
        return end

    async def end(self, text: str, *files: Attachment, **more: Any) -> Reply | Failed:
        message = self.message(text, *files, **more)
        await self.desk.publish(message)
        async with asyncio.timeout(20):
            return await self.channel.end(message.id)


@asynccontextmanager
async def talking(
    folder: Path, *, page: str = PAGE, senses: Senses | None = None, **sections: Any
) -> AsyncIterator[Talk]:
    overrides: dict[str, Any] = {
        "data": str(folder / "data"),
        "site": {"name": "Kettle House", "contact": "help@kettle.example"},
        "engine": {"quote": {"delay_ms": 0}},
        **sections,
        "knowledge": {"semantic": {"enabled": "no"}, **sections.get("knowledge", {})},
    }
    channel = Filed()
    async with at_desk(load(environ={}, overrides=overrides), [channel], senses=senses) as desk:
        if page:
            (folder / "returns.md").write_text(page, "utf-8")
            await desk.knowledge.add([str(folder / "returns.md")])
        await desk.start()
        yield Talk(desk, channel)
        await desk.close()


@asynccontextmanager
async def modelled(folder: Path, *acts: Any, **sections: Any) -> AsyncIterator[tuple[Talk, FakeOpenAI]]:
    """The same, with a model behind it that does `acts`."""
    async with FakeOpenAI().serving() as fake:
        fake.then(*acts)
        remote = {"base_url": fake.base_url, "retries": 0, "first_token_seconds": 5}
        engine = {"kind": "openai", "openai": remote, "quote": {"delay_ms": 0}}
        async with talking(folder, engine=engine, **sections) as talk:
            yield talk, fake
