"""A house whose visitors can be handed over: what they and the colleagues at the support desk say and press."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from bot.config import Config
from bot.events import Address, Case, Command, Failed, Message, Post, Reply
from tests.fakes.channel import Channel
from tests.fakes.desk import House, config

VISITOR = Address(channel="test", conversation="visitor")
ANA, BEN = "T0123:ana", "T0123:ben"


class Handed(House):
    """`support` is the channel of the desk. Ids are made here, in the order of what is said."""

    _numbers = itertools.count(1)

    # -- visitors --------------------------------------------------------------------------------------
    async def says(self, text: str, *, at: Address = VISITOR, **more: Any) -> str:
        """Something that a visitor says; its id."""
        return await self._publish(Message(id=self._id(), address=at, sender="v", text=text, sent_at=1.0), more)

    async def heard(self, text: str, *, at: Address = VISITOR, **more: Any) -> Reply:
        """The same, and how it ended without the bot's having been asked."""
        ident = await self.says(text, at=at, **more)
        end = await self._end(self.channel, ident)
        assert ident not in self.scripted.attempts
        return end

    async def answered(self, text: str, *, at: Address = VISITOR, **more: Any) -> Reply:
        """The same, answered by the bot."""
        ident = await self.says(text, at=at, **more)
        (await self.scripted.wait_for(ident)).set_result("end")
        return await self._end(self.channel, ident)

    async def opens(self, *, at: Address = VISITOR) -> Case:
        """A visitor asks for a person; the case."""
        await self.heard("I want to talk to a human", at=at)
        case = await self.store.case(at)
        assert case
        return case

    # -- colleagues ------------------------------------------------------------------------------------
    async def desk_says(self, case: Case, text: str = "", command: Command = "", by: str = ANA, **more: Any) -> Reply:
        """Something that a colleague says or presses in the thread of a case, and what it ended in."""
        name = by.removeprefix("T0123:").capitalize()
        said = Message(id=self._id(), address=case.desk, sender=by, text=text, sent_at=1.0, command=command, name=name)
        return await self._end(self.support, await self._publish(said, more))

    async def takes(self, case: Case, by: str = ANA) -> None:
        """A colleague presses "Take over", and is told nothing: the card shows it."""
        assert (await self.desk_says(case, command="take", by=by)).text == ""

    # -- what there is ---------------------------------------------------------------------------------
    async def now(self, case: Case) -> Case:
        """The case as it is by now."""
        known = await self.store.case_at(case.desk)
        assert known
        return known

    async def settled(self) -> None:
        """Wait until everything has ended and was sent."""
        async with asyncio.timeout(30):
            while self.desk.bus.held(Message) or self.desk.bus.held(Reply):
                await asyncio.sleep(0.001)

    def visitor_sees(self, at: Address = VISITOR) -> list[str]:
        """What stands before the visitor: the texts of ends, and posts with who wrote them."""
        return [_line(event) for event in self.channel.shown if event.address == at and _stands(event)]

    def desk_sees(self, case: Case) -> list[str]:
        """The same in the thread of a case."""
        return [_line(event) for event in self.support.shown if event.address == case.desk and _stands(event)]

    async def _publish(self, message: Message, more: dict[str, Any]) -> str:
        message = replace(message, **more)
        assert await self.desk.publish(message)
        return message.id

    async def _end(self, channel: Channel, message_id: str) -> Reply:
        end = await asyncio.wait_for(channel.end(message_id), 30)
        assert isinstance(end, Reply)
        return end

    def _id(self) -> str:
        return f"m{next(self._numbers)}"


def _stands(event: Reply | Failed | Post) -> bool:
    return not isinstance(event, Reply) or (event.final and bool(event.text))


def _line(event: Reply | Failed | Post) -> str:
    if isinstance(event, Post) and event.kind == "case":
        return f"[{event.case.state} {event.case.agent_name}]".replace(" ]", "]")
    if isinstance(event, Post):
        return f"{event.name}: {event.text}" if event.name else f"({event.text})"
    return event.text if isinstance(event, Reply) else event.said


def support(channel: str = "support", conversation: str = "C0123", **sections: dict[str, Any]) -> Config:
    """A configuration with a support desk on `channel`."""
    return config(handover={"channel": channel, "account": "T0123", "conversation": conversation}, **sections)


@asynccontextmanager
async def handed_over(
    folder: Path, *, channel: str = "support", conversation: str = "C0123", **sections: dict[str, Any]
) -> AsyncIterator[Handed]:
    """A house with a support desk on `channel`."""
    made = Handed(folder, support(channel, conversation, **sections))
    await made.open()
    try:
        yield made
    finally:
        await made.close()
