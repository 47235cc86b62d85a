"""What everything that receives has at hand, and what it has in common: whom it speaks to, and short notices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from adapters.base import Publish
from adapters.courtesies import Courtesies
from adapters.telegram import names
from adapters.telegram.api import Api, Me
from adapters.telegram.cases import Cases
from adapters.telegram.connections import Connections
from adapters.telegram.heard import Who
from adapters.telegram.names import Place
from adapters.telegram.sender import Sender
from adapters.telegram.sends import answered
from adapters.telegram.words import said
from bot.config import Config
from bot.events import Feedback, Message, Stop
from storage.base import Send, Store


async def _nobody(_: Message | Stop | Feedback) -> bool:
    raise RuntimeError("the adapter does not run")


@dataclass(slots=True, kw_only=True)
class Receiving:
    """`publish` is the house's while the adapter runs."""

    config: Config
    store: Store
    api: Api
    sender: Sender
    courtesies: Courtesies
    connections: Connections
    cases: Cases
    publish: Publish = _nobody

    async def me(self) -> Me:
        """Who the bot is. Raises `TelegramRefused` while Telegram does not say."""
        return await self.api.me()

    def word(self, key: str, who: Who, **values: str) -> str:
        """A short notice, in the language of `who`."""
        return self.spoken(key, who.language, **values)

    def spoken(self, key: str, language: str, **values: str) -> str:
        """The same in `language` ("" when it is not known)."""
        return said(key, self.config.language.fixed or language or self.config.language.default, **values)

    async def asked_at(self, place: Place, message: int) -> Message | None:
        """The question whose answer message `message` of ours shows, in the form that was answered there last."""
        ident = await answered(self.store, names.remote(place, message))
        exchange = await self.store.exchange(names.CHANNEL, ident) if ident else None
        return exchange.message if exchange else None

    def tell(self, place: Place, text: str, *, answers: int = 0) -> None:
        """Say something short there; nothing depends on it."""
        more: dict[str, Any] = {"message_thread_id": place.thread} if place.thread else {}
        if place.business:
            more |= {"business_connection_id": place.business}
        if answers:
            more |= {"reply_parameters": {"message_id": answers, "allow_sending_without_reply": True}}

        async def say() -> None:
            await self.api.call("sendMessage", chat=place.chat, text=text, **more)

        self.courtesies.offer(say)

    async def tell_once(self, key: str, place: Place, text: str, *, answers: int = 0) -> None:
        """The same, once for `key`, however often Telegram tells of what it answers."""
        if await self.store.sends(names.CHANNEL, key):
            return
        await self.store.keep_send(names.CHANNEL, key, Send(part=0, state="done"))
        self.tell(place, text, answers=answers)
