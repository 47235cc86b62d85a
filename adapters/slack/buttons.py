"""What people press in messages of ours: an opinion, a person, a case; and Slack's own Stop."""

from __future__ import annotations

from adapters.slack import names, rules
from adapters.slack.heard import Pressed, Stopped
from adapters.slack.installs import Account
from adapters.slack.receiving import Receiving
from bot.events import Address, Command, Feedback, Message, Stop
from bot.phrases import said as phrase

FEEDBACK, HUMAN = "feedback", "human"
_OPINIONS = {"+1": 1, "-1": -1}
_ACTS: dict[str, Command] = {"case_take": "take", "case_resolve": "resolve", "case_return": "return"}


class Buttons:
    def __init__(self, at: Receiving) -> None:
        self._at = at

    async def pressed(self, pressed: Pressed) -> None:
        account = await self._at.account(pressed.of)
        if pressed.action in _ACTS:
            await self._case(pressed, account)
        elif not rules.may_use(pressed.user, pressed.home, account.team, self._at.config.slack):
            return
        elif pressed.action == FEEDBACK:
            await self._feedback(pressed, account)
        elif pressed.action == HUMAN:
            await self._human(pressed, account)

    async def stopped(self, stopped: Stopped) -> None:
        """End what is being written: what the stopped messages show, or whatever is being answered there."""
        account = await self._at.account(stopped.of)
        found = False
        for ts in stopped.streams:
            key = await self._at.store.sent_as(names.CHANNEL, names.remote(account.team, stopped.channel, ts))
            exchange = await self._at.store.exchange(names.CHANNEL, key) if key else None
            if exchange:
                found = True
                await self._at.publish(Stop(address=exchange.message.address, message_id=key))
        if not found and stopped.root:
            await self._at.publish(Stop(address=names.address(account.team, stopped.channel, stopped.root)))

    async def _feedback(self, pressed: Pressed, account: Account) -> None:
        opinion, _, ident = pressed.value.partition(" ")
        value = _OPINIONS.get(opinion)
        address = await self._asked_at(pressed, account, ident)
        if value is None or address is None:
            return
        who = self._at.sender(account, pressed.user)
        if await self._at.publish(Feedback(address=address, message_id=ident, value=value, sender=who)):
            text = phrase("slack_thanks", await self._at.language(account, pressed.user))
            root = pressed.root if pressed.root != pressed.ts else ""
            self._at.aside(account, pressed.channel, root, pressed.user, text)

    async def _human(self, pressed: Pressed, account: Account) -> None:
        """As if they had written that they want a person."""
        address = await self._asked_at(pressed, account, pressed.value)
        person = await self._at.visitor(account, pressed.user)
        message = Message(
            id=names.message_id(account.team, pressed.channel, pressed.at),
            address=address or names.address(account.team, pressed.channel, pressed.root),
            sender=self._at.sender(account, pressed.user),
            text="",
            sent_at=float(pressed.at),
            language=person.language,
            name=person.name or pressed.name,
            command="human",
        )
        await self._at.publish(message)

    async def _case(self, pressed: Pressed, account: Account) -> None:
        """Somebody at the support desk acts on a case; nobody else can."""
        desk = self._at.cases.address(pressed.value)
        if not await self._at.cases.at_desk(account.team, pressed.channel) or not await self._at.store.case_at(desk):
            return
        message = Message(
            id=names.message_id(account.team, pressed.channel, pressed.at),
            address=desk,
            sender=self._at.sender(account, pressed.user),
            text="",
            sent_at=float(pressed.at),
            name=await self._at.colleague(account, pressed.user, pressed.name),
            command=_ACTS[pressed.action],
        )
        await self._at.publish(message)

    async def _asked_at(self, pressed: Pressed, account: Account, ident: str) -> Address | None:
        """Where the message `ident` was asked, when that is in the channel in which the button was pressed."""
        exchange = await self._at.store.exchange(names.CHANNEL, ident) if ident else None
        if exchange is None:
            return None
        place = names.place(ident)[:2]
        return exchange.message.address if place == (account.team, pressed.channel) else None
