"""Bodies from outside: bounded, and gone when they are refused."""

from __future__ import annotations

import gc
import weakref
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from adapters.body import BodyRefused, body_of


@pytest.mark.parametrize("streamed", [True, False])
async def test_a_body_that_is_too_large_is_refused_and_leaves_nothing_behind(streamed: bool) -> None:
    """Not even until somebody collects garbage: what one request may hold, many would."""
    left: list[weakref.ref[BodyRefused]] = []

    async def handle(request: web.Request) -> web.Response:
        try:
            body = await body_of(request, most=10_000, seconds=10)
        except BodyRefused as refused:
            left.append(weakref.ref(refused))
            return web.Response(status=413 if refused.too_large else 400)
        return web.Response(text=str(len(body)))

    async def chunks(length: int) -> AsyncIterator[bytes]:
        for _ in range(length // 1_000):
            yield b"x" * 1_000

    app = web.Application()
    app.router.add_post("/", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    gc.disable()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
        async with aiohttp.ClientSession() as session:
            for length, status in ((10_000, 200), (11_000, 413)):
                given = chunks(length) if streamed else b"x" * length
                async with session.post(url, data=given) as response:
                    assert response.status == status
        assert [one() for one in left] == [None]
    finally:
        gc.enable()
        await runner.cleanup()
