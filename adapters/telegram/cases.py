"""The support desk in Telegram: which topic, or which chain of replies, is which case.

In the house a case's thread is called by the case's id. In a group with topics it is the topic that was opened for it;
in one without it is everything that replies to the case's card, or to what was said below it. A word that is meant for
a visitor goes to nobody else, so a reply to a message of ours that is not known yet waits until it is: its card was
sent a moment ago.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from adapters.telegram import names
from adapters.telegram.heard import Said
from adapters.telegram.names import Place
from adapters.telegram.sends import CARD
from bot.config import HandoverConfig
from bot.events import Address
from storage.base import Store

_YOUNG_SECONDS = 30.0
_WAIT_SECONDS, _STEP_SECONDS = 2.0, 0.05


class Cases:
    """`now` is where a chat is by now: a group that became a supergroup has another id."""

    def __init__(
        self,
        config: HandoverConfig,
        store: Store,
        *,
        now: Callable[[int], int] = lambda chat: chat,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._config, self._store, self._now, self._clock = config, store, now, clock

    def at_desk(self, place: Place) -> bool:
        """Whether cases are worked on in this chat, as far as the configuration says."""
        config = self._config
        if config.channel != names.CHANNEL or config.account not in ("", str(place.bot)) or place.business:
            return False
        desk = config.conversation
        return desk.removeprefix("-").isdigit() and place.chat in (int(desk), self._now(int(desk)))

    def address(self, case: str) -> Address:
        """The address that the house gave to the desk's end of `case`."""
        config = self._config
        return Address(channel=config.channel, account=config.account, conversation=config.conversation, thread=case)

    async def thread(self, said: Said) -> Address | None:
        """The desk's address of the case that `said` belongs to; None when it belongs to none."""
        if not self.at_desk(said.place):
            return None
        candidates = dict.fromkeys((said.place.thread, said.root, said.answers))
        young = said.answers_us and self._clock() - said.at < _YOUNG_SECONDS
        until = time.monotonic() + (_WAIT_SECONDS if young else 0.0)
        while True:
            for message in candidates:
                if message and (case := await self.shown_by(said.place, message)):
                    return self.address(case)
            if time.monotonic() >= until or await self._known(said):
                return None
            await asyncio.sleep(_STEP_SECONDS)

    async def shown_by(self, place: Place, message: int) -> str:
        """The id of the case that a message at the desk belongs to, "" when it belongs to none."""
        key = await self._store.sent_as(names.CHANNEL, names.remote(place, message))
        if key.startswith(CARD):
            return key.removeprefix(CARD)
        exchange = await self._store.exchange(names.CHANNEL, key or names.message_id(place, message))
        if exchange and exchange.message.address == self.address(exchange.message.address.thread):
            return exchange.message.address.thread
        case = key.partition("-")[0]
        return case if case and await self._store.case_at(self.address(case)) else ""

    async def _known(self, said: Said) -> bool:
        return bool(await self._store.sent_as(names.CHANNEL, names.remote(said.place, said.answers)))
