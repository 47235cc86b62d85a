"""What people write: to the bot, or at the support desk; and what they change and delete."""

from __future__ import annotations

import time
from typing import Any

from adapters.telegram import names, rules
from adapters.telegram.edits import Edits
from adapters.telegram.form import Form, asked
from adapters.telegram.heard import Deleted, Said
from adapters.telegram.loops import Loops
from adapters.telegram.reading import attached_case
from adapters.telegram.receiving import Receiving
from bot.events import Address, Attachment, Command, Message, Stop
from storage.base import Send


class Talk:
    def __init__(self, at: Receiving) -> None:
        self._at, self._loops, self._edits = at, Loops(), Edits(at.store)

    async def said(self, said: Said) -> None:
        """Publish what was said, when it was said to us by somebody whom we answer."""
        if desk := await self._desk(said):
            await self._by_colleague(said, desk)
        elif await self._welcome(said) and await self._meant(said) and self._loops.allow(said):
            await self._by_visitor(said)

    async def deleted(self, deleted: Deleted) -> None:
        """Nobody asks any more: end the answers, or see to it that what comes late is not answered."""
        connection = await self._at.connections.of(deleted.place.business)
        for message in deleted.messages if connection.may_reply else ():
            ident = names.message_id(deleted.place, message)
            known = await self._at.store.exchange(names.CHANNEL, ident)
            if known is None:
                tombstone = _tombstone(ident, names.address(deleted.place))
                if await self._at.publish(tombstone):
                    continue
            address = known.message.address if known else names.address(deleted.place)
            await self._at.publish(Stop(address=address, message_id=ident, reason="withdrawn"))

    # -- whom it is for ------------------------------------------------------------------------------
    async def _desk(self, said: Said) -> Address | None:
        """The case in whose thread it was said. Colleagues need be in no list but the desk's group."""
        if said.who.bot and said.who.id not in self._at.config.telegram.bots:
            return None
        return await self._at.cases.thread(said)

    async def _welcome(self, said: Said) -> bool:
        """Whether whoever said it is answered there; a business account's customers are when its owner is."""
        config = self._at.config.telegram
        if not said.place.business:
            return rules.welcome(said.who, said.place.chat, config, private=said.private)
        connection = await self._at.connections.of(said.place.business)
        if not connection.may_reply or said.who.id == connection.owner or said.who.id != said.place.chat:
            return False
        return not config.users or connection.owner in config.users

    async def _meant(self, said: Said) -> bool:
        if rules.meant(said):
            return True
        if not said.edited_at or said.who.bot:
            return False
        return bool(await self._at.store.exchange(names.CHANNEL, names.message_id(said.place, said.message)))

    # -- visitors ------------------------------------------------------------------------------------
    async def _by_visitor(self, said: Said) -> None:
        form = asked(said)
        if await self._album_is_known(said):
            return
        if len(form.text) > (limit := self._at.config.telegram.limits.message_characters):
            await self._too_long(said, limit)
            return
        message = await self._message(said, names.address(said.place), form)
        if message and await self._at.publish(message):
            self._show_work(said)

    async def _too_long(self, said: Said, limit: int) -> None:
        text = self._at.word("too_long", said.who, limit=str(limit))
        key = f"told:{names.message_id(said.place, said.message, said.edited_at)}"
        await self._at.tell_once(key, said.place, text, answers=said.message)

    async def _album_is_known(self, said: Said) -> bool:
        """Whether it is one more picture of those that were sent together, with nothing said below it.

        Telegram sends each by itself; one answer is enough for all that cannot be told apart. Documents are.
        """
        if not said.album or said.text or not all(_is_picture(file) for file in said.files):
            return False
        key, ident = f"album:{said.place.chat}:{said.album}", names.message_id(said.place, said.message)
        known = await self._at.store.sends(names.CHANNEL, key)
        if not known:
            await self._at.store.keep_send(names.CHANNEL, key, Send(part=0, state="done", detail={"first": ident}))
        return bool(known) and known[0].detail.get("first") != ident

    def _show_work(self, said: Said) -> None:
        """Show that somebody is writing, until there is something to read."""
        place = said.place
        more: dict[str, Any] = {"message_thread_id": place.thread} if place.thread else {}
        more |= {"business_connection_id": place.business} if place.business else {}

        async def typing() -> None:
            await self._at.api.call("sendChatAction", chat=place.chat, action="typing", **more)

        self._at.courtesies.offer(typing)

    # -- colleagues ----------------------------------------------------------------------------------
    async def _by_colleague(self, said: Said, desk: Address) -> None:
        """Words for the visitor, but for those to the bot, which are answered among colleagues."""
        if not said.text and not said.files and not said.named:
            return
        if len(said.text) > (limit := self._at.config.telegram.limits.message_characters):
            await self._too_long(said, limit)
            return
        command: Command = ""
        if said.named:
            command = said.command or ("ask" if said.text or said.files else "help")
            command = "help" if command == "human" else command
        files = said.files + ((attached_case(desk.thread),) if command == "summarize" else ())
        message = await self._message(said, desk, Form(command=command, text=said.text, files=files))
        if message:
            await self._at.publish(message)

    # -- publishing ----------------------------------------------------------------------------------
    async def _message(self, said: Said, address: Address, form: Form) -> Message | None:
        """The message to publish; None when it is an edit that asks nothing new."""
        first = names.message_id(said.place, said.message)
        message = Message(
            id=first,
            address=address,
            sender=str(said.who.id),
            text=form.text,
            sent_at=float(said.at),
            attachments=form.files,
            language=said.who.language,
            name=said.who.name,
            command=form.command,
        )
        return await self._edits.form_of(message, said) if said.edited_at else message


def _is_picture(file: Attachment) -> bool:
    return file.media_type.startswith(("image/", "video/"))


def _tombstone(ident: str, address: Address) -> Message:
    """What stands for a message that was deleted before it came."""
    return Message(id=ident, address=address, sender="", text="", sent_at=time.time(), command="withdrawn")
