"""How the fake Telegram sends updates to a webhook: again until they are accepted, mixed and repeated on demand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from telegram import Bot

from tests.fakes.telegram.client import connected, refused
from tests.fakes.telegram.server import FakeTelegram, Faults, fake_telegram
from tests.fakes.telegram.webhook import HEADER


@pytest.fixture
async def telegram() -> AsyncIterator[FakeTelegram]:
    async with fake_telegram(second=0.1) as running:
        yield running


@pytest.fixture
async def bot(telegram: FakeTelegram) -> AsyncIterator[Bot]:
    async with connected(telegram) as running:
        yield running


Answer = Callable[[dict[str, Any], web.Request], Awaitable[web.Response]]


@asynccontextmanager
async def hooked(telegram: FakeTelegram, bot: Bot, answer: Answer, **how: Any) -> AsyncIterator[None]:
    """A webhook that answers every update with `answer`."""

    async def handle(request: web.Request) -> web.Response:
        return await answer(await request.json(), request)

    app = web.Application()
    app.router.add_post("/telegram/webhook", handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        await bot.set_webhook(f"http://127.0.0.1:{runner.addresses[0][1]}/telegram/webhook", **how)
        yield
        await telegram.hook.close()
    finally:
        await runner.cleanup()


async def test_webhooks_get_the_secret_and_are_tried_again(telegram: FakeTelegram, bot: Bot) -> None:
    """Each update is sent with the secret, again after each failure, and those of one chat one after the other."""
    await telegram.say(7, 7, "before")
    seen: list[str] = []

    async def answer(update: dict[str, Any], request: web.Request) -> web.Response:
        seen.append(update["message"]["text"])
        assert request.headers[HEADER] == "s3cret_-"
        return web.Response(status=503 if seen.count(seen[-1]) < 3 else 200)

    async with hooked(telegram, bot, answer, secret_token="s3cret_-"):
        await telegram.say(7, 7, "one")
        await telegram.say(7, 7, "two")
        await telegram.settled()
        info = await bot.get_webhook_info()
    assert seen == ["before"] * 3 + ["one"] * 3 + ["two"] * 3
    assert info.pending_update_count == 0 and info.last_error_message == "Wrong response from the webhook: 503"
    assert telegram.hook.attempts == 9 and not telegram.violations


async def test_webhooks_get_copies_out_of_order(telegram: FakeTelegram, bot: Bot) -> None:
    """With `copies` and `shuffle` updates come several times and mixed, each under its one id."""
    seen: list[int] = []

    async def answer(update: dict[str, Any], request: web.Request) -> web.Response:
        seen.append(update["update_id"])
        return web.Response()

    telegram.faults = Faults(copies=5, shuffle=0.05, seed=2)
    async with hooked(telegram, bot, answer):
        for number in range(60):
            await telegram.say(7 + number % 3, 7 + number % 3, str(number))
        await telegram.settled()
    assert len(set(seen)) == 60 and 60 < len(seen) <= 300 and seen != sorted(seen)


async def test_webhooks_are_checked(telegram: FakeTelegram, bot: Bot) -> None:
    """HTTPS but for one's own machine, a secret of letters, digits, _ and -, 1-100 connections; dropped on demand."""
    await refused(bot.set_webhook("http://example.org/telegram/webhook"))
    await refused(bot.set_webhook("https://example.org/", secret_token="with space"))
    await refused(bot.set_webhook("https://example.org/", max_connections=101))
    assert len(telegram.violations) == 3
    await telegram.say(7, 7, "one")
    await telegram.until(lambda: telegram.updates.waiting)
    await bot.delete_webhook(drop_pending_updates=True)
    assert await bot.get_updates() == ()
