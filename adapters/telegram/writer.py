"""The one who writes what we say in Telegram: puts messages there, gives them their texts, and keeps what came of it.

A message is begun with less than its text, and gets its text by an edit, which may be repeated: whatever is lost on the
way, a final text never stands twice. A beginning may, after Telegram took it and its answer got lost. Rich messages
come in the same way, since an edit may make one of any message (Bot API 10.1); a server that knows none says that there
is no text, and gets the text in pieces.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from adapters.telegram import keyboards
from adapters.telegram.api import Api, Busy, TelegramRefused
from adapters.telegram.errors import GONE, NO_TEXT, NOT_THERE, UNCHANGED
from adapters.telegram.outgoing import Body, Content
from adapters.telegram.sends import Part, Sends, Spot, State
from bot.metrics import Metrics

_MOST_TRIES = 2
_REFUSED_SECONDS = 3_600.0
_NOTHING = "…"


@dataclass(slots=True)
class Showing:
    """What one answer or post shows now. `message` is which form of the question it answers."""

    key: str
    spot: Spot
    parts: list[Part]
    message: str = ""
    note: Mapping[str, Any] = field(default_factory=dict)
    drafted: bool = False
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def part(self, number: int) -> Part:
        while len(self.parts) <= number:
            self.parts.append(Part(len(self.parts)))
        return self.parts[number]


class Writer:
    def __init__(self, api: Api, sends: Sends, metrics: Metrics) -> None:
        self._api, self._sends = api, sends
        self._no_rich_until = 0.0
        self._written = metrics.counter("telegram_written", "Messages written, by the way that it was done.", "way")

    async def show(self, showing: Showing, content: Content) -> None:
        """Make Telegram show `content`, whole, and nothing else of `showing`. Raises `TelegramRefused`."""
        enriched, plain = bool(content.rich) and time.monotonic() >= self._no_rich_until, False
        while True:
            bodies = content.bodies(enriched=enriched, plain=plain)
            try:
                for number, body in enumerate(bodies):
                    await self._whole(showing, content, showing.part(number), body, last=number == len(bodies) - 1)
                break
            except _NotSo as refused:
                if plain:
                    raise refused.error from None
                self._remember(refused.error, enriched=enriched)
                enriched, plain = False, not enriched
        for part in reversed(showing.parts[len(bodies) :]):
            if part.id:
                await self._take_away(showing, content, part)
        showing.message = content.message
        self._written.labels("rich" if enriched else "plain" if plain else "entities").inc(len(bodies))

    async def grow(self, showing: Showing, message: str, body: Body) -> bool:
        """Show `body` in the first message, while it is written; False when no more than its beginning stands there.

        Raises `Busy`, `TelegramRefused`.
        """
        part, showing.message = showing.part(0), message
        if part.id:
            if part.shown != body.digest:
                await self._edit(showing, part, body, live=True)
            return True
        below = {name: value for name, value in body.arguments.items() if name == "reply_markup"}
        await self._begin(showing, message, {}, part, body.beginning, below, live=True)
        return False

    # -- one message -------------------------------------------------------------------------------------
    async def _whole(self, showing: Showing, content: Content, part: Part, body: Body, *, last: bool) -> None:
        """Give `part` its final text; put it there first, and again when it is gone."""
        if part.shown == body.digest and part.id:
            return
        note, fresh = content.note if last or part.number == 0 else {}, False
        for _ in range(_MOST_TRIES):
            if not part.id:
                await self._begin(showing, content.message, note, part, body.beginning, {})
                fresh = True
            try:
                await self._edit(showing, part, body)
            except TelegramRefused as error:
                if error.code not in (400, 404):
                    raise
                if fresh or not error.says(GONE):
                    raise _NotSo(error) from None
                part.id, part.shown = 0, ""
                continue
            await self._keep(showing, content.message, note, part, "done", digest=body.digest)
            return
        raise TelegramRefused("editMessageText", "message is gone again and again")

    async def _begin(
        self,
        showing: Showing,
        message: str,
        note: Mapping[str, Any],
        part: Part,
        text: str,
        below: Mapping[str, Any],
        *,
        live: bool = False,
    ) -> None:
        begun = False

        async def before() -> None:
            nonlocal begun
            begun = True
            await self._keep(showing, message, note, part, "begun", at=time.time())

        try:
            answer = await self._api.call(
                "sendMessage",
                chat=showing.spot.place.chat,
                final=not live,
                live=live,
                ahead=0 if live else 1,
                before=before,
                text=text,
                link_preview_options={"is_disabled": True},
                **showing.spot.arguments(),
                **below,
            )
        except TelegramRefused as error:
            if begun and not error.ambiguous:
                await self._keep(showing, message, note, part, "begun", refused=True)
            raise
        part.chat, part.id, part.shown = int(answer["chat"]["id"]), int(answer["message_id"]), ""
        showing.drafted = False
        await self._keep(showing, message, note, part, "placed")

    async def _edit(self, showing: Showing, part: Part, body: Body, *, live: bool = False) -> None:
        before, part.shown = part.shown, ""
        try:
            await self._api.call(
                "editMessageText",
                chat=part.chat,
                final=not live,
                live=live,
                message_id=part.id,
                **showing.spot.theirs(),
                **body.arguments,
            )
        except Busy:
            part.shown = before
            raise
        except TelegramRefused as error:
            if not error.says(UNCHANGED):
                part.shown = "" if error.ambiguous else before
                raise
        part.shown = body.digest

    async def _take_away(self, showing: Showing, content: Content, part: Part) -> None:
        """Delete a message; one that cannot be deleted any more says nothing from now on."""
        try:
            await self._delete(showing, part)
        except TelegramRefused as error:
            if error.code not in (400, 403, 404):
                raise
            if not error.says(NOT_THERE):
                await self._empty(showing, part)
        part.id, part.shown = 0, ""
        await self._keep(showing, content.message, {}, part, "done", deleted=True)

    async def _delete(self, showing: Showing, part: Part) -> None:
        if business := showing.spot.theirs():
            await self._api.call("deleteBusinessMessages", message_ids=[part.id], **business)
        else:
            await self._api.call("deleteMessage", chat=part.chat, message_id=part.id)

    async def _empty(self, showing: Showing, part: Part) -> None:
        try:
            await self._edit(showing, part, Body({"text": _NOTHING, "reply_markup": keyboards.NONE}, ""))
        except TelegramRefused as error:
            if not error.permanent:
                raise

    # -- what is kept ------------------------------------------------------------------------------------
    async def _keep(
        self, showing: Showing, message: str, note: Mapping[str, Any], part: Part, state: State, **detail: Any
    ) -> None:
        detail = {**note, "message": message, **detail}
        await self._sends.keep(showing.key, showing.spot.place, part, state, **detail)

    def _remember(self, error: TelegramRefused, *, enriched: bool) -> None:
        """A server that does not know rich messages is not asked for one again soon."""
        if enriched and (error.unknown or error.says(NO_TEXT)):
            self._no_rich_until = time.monotonic() + _REFUSED_SECONDS


class _NotSo(Exception):
    """Telegram does not take it in this form."""

    def __init__(self, error: TelegramRefused) -> None:
        super().__init__()
        self.error = error
