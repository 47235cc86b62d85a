"""What people do in Telegram, and the updates that come of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.fakes.telegram import queries, shapes, texts
from tests.fakes.telegram.drafts import visible
from tests.fakes.telegram.gatherings import Gatherings
from tests.fakes.telegram.messages import keep
from tests.fakes.telegram.state import Chat, File, Shown
from tests.fakes.telegram.world import Button


class People(Gatherings):
    # -- messages ------------------------------------------------------------------------------------------
    async def say(
        self,
        chat: int,
        user: int,
        text: str = "",
        *,
        reply_to: int = 0,
        thread: int = 0,
        file: File | None = None,
        entities: Sequence[Mapping[str, Any]] | None = None,
        business: str = "",
        **more: Any,
    ) -> int:
        """Somebody writes; the id of the message, whose update is on its way. Commands, mentions and links are found.
        `more` are further fields of the message, such as sender_chat or via_bot."""
        place = self.world.place(chat, business)
        place.members.setdefault(user, "member")
        self.world.person(user)
        found = texts.found(text) if entities is None else list(entities)
        if place.kind == "private" and not business and place.members.get(self.world.bot.id) == "kicked":
            self.set_bot(chat, "member", user)
        shown = self.world.put(
            place, user=user, text=text, entities=found, reply_to=reply_to, thread=thread, file=file, more=more
        )
        self._tell(place, shown)
        return shown.id

    async def command(self, chat: int, user: int, name: str, rest: str = "", *, at: bool = False, **how: Any) -> int:
        """Somebody writes a command; `at`: with the bot's name, as clients do in groups."""
        word = f"/{name}@{self.world.bot.username}" if at else f"/{name}"
        return await self.say(chat, user, f"{word} {rest}".strip(), **how)

    async def start(self, user: int, payload: str = "") -> int:
        """Somebody opens the bot, by the deep link https://t.me/BOT?start=payload or by the button."""
        return await self.command(user, user, "start", payload)

    async def edit(self, chat: int, message: int, text: str, *, business: str = "") -> None:
        """Its author edits it; within a second of ours two edits carry the same date."""
        place, shown = self._shown(chat, message, business)
        shown.text, shown.entities, shown.edit_date = text, texts.found(text), self.world.clock.date()
        shown.edits += 1
        shown.texts.append(text)
        self.world.changed()
        self._tell(place, shown, edited=True)

    async def unfurl(self, chat: int, message: int) -> None:
        """A preview of a link is put below it: an edit without a change of text."""
        place, shown = self._shown(chat, message)
        shown.edit_date = self.world.clock.date()
        self._tell(place, shown, edited=True)

    async def delete(self, chat: int, message: int, *, business: str = "") -> None:
        """Somebody deletes it, of which bots are told in business chats only."""
        place, shown = self._shown(chat, message, business)
        shown.deleted = True
        self.world.changed()
        if business:
            told = {"business_connection_id": business, "chat": shapes.chat(place, self.world.person)}
            self.updates.emit("deleted_business_messages", told | {"message_ids": [message]})

    async def echo(self, shown: Shown) -> None:
        """A message of our own bot comes back to it, as in business chats and channels."""
        place = self.world.place(shown.chat, shown.business)
        self.updates.emit("business_message" if shown.business else "message", self.world.message(place, shown))

    async def voice(self, chat: int, user: int, body: bytes = b"OggS", seconds: int = 3, **how: Any) -> int:
        return await self.say(chat, user, file=keep(self.world, "voice", body, "", "audio/ogg", seconds), **how)

    async def photo(self, chat: int, user: int, body: bytes = b"\xff\xd8\xff", caption: str = "", **how: Any) -> int:
        return await self.say(chat, user, caption, file=keep(self.world, "photo", body, "", ""), **how)

    async def document(
        self, chat: int, user: int, name: str, body: bytes, media_type: str = "", caption: str = "", **how: Any
    ) -> int:
        return await self.say(chat, user, caption, file=keep(self.world, "document", body, name, media_type), **how)

    def _shown(self, chat: int, message: int, business: str = "") -> tuple[Chat, Shown]:
        place = self.world.place(chat, business)
        return place, place.messages[message]

    # -- buttons, reactions, queries -------------------------------------------------------------------------
    async def press(self, shown: Shown, data: str, user: int) -> Button:
        """Somebody presses the button with this data; what comes back says how it is answered (`answer`)."""
        if data not in [button.get("callback_data") for button in shown.buttons]:
            raise LookupError(f"no button {data!r} in {shown.buttons}")
        place = self.world.place(shown.chat, shown.business)
        pressed = self._button(user)
        self.world.presses[pressed.id] = pressed
        query = {"id": pressed.id, "from": shapes.user(self.world.person(user)), "chat_instance": str(-shown.chat)}
        told = self.world.message(place, shown)
        if shown.deleted:
            told = {name: told[name] for name in ("chat", "message_id")} | {"date": 0}
        self.updates.emit("callback_query", query | {"message": told, "data": data})
        return pressed

    def _button(self, user: int) -> Button:
        ident = str(next(self.world.idents))
        return Button(ident, user, self.world.clock.now() + queries.SECONDS)

    async def react(self, chat: int, message: int, user: int, *emoji: str) -> None:
        """Somebody puts an emoji below it, instead of those that they put before. In groups only administrators hear
        of it, and everywhere only who asked for it."""
        place, shown = self._shown(chat, message)
        old, shown.reactions[user] = shown.reactions.get(user, ()), emoji
        if place.group and place.members.get(self.world.bot.id) != "administrator":
            return
        told: dict[str, Any] = {"chat": shapes.chat(place, self.world.person), "message_id": message}
        told |= {"user": shapes.user(self.world.person(user)), "date": self.world.clock.date()}
        for name, reactions in (("old_reaction", old), ("new_reaction", emoji)):
            told[name] = [{"type": "emoji", "emoji": one} for one in reactions]
        self.updates.emit("message_reaction", told)

    async def inline(self, user: int, query: str, offset: str = "") -> Button:
        """Somebody writes @BOT query anywhere; what comes back says which results are offered."""
        asked = self._button(user)
        self.world.inline[asked.id] = asked
        told = {"id": asked.id, "from": shapes.user(self.world.person(user)), "query": query, "offset": offset}
        self.updates.emit("inline_query", told | {"chat_type": "sender"})
        return asked

    async def choose(self, asked: Button, result_id: str, query: str) -> None:
        """They choose one of the results."""
        told = {"result_id": result_id, "from": shapes.user(self.world.person(asked.user)), "query": query}
        self.updates.emit("chosen_inline_result", told | {"inline_message_id": asked.id})

    async def stop(self, user: int, *, thread: int = 0) -> int:
        """Somebody presses Telegram's own Stop at the draft that is visible; the draft's id. Its text goes, unless the
        bot wants it kept, and drafts of this id are seen no more."""
        place = self.world.place(user)
        for draft in visible(self.world, place):
            if draft.thread == thread and draft.can_stop and not draft.stopped:
                draft.stopped = True
                told: dict[str, Any] = {"chat": shapes.chat(place, self.world.person), "draft_id": draft.id}
                told |= {"message_thread_id": thread} if thread else {}
                self.updates.emit("stopped_message_generation", told)
                self.world.changed()
                return draft.id
        raise LookupError(f"no draft of {user} that can be stopped")
