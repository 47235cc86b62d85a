"""The server around the channels: health, readiness, figures, static pages, and a process that stops well."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

import bot.server
from bench.server import Server
from bench.visitor import Visitor
from bot.config import Config
from bot.config import Server as ServerConfig


async def test_a_visitor_is_answered_and_the_process_stops_well(tmp_path: Path) -> None:
    """Health, readiness, figures and one whole conversation; SIGTERM ends with exit code 0."""
    server = Server(tmp_path, {"engine.kind": "echo", "engine.echo.repeat": 3})
    await server.start()
    try:
        async with aiohttp.ClientSession() as session:
            async with session.get(f"{server.address}/health") as response:
                assert (await response.json())["status"] == "ok"
            visitor = Visitor(session, server.address)
            await visitor.enter()
            listening = asyncio.create_task(visitor.listen())
            ident = await visitor.say("hello there")
            await visitor.ended(ident)
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            assert visitor.shown[ident] == "hello there hello there hello there"
            async with session.get(f"{server.address}/metrics") as response:
                figures = await response.text()
            assert 'frontdesk_messages_accepted_total{channel="web"} 1.0' in figures
            assert 'frontdesk_messages_ended_total{channel="web",outcome="remark"} 1.0' in figures
    finally:
        assert await server.stop() == 0


async def test_stopping_lets_a_running_answer_finish(tmp_path: Path) -> None:
    """SIGTERM while an answer streams: the visitor gets all of it."""
    server = Server(tmp_path, {"engine.kind": "echo", "engine.echo.repeat": 40, "engine.echo.delay_ms": 10})
    await server.start()
    async with aiohttp.ClientSession() as session:
        visitor = Visitor(session, server.address)
        await visitor.enter()
        listening = asyncio.create_task(visitor.listen())
        ident = await visitor.say("slowly")
        while not visitor.shown.get(ident):
            await asyncio.sleep(0.005)
        stopping = asyncio.create_task(server.stop())
        await visitor.ended(ident)
        assert await stopping == 0
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        assert visitor.shown[ident] == " ".join(["slowly"] * 40)


async def test_a_second_process_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    """Two servers over one database would answer twice: the second one says who holds it."""
    server = Server(tmp_path, {"engine.kind": "echo"})
    await server.start()
    try:
        other = Server(tmp_path, {"engine.kind": "echo"})
        with pytest.raises(RuntimeError, match=r"ended with 1"):
            await other.start()
    finally:
        await server.stop()


@pytest.mark.skipif(os.name == "nt", reason="signals")
async def test_a_second_interrupt_ends_at_once(tmp_path: Path) -> None:
    """Whoever presses Ctrl-C twice does not want to wait; what was accepted is on disk."""
    server = Server(tmp_path, {"engine.kind": "echo", "engine.echo.repeat": 50_000, "engine.echo.delay_ms": 50})
    await server.start()
    async with aiohttp.ClientSession() as session:
        visitor = Visitor(session, server.address)
        await visitor.enter()
        await visitor.say("for ever")
        process = server._process
        assert process is not None
        process.send_signal(signal.SIGINT)
        while b"Finishing" not in await asyncio.to_thread(server.log.read_bytes):
            await asyncio.sleep(0.01)
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 130


async def test_what_is_no_http_is_not_quoted_in_the_log(tmp_path: Path) -> None:
    """A broken head may hold a token: it is answered with 400, and no word of it is logged, however often it comes."""
    server = Server(tmp_path, {"log.level": "debug"})
    await server.start()
    try:
        for head in (b"X: \x00", b"Authorization: Bearer ey.SECRET\x00", b"Content-Length: +5", b"X: " + b"S" * 20_000):
            answer = await exchange(server.port, b"GET /web/history HTTP/1.1\r\nHost: x\r\n" + head + b"\r\n\r\n")
            assert answer.startswith(b"HTTP/1.0 400")
    finally:
        await server.stop()
    log = server.log.read_text()
    assert "SECRET" not in log
    assert "Traceback" not in log


async def test_a_head_that_never_ends_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a head, or nothing, holds a connection no longer than an idle one may wait."""
    monkeypatch.setattr(bot.server, "_IDLE_SECONDS", 0.05)
    config = Config(server=ServerConfig(port=0))
    async with bot.server.serving(web.Application(), config) as address:
        port = int(address.rpartition(":")[2])
        for sent in (b"", b"GET / HTTP/1.1\r\nHost: x\r\nX:"):
            assert await exchange(port, sent) == b""


async def test_what_was_frozen_can_be_freed_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the server runs, nobody looks at what was loaded again and again; at its end all of it can go."""
    monkeypatch.setattr(bot.server, "gc", gc)
    thresholds = gc.get_threshold()
    gc.unfreeze()
    gc.set_threshold(700, 10, 10)
    try:
        async with bot.server.serving(web.Application(), Config(server=ServerConfig(port=0))):
            assert gc.get_freeze_count() > 0
            assert gc.get_threshold()[0] > 700
        assert gc.get_freeze_count() == 0
    finally:
        gc.set_threshold(*thresholds)
        gc.freeze()


async def exchange(port: int, sent: bytes) -> bytes:
    """Everything that comes back until the server closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(20):
            writer.write(sent)
            return await reader.read()
    finally:
        writer.close()
