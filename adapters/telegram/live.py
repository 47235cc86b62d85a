"""An answer while it is written: one task for each, which shows the newest text as often as the budgets let it.

In private chats that is a draft, which Telegram forgets after half a minute, so it is said again before; where drafts
are refused, and in groups, it is a message that is edited. Nothing depends on any of it: what is final is written by
whoever ends it, and what could not be shown is not missed. That somebody is typing is shown on the side: no text
waits for it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Literal

import structlog

from adapters.courtesies import Courtesies
from adapters.telegram import names
from adapters.telegram.api import Api, Busy, TelegramRefused
from adapters.telegram.outgoing import Body, Outgoing
from adapters.telegram.sends import edition
from adapters.telegram.writer import Showing, Writer
from bot.events import Reply

log = structlog.get_logger()

Way = Literal["draft", "edit", "none"]

_DRAFT_SECONDS, _EDIT_SECONDS = 1.0, 2.0
"""A text changes no more often."""
_AGAIN_SECONDS = 0.2
_LATER_SECONDS = 2.0
_TYPING_SECONDS = 5.0
_REFRESH_SECONDS = 18.0
"""A draft is said again after so long, as soon as the budgets let it; Telegram forgets it after thirty."""
_SILENCE_SECONDS = 900.0
_REFUSED_SECONDS = 3_600.0
_MOST_CHATS = 4_096
_NEVER = float("inf")


class Drafts:
    """Where drafts were refused lately: in a chat, or by a server that does not know them."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._until = clock, dict[int, float]()
        self._everywhere = -_NEVER

    def may(self, chat: int) -> bool:
        return self._clock() >= max(self._everywhere, self._until.get(chat, -_NEVER))

    def refused(self, chat: int, *, everywhere: bool) -> None:
        until = self._clock() + _REFUSED_SECONDS
        if everywhere:
            self._everywhere = until
            return
        if len(self._until) >= _MOST_CHATS:
            self._until = {other: end for other, end in self._until.items() if end > self._clock()}
        self._until[chat] = until


class Live:
    """`way` is how it is shown; "none" shows only that somebody is typing."""

    def __init__(
        self,
        showing: Showing,
        way: Way,
        *,
        api: Api,
        writer: Writer,
        outgoing: Outgoing,
        drafts: Drafts,
        courtesies: Courtesies,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._showing, self.way = showing, way
        self._api, self._writer, self._outgoing, self._drafts = api, writer, outgoing, drafts
        self._courtesies, self._clock = courtesies, clock
        self._newest: Reply | None = None
        self._shown: Reply | None = None
        self._visible = False
        self._digest = ""
        self._at = self._typing_at = self._told_at = clock()
        self._drafted_at = _NEVER
        self._news = asyncio.Event()
        self._ended = False
        self._task = asyncio.create_task(self._run())

    @property
    def over(self) -> bool:
        return self._task.done()

    def tell(self, reply: Reply) -> None:
        """What the answer is by now; it takes the place of what was not shown yet."""
        if self._newest is None or edition(reply.message_id) >= edition(self._newest.message_id):
            self._newest, self._told_at = reply, self._clock()
            self._news.set()

    async def end(self) -> bool:
        """Return when nothing more will be shown; whether a draft was. What is on its way is waited for."""
        self._ended = True
        self._news.set()
        await asyncio.shield(self._task)
        return self._drafted_at < _NEVER

    async def cancel(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    # -- the task ------------------------------------------------------------------------------------------
    async def _run(self) -> None:
        while not self._ended and self._clock() < self._told_at + _SILENCE_SECONDS:
            self._news.clear()
            try:
                wait = await self._step()
            except Exception as error:  # nothing depends on it; the end says it all
                log.warning("telegram.live", error=type(error).__name__)
                self.way, wait = "none", _TYPING_SECONDS
            if self._ended:
                return
            try:
                async with asyncio.timeout(max(0.0, wait)):
                    await self._news.wait()
            except TimeoutError:
                pass  # it is time

    async def _step(self) -> float:
        """Do what is to be done now; seconds until there is something to do again, unless there is news."""
        now = self._clock()
        if self._newest is not None and self.way != "none" and self._due(now):
            if (wait := self._api.pace.live_wait(self._api.place(self._showing.spot.place.chat))) <= 0:
                await self._show(self._newest)
            else:  # cheaper to ask than to write it out
                self._at = now + wait
        if not self._visible and now >= self._typing_at and not self._ended:
            self._type()
        return self._next(self._clock())

    def _due(self, now: float) -> bool:
        return now >= self._at and (self._newest is not self._shown or now >= self._drafted_at + _REFRESH_SECONDS)

    def _next(self, now: float) -> float:
        typing = _NEVER if self._visible else self._typing_at
        changes = self._at if self._newest is not self._shown and self.way != "none" else _NEVER
        again = max(self._at, self._drafted_at + _REFRESH_SECONDS) if self.way == "draft" else _NEVER
        return min(typing, changes, again, self._told_at + _SILENCE_SECONDS) - now

    async def _show(self, newest: Reply) -> None:
        showing, now = self._showing, self._clock()
        body = self._outgoing.growing(newest, group=showing.spot.group, stop=self.way == "edit")
        if (
            body is None
            or self._too_soon(body)
            or (body.digest == self._digest and now < self._drafted_at + _REFRESH_SECONDS)
        ):
            self._shown = newest
            return
        try:
            if self.way == "draft":
                whole = await self._draft(newest, body, now)
            else:
                whole = await self._writer.grow(showing, newest.message_id, body)
        except Busy:
            self._at = self._clock() + _AGAIN_SECONDS
        except TelegramRefused as error:
            self._refused(error)
        else:
            self._visible = True
            self._shown, self._digest = (newest, body.digest) if whole else (None, "")
            self._at = now + (_DRAFT_SECONDS if self.way == "draft" else _EDIT_SECONDS)

    def _too_soon(self, body: Body) -> bool:
        """Whether there would be a message in which there is nothing to read, and for a while no other."""
        return self.way == "edit" and not self._showing.part(0).id and not body.beginning.strip("… ")

    async def _draft(self, newest: Reply, body: Body, now: float) -> bool:
        place = self._showing.spot.place
        said: dict[str, Any] = {name: body.arguments[name] for name in ("text", "entities") if name in body.arguments}
        await self._api.call(
            "sendMessageDraft",
            chat=place.chat,
            live=True,
            draft_id=names.draft_id(newest.message_id),
            can_stop=True,
            keep_on_stop=True,
            **self._showing.spot.topic(),
            **said,
        )
        self._drafted_at = now
        return True

    def _refused(self, error: TelegramRefused) -> None:
        """Show it in another way, or not at all."""
        self._at = self._clock() + _LATER_SECONDS
        if self.way == "draft" and error.code in (400, 404):
            self._drafts.refused(self._showing.spot.place.chat, everywhere=error.unknown)
            self.way, self._at = "edit", self._clock()
        elif error.permanent or (error.ambiguous and self.way == "edit" and not self._showing.part(0).id):
            self.way = "none"

    def _type(self) -> None:
        spot = self._showing.spot
        self._typing_at = self._clock() + _TYPING_SECONDS

        async def typing() -> None:
            if not (self._visible or self._ended):
                await self._api.call(
                    "sendChatAction", chat=spot.place.chat, live=True, action="typing", **spot.topic(), **spot.theirs()
                )

        self._courtesies.offer(typing)
