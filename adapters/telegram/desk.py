"""The support desk, as we write to it: a topic for each case in a group with topics, a chain of replies in another.

Where no topic can be opened, for want of rights, cases are chains of replies as well. A topic whose creation got no
answer may stand there empty: nothing was said in it, and the next one is taken.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from adapters.telegram import names
from adapters.telegram.api import Api, TelegramRefused
from adapters.telegram.errors import NO_TOPICS, UNCHANGED
from adapters.telegram.sends import CARD, TOPIC, Sends, Spot, number
from bot.config import Config
from bot.events import Address, Case, Outbound, Post
from bot.phrases import said as phrase
from storage.base import Send, Store

_SECONDS = 600.0
_NAME, _REASON = 60, 60
_SETTLED = ("resolved", "returned")


class Desk:
    def __init__(self, api: Api, store: Store, sends: Sends, config: Config) -> None:
        self._api, self._store, self._sends, self._config = api, store, sends, config
        self._topics: tuple[float, bool] = (0.0, False)

    async def case(self, event: Outbound) -> Case | None:
        """The case in whose thread at the desk `event` is to be shown; None when it is shown elsewhere."""
        config, address = self._config.handover, event.address
        here = (config.channel, config.account, config.conversation)
        if here != (names.CHANNEL, address.account, address.conversation) or not address.thread:
            return None
        if isinstance(event, Post) and event.case.desk == address:
            return event.case
        return await self._store.case_at(address)

    async def for_card(self, post: Post, *, anew: bool = False) -> Spot:
        """Where the card of a case stands: in its topic, which is opened when there is none, or (`anew`) no more."""
        place = await self._place(post.address)
        sends = await self._store.sends(names.CHANNEL, post.id)
        topic = _topic(sends)
        if anew or not (topic or any(send.remote for send in sends)):
            topic = await self._open(post, place)
        return Spot(names.Place(place.bot, place.chat, topic))

    async def below(self, case: Case, question: int) -> Spot:
        """Where something of a case is said. `question` is the message that it answers, if there is one.

        Raises `TelegramRefused` when its card does not stand there (yet).
        """
        place = await self._place(case.desk)
        sends = await self._store.sends(names.CHANNEL, CARD + case.id)
        if topic := _topic(sends):
            return Spot(names.Place(place.bot, place.chat, topic), question)
        for send in sends:
            if send.remote:
                return Spot(place, question or number(send.remote))
            if send.detail.get("given_up"):
                raise TelegramRefused("sendMessage", "the card was given up", code=400)
        raise TelegramRefused("sendMessage", "the card does not stand there yet")

    async def settle(self, post: Post, spot: Spot) -> None:
        """Close the topic of a case that is over."""
        if post.case.state not in _SETTLED or not spot.place.thread:
            return
        try:
            await self._api.call(
                "closeForumTopic", chat=spot.place.chat, final=True, message_thread_id=spot.place.thread
            )
        except TelegramRefused as error:
            if not (error.permanent or error.says(UNCHANGED)):
                raise

    # -- topics --------------------------------------------------------------------------------------------
    async def _open(self, post: Post, place: names.Place) -> int:
        """Open a topic; 0 where there are none, or we may not."""
        if not await self._has_topics(place.chat):
            return 0
        try:
            told = await self._api.call("createForumTopic", chat=place.chat, final=True, name=self._title(post.case))
        except TelegramRefused as error:
            if error.permanent and error.says(NO_TOPICS):
                return 0
            raise
        topic = int(told["message_thread_id"])
        await self._sends.keep_topic(post.id, place, topic)
        return topic

    async def _has_topics(self, chat: int) -> bool:
        until, known = self._topics
        if time.monotonic() >= until:
            known = bool((await self._api.call("getChat", chat=chat)).get("is_forum"))
            self._topics = (time.monotonic() + _SECONDS, known)
        return known

    def _title(self, case: Case) -> str:
        language = self._config.language.fixed or self._config.language.default
        name = " ".join(case.name.split())[:_NAME].strip() or phrase("visitor", language)
        reason = " ".join(case.reason.split())[:_REASON].strip()
        return f"{name}: {reason}" if reason else name

    async def _place(self, desk: Address) -> names.Place:
        """Without `handover.account` the desk is the bot's own, whichever that is."""
        bot = int(desk.account) if desk.account else (await self._api.me()).id
        return names.Place(bot, self._api.place(int(desk.conversation)))


def _topic(sends: Sequence[Send]) -> int:
    return next((number(send.remote) for send in sends if send.part == TOPIC), 0)
