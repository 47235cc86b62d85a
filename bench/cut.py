"""The stream cut by a TCP proxy, 200 times at random points: `python -m bench.cut`.

Visitors talk to a real server while everything that they hear comes through a proxy. After a random number of bytes
(often in the middle of an event, a chunk or a character) it drops the connection, with or without a goodbye; the
visitor comes back with the number of the last event that arrived whole. At the end every answer has to be the one
expected, to the byte, and every page has to have heard its end exactly once.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from bench.server import Server
from bench.visitor import Visitor

REPEAT = 24
LONGEST = 6_000
SETTINGS = {
    "engine.kind": "echo",
    "engine.echo.repeat": REPEAT,
    "engine.echo.delay_ms": 3,
    "prompts.max_tokens": 4_000,
    "web.limits.address_per_minute": 1_000_000,
    "web.limits.visitor_per_minute": 1_000_000,
    "web.limits.streams_per_visitor": 100,
    "web.limits.streams_per_address": 1_000,
}


class Proxy:
    """Passes on what the server sends until `cuts` connections were dropped; then it lets everything through."""

    def __init__(self, port: int, *, cuts: int, chance: random.Random) -> None:
        self._port, self._chance = port, chance
        self.left = cuts
        self.bytes = 0
        self.address = ""
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Proxy:
        self._server = await asyncio.start_server(self._pass, "127.0.0.1", 0)
        self.address = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._port)
        asking = asyncio.create_task(_copy(reader, up_writer))
        try:
            await self._answer(up_reader, writer)
        except ConnectionError:
            pass  # the visitor has gone
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            for end in (writer, up_writer):
                end.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        allowance = self._chance.randint(1, LONGEST)
        while arrived := await reader.read(4_096):
            if self.left and len(arrived) >= allowance:
                self.left -= 1
                writer.write(arrived[:allowance])
                if self._chance.random() < 0.5:
                    writer.transport.abort()
                return
            allowance -= len(arrived)
            self.bytes += len(arrived)
            writer.write(arrived)
            await writer.drain()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while arrived := await reader.read(4_096):
        writer.write(arrived)
        await writer.drain()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """What was found; `wrong`, `missing` and `twice` must be 0."""

    cuts: int
    answers: int
    resumed: int
    seconds: float
    wrong: int
    missing: int
    twice: int


async def measure(folder: Path, *, cuts: int, visitors: int, seed: int) -> Cut:
    """Let `visitors` talk until their streams were cut `cuts` times, and compare what they were shown."""
    server = Server(folder, SETTINGS)
    await server.start()
    began = time.monotonic()
    try:
        async with (
            Proxy(server.port, cuts=cuts, chance=random.Random(seed)) as proxy,
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, force_close=True)) as session,
        ):
            people = [Visitor(session, server.address, proxy.address) for _ in range(visitors)]
            for person in people:
                await person.enter()
            listening = [asyncio.create_task(person.listen()) for person in people]
            await asyncio.gather(*(_talk(person, number, proxy) for number, person in enumerate(people)))
            for task in listening:
                task.cancel()
            await asyncio.gather(*listening, return_exceptions=True)
    finally:
        await server.stop()
    asked = [
        (person, ident, " ".join([text] * REPEAT)) for person in people for ident, text in person.acknowledged.items()
    ]
    return Cut(
        cuts=cuts - proxy.left,
        answers=len(asked),
        resumed=sum(person.connections - 1 for person in people),
        seconds=time.monotonic() - began,
        wrong=sum(person.shown.get(ident, "").encode() != expected.encode() for person, ident, expected in asked),
        missing=sum(not person.ends[ident] for person, ident, _ in asked),
        twice=sum(len(person.ends[ident]) > 1 for person, ident, _ in asked),
    )


async def _talk(person: Visitor, number: int, proxy: Proxy) -> None:
    count = 0
    while proxy.left or not count:
        count += 1
        await person.ended(await person.say(f"Visitor {number} asks {count} times: ürgent 你好 price of 木桌 👩‍💻?"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cuts", type=int, default=200)
    parser.add_argument("--visitors", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=".") as folder:
        found = asyncio.run(measure(Path(folder), cuts=options.cuts, visitors=options.visitors, seed=options.seed))
    print(f"streams cut          {found.cuts} in {found.seconds:.0f} s, resumed {found.resumed} times")
    print(f"answers              {found.answers}")
    print(f"text not identical   {found.wrong}")
    print(f"end not heard        {found.missing}")
    print(f"end heard twice      {found.twice}")
    return bool(found.wrong or found.missing or found.twice or found.cuts < options.cuts)


if __name__ == "__main__":
    sys.exit(main())
