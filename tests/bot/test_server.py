"""The server around the channels: health, readiness, figures, static pages, and a process that stops well."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import aiohttp
import pytest

from bench.server import Server
from bench.visitor import Visitor


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
            assert 'frontdesk_messages_ended_total{channel="web",outcome="stop"} 1.0' in figures
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
