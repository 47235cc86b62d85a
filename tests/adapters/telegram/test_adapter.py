"""Which way updates come in, what refuses to start, and what doctor says of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from adapters.base import Context, Finding
from adapters.telegram import make
from adapters.telegram.adapter import TelegramAdapter, way_in
from adapters.telegram.routes import PATH
from bot.config import load
from bot.errors import ConfigError
from bot.metrics import Metrics
from storage.sqlite import SqliteStore
from tests.adapters.telegram.bureau import BOT, GROUP, SECRET
from tests.fakes.telegram.server import FakeTelegram, fake_telegram

PUBLIC = "https://desk.example.org"


def config(
    *, root: str = "", secret: str = "", mode: str = "auto", token: str = "123456:TEST-token", **more: Any
) -> Any:
    environ = {"TELEGRAM_BOT_TOKEN": token, "TELEGRAM_WEBHOOK_SECRET": secret}
    overrides = {"server": {"public_url": root}, "telegram": {"enabled": True, "mode": mode} | more.pop("telegram", {})}
    return load(environ={name: value for name, value in environ.items() if value}, overrides=overrides | more)


@pytest.mark.parametrize(
    ("given", "secret"),
    [
        ({}, ""),
        ({"root": PUBLIC}, ""),
        ({"secret": SECRET}, ""),
        ({"root": PUBLIC, "secret": SECRET}, SECRET),
        ({"root": PUBLIC, "secret": SECRET, "mode": "polling"}, ""),
        ({"root": PUBLIC, "secret": SECRET, "mode": "webhook"}, SECRET),
    ],
)
def test_the_way_in(given: dict[str, str], secret: str) -> None:
    """By itself a webhook where there are a secret and a public address, else polling."""
    assert way_in(config(**given)) == secret


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"mode": "webhook", "root": PUBLIC}, "TELEGRAM_WEBHOOK_SECRET is missing"),
        ({"mode": "webhook", "secret": SECRET}, "server.public_url"),
        ({"root": PUBLIC, "secret": "not allowed!"}, "1 to 256"),
        ({"root": PUBLIC, "secret": "a" * 257}, "1 to 256"),
    ],
)
def test_a_way_in_that_is_incomplete(given: dict[str, str], told: str) -> None:
    """It refuses to start, says what to do, and shows no secret."""
    with pytest.raises(ConfigError) as caught:
        way_in(config(**given))
    assert told in str(caught.value) and "not allowed!" not in str(caught.value)


@pytest.mark.parametrize("token", ["", "   "])
def test_no_token(tmp_path: Path, token: str) -> None:
    """Without one it does not start; a blank one is none."""
    with pytest.raises(ConfigError, match="TELEGRAM_BOT_TOKEN"):
        make(Context(config=config(token=token), store=SqliteStore(tmp_path), metrics=Metrics(), settings={}))


@asynccontextmanager
async def adapter(telegram: FakeTelegram, folder: Path, /, **given: Any) -> AsyncIterator[TelegramAdapter]:
    store = SqliteStore(folder)
    await store.open()
    own = {"base_url": telegram.http} | given.pop("telegram", {})
    made = make(Context(config=config(telegram=own, **given), store=store, metrics=Metrics(), settings={}))
    assert isinstance(made, TelegramAdapter)
    try:
        yield made
    finally:
        await made.close()
        await store.close()


@pytest.fixture
async def telegram() -> AsyncIterator[FakeTelegram]:
    async with fake_telegram() as telegram:
        yield telegram


async def test_it_serves_nothing_while_it_polls(telegram: FakeTelegram, tmp_path: Path) -> None:
    """Only a webhook has an address."""
    async with adapter(telegram, tmp_path / "a") as polling:
        assert not polling.routes()
    async with adapter(telegram, tmp_path / "b", root=PUBLIC, secret=SECRET) as hooked:
        assert len(hooked.routes()) == 1


# -- doctor ------------------------------------------------------------------------------------------------
async def findings(telegram: FakeTelegram, folder: Path, /, **given: Any) -> list[Finding]:
    async with adapter(telegram, folder, **given) as made:
        found = list(await made.check())
    assert telegram.token not in str(found) and SECRET not in str(found)
    return found


def text(found: list[Finding], state: str) -> str:
    return "\n".join(one.text for one in found if one.state == state)


async def test_all_is_well(telegram: FakeTelegram, tmp_path: Path) -> None:
    """Who it is, how updates come, what it sees; nothing is changed."""
    found = await findings(telegram, tmp_path)
    good = text(found, "good")
    assert "@frontdesk_bot" in good and "polled" in good and "privacy mode" in good
    assert not text(found, "bad") and not text(found, "note")
    assert {asked.method for asked in telegram.world.calls} <= {"getMe", "getWebhookInfo"}


async def test_a_token_that_nobody_knows(telegram: FakeTelegram, tmp_path: Path) -> None:
    """It says where to look."""
    telegram.revoke()
    assert "BotFather" in text(await findings(telegram, tmp_path), "bad")


async def test_telegram_out_of_reach(telegram: FakeTelegram, tmp_path: Path) -> None:
    """It says which address was tried."""
    found = await findings(telegram, tmp_path, telegram={"base_url": "http://127.0.0.1:9"})
    assert "telegram.base_url" in text(found, "bad")


async def test_webhooks(telegram: FakeTelegram, tmp_path: Path) -> None:
    """One that does not work, one of somebody else's, and one that the start will remove."""
    hooked = {"root": PUBLIC, "secret": SECRET}
    assert PATH in text(await findings(telegram, tmp_path / "1", **hooked), "good")
    telegram.hook.url = f"{PUBLIC}{PATH}"
    telegram.hook.trouble = {"last_error_message": "Wrong response from the webhook: 502 Bad Gateway"}
    assert "502" in text(await findings(telegram, tmp_path / "2", **hooked), "bad")
    telegram.hook.url = "https://elsewhere.example.org/hook"
    assert "changes it" in text(await findings(telegram, tmp_path / "3", **hooked), "note")
    assert "removes" in text(await findings(telegram, tmp_path / "4"), "note")
    telegram.hook.url = ""


async def test_the_support_desk(telegram: FakeTelegram, tmp_path: Path) -> None:
    """Whether the group is there, and whether the bot hears and may do enough."""
    desk = {"handover": {"channel": "telegram", "account": str(BOT), "conversation": str(GROUP)}}
    telegram.group(GROUP, "Support", bot="left")
    assert "add" in text(await findings(telegram, tmp_path / "1", **desk), "bad")
    telegram.group(GROUP, "Support", bot="member")
    assert "administrator" in text(await findings(telegram, tmp_path / "2", **desk), "note")
    telegram.group(GROUP, "Support", bot="member", forum=True)
    assert "administrator" in text(await findings(telegram, tmp_path / "3", **desk), "bad")
    telegram.group(GROUP, "Support", bot="administrator", forum=True)
    found = await findings(telegram, tmp_path / "4", **desk)
    assert "Support" in text(found, "good") and not text(found, "bad")
    wrong = {"handover": {"channel": "telegram", "conversation": "support"}}
    assert "-100" in text(await findings(telegram, tmp_path / "5", **wrong), "bad")
