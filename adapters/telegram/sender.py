"""What the house says goes to Telegram here: each answer and each post once, whatever dies on the way.

A final text always arrives by an edit of a message that is known, so it never stands twice. Its beginning may: when
Telegram took a message and the answer that says its id was lost, another one is begun.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import replace

import structlog

from adapters.courtesies import Courtesies
from adapters.telegram import keyboards, names
from adapters.telegram.api import Api, Busy, TelegramRefused
from adapters.telegram.desk import Desk
from adapters.telegram.errors import NO_THREAD, NOT_KNOWN
from adapters.telegram.live import Drafts, Live, Way
from adapters.telegram.outgoing import RANKS, Content, Outgoing
from adapters.telegram.sends import Sends, Spot, chat, edition, key, number
from adapters.telegram.writer import Showing, Writer
from bot.config import Config
from bot.events import Case, Failed, Outbound, Post, Reply
from bot.metrics import Metrics
from storage.base import Send, Store

log = structlog.get_logger()

_MOST_LIVE = 2_048
_LOGGED = 1_000
_NOTHING = "…"


class Sender:
    def __init__(self, api: Api, store: Store, config: Config, metrics: Metrics, courtesies: Courtesies) -> None:
        self._api, self._store, self._config, self._courtesies = api, store, config, courtesies
        self._sends = Sends(store)
        self._writer = Writer(api, self._sends, metrics)
        self._outgoing = Outgoing(config)
        self._desk = Desk(api, store, self._sends, config)
        self._drafts = Drafts()
        self._live: OrderedDict[str, Live] = OrderedDict()
        self._told: OrderedDict[tuple[str, ...], None] = OrderedDict()
        self._given_up = metrics.counter("telegram_given_up", "Sends that Telegram will never take.", "code")
        self._lost = metrics.counter("telegram_lost", "Messages that were begun and whose ids never came back.")

    async def send(self, event: Outbound) -> str:
        """Show `event`, and return the house's name of its first message ("" when there is none).

        An answer that is still being written is shown by and by, as the budgets let it. What Telegram will never take
        (the bot was blocked, the chat is gone) is logged once and given up. Raises `TelegramRefused` when trying again
        is worth while.
        """
        try:
            if isinstance(event, Reply) and not event.final:
                await self._grow(event)
                return ""
            return await self._end(event)
        except TelegramRefused as error:
            if error.permanent:
                return await self._give_up(event, error)
            if error.code == 401 and self._first_time("token"):
                log.error("telegram.token", why=NOT_KNOWN)
            raise

    async def chosen(self, remote: str, value: int) -> None:
        """Show below the answer at `remote` (the house's name of the message with the buttons) what somebody thinks of
        it: +1, -1, or 0 when it was taken back. Nothing depends on it."""
        shown = await self._store.sent_as(names.CHANNEL, remote)
        for send in await self._store.sends(names.CHANNEL, shown) if shown else ():
            if send.remote == remote and "language" in send.detail:
                keyboard = keyboards.answered(
                    str(send.detail["language"]), human=bool(send.detail.get("human")), chosen=value
                )
                try:
                    await self._api.call(
                        "editMessageReplyMarkup", chat=chat(remote), message_id=number(remote), reply_markup=keyboard
                    )
                except TelegramRefused:
                    return

    async def close(self) -> None:
        """Show nothing any more. What is final is said again when the house says it again."""
        lives = list(self._live.values())
        self._live.clear()
        await asyncio.gather(*(live.cancel() for live in lives))

    # -- while it is written -------------------------------------------------------------------------------
    async def _grow(self, reply: Reply) -> None:
        name = key(reply.message_id)
        live = self._live.get(name)
        if live is None or live.over:
            live = await self._begun(name, reply)
        if live is not None:
            live.tell(reply)

    async def _begun(self, name: str, reply: Reply) -> Live | None:
        """What shows an answer that begins; None when a later form of its question is answered already."""
        spot = await self._spot(reply, await self._desk.case(reply))
        showing = await self._showing(name, spot)
        if edition(showing.message) > edition(reply.message_id):
            return None
        live = Live(
            showing,
            self._way(showing),
            api=self._api,
            writer=self._writer,
            outgoing=self._outgoing,
            drafts=self._drafts,
            courtesies=self._courtesies,
        )
        self._live[name] = live
        if len(self._live) > _MOST_LIVE:
            await self._live.popitem(last=False)[1].cancel()
        return live

    def _way(self, showing: Showing) -> Way:
        """Drafts in private chats, but where an answer stands that is to be changed; nothing in somebody's name."""
        spot = showing.spot
        if spot.place.business:
            return "none"
        if spot.group or any(part.id for part in showing.parts):
            return "edit"
        if not self._config.telegram.drafts:
            return "none"
        return "draft" if self._drafts.may(spot.place.chat) else "edit"

    # -- ends ----------------------------------------------------------------------------------------------
    async def _end(self, event: Outbound) -> str:
        case = await self._desk.case(event)
        if isinstance(event, Post) and event.kind == "case":
            return await self._card(event)
        spot = await self._spot(event, case)
        name = event.id if isinstance(event, Post) else key(event.message_id)
        drafted = await self._ended(name)
        showing = await self._showing(name, spot)
        content = self._content(event, spot, desk=case is not None)
        if not isinstance(event, Post) and _overtaken(content, showing):
            return _first(showing)
        showing.drafted = drafted
        await self._writer.show(showing, content)
        if showing.drafted and not content.pieces and not isinstance(event, Post):
            await self._withdraw(event.message_id, spot)
        return _first(showing)

    async def _card(self, post: Post) -> str:
        """The card of a case, in a topic of its own where there are topics."""
        spot = await self._desk.for_card(post)
        showing = await self._showing(post.id, spot)
        if RANKS.get(str(showing.note.get("case", "")), -1) > RANKS[post.case.state]:
            return _first(showing)
        try:
            await self._writer.show(showing, self._outgoing.post(post))
        except TelegramRefused as error:
            if not (spot.place.thread and error.says(NO_THREAD)):
                raise
            showing.spot = spot = await self._desk.for_card(post, anew=True)
            await self._writer.show(showing, self._outgoing.post(post))
        await self._desk.settle(post, spot)
        return _first(showing)

    async def _ended(self, name: str) -> bool:
        """Wait until nothing is shown of it any more; whether a draft was."""
        live = self._live.get(name)
        if live is None:
            return False
        drafted = await live.end()
        if self._live.get(name) is live:
            del self._live[name]
        return drafted

    async def _withdraw(self, message: str, spot: Spot) -> None:
        """Take away what a draft shows: until Telegram forgets it, it says nothing."""
        try:
            await self._api.call(
                "sendMessageDraft",
                chat=spot.place.chat,
                draft_id=names.draft_id(message),
                text=_NOTHING,
                **spot.topic(),
            )
        except (Busy, TelegramRefused):
            return

    def _content(self, event: Outbound, spot: Spot, *, desk: bool) -> Content:
        if isinstance(event, Post):
            return self._outgoing.post(event)
        business = bool(spot.place.business)
        if isinstance(event, Failed):
            return self._outgoing.failed(event, group=spot.group, desk=desk, business=business)
        return self._outgoing.finished(event, group=spot.group, desk=desk, business=business)

    async def _give_up(self, event: Outbound, error: TelegramRefused) -> str:
        conversation = event.address.conversation
        self._given_up.labels(str(error.code)).inc()
        if self._first_time(conversation, error.error):
            log.warning("telegram.given_up", conversation=conversation, error=error.error)
        if isinstance(event, Post) and event.kind == "case":  # so that what belongs below it does not wait for it
            sends = await self._store.sends(names.CHANNEL, event.id)
            if not any(send.remote for send in sends):
                kept = Send(part=0, state="done", detail={"given_up": error.error})
                await self._store.keep_send(names.CHANNEL, event.id, kept)
        return ""

    def _first_time(self, *what: str) -> bool:
        """Whether this was not told lately; from now on it was."""
        new = what not in self._told
        self._told[what] = None
        if len(self._told) > _LOGGED:
            self._told.popitem(last=False)
        return new

    # -- where ---------------------------------------------------------------------------------------------
    async def _showing(self, name: str, spot: Spot) -> Showing:
        known = await self._sends.known(name)
        if known.lost:
            self._lost.inc(known.lost)
        return Showing(name, spot, known.parts, known.message, known.note)

    async def _spot(self, event: Outbound, case: Case | None) -> Spot:
        """Where `event` is shown. In groups an answer replies to its question."""
        asked = "" if isinstance(event, Post) else event.message_id
        if case is not None:
            at_desk = asked and str(chat(asked)) == case.desk.conversation
            return await self._desk.below(case, number(asked) if at_desk else 0)
        place = names.place(event.address)
        now = self._api.place(place.chat)
        question = number(asked) if now < 0 and chat(asked) == now else 0
        return Spot(replace(place, chat=now), question)


def _overtaken(content: Content, showing: Showing) -> bool:
    """Whether a later form of the question is answered there already, or nothing is to take the place of another's."""
    shown, own = edition(showing.message), edition(content.message)
    return shown > own or (shown != own and not content.pieces and bool(showing.message))


def _first(showing: Showing) -> str:
    place = showing.spot.place
    for part in showing.parts:
        if part.id:
            return names.remote(names.Place(place.bot, part.chat, 0, place.business), part.id)
    return ""
