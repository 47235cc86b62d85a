"""A disk that fills up under a running server: refused is not lost, and space is all it takes to go on."""

from __future__ import annotations

import asyncio
import resource
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp

from bench.server import Server
from bench.visitor import Visitor

LONG = "a long question " * 120


async def test_a_full_disk_refuses_and_recovers(tmp_path: Path) -> None:
    """503 with a sentence while it is full; nothing acknowledged is lost; with space it works again by itself."""
    server = Server(tmp_path, {"engine.kind": "echo", "web.limits.visitor_per_minute": 100_000,
                               "web.limits.address_per_minute": 100_000, "bus.per_conversation": 10_000})  # fmt: skip
    await server.start()
    try:
        async with asyncio.timeout(60), aiohttp.ClientSession() as session:
            visitor = Visitor(session, server.address)
            await visitor.enter()
            with full_at(server, 1_000_000):
                accepted, refusal = await fill(session, visitor, server.address)
            assert accepted
            assert "try again" in refusal["error"]["message"]
            last = await visitor.say("is there space again?")
            listening = asyncio.create_task(visitor.listen())
            for ident in (*accepted, last):
                await visitor.ended(ident)
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            assert all(visitor.shown[ident] == LONG.strip() for ident in accepted)
            assert all(len(visitor.ends[ident]) == 1 for ident in (*accepted, last))
    finally:
        assert await server.stop() == 0


@contextmanager
def full_at(server: Server, limit: int) -> Iterator[None]:
    """The system lets no file of the server grow beyond `limit` bytes: what a full disk is, without mounting one."""
    process = server.process()
    before = process.rlimit(resource.RLIMIT_FSIZE)
    process.rlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        process.rlimit(resource.RLIMIT_FSIZE, before)


async def fill(
    session: aiohttp.ClientSession, visitor: Visitor, address: str
) -> tuple[list[str], dict[str, dict[str, str]]]:
    """Say things until one is refused; which were acknowledged, and what the refusal said."""
    accepted: list[str] = []
    while True:
        ident = uuid.uuid4().hex
        body = {"id": ident, "text": LONG.strip()}
        async with session.post(f"{address}/web/messages", json=body, headers=visitor.headers) as response:
            if response.status != 202:
                assert response.status == 503, await response.text()
                assert response.headers["Retry-After"]
                return accepted, await response.json()
            accepted.append(ident)
