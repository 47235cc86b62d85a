"""Business accounts that let the bot answer their customers: who owns them, and whether it may reply.

Telegram is the authority. An update that tells of a change may come late or twice, so it only ends what is remembered.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.telegram.api import Api, TelegramRefused
from bot.errors import Overloaded

_SECONDS = 300.0
_REMEMBERED = 1_000


@dataclass(frozen=True, slots=True)
class Connection:
    """`owner` is the person whose account it is."""

    owner: int
    may_reply: bool


_NONE = Connection(owner=0, may_reply=False)


class Connections:
    def __init__(self, api: Api, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._api, self._clock = api, clock
        self._known: OrderedDict[str, tuple[float, Connection]] = OrderedDict()

    def forget(self, ident: str) -> None:
        """Something about it has changed."""
        self._known.pop(ident, None)

    async def of(self, ident: str) -> Connection:
        """What may be done for the account. Raises `Overloaded` when Telegram cannot be asked now."""
        until, known = self._known.get(ident, (0.0, None))
        if known is None or self._clock() > until:
            known = await self._ask(ident)
            self._known[ident] = (self._clock() + _SECONDS, known)
            self._known.move_to_end(ident)
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return known

    async def _ask(self, ident: str) -> Connection:
        try:
            told = await self._api.call("getBusinessConnection", business_connection_id=ident)
        except TelegramRefused as error:
            if error.ambiguous or not 400 <= error.code < 500 or error.code == 429:
                raise Overloaded("Telegram did not say whose business this is. Please try again in a moment.") from None
            return _NONE
        return connection(told)


def connection(told: Mapping[str, Any]) -> Connection:
    """A connection as Telegram has it; `can_reply` was a field of its own before Bot API 9.0."""
    may = (told.get("rights") or told).get("can_reply")
    return Connection(owner=int(told["user"]["id"]), may_reply=bool(may and told.get("is_enabled")))
