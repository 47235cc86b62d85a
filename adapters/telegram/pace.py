"""How often Telegram may be asked to show something: in a chat, in a group, and over all."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from bot.config import TelegramRates


class Busy(Exception):
    """A live call that cannot begin now."""


class Pace:
    """Everybody's turns. `second` is how long Telegram's second lasts, in seconds."""

    def __init__(
        self, rates: TelegramRates, *, second: float = 1.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rates, self._second, self._clock = rates, second, clock

    @asynccontextmanager
    async def turn(
        self, chat: int, *, draft: bool = False, final: bool = False, live: bool = False
    ) -> AsyncIterator[None]:
        """Make one call in it. Raises `Busy` when it is `live` and its turn is not now."""
        yield

    def close(self, chat: int | None, seconds: float) -> None:
        """Telegram said so: nothing is shown in `chat` (None: anywhere) for so long."""
