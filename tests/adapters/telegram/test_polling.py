"""Updates that are asked for: when they are behind us, and what happens to those that are not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from adapters.telegram.api import Api
from adapters.telegram.polling import Polling
from bot.errors import Overloaded, StorageFull
from bot.metrics import Metrics
from tests.adapters.telegram.bureau import SECRET
from tests.adapters.telegram.inlet import config_for
from tests.adapters.telegram.updates import message, update
from tests.fakes.telegram.server import FakeTelegram, Faults, fake_telegram

Refuse = Callable[[str], Exception | None]


class Taking:
    """Takes updates in, as a test wants: `refuse` says of a text with what it is refused."""

    def __init__(self, telegram: FakeTelegram, folder: Path) -> None:
        self.telegram = telegram
        self.now = 0.0
        self.taken: list[tuple[int, str]] = []
        self.tried: list[str] = []
        self.busied: list[str] = []
        self.refuse: Refuse = lambda _: None
        self.metrics = Metrics()
        self.api = Api(config_for(telegram, folder), self.metrics)
        self.polling = Polling(self.api, self._take, self._busy, self.metrics, clock=lambda: self.now)

    @property
    def texts(self) -> list[str]:
        """What was taken in, each once."""
        return list(dict.fromkeys(text for _, text in self.taken))

    async def until(self, holds: Callable[[], Any]) -> None:
        async with asyncio.timeout(20):
            while not holds():
                await asyncio.sleep(0.005)

    async def _take(self, update: Mapping[str, Any]) -> None:
        said = update["message"]
        self.tried.append(said["text"])
        if (error := self.refuse(said["text"])) is not None:
            raise error
        self.taken.append((said["chat"]["id"], said["text"]))

    async def _busy(self, update: Mapping[str, Any]) -> None:
        self.busied.append(update["message"]["text"])


@asynccontextmanager
async def polling(telegram: FakeTelegram, folder: Path) -> AsyncIterator[Taking]:
    taking = Taking(telegram, folder)
    task = asyncio.create_task(taking.polling.run())
    try:
        yield taking
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await taking.api.close()


@pytest.fixture
async def telegram() -> AsyncIterator[FakeTelegram]:
    async with fake_telegram() as telegram:
        yield telegram


async def test_what_waits_is_taken_in(telegram: FakeTelegram, tmp_path: Path) -> None:
    """What was said before the start, and after it; each is confirmed."""
    await telegram.say(7, 7, "one")
    async with polling(telegram, tmp_path) as taking:
        await telegram.say(7, 7, "two")
        await telegram.settled()
        assert taking.texts == ["one", "two"]


async def test_nothing_is_confirmed_before_it_is_durable(telegram: FakeTelegram, tmp_path: Path) -> None:
    """What is refused stays with Telegram, and comes again: to this process, or to the next."""
    async with polling(telegram, tmp_path / "first") as taking:
        taking.refuse = lambda _: StorageFull("full")
        await telegram.say(7, 7, "one")
        await taking.until(lambda: len(taking.tried) > 2)
        assert len(telegram.updates.waiting) == 1 and not taking.taken
    async with polling(telegram, tmp_path / "second") as taking:
        await telegram.settled()
        assert taking.texts == ["one"]


async def test_one_chat_waits_and_others_do_not(telegram: FakeTelegram, tmp_path: Path) -> None:
    """Within a chat nothing overtakes what could not be taken."""
    async with polling(telegram, tmp_path) as taking:
        taking.refuse = lambda text: Overloaded("full") if text == "one" else None
        for text in ("one", "two", "three"):
            await telegram.say(7, 7, text)
        for text in ("four", "five"):
            await telegram.say(8, 8, text)
        await taking.until(lambda: {"four", "five"} <= set(taking.texts))
        await taking.until(lambda: taking.tried.count("one") > 1)
        assert not {"one", "two", "three"} & set(taking.texts)
        taking.refuse = lambda _: None
        await telegram.settled()
        assert [text for chat, text in taking.taken if chat == 7] == ["one", "two", "three"]
        assert taking.texts.count("four") == 1


async def test_who_waits_too_long_is_told(telegram: FakeTelegram, tmp_path: Path) -> None:
    """A conversation that stays full does not hold up Telegram's row for ever: its sender is asked to write again."""
    async with polling(telegram, tmp_path) as taking:
        taking.refuse = lambda text: Overloaded("full") if text == "one" else None
        await telegram.say(7, 7, "one")
        await taking.until(lambda: taking.tried.count("one") > 1)
        assert not taking.busied
        taking.now = 1_000.0
        await telegram.settled()
        assert taking.busied == ["one"] and not taking.taken


