"""A real Frontdesk in a subprocess that speaks to the strict stand-in for Telegram, by polling or by webhook."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bench.server import Server, free_port
from tests.fakes.telegram.server import FakeTelegram, Shown

Mode = Literal["polling", "webhook"]
MODES: tuple[Mode, ...] = ("polling", "webhook")
SECRET = "webhook-secret-TEST"
GROUPS, FORUM = -1_000_000_001_000, -1_000_000_000_088
"""The id of the first group, and that of the one forum; further groups are below."""

UNHINDERED: Mapping[str, Any] = {
    "telegram.rates.chat_per_second": 1_000,
    "telegram.rates.group_per_minute": 60_000,
    "telegram.rates.all_per_second": 10_000,
}
"""The settings that go with a stand-in without budgets, for measurements of something else."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Where somebody speaks with the bot: in private, in a group, or in a topic (`thread`) of a forum."""

    user: int
    chat: int
    thread: int = 0

    async def say(self, telegram: FakeTelegram, text: str) -> int:
        """Say it to the bot; the id of the message. In groups every second person does so by a command."""
        if self.chat > 0:
            return await telegram.say(self.chat, self.user, text)
        name = telegram.world.bot.username
        word = f"@{name}" if self.user % 2 else f"/ask@{name}"
        return await telegram.say(self.chat, self.user, f"{word} {text}", thread=self.thread)


@dataclass(frozen=True, slots=True)
class Question:
    spot: Spot
    message: int
    text: str


def house(
    folder: Path,
    telegram: FakeTelegram,
    mode: Mode,
    settings: Mapping[str, Any],
    *,
    secrets: Mapping[str, str] | None = None,
) -> Server:
    """The server over `folder`, told of `telegram`. `secrets` take the place of those that it needs."""
    port = free_port()
    known = {
        "telegram.enabled": True,
        "telegram.mode": mode,
        "telegram.base_url": telegram.http,
        "engine.kind": "echo",
        "storage.lease_seconds": 2,
        "server.public_url": f"http://127.0.0.1:{port}" if mode == "webhook" else "",
        **settings,
    }
    right = {"TELEGRAM_BOT_TOKEN": telegram.token, "TELEGRAM_WEBHOOK_SECRET": SECRET}
    folder.mkdir(parents=True, exist_ok=True)
    return Server(folder, known, secrets=right if secrets is None else secrets, port=port)


async def connected(telegram: FakeTelegram, mode: Mode, seconds: float = 30.0) -> None:
    """Wait until what is said now will be heard."""
    await telegram.until(
        lambda: telegram.hook.url if mode == "webhook" else telegram.calls_of("getUpdates"), seconds=seconds
    )


def spots(telegram: FakeTelegram, first: int, count: int, *, forum: bool = True) -> list[Spot]:
    """Private chats, groups, and (with `forum`) topics, in turn, each of somebody else; the first person is `first`."""
    return [_spot(telegram, user, forum=forum) for user in range(first, first + count)]


def _spot(telegram: FakeTelegram, user: int, *, forum: bool) -> Spot:
    match user % 4:
        case 1:
            telegram.group(GROUPS - user)
            return Spot(user, GROUPS - user)
        case 3 if forum:
            telegram.group(FORUM, forum=True)
            return Spot(user, FORUM, telegram.topic(FORUM, f"Topic of {user}"))
        case _:
            return Spot(user, user)


def said(telegram: FakeTelegram, spot: Spot) -> list[Shown]:
    """Everything that the bot ever said there, what was taken away as well, in its order."""
    place = telegram.world.chats.get(("", spot.chat))
    shown = place.messages.values() if place else ()
    return [one for one in shown if one.by_bot and not one.service and one.thread == spot.thread]


def answers(telegram: FakeTelegram, question: Question) -> list[Shown]:
    """What of it came after the question, and before the next one was asked there; the last comes first."""
    found: list[Shown] = []
    for one in reversed(telegram.world.chats["", question.spot.chat].messages.values()):
        if one.id == question.message:
            break
        if one.thread == question.spot.thread and not one.service:
            found = [*found, one] if one.by_bot else []
    return found


def ended(shown: Shown) -> bool:
    """Whether it stands there and nothing is being written to it."""
    return not shown.deleted and "stop" not in [button.get("callback_data") for button in shown.buttons]
