"""python-telegram-bot, connected to the fake."""

from __future__ import annotations

from typing import Any

import pytest
from telegram import Bot
from telegram.error import BadRequest, TelegramError

from tests.fakes.telegram.server import FakeTelegram


def connected(telegram: FakeTelegram) -> Bot:
    """The fake's bot, for `async with`. In its environment PTB_TIMEDELTA has to be 1, where warnings are errors: else
    the library warns whenever it meets a retry_after."""
    return Bot(telegram.token, base_url=telegram.base_url, base_file_url=telegram.base_file_url)


async def refused(call: Any, kind: type[TelegramError] = BadRequest) -> str:
    """What a call is refused with."""
    with pytest.raises(kind) as caught:
        await call
    return str(caught.value)
