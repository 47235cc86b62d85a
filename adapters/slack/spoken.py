"""What people write: to the bot, or at the support desk; and what they delete."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.slack import names, rules
from adapters.slack.heard import Deleted, Said
from adapters.slack.installs import Account
from adapters.slack.mrkdwn import as_markdown, mentions
from adapters.slack.reading import Reading, attached_thread
from adapters.slack.receiving import Receiving
from adapters.slack.words import Order, about_thread, link_in, said_to_bot
from bot.events import Address, Attachment, Message, Stop
from bot.phrases import said as phrase
from bot.preferences import preferred_language

TITLE_CHARACTERS = 80


class Spoken:
    def __init__(self, at: Receiving, reading: Reading) -> None:
        self._at, self._reading = at, reading

    async def said(self, said: Said) -> None:
        """Publish what was said, when it was said to us by somebody whom we answer."""
        account = await self._at.account(said.of)
        if desk := await self._desk(said, account):
            await self._by_colleague(said, account, desk)
        elif rules.welcome(said, account, self._at.config.slack) and await self._meant(said, account):
            await self._by_visitor(said, account)

    async def deleted(self, deleted: Deleted) -> None:
        """Nobody asks any more: end the answer, or see to it that the question is not answered when it comes late."""
        account = await self._at.account(deleted.of)
        ident = names.message_id(account.team, deleted.channel, deleted.ts)
        if known := await self._at.store.exchange(names.CHANNEL, ident):
            await self._at.publish(Stop(address=known.message.address, message_id=ident, reason="withdrawn"))
            await self._bury_edit(deleted, account, known.message.address, ident)
        elif address := await self._expected_at(deleted, account):
            tombstone = _tombstone(ident, address, self._sender(deleted, account), deleted.ts)
            if not await self._at.publish(tombstone):  # the question came in between
                await self._at.publish(Stop(address=address, message_id=ident, reason="withdrawn"))
            await self._bury_edit(deleted, account, address, ident)

    # -- whom it is for ------------------------------------------------------------------------------
    async def _desk(self, said: Said, account: Account) -> Address | None:
        """The case in whose thread it was said. Colleagues need be in no list but the desk's channel."""
        bots = self._at.config.slack.bots
        if not said.threaded or rules.own(said, account) or (said.bot and not set(said.bot) & set(bots)):
            return None
        return await self._at.cases.thread(account, said.channel, said.root, starter=said.starter)

    async def _meant(self, said: Said, account: Account) -> bool:
        if rules.named(said, account):
            return True
        store, team = self._at.store, account.team
        if rules.may_be_meant(said, account):
            if said.starter and said.starter == account.bot_user:
                return True
            if await store.history(names.address(team, said.channel, said.root), limit=1):
                return True
        if not said.edited_ts:
            return False
        return bool(await store.exchange(names.CHANNEL, names.message_id(team, said.channel, said.ts)))

    # -- publishing ----------------------------------------------------------------------------------
    async def _by_visitor(self, said: Said, account: Account) -> None:
        text = self._at.text(account, said.text)
        if len(text) > (limit := self._at.config.slack.limits.message_characters):
            return await self._at.tell_once(account, said, "slack_too_long", limit=str(limit))
        order = said_to_bot(text) if text or said.files else Order("help", "")
        if order.command == "help" and said.direct and not text:
            return None  # an empty direct message asks for nothing; a mere mention does
        attachments = said.files
        if about_thread(order):
            thread, refused = await self._thread_meant(said, account)
            if refused:
                return await self._at.tell_once(account, said, "slack_not_member")
            attachments += thread
        person = await self._at.visitor(account, said.user)
        address = names.address(account.team, said.channel, said.root)
        more = {"name": person.name, "language": person.language}
        message = _message(said, account, address, order, attachments, self._at.sender(account, said.user), **more)
        if await self._at.publish(message):
            self._show_work(said, account, message)
        return None

    async def _thread_meant(self, said: Said, account: Account) -> tuple[tuple[Attachment, ...], bool]:
        """What is to be summarised: what a link leads to, or the thread itself; and whether they may not read it."""
        if link := link_in(said.text):
            if not await self._reading.may_read(account, said.user, link.channel):
                return (), True
            return (attached_thread(account.team, link.channel, link.thread_ts),), False
        if said.threaded:
            return (attached_thread(account.team, said.channel, said.root),), False
        return (), False

    async def _by_colleague(self, said: Said, account: Account, desk: Address) -> None:
        """Words for the visitor, but for those to the bot, which are answered among colleagues."""
        text = self._at.text(account, said.text)
        if not text and not said.files:
            return
        if len(text) > (limit := self._at.config.slack.limits.message_characters):
            await self._at.tell_once(account, said, "slack_too_long", limit=str(limit))
            return
        order, attachments = Order("", self._at.text(account, as_markdown(said.text))), said.files
        if mentions(said.text, account.bot_user):
            order = said_to_bot(text)
            order = order if order.command else Order("ask", text)
        if about_thread(order):
            attachments += (attached_thread(account.team, said.channel, said.root),)
        name = await self._at.colleague(account, said.user)
        sender = self._at.sender(account, said.user)
        await self._at.publish(_message(said, account, desk, order, attachments, sender, name=name))

    def _show_work(self, said: Said, account: Account, message: Message) -> None:
        """Show that the question is being worked on, and call a new conversation by its first question."""
        calls, store, team = self._at.calls, self._at.store, account.team
        place: Mapping[str, Any] = {"channel_id": said.channel, "thread_ts": said.root}

        async def status() -> None:
            shown = phrase("slack_searching", await self._spoken_here(account, message, said.user))
            await calls.call(team, "assistant.threads.setStatus", live=True, **place, status=shown)
            exchange = await store.exchange(names.CHANNEL, message.id)
            if exchange is None or exchange.outgoing:  # the answer was faster, and nothing would take it away
                await calls.call(team, "assistant.threads.setStatus", **place, status="")

        async def title() -> None:
            if len(await store.history(message.address, limit=2)) == 1:
                await calls.call(team, "assistant.threads.setTitle", **place, title=_title(message.text))

        self._at.courtesies.offer(status)
        if said.direct and message.text and not message.replaces:
            self._at.courtesies.offer(title)

    async def _spoken_here(self, account: Account, message: Message, user: str) -> str:
        """What the conversation is held in: its own language where it has one, else the person's."""
        store, known = self._at.store, self._at.config.language
        return (
            known.fixed
            or await preferred_language(store, message.address, known)
            or (await store.recall(message.address)).language
            or await self._at.language(account, user)
        )

    # -- deleting ------------------------------------------------------------------------------------
    async def _expected_at(self, deleted: Deleted, account: Account) -> Address | None:
        """Where the deleted message would have been taken, which has not come; None when it would not."""
        said = deleted.said
        if said is None:
            ours = deleted.direct
        elif desk := await self._desk(said, account):
            return desk
        else:
            ours = rules.welcome(said, account, self._at.config.slack) and await self._meant(said, account)
        return names.address(account.team, deleted.channel, deleted.root) if ours else None

    async def _bury_edit(self, deleted: Deleted, account: Account, address: Address, ident: str) -> None:
        """Its last form may still be on its way as well."""
        if deleted.said is None or not deleted.said.edited_ts:
            return
        edited = names.message_id(account.team, deleted.channel, deleted.ts, deleted.said.edited_ts)
        if await self._at.store.exchange(names.CHANNEL, edited) is None:
            sender = self._sender(deleted, account)
            await self._at.publish(_tombstone(edited, address, sender, deleted.said.edited_ts, replaces=ident))

    def _sender(self, deleted: Deleted, account: Account) -> str:
        return self._at.sender(account, deleted.said.user if deleted.said else "")


def _message(
    said: Said,
    account: Account,
    address: Address,
    order: Order,
    attachments: tuple[Attachment, ...],
    sender: str,
    *,
    name: str = "",
    language: str = "",
) -> Message:
    return Message(
        id=names.message_id(account.team, said.channel, said.ts, said.edited_ts),
        address=address,
        sender=sender,
        text=order.text,
        sent_at=float(said.edited_ts or said.ts),
        edited=bool(said.edited_ts),
        attachments=attachments,
        language=language,
        name=name,
        command=order.command,
        replaces=names.message_id(account.team, said.channel, said.ts) if said.edited_ts else "",
    )


def _tombstone(ident: str, address: Address, sender: str, ts: str, *, replaces: str = "") -> Message:
    return Message(
        id=ident,
        address=address,
        sender=sender,
        text="",
        sent_at=float(ts),
        edited=bool(replaces),
        command="withdrawn",
        replaces=replaces,
    )


def _title(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= TITLE_CHARACTERS else line[: TITLE_CHARACTERS - 1].rstrip() + "…"
