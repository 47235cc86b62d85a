"""A whole desk that answers in Telegram: the real adapter, bus, store, knowledge and quoter, and the strict fake."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Literal

from bot.config import Config, load
from bot.desk import Desk, at_desk
from bot.events import Message
from bot.server import application, serving
from tests.fakes.channel import Channel
from tests.fakes.telegram.server import FakeTelegram, Shown, fake_telegram

Way = Literal["polling", "webhook"]

BOT, NAME = 123456, "frontdesk_bot"
ANNA, BORIS, CARLA = 7, 8, 9
GROUP, FORUM = -1_000_000_000_077, -1_000_000_000_088
SECRET = "webhook-secret-TEST"

WARRANTY = (
    "# Warranty\n\nThe warranty on every bicycle frame lasts five years.\n\n"
    "The warranty on batteries lasts two years.\n"
)
SHIPPING = "# Shipping\n\nShipping to Belgium costs nine euros and takes three working days.\n"
FRAME, BATTERY = "How long is the warranty on a frame?", "How long is the warranty on batteries?"
BELGIUM = "What does shipping to Belgium cost?"
FAST = {"chat_per_second": 1_000, "group_per_minute": 60_000, "all_per_second": 10_000}


class Bureau:
    """`telegram` is Telegram, `visitors` another channel with visitors of its own."""

    def __init__(self, telegram: FakeTelegram, desk: Desk, visitors: Channel, url: str) -> None:
        self.telegram, self.desk, self.visitors, self.url = telegram, desk, visitors, url
        self.store = desk.store

    async def ask(self, chat: int, user: int, text: str, **how: Any) -> tuple[int, Shown]:
        """Say it, and wait until one more whole answer stands there: (its message's id, the answer)."""
        before = len(self.telegram.chat(chat).said)
        message = await self.telegram.say(chat, user, text, **how)
        return message, await self.answer(chat, before)

    async def answer(self, chat: int, before: int = 0) -> Shown:
        """Wait until there is one more whole message of the bot's than `before`."""
        found: list[Shown] = await self.telegram.until(
            lambda: said if len(said := [one for one in self.telegram.chat(chat).said if whole(one)]) > before else []
        )
        return found[before]

    async def quiet(self) -> None:
        """Wait until all updates are taken in, everything has ended, and all of it was sent."""
        await self.telegram.settled()
        while await self.store.pending() or await self.store.undelivered() or self.desk.bus.held(Message):
            await asyncio.sleep(0.01)

    async def ended(self, message_id: str) -> str:
        """Wait for the end of a message; how it ended."""
        while True:
            exchange = await self.store.exchange("telegram", message_id)
            if exchange and exchange.outgoing:
                return str(getattr(exchange.outgoing.event, "finish_reason", "failed"))
            await asyncio.sleep(0.01)


def whole(shown: Shown) -> bool:
    """Whether it is an end and not a beginning, which has "…" after it, or what can still be stopped."""
    return not shown.text.endswith("…") and "stop" not in [button.get("callback_data") for button in shown.buttons]


def ident(chat: int, message: int, *, business: str = "") -> str:
    """What the house calls a message."""
    return f"{BOT}:{chat}{'/' + business if business else ''}:{message}"


def settings(telegram: FakeTelegram, folder: Path, way: Way, sections: Mapping[str, Any]) -> Config:
    overrides: dict[str, Any] = {name: dict(values) for name, values in sections.items()}
    port = _free_port()
    own = {"enabled": True, "base_url": telegram.http, "mode": way, "rates": FAST}
    overrides["telegram"] = own | overrides.pop("channel", {}) | overrides.get("telegram", {})
    overrides["web"] = {"enabled": False}
    server = {"port": port, "drain_seconds": 2, "public_url": f"http://127.0.0.1:{port}" if way == "webhook" else ""}
    overrides["server"] = server | overrides.get("server", {})
    overrides["engine"] = {"quote": {"delay_ms": 0}, **overrides.get("engine", {})}
    overrides["knowledge"] = {"semantic": {"enabled": "no"}}
    overrides["site"] = {"name": "Paddle", "contact": "help@example.org"}
    secrets = {"TELEGRAM_BOT_TOKEN": telegram.token, "TELEGRAM_WEBHOOK_SECRET": SECRET}
    return load(environ=secrets, overrides={"data": str(folder / "data"), **overrides})


@asynccontextmanager
async def running(
    telegram: FakeTelegram, folder: Path, way: Way = "polling", /, *, visitors: Channel | None = None, **sections: Any
) -> AsyncIterator[Bureau]:
    """The desk over `folder`, serving and connected; it may be stopped and started over the same folder."""
    config = settings(telegram, folder, way, sections)
    others = visitors or Channel("web")
    async with AsyncExitStack() as stack:
        desk = await stack.enter_async_context(at_desk(config))
        assert isinstance(desk.adapters, dict)
        desk.adapters[others.name] = others
        for name, text in (("warranty.md", WARRANTY), ("shipping.md", SHIPPING)):
            (folder / name).write_text(text, "utf-8")
            await desk.knowledge.add([str(folder / name)])
        url = await stack.enter_async_context(serving(application(desk), config))
        await desk.start()
        stack.push_async_callback(desk.close)
        method = "setWebhook" if way == "webhook" else "getUpdates"
        await telegram.until(lambda: telegram.calls_of(method))
        yield Bureau(telegram, desk, others, url)


@asynccontextmanager
async def bureau(
    folder: Path, way: Way = "polling", *, fake: Mapping[str, Any] | None = None, **sections: Any
) -> AsyncIterator[Bureau]:
    """A new fake Telegram, and the desk."""
    async with fake_telegram(**(fake or {})) as telegram:
        async with running(telegram, folder, way, **sections) as made:
            yield made
        assert telegram.violations == []


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
