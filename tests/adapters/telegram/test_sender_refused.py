"""What Telegram does not take: given up when it never will, kept and told of when somebody can change it."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from adapters.telegram.api import TelegramRefused
from tests.adapters.telegram.outlet import final, outlet


@pytest.mark.parametrize(
    ("method", "description", "status"),
    [
        ("sendMessage", "Forbidden: bot was blocked by the user", 403),
        ("sendMessage", "Forbidden: user is deactivated", 403),
        ("sendMessage", "Bad Request: chat not found", 400),
        ("sendMessage", "Bad Request: not enough rights to send text messages to the chat", 400),
        ("editMessageText", "Forbidden: bot was kicked from the supergroup chat", 403),
    ],
)
async def test_what_telegram_will_never_take_is_given_up(tmp_path, method, description, status):
    async with outlet(tmp_path) as out:
        message = await out.ask()
        out.telegram.fail_next(method, description, status=status)
        assert await out.send(final(message, "Yes.")) == ""


async def test_a_token_that_was_revoked_is_told_of_once(tmp_path):
    """Also where updates come by webhook, and nobody else would hear of it. What is final is kept."""
    async with outlet(tmp_path) as out:
        message = await out.ask()
        out.telegram.revoke()
        with capture_logs() as logs:
            for _ in range(3):
                with pytest.raises(TelegramRefused, match="Unauthorized"):
                    await out.send(final(message, "Yes."))
        told = [line for line in logs if line["event"] == "telegram.token"]
        assert len(told) == 1 and "BotFather" in told[0]["why"] and out.telegram.token not in str(logs)
