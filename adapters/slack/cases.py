"""The support desk in Slack: which thread is which case, and what is said there.

In the house a case's thread is called by the case's id; in Slack it is the thread under the case's card. What is said
in it goes to the visitor, so nothing of it may be lost. A thread that begins with a message of ours which is not known
yet is one whose card was sent a moment ago: it is waited for, and then Slack is asked to tell again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from adapters.slack import names
from adapters.slack.accounts import Accounts
from adapters.slack.installs import Account
from bot.config import HandoverConfig
from bot.errors import Overloaded
from bot.events import Address
from storage.base import Store

CARD = "case-"
"""What the ids of cards' posts begin with; the case's id follows."""
_YOUNG_SECONDS = 60.0
_PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8)
"""How a card is waited for, in seconds: well below the three that Slack waits for us."""


class Cases:
    def __init__(
        self, config: HandoverConfig, store: Store, accounts: Accounts, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._config, self._store, self._accounts, self._clock = config, store, accounts, clock

    async def at_desk(self, team: str, channel: str) -> bool:
        """Whether cases are worked on in this channel. Without `handover.account` the desk is in the only workspace
        that there is: a channel that two workspaces share has one id, and is one of them's desk."""
        config = self._config
        if config.channel != names.CHANNEL or channel != config.conversation:
            return False
        return team == config.account if config.account else list(await self._accounts.teams()) == [team]

    async def thread(self, account: Account, channel: str, root: str, *, starter: str = "") -> Address | None:
        """The desk's address of the case whose card is at `root`; None when it is a thread like any other.

        `starter` is who began the thread, as Slack says. Raises `Overloaded` when the card is not known yet.
        """
        if not await self.at_desk(account.team, channel):
            return None
        ours = starter in (account.bot_user, account.bot_id)
        for pause in (*_PAUSES, None):
            key = await self._store.sent_as(names.CHANNEL, names.remote(account.team, channel, root))
            if key.startswith(CARD):
                return self.address(key.removeprefix(CARD))
            if key or not ours or self._clock() - float(root) > _YOUNG_SECONDS:
                return None
            if pause:
                await asyncio.sleep(pause)
        raise Overloaded("The case of this thread is still being written down. Please try again in a moment.")

    def address(self, case: str) -> Address:
        """The address that the house gave to the desk's end of `case`."""
        config = self._config
        return Address(channel=config.channel, account=config.account, conversation=config.conversation, thread=case)
