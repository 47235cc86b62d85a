"""From an update to what is published. It returns when everything is durable: only then is Telegram told so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog

from adapters.telegram import names, rules
from adapters.telegram.buttons import Buttons
from adapters.telegram.heard import (
    Asked,
    Connected,
    Deleted,
    Heard,
    Joined,
    Left,
    Moved,
    Nothing,
    Pressed,
    Reacted,
    Said,
    Stopped,
)
from adapters.telegram.inbound import understood
from adapters.telegram.lanes import Lanes, lane
from adapters.telegram.offers import Offers
from adapters.telegram.receiving import Receiving
from adapters.telegram.talk import Talk
from bot.events import Stop
from bot.phrases import said as phrase

log = structlog.get_logger()


class Receiver:
    """Every update ends here, whichever way it came."""

    def __init__(self, at: Receiving, offers: Offers) -> None:
        self._at, self._offers = at, offers
        self._talk, self._buttons, self._lanes = Talk(at), Buttons(at), Lanes()

    async def receive(self, update: Mapping[str, Any]) -> None:
        """Take an update (checked by `shape.checked`).

        Raises `Malformed`; and what says that Telegram should tell again: `Refused`, `StorageError`, `TelegramRefused`.
        """
        told = understood(update, await self._at.me())
        async with self._lanes.hold(lane(update)):
            await self._take(told)

    async def busy(self, update: Mapping[str, Any]) -> None:
        """Tell whoever said it that it was not taken, because too much of theirs waits already."""
        told = understood(update, await self._at.me())
        if isinstance(told, Said):
            language = self._at.config.language.fixed or told.who.language or self._at.config.language.default
            self._at.tell(told.place, phrase("busy", language), answers=told.message)

    async def _take(self, told: Heard) -> None:
        match told:
            case Said():
                await self._talk.said(told)
            case Deleted():
                await self._talk.deleted(told)
            case Pressed():
                await self._buttons.pressed(told)
            case Reacted():
                await self._buttons.reacted(told)
            case Stopped():
                await self._buttons.stopped(told)
            case _:
                await self._note(told)

    async def _note(self, told: Heard) -> None:
        """What asks for nothing that has to last."""
        match told:
            case Asked():
                self._offers.answer(told)
            case Connected():
                self._at.connections.forget(told.connection)
            case Joined():
                await self._joined(told)
            case Left():
                await self._at.publish(Stop(address=names.address(told.place)))
            case Moved():
                self._moved(told)
            case Nothing():
                log.debug("telegram.unheard", why=told.why)

    async def _joined(self, joined: Joined) -> None:
        """Tell a group when the bot answers there, once."""
        config, me = self._at.config, await self._at.me()
        if self._at.cases.at_desk(joined.place):
            return
        if not rules.welcome(joined.who, joined.place.chat, config.telegram, private=False):
            return
        seen = "joined_all" if me.can_read_all_group_messages else "joined_private"
        parts = [self._at.word("joined", joined.who, name=me.username), self._at.word(seen, joined.who)]
        key = f"joined:{joined.place.bot}:{joined.place.chat}:{joined.at}"
        await self._at.tell_once(key, joined.place, "\n\n".join(parts))

    def _moved(self, moved: Moved) -> None:
        """Conversations begin anew under the group's new id; what is configured by the old one has to be changed."""
        config = self._at.config
        configured = [
            name
            for name, ids in (
                ("telegram.chats", map(str, config.telegram.chats)),
                ("handover.conversation", [config.handover.conversation]),
            )
            if str(moved.old) in ids
        ]
        note = log.error if configured else log.info
        note("telegram.group_moved", old=moved.old, new=moved.new, change=", ".join(configured))
