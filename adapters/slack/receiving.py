"""What everything that receives has at hand, and what it has in common: whom it speaks to, and short notices."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from adapters.base import Publish
from adapters.slack import names
from adapters.slack.accounts import Accounts
from adapters.slack.calls import Calls
from adapters.slack.cases import Cases
from adapters.slack.courtesies import Courtesies
from adapters.slack.heard import Installed, Said
from adapters.slack.installs import Account
from adapters.slack.mrkdwn import mentioned, readable, without
from adapters.slack.people import People, Person
from bot.config import Config
from bot.events import Feedback, Message, Stop
from bot.phrases import said as phrase
from storage.base import Send, Store

LOOKUP_SECONDS = 0.7
"""How long a person's name or language is waited for: Slack waits three seconds for everything together."""
CALL_SECONDS = 1.8


async def _nobody(_: Message | Stop | Feedback) -> bool:
    raise RuntimeError("the adapter does not run")


class Turns:
    """One at a time for each key: the same may be told twice at once, and is looked up before it is done."""

    def __init__(self) -> None:
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def of(self, key: str) -> AsyncIterator[None]:
        lock, waiting = self._locks.get(key, (asyncio.Lock(), 0))
        self._locks[key] = (lock, waiting + 1)
        try:
            async with lock:
                yield
        finally:
            waiting = self._locks[key][1] - 1
            if waiting:
                self._locks[key] = (lock, waiting)
            else:
                del self._locks[key]


@dataclass(slots=True, kw_only=True)
class Receiving:
    """`publish` is the house's while the adapter runs."""

    config: Config
    store: Store
    accounts: Accounts
    calls: Calls
    people: People
    courtesies: Courtesies
    cases: Cases
    publish: Publish = _nobody
    turns: Turns = field(default_factory=Turns)

    async def account(self, of: Installed) -> Account:
        """Who we are there. Raises `NotInstalled` and `Unreachable`."""
        return await self.accounts.of(of.team, of.enterprise)

    def sender(self, account: Account, user: str) -> str:
        return f"{account.team}:{user}"

    async def visitor(self, account: Account, user: str) -> Person:
        """Who a visitor is. People at the support desk will want to know, nobody else waits for it."""
        if self.config.handover.channel:
            return await self.people.of(account.team, user, LOOKUP_SECONDS)
        return self.people.known(account.team, user)

    async def colleague(self, account: Account, user: str, fallback: str = "") -> str:
        """What an agent is called."""
        person = await self.people.of(account.team, user, LOOKUP_SECONDS)
        return person.name or fallback

    async def language(self, account: Account, user: str) -> str:
        """What to say short notices in."""
        if fixed := self.config.language.fixed:
            return fixed
        person = await self.people.of(account.team, user, LOOKUP_SECONDS)
        return person.language or self.config.language.default

    def text(self, account: Account, text: str) -> str:
        """`text` as its writer saw it, without the bot's own name."""
        bare = without(text, account.bot_user)
        known = {user: self.people.known(account.team, user).name for user in mentioned(bare)}
        return readable(bare, known).strip()

    async def call(self, account: Account, method: str, **arguments: Any) -> Mapping[str, Any]:
        """Call while Slack waits for us: not for long. Raises `SlackError` and `TimeoutError`."""
        async with asyncio.timeout(CALL_SECONDS):
            return await self.calls.call(account.team, method, **arguments)

    def aside(self, account: Account, channel: str, root: str, user: str, text: str) -> None:
        """Tell `user` alone, where they are; it is gone when they come back."""

        async def tell() -> None:
            thread = {"thread_ts": root} if root else {}
            await self.calls.call(account.team, "chat.postEphemeral", channel=channel, user=user, text=text, **thread)

        self.courtesies.offer(tell)

    async def tell_once(self, account: Account, said: Said, key: str, **values: str) -> None:
        """Answer what is not taken with the phrase `key`, once, however often Slack tells of it."""
        kept = f"told:{names.message_id(account.team, said.channel, said.ts, said.edited_ts)}"
        async with self.turns.of(kept):
            if await self.store.sends(names.CHANNEL, kept):
                return
            await self.store.keep_send(names.CHANNEL, kept, Send(part=0, state="done"))
        text = phrase(key, await self.language(account, said.user), **values)
        if not said.direct:
            self.aside(account, said.channel, said.root if said.threaded else "", said.user, text)
            return

        async def tell() -> None:
            place = {"channel": said.channel, "thread_ts": said.root}
            about = {"event_type": "frontdesk_notice", "event_payload": {"about": kept}}  # no answer that got lost
            await self.calls.call(account.team, "chat.postMessage", **place, text=text, metadata=about)

        self.courtesies.offer(tell)
