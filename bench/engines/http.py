"""The local engine behind its own OpenAI-compatible API: `python -m bench.engines.http MODEL AT_ONCE…`.

A server in a process of its own and clients in this one, on the same cores: what they cost is part of the figure.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import cast

import uvloop

from bench.server import Server
from bench.workload import Ask, Run, Stamps, workload


class Client(asyncio.Protocol):
    """One completion over a connection of its own, with as little work a token as a client can do.

    An event is counted as a token; the usage at the end says how many there were, and how many came without text.
    """

    def __init__(self, number: int, ask: Ask, stamps: Stamps) -> None:
        self._number, self._ask, self._stamps = number, ask, stamps
        self._heard, self._end = 0, b""
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        body = {
            "model": "measured",
            "prompt": self._ask.prompt,
            "max_tokens": self._ask.answer,
            "temperature": 0,
            "ignore_eos": True,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        raw = json.dumps(body).encode()
        head = f"POST /v1/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(raw)}\r\n"
        kind = "Content-Type: application/json\r\nConnection: close\r\n\r\n"
        cast(asyncio.Transport, transport).write((head + kind).encode() + raw)

    def data_received(self, data: bytes) -> None:
        events = min(data.count(b"data: {"), self._ask.answer - self._heard)
        self._heard += events
        self._stamps.note(self._number, time.perf_counter(), events)
        self._end = (self._end + data)[-1_000:]

    def connection_lost(self, exc: Exception | None) -> None:
        found = re.search(rb'"completion_tokens":(\d+)', self._end)
        if exc or not found or b"data: [DONE]" not in self._end:
            return self.over.set_exception(RuntimeError(f"the answer broke off: {self._end[-200:]!r}"))
        self._stamps.note(self._number, time.perf_counter(), int(found[1]) - self._heard)
        return self.over.set_result(None)


async def answer(port: int, number: int, ask: Ask, stamps: Stamps) -> None:
    """Ask one question and hear its answer to the end."""
    loop = asyncio.get_running_loop()
    _, client = await loop.create_connection(lambda: Client(number, ask, stamps), "127.0.0.1", port)
    await client.over


async def main(model: str, numbers: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        server = Server(
            Path(folder),
            {
                "engine.kind": "local",
                "engine.model": model,
                "engine.local.prefix_cache": False,
                "api.enabled": True,
                "api.require_key": False,
                "api.model": "measured",
                "web.enabled": False,
            },
        )
        await server.start(seconds=180)
        try:
            for ask in workload(3, seed=99):
                await answer(server.port, 0, ask, Stamps(Run("", 0), 0.0))
            for number in numbers:
                run = Run("http", number)
                began = time.perf_counter()
                stamps = Stamps(run, began)
                await asyncio.gather(
                    *(answer(server.port, place, ask, stamps) for place, ask in enumerate(workload(number)))
                )
                run.seconds = time.perf_counter() - began
                run.print()
        finally:
            await server.stop()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], [int(number) for number in sys.argv[2:]]))
