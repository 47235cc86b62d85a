"""A support desk in a Telegram group, with colleagues in it."""

from __future__ import annotations

import time
from dataclasses import dataclass

from bot.events import Address, Message
from tests.adapters.telegram.bureau import Bureau
from tests.fakes.telegram.server import FakeTelegram, Shown

DESK = -1_000_000_000_099
ANA, BEN = 21, 22
HANDOVER = {"channel": "telegram", "conversation": str(DESK)}
VISITOR = Address(channel="web", conversation="visitor-1")


@dataclass
class Office:
    """A bureau whose desk is a group; `topics` says of which kind."""

    made: Bureau
    topics: bool

    @property
    def telegram(self) -> FakeTelegram:
        return self.made.telegram

    async def card(self) -> Shown:
        """The newest card."""

        def found() -> list[Shown]:
            return [one for one in self.telegram.chat(DESK).said if {"take", "resolve"} & data(one)]

        cards: list[Shown] = await self.telegram.until(found)
        return cards[-1]

    async def says(self, card: Shown, user: int, text: str, *, reply_to: int = 0, **how: int) -> int:
        """A colleague writes in the thread of a case: in its topic, or as a reply to its card."""
        if self.topics:
            return await self.telegram.say(DESK, user, text, thread=card.thread, reply_to=reply_to, **how)
        return await self.telegram.say(DESK, user, text, reply_to=reply_to or card.id, **how)

    async def shows(self, card: Shown, text: str) -> Shown:
        """Wait until something with `text` stands in the thread of a case."""

        def found() -> list[Shown]:
            said = self.telegram.chat(DESK).said
            inside = [one for one in said if one.thread == card.thread] if self.topics else said
            return [one for one in inside if text in one.text and one is not card]

        shown: list[Shown] = await self.telegram.until(found)
        return shown[0]

    async def press(self, card: Shown, action: str, user: int = ANA) -> None:
        pressed = await self.telegram.press(card, action, user)
        await self.telegram.until(lambda: pressed.answer is not None)

    async def opens(self) -> Shown:
        """The visitor of the other channel asks for a person; the card."""
        await self.made.visitors.end(await visitor_says(self.made, "I want to talk to a human", 1))
        return await self.card()


def data(shown: Shown) -> set[str]:
    return {str(button.get("callback_data")) for button in shown.buttons}


def furnish(telegram: FakeTelegram, *, topics: bool) -> None:
    telegram.group(DESK, "Support", forum=topics, bot="administrator")
    telegram.user(ANA, "Ana", last_name="Alves")
    telegram.user(BEN, "Ben")


async def visitor_says(made: Bureau, text: str, number: int) -> str:
    assert made.visitors.publish is not None
    message = Message(id=f"web-{number}", address=VISITOR, sender="v", text=text, sent_at=time.time(), name="Vera")
    assert await made.visitors.publish(message)
    return message.id
