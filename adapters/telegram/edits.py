"""Which edits ask something new, and what they are called.

Telegram tells of edits that change no text, as when a link is unfurled; it may tell of an older edit after a newer one;
and two edits within one second carry the same date. So an edit is held against the form that is known last, one that
changed nothing is remembered all the same, and the second of one second gets an id of its own.
"""

from __future__ import annotations

from dataclasses import replace

from adapters.telegram import names
from adapters.telegram.form import form
from adapters.telegram.heard import Said
from bot.events import Message
from storage.base import Send, Store

_FORMS = 50
"""Exchanges that are looked through for the newest form of a message."""
_LATER = 0.5
"""By how many seconds the second edit of one second is the later one."""


class Edits:
    def __init__(self, store: Store) -> None:
        self._store = store

    async def form_of(self, message: Message, said: Said) -> Message | None:
        """`message`, which has the id of the first form, as the form that it got by an edit; None for nothing new."""
        ident = names.message_id(said.place, said.message, said.edited_at)
        edited = replace(message, id=ident, edited=True, replaces=message.id, sent_at=float(said.edited_at))
        if known := await self._store.exchange(names.CHANNEL, ident):
            if form(known.message) == form(message):
                return edited
            return replace(edited, id=f"{ident}:{form(message).digest}", sent_at=edited.sent_at + _LATER)
        if await self._seen(message.id) > said.edited_at:
            return None
        newest = await self._newest(message)
        if newest is None or form(newest) != form(message):
            return edited
        await self._store.keep_send(
            names.CHANNEL, f"edit:{message.id}", Send(part=0, state="done", detail={"at": said.edited_at})
        )
        return None

    async def _seen(self, first: str) -> int:
        """When the last edit was that changed nothing."""
        notes = await self._store.sends(names.CHANNEL, f"edit:{first}")
        return int(notes[0].detail.get("at", 0)) if notes else 0

    async def _newest(self, message: Message) -> Message | None:
        """The form of `message` that is known last."""
        history = await self._store.history(message.address, limit=_FORMS)
        forms = [one.message for one in history if message.id in (one.message.id, one.message.replaces)]
        if not forms and (known := await self._store.exchange(names.CHANNEL, message.id)):
            return known.message
        return max(forms, key=lambda form: form.sent_at, default=None)
