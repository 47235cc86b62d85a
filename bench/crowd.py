"""A process full of visitors, for `bench.visitors`: `python -m bench.crowd --address http://127.0.0.1:PORT`.

It prints "here" when all have come, waits for a line on standard input, and at the end prints what was found as JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import cast

import aiohttp
import uvloop

from bench.visitor import Visitor

HEARTBEAT = 15.0
PIECES = 100
PAUSE_MILLISECONDS = 100
STEP = 0.1
"""Width of a class of the latency histogram, in milliseconds."""
PATIENCE = 30.0
QUESTION = "What does the walnut desk cost when it is sent to Norway?"


@dataclass
class Tally:
    """What one process of visitors found; `ages` counts deltas by their age in steps of `STEP` milliseconds."""

    ages: Counter[int] = field(default_factory=Counter)
    dropped: int = 0
    wrong: int = 0
    answers: int = 0
    heartbeats: int = 0

    def note(self, text: str, now: int) -> None:
        for stamp in text.split():
            self.ages[int((now - int(stamp)) / 1e6 / STEP)] += 1


class Ear(asyncio.Protocol):
    """One open stream, read without a library so that thousands fit into one process."""

    def __init__(self, token: str, tally: Tally) -> None:
        self._token, self._tally = token, tally
        self._head = True
        self._chunks = b""
        self._events = b""
        self._transport: asyncio.Transport | None = None
        self.heard = time.monotonic()
        self.opened = asyncio.get_running_loop().create_future()
        self.ended: asyncio.Future[str] | None = None
        self.shown = ""
        self.torn = False
        self.leaving = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are none by name
        self._transport.write(
            f"GET /web/events HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {self._token}\r\n\r\n".encode()
        )

    def data_received(self, arrived: bytes) -> None:
        now = time.monotonic_ns()
        self.heard = now / 1e9
        self._chunks += arrived
        if self._head:
            head, found, rest = self._chunks.partition(b"\r\n\r\n")
            if not found:
                return
            if not head.startswith(b"HTTP/1.1 200"):
                self._tally.dropped += 1
                self.leave()
                return
            self._head, self._chunks = False, rest
        self._unpack()
        *whole, self._events = self._events.split(b"\n\n")
        for block in whole:
            self._take(block, now)

    def _unpack(self) -> None:
        """Move whole chunks (RFC 9112, 7.1) from `_chunks` to `_events`."""
        while True:
            size, found, rest = self._chunks.partition(b"\r\n")
            length = int(size, 16) if found else 0
            if not found or len(rest) < length + 2:
                return
            self._events += rest[:length]
            self._chunks = rest[length + 2 :]

    def _take(self, block: bytes, now: int) -> None:
        if block.startswith(b":"):
            self._tally.heartbeats += 1
            if not self.opened.done():
                self.opened.set_result(None)
            return
        fields = dict(line.split(b": ", 1) for line in block.split(b"\n"))
        kind, content = fields[b"event"], json.loads(fields[b"data"])
        if kind == b"delta":
            self._tally.note(content["text"], now)
            self.shown += content["text"]
        elif kind in (b"reply", b"final"):
            text = content["text"]
            self.torn |= kind == b"final" and not text.startswith(self.shown)
            self._tally.note(text.removeprefix(self.shown), now)
            self.shown = text
        if kind in (b"final", b"failed") and self.ended is not None and not self.ended.done():
            self.ended.set_result(content["text"] if kind == b"final" else "")

    def connection_lost(self, error: Exception | None) -> None:
        if not self.leaving:
            self._tally.dropped += 1
        for waiting in (self.opened, self.ended):
            if waiting is not None and not waiting.done():
                waiting.cancel()

    def leave(self) -> None:
        self.leaving = True
        if self._transport is not None:
            self._transport.abort()


async def visit(address: str, *, idle: int, streaming: int, seconds: float) -> Tally:
    """Come, wait for "go" on standard input, talk for `seconds`, and go."""
    tally = Tally()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=32)) as session:
        people = [Visitor(session, address) for _ in range(idle + streaming)]
        ears = await _arrive(people, address, tally)
        print("here", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        for ear in ears:
            ear.heard = time.monotonic()
        end = time.monotonic() + seconds
        pairs = list(zip(people, ears, strict=True))
        await asyncio.gather(
            _watch([ear for _, ear in pairs[streaming:]], end, tally),
            *(
                _talk(person, ear, number / max(1, streaming), end, tally)
                for number, (person, ear) in enumerate(pairs[:streaming])
            ),
        )
        for ear in ears:
            ear.leave()
    return tally


async def _arrive(people: list[Visitor], address: str, tally: Tally) -> list[Ear]:
    loop = asyncio.get_running_loop()
    host, port = address.removeprefix("http://").split(":")
    ears: list[Ear] = []
    for start in range(0, len(people), 32):
        some = people[start : start + 32]
        await asyncio.gather(*(person.enter() for person in some))
        tokens = [person.headers["Authorization"].removeprefix("Bearer ") for person in some]
        made = await asyncio.gather(
            *(loop.create_connection(partial(Ear, token, tally), host, int(port)) for token in tokens)
        )
        await asyncio.gather(*(ear.opened for _, ear in made))
        ears += [ear for _, ear in made]
    return ears


async def _talk(person: Visitor, ear: Ear, share: float, end: float, tally: Tally) -> None:
    """Ask, listen to the end, ask again; visitors begin spread over the length of an answer."""
    await asyncio.sleep(share * PIECES * PAUSE_MILLISECONDS / 1e3)
    told: dict[str, str] = {}
    while time.monotonic() < end:
        ear.ended, ear.shown, ear.torn = asyncio.get_running_loop().create_future(), "", False
        ident = await person.say(QUESTION)
        try:
            async with asyncio.timeout(PIECES * PAUSE_MILLISECONDS / 1e3 + PATIENCE):
                final = await ear.ended
        except (TimeoutError, asyncio.CancelledError):
            tally.dropped += 1
            return
        told[ident] = final
        tally.answers += 1
        tally.wrong += ear.torn or len(final.split()) != PIECES
    history = {
        exchange["id"]: (exchange["end"] or {}).get("text") for exchange in (await person.history())["exchanges"]
    }
    tally.wrong += history != told


async def _watch(ears: list[Ear], end: float, tally: Tally) -> None:
    """Idle visitors hear a heartbeat at least every other period."""
    silent: set[Ear] = set()
    while time.monotonic() < end:
        await asyncio.sleep(1)
        silent |= {ear for ear in ears if time.monotonic() - ear.heard > 2 * HEARTBEAT}
    tally.dropped += len(silent)


def _more_files() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--address", required=True)
    parser.add_argument("--idle", type=int, default=100)
    parser.add_argument("--streaming", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args()
    _more_files()
    tally = uvloop.run(visit(options.address, idle=options.idle, streaming=options.streaming, seconds=options.seconds))
    print(json.dumps(vars(tally)), flush=True)


if __name__ == "__main__":
    main()
