"""20,000 hostile bodies against a real server: `python -m bench.hostile`.

Fuzzed, cut, deep, packed (gzip bombs included), mistyped, mislabelled and badly encoded bodies to every address that
takes one. None may be answered with a 5xx or end the process, memory has to stay where it was, and afterwards an
ordinary visitor is answered as before.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import random
import sys
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from bench.server import Server
from bench.visitor import Visitor

SETTINGS = {
    "engine.kind": "echo",
    "web.limits.address_per_minute": 10_000_000,
    "web.limits.visitor_per_minute": 10_000_000,
    "web.limits.site_per_minute": 10_000_000,
}
PATHS = ("/web/messages", "/web/messages", "/web/session", "/web/stop", "/web/feedback")
WARM = 0.2
"""The share of the bodies after which memory is first read: caches are full by then."""
ROOM = 1.10
"""How much of that memory may be held at the end, as a factor."""

_BOMB = gzip.compress(b" " * 50_000_000)
_DEFLATED = zlib.compress(b"[" * 50_000_000)
_WHOLE = {"id": "hostile-0001", "text": "hello there", "conversation": "main", "message_id": "hostile-0001", "value": 1}
_STRANGE: tuple[Any, ...] = (
    None, True, 0, -1, 1.5, 1e300, "", "\0", "\ud800", "x" * 9_000, "../../etc/passwd", "<script>alert(1)</script>",
    [], [[]], {}, {"$ne": None}, ["main"], "main:main", "' or 1=1 --", "٣", "\u202e", "a" * 64, "9" * 64,
)  # fmt: skip

Attack = Callable[[random.Random], tuple[bytes, dict[str, str]]]


def _fuzzed(chance: random.Random) -> tuple[bytes, dict[str, str]]:
    body = bytearray(json.dumps(_WHOLE).encode())
    for _ in range(chance.randint(1, 8)):
        body[chance.randrange(len(body))] = chance.randrange(256)
    return bytes(body[: chance.randint(0, len(body))] if chance.random() < 0.3 else body), {}


def _noise(chance: random.Random) -> tuple[bytes, dict[str, str]]:
    return chance.randbytes(chance.randint(0, 2_000)), {}


def _deep(chance: random.Random) -> tuple[bytes, dict[str, str]]:
    depth = chance.choice([500, 5_000, 60_000])
    opened = chance.choice([b"[", b'{"a":', b'[{"a":'])
    return (opened * depth)[:63_000] + chance.choice([b"", b"1", b"]" * 100]), {}


def _mistyped(chance: random.Random) -> tuple[bytes, dict[str, str]]:
    body = _WHOLE | {chance.choice(list(_WHOLE)): chance.choice(_STRANGE) for _ in range(chance.randint(1, 3))}
    return json.dumps(body).encode(), {}


def _number(chance: random.Random) -> tuple[bytes, dict[str, str]]:
    number = chance.choice(["NaN", "Infinity", "-Infinity", "1e999", "9" * 20_000, "-" + "9" * 4_301, "0x10", "01"])
    return f'{{"id":"hostile-0001","text":"x","value":{number}}}'.encode(), {}


def _packed(chance: random.Random) -> tuple[bytes, dict[str, str]]:
    return chance.choice(
        [
            (_BOMB, {"Content-Encoding": "gzip"}),
            (_DEFLATED, {"Content-Encoding": "deflate"}),
            (_BOMB[: chance.randrange(len(_BOMB))], {"Content-Encoding": "gzip"}),
            (
                b"not packed",
                {"Content-Encoding": chance.choice(["gzip", "deflate", "br", "zstd", "rot13", "gzip, gzip"])},
            ),
        ]
    )


def _mislabelled(chance: random.Random) -> tuple[bytes, dict[str, str]]:
    kind = chance.choice(
        ["text/plain", "", "application/json; charset=utf-16", "application/json; charset=\u00e9", "application/xml",
         "multipart/form-data; boundary=x", "application/json;;;", "a" * 500]
    )  # fmt: skip
    return json.dumps(_WHOLE).encode(), {"Content-Type": kind}


def _encoded(chance: random.Random) -> tuple[bytes, dict[str, str]]:
    text = json.dumps(_WHOLE | {"text": "ünïcödé 你好"}, ensure_ascii=False)
    return text.encode(chance.choice(["utf-16", "utf-32", "utf-8-sig", "utf-7", "gb18030", "utf-16-le"])), {}


def _large(chance: random.Random) -> tuple[bytes, dict[str, str]]:
    size = chance.choice([63_000, 64_001, 500_000])
    return chance.choice([b" ", b"[", b'{"text":"', b"\xff"]) + b"x" * size, {}


ATTACKS: tuple[Attack, ...] = (
    _fuzzed, _fuzzed, _fuzzed, _mistyped, _mistyped, _noise, _deep, _number, _packed, _mislabelled, _encoded, _large,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Withstood:
    """What came back. `statuses` counts answers, `unanswered` connections that were closed without one."""

    statuses: Counter[int]
    unanswered: int
    before: int
    after: int
    alive: bool
    seconds: float

    @property
    def faults(self) -> int:
        return sum(count for status, count in self.statuses.items() if status >= 500)


async def measure(folder: Path, *, bodies: int, seed: int, at_once: int = 16) -> Withstood:
    """Send `bodies` hostile bodies, `at_once` of them at a time."""
    server = Server(folder, SETTINGS)
    await server.start()
    statuses: Counter[int] = Counter()
    began = time.monotonic()
    try:
        connector = aiohttp.TCPConnector(limit=at_once)
        async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=60)) as session:
            warm = int(bodies * WARM)
            unanswered = await _attack(session, server, statuses, warm, seed, at_once)
            before = server.resident()
            unanswered += await _attack(session, server, statuses, bodies - warm, seed + 1, at_once)
            after = server.resident()
            alive = await _alive(session, server)
    finally:
        code = await server.stop()
    return Withstood(
        statuses=statuses,
        unanswered=unanswered,
        before=before,
        after=after,
        alive=alive and code == 0,
        seconds=time.monotonic() - began,
    )


async def _attack(
    session: aiohttp.ClientSession, server: Server, statuses: Counter[int], bodies: int, seed: int, at_once: int
) -> int:
    """Send `bodies`; the number of those that were not answered at all."""
    unanswered = 0

    async def one(number: int, share: int) -> None:
        nonlocal unanswered
        chance = random.Random(seed * 1_000 + number)
        for count in range(share):
            if count % 100 == 0:
                visitor = Visitor(session, server.address)
                await visitor.enter()
            body, headers = chance.choice(ATTACKS)(chance)
            try:
                async with session.post(
                    server.address + chance.choice(PATHS),
                    data=body,
                    headers={"Content-Type": "application/json"} | visitor.headers | headers,
                ) as response:
                    statuses[response.status] += 1
                    await response.read()
            except (aiohttp.ClientError, ConnectionError):
                unanswered += 1

    shares = [bodies // at_once + (number < bodies % at_once) for number in range(at_once)]
    await asyncio.gather(*(one(number, share) for number, share in enumerate(shares)))
    return unanswered


async def _alive(session: aiohttp.ClientSession, server: Server) -> bool:
    """Whether an ordinary visitor is answered."""
    visitor = Visitor(session, server.address)
    await visitor.enter()
    listening = asyncio.create_task(visitor.listen())
    try:
        async with asyncio.timeout(20):
            ident = await visitor.say("Do you ship the walnut desk to Norway?")
            await visitor.ended(ident)
            return visitor.shown[ident] == "Do you ship the walnut desk to Norway?"
    except TimeoutError:
        return False
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bodies", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=".") as folder:
        found = asyncio.run(measure(Path(folder), bodies=options.bodies, seed=options.seed))
    answered = ", ".join(f"{status}: {count}" for status, count in sorted(found.statuses.items()))
    print(f"hostile bodies       {options.bodies} in {found.seconds:.0f} s")
    print(f"answered             {answered}")
    print(f"answered with a 5xx  {found.faults}")
    print(f"closed unanswered    {found.unanswered}")
    print(f"server still well    {'yes' if found.alive else 'NO'}")
    print(
        f"memory               {found.before / 1e6:.1f} MB after a fifth of them, {found.after / 1e6:.1f} MB at the end"
    )
    return bool(found.faults or not found.alive or found.after > ROOM * found.before)


if __name__ == "__main__":
    sys.exit(main())