async def test_what_breaks_for_ever_is_left_out(telegram: FakeTelegram, tmp_path: Path) -> None:
    """It is tried again for a while; then those behind it come."""
    async with polling(telegram, tmp_path) as taking:
        taking.refuse = lambda text: RuntimeError("broken") if text == "one" else None
        await telegram.say(7, 7, "one")
        await telegram.say(7, 7, "two")
        await taking.until(lambda: taking.tried.count("one") > 1)
        assert not taking.taken
        taking.now = 1_000.0
        await telegram.settled()
        assert taking.texts == ["two"]


async def test_numbers_that_go_on_elsewhere(telegram: FakeTelegram, tmp_path: Path) -> None:
    """After a quiet week update ids are any: smaller ones are as new as greater ones."""
    async with polling(telegram, tmp_path) as taking:
        for number in range(12):
            telegram.jump()
            await telegram.say(7, 7, str(number))
            await telegram.settled()
        assert taking.texts == [str(number) for number in range(12)]


async def test_two_rows_of_numbers_at_once(telegram: FakeTelegram, tmp_path: Path) -> None:
    """They went on elsewhere while some waited: all are taken in, and what was refused of them is asked for again."""
    taking = Taking(telegram, tmp_path)
    try:
        taking.refuse = lambda text: Overloaded("full") if text == "9" else None
        rows = [(900, 7, "9"), (901, 8, "10"), (5, 8, "11"), (6, 9, "12")]
        updates = [
            update("message", message(text, chat={"id": chat, "type": "private"})) | {"update_id": number}
            for number, chat, text in rows
        ]
        assert not await taking.polling.take(updates)
        assert taking.polling._offset == 7 and taking.texts == ["10", "11", "12"]
        taking.refuse = lambda _: None
        assert await taking.polling.take(updates[:2])
        assert taking.polling._offset == 902 and taking.texts[-1] == "9" and taking.texts.count("10") == 1
    finally:
        await taking.api.close()


async def test_copies_in_another_order(telegram: FakeTelegram, tmp_path: Path) -> None:
    """Whatever order they come in, all are taken in and confirmed."""
    telegram.faults = Faults(copies=4, shuffle=0.1, seed=5)
    async with polling(telegram, tmp_path) as taking:
        for number in range(60):
            await telegram.say(7, 7, str(number))
        await telegram.settled()
        assert set(taking.texts) == {str(number) for number in range(60)}


async def test_a_broken_line(telegram: FakeTelegram, tmp_path: Path) -> None:
    """Answers that get lost, and servers that fail, are asked again."""
    async with polling(telegram, tmp_path) as taking:
        telegram.drop_next("getUpdates")
        telegram.fail_next("getUpdates", "Bad Gateway", status=502, times=2)
        telegram.fail_next("getUpdates", status=429, retry_after=0)
        for number in range(5):
            await telegram.say(7, 7, str(number))
            await telegram.until(lambda: len(telegram.calls_of("getUpdates")) > 2)
        await telegram.settled()
        assert taking.texts == [str(number) for number in range(5)]


async def test_a_webhook_is_removed(telegram: FakeTelegram, tmp_path: Path) -> None:
    """Telegram would refuse to be asked otherwise; what waits for the webhook is not thrown away."""
    telegram.hook.deadline = 0.05
    await telegram.updates.hook.set("http://127.0.0.1:9/", SECRET, 1)
    await telegram.say(7, 7, "one")
    async with polling(telegram, tmp_path) as taking:
        await telegram.settled()
        assert taking.texts == ["one"] and telegram.hook.url == ""


@pytest.mark.parametrize(
    ("description", "told"),
    [
        (
            "terminated by other getUpdates request; make sure that only one bot instance is running",
            "another program polls",
        ),
        ("can't use getUpdates method while webhook is active", "another program has set a webhook"),
    ],
)
async def test_a_conflict_is_explained(telegram: FakeTelegram, tmp_path: Path, description: str, told: str) -> None:
    """The log says who else uses the token, and the polling goes on."""
    telegram.fail_next("getUpdates", description, status=409)
    with capture_logs() as logs:
        async with polling(telegram, tmp_path) as taking:
            await telegram.say(7, 7, "one")
            await telegram.settled()
            assert taking.texts == ["one"]
    assert any(told in str(line.get("why")) for line in logs)
    assert telegram.token not in str(logs)


async def test_a_token_that_was_taken_back(telegram: FakeTelegram, tmp_path: Path) -> None:
    """The log says what to look at; nothing ends, and nothing holds the token."""
    telegram.revoke()
    with capture_logs() as logs:
        async with polling(telegram, tmp_path) as taking:
            await taking.until(lambda: any(line["event"] == "telegram.token" for line in logs))
    assert telegram.token not in str(logs)


async def test_what_is_no_update_is_left_out(telegram: FakeTelegram, tmp_path: Path) -> None:
    """Something that nobody can read holds up nothing."""
    async with polling(telegram, tmp_path) as taking:
        telegram.updates.emit("message", {"message_id": "x", "chat": {"id": 7}})
        await telegram.say(7, 7, "one")
        await telegram.settled()
        assert taking.texts == ["one"]
