"""What a request to the webhook passes, and what Telegram is told of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from structlog.testing import capture_logs

from adapters.telegram.api import Api, TelegramRefused
from adapters.telegram.routes import HEADER, PATH, Door
from adapters.telegram.webhook import Webhook
from bot.errors import Overloaded, StorageFull
from bot.metrics import Metrics
from tests.adapters.telegram.bureau import SECRET
from tests.adapters.telegram.inlet import config_for
from tests.adapters.telegram.updates import message, update
from tests.fakes.telegram.server import FakeTelegram, fake_telegram

BODY_BYTES = 5_000
UPDATE = json.dumps(update("message", message("Hi"))).encode()


class Gate:
    """The door with nothing behind it but a list; `refuse` is raised instead while it is set."""

    def __init__(self) -> None:
        self.taken: list[Mapping[str, Any]] = []
        self.refuse: Exception | None = None
        self.refused = 0
        self.door = Door(SECRET, self._take, Metrics(), body_bytes=BODY_BYTES)
        self.door.opened = True
        self.url = ""

    async def post(self, body: Any = UPDATE, **headers: str) -> int:
        sent = {HEADER: SECRET} | headers
        async with aiohttp.ClientSession() as session, session.post(self.url, data=body, headers=sent) as response:
            return response.status

    async def _take(self, given: Mapping[str, Any]) -> None:
        if self.refuse:
            self.refused += 1
            raise self.refuse
        self.taken.append(given)


@asynccontextmanager
async def serving(gate: Gate) -> AsyncIterator[str]:
    app = web.Application(client_max_size=1_000)
    app.router.add_routes(gate.door.routes())
    runner = web.AppRunner(app, access_log=None, auto_decompress=False, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        gate.url = f"http://127.0.0.1:{runner.addresses[0][1]}{PATH}"
        yield gate.url
    finally:
        await runner.cleanup()


@pytest.fixture
async def gate() -> AsyncIterator[Gate]:
    gate = Gate()
    async with serving(gate):
        yield gate


async def test_an_update_with_the_secret(gate: Gate) -> None:
    """It is answered with 200 when it was taken in."""
    assert await gate.post() == 200 and len(gate.taken) == 1


async def test_no_secret_or_another(gate: Gate) -> None:
    """Nothing is read then, whatever it is."""
    async with aiohttp.ClientSession() as session, session.post(gate.url, data=UPDATE) as response:
        assert response.status == 401
    for wrong in ("x", SECRET[:-1], SECRET + "x", SECRET.upper(), "sécret", "秘密", "a" * 4_000):
        assert await gate.post(**{HEADER: wrong}) == 403
    assert not gate.taken


async def test_a_forged_body_is_not_read(gate: Gate) -> None:
    """Who has not the secret is answered before the body has arrived."""
    host, port = gate.url.removeprefix("http://").removesuffix(PATH).split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"POST {PATH} HTTP/1.1\r\nHost: x\r\n{HEADER}: wrong\r\nContent-Length: 4000\r\n\r\n".encode())
    await writer.drain()
    assert b"403" in await asyncio.wait_for(reader.readline(), 5)
    writer.close()


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"update_id": "1"}', b'{"update_id": 1, "message": 5}']
)
async def test_what_is_no_update(gate: Gate, body: bytes) -> None:
    """400, and nothing comes of it."""
    assert await gate.post(body) == 400 and not gate.taken


async def test_what_is_too_large(gate: Gate) -> None:
    """413, whether it says so beforehand or not."""

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" " * 1_000

    assert await gate.post(b" " * (BODY_BYTES + 1)) == 413
    assert await gate.post(endless()) == 413
    assert not gate.taken


async def test_a_compressed_body_is_no_update(gate: Gate) -> None:
    """Telegram compresses nothing; what is small on the line may be endless when it is unpacked."""
    assert await gate.post(b"\x1f\x8b\x08", **{"Content-Encoding": "gzip"}) == 400


@pytest.mark.parametrize(
    "error", [Overloaded("full"), StorageFull("full"), TelegramRefused("getMe", "no", code=500), RuntimeError("broken")]
)
async def test_what_cannot_be_taken_now(gate: Gate, error: Exception) -> None:
    """503: Telegram will send it again."""
    gate.refuse = error
    assert await gate.post() == 503
    gate.refuse = None
    assert await gate.post() == 200


async def test_while_it_does_not_run(gate: Gate) -> None:
    """503 for who has the secret, and no word of it for others."""
    gate.door.opened = False
    assert await gate.post() == 503 and await gate.post(**{HEADER: "x"}) == 403


async def test_other_methods(gate: Gate) -> None:
    """There is nothing to be got."""
    async with aiohttp.ClientSession() as session, session.get(gate.url) as response:
        assert response.status == 405


# -- telling Telegram --------------------------------------------------------------------------------------
@pytest.fixture
async def telegram() -> AsyncIterator[FakeTelegram]:
    async with fake_telegram() as telegram:
        yield telegram


async def test_telegram_is_told_where_to_send(telegram: FakeTelegram, gate: Gate, tmp_path: Path) -> None:
    """With the secret and the kinds of updates that are wanted, until it takes it; then what waits there comes."""
    api = Api(config_for(telegram, tmp_path), Metrics())
    await telegram.say(7, 7, "one")
    telegram.fail_next("setWebhook", "bad webhook: failed to resolve host", status=400)
    with capture_logs() as logs:
        task = asyncio.create_task(Webhook(api, gate.door, gate.url.removesuffix(PATH), SECRET).run())
        await telegram.settled()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert [update["message"]["text"] for update in gate.taken] == ["one"]
    asked = telegram.calls_of("setWebhook")[-1].given
    assert asked["secret_token"] == SECRET and "message_reaction" in asked["allowed_updates"]
    assert any("resolve host" in str(line.get("error")) for line in logs) and SECRET not in str(logs)
    assert telegram.hook.url == gate.url and not gate.door.opened
    await telegram.updates.hook.set("", "", 40)
    await api.close()


async def test_what_is_refused_comes_again(telegram: FakeTelegram, gate: Gate) -> None:
    """In the order in which it was said, chat by chat."""
    telegram.world.clock.second = 0.02
    gate.refuse = StorageFull("full")
    await telegram.updates.hook.set(gate.url, SECRET, 40)
    for text in ("one", "two", "three"):
        await telegram.say(7, 7, text)
    async with asyncio.timeout(15):
        while gate.refused < 3:
            await asyncio.sleep(0.005)
    gate.refuse = None
    await telegram.settled()
    assert [update["message"]["text"] for update in gate.taken] == ["one", "two", "three"]
