"""How often the fake Telegram lets a bot speak, and what goes wrong there on order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from telegram import (
    Bot,
)
from telegram.error import (
    NetworkError,
    RetryAfter,
    TelegramError,
)

from tests.fakes.telegram.client import connected, refused
from tests.fakes.telegram.server import Budgets, FakeTelegram, Faults, fake_telegram

GROUP = -1_001_234_567_890


@pytest.fixture
async def telegram(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeTelegram]:
    monkeypatch.setenv("PTB_TIMEDELTA", "1")
    async with fake_telegram() as running:
        running.world.place(7)
        yield running


@pytest.fixture
async def bot(telegram: FakeTelegram) -> AsyncIterator[Bot]:
    async with connected(telegram) as running:
        yield running


async def test_budgets_are_kept_or_punished(telegram: FakeTelegram, bot: Bot) -> None:
    """Three at once, then one a second in a chat; edits count; each offence makes the penalty longer, in its chat."""
    now = 100.0
    telegram.world.clock._monotonic = lambda: now
    telegram.meter.budgets = Budgets()
    await telegram.say(8, 8, "hello")
    own = await bot.send_message(7, "one")
    await bot.edit_message_text("two", 7, own.message_id)
    await bot.send_message_draft(7, 1, "drafts have their own")
    now = 101.0
    await bot.edit_message_text("three", 7, own.message_id)
    assert not telegram.violations and telegram.usage["chat", 7].share == 1
    waits = []
    for step in (0.0, 1.0, 1.0):
        now += step
        with pytest.raises(RetryAfter) as caught:
            await bot.edit_message_text("four", 7, own.message_id)
        waits.append(caught.value._retry_after.total_seconds())
    assert waits == [3, 6, 12] and len(telegram.violations) == 3
    await bot.send_message(8, "another chat")
    now += 12
    await bot.edit_message_text("four", 7, own.message_id)
    assert telegram.usage["chat", 7].peak == 4


async def test_groups_and_all_chats_have_budgets_of_their_own(telegram: FakeTelegram, bot: Bot) -> None:
    """Twenty a minute in a group, thirty a second over all chats."""
    now = 0.0
    telegram.world.clock._monotonic = lambda: now
    telegram.meter.budgets = Budgets()
    telegram.group(GROUP)
    for _ in range(20):
        await bot.send_message(GROUP, "x")
        now += 1
    await refused(bot.send_message(GROUP, "x"), RetryAfter)
    now += 100
    for user in range(100, 130):
        telegram.world.place(user)
        await bot.send_message(user, "x")
    await refused(bot.send_message(7, "x"), RetryAfter)
    assert telegram.usage["group", GROUP].share > 1 and telegram.usage["all", 0].peak == 31


async def test_penalties_close_one_chat(telegram: FakeTelegram, bot: Bot) -> None:
    """An injected penalty is nobody's fault; who calls before it is over makes it longer, and is blamed."""
    now = 0.0
    telegram.world.clock._monotonic = lambda: now
    await telegram.say(8, 8, "hello")
    telegram.fail_next("sendMessage", status=429, retry_after=4)
    for expected, step in ((4, 0.0), (4, 0.05), (3, 1.0)):
        now += step
        with pytest.raises(RetryAfter) as caught:
            await bot.send_message(7, "x")
        assert caught.value._retry_after.total_seconds() == expected
    assert len(telegram.violations) == 1
    await bot.send_message(8, "x")
    now += 4
    await bot.send_message(7, "x")


async def test_what_was_ordered_happens_once(telegram: FakeTelegram, bot: Bot) -> None:
    """One-shot faults: an error, a 502, connections dropped after the work or before it, a call that is held."""
    telegram.fail_next("sendMessage", "not enough rights", status=400)
    assert await refused(bot.send_message(7, "x")) == "Not enough rights"
    telegram.fail_next("sendMessage", status=502, after=True)
    await refused(bot.send_message(7, "x"), NetworkError)
    for after, shown in ((True, 2), (False, 2)):
        telegram.drop_next("sendMessage", after=after)
        await refused(bot.send_message(7, "x"), NetworkError)
        assert len(telegram.chat(7).said) == shown
    gate = telegram.hold_next("editMessageText")
    first = telegram.chat(7).said[0].id
    held = asyncio.create_task(bot.edit_message_text("a", 7, first))
    await gate.reached.wait()
    await bot.edit_message_text("b", 7, telegram.chat(7).said[1].id)
    assert not telegram.violations
    await bot.edit_message_text("c", 7, first)
    gate.release()
    await held
    assert len(telegram.violations) == 1, "two writers of one message"


async def test_chance_comes_from_the_seed(telegram: FakeTelegram, bot: Bot) -> None:
    """The same seed gives the same faults, call by call."""

    async def run() -> list[str]:
        telegram.faults = Faults(penalty=0.2, server_error=0.2, drop_after=0.2, seed=5)
        outcomes = []
        for user in range(200, 230):
            telegram.world.place(user)
            telegram.meter.close(user, 0)
            try:
                await bot.send_message(user, "x")
                outcomes.append("ok")
            except TelegramError as error:
                outcomes.append(type(error).__name__)
        return outcomes

    first = await run()
    assert set(first) == {"ok", "RetryAfter", "NetworkError"}
    assert await run() == first


async def test_a_shorter_second_shortens_everything(telegram: FakeTelegram, bot: Bot) -> None:
    """With `second` 0.05 sixty seconds are three of ours, and retry_after is told in ours."""
    now = 0.0
    telegram.world.clock._monotonic, telegram.world.clock.second = lambda: now, 0.05
    telegram.meter.budgets = Budgets()
    telegram.group(GROUP)
    for _ in range(20):
        await bot.send_message(GROUP, "x")
        now += 0.05
    with pytest.raises(RetryAfter) as caught:
        await bot.send_message(GROUP, "x")
    wait = caught.value._retry_after.total_seconds()
    assert wait == pytest.approx(telegram.meter.closed(GROUP)[0] * 0.05)
    now += wait + 3
    await bot.send_message(GROUP, "x")
    assert len(telegram.violations) == 1
