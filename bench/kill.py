"""kill -9 at random points under load: `python -m bench.kill --kills 200`.

Visitors keep talking to a real server that is killed and started again over the same folder. At the end every
acknowledged message has exactly one end, on disk and on the wire, and its text is the one expected to the byte.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sqlite3
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from bench.server import Server
from bench.visitor import Visitor

SETTINGS = {
    "engine.kind": "echo",
    "engine.echo.repeat": 4,
    "engine.echo.delay_ms": 2,
    "storage.lease_seconds": 2,
    "web.limits.address_per_minute": 1_000_000,
    "web.limits.visitor_per_minute": 1_000_000,
    "web.limits.site_per_minute": 1_000_000,
    "web.limits.streams_per_address": 1_000,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Killed:
    """What was found after the last kill; all but the first four must be 0."""

    kills: int
    messages: int
    replayed: int
    seconds: float
    lost: int
    twice_on_disk: int
    twice_on_wire: int
    wrong_text: int


async def measure(folder: Path, *, kills: int, visitors: int, seed: int) -> Killed:
    """Kill the server `kills` times while `visitors` talk to it."""
    chance = random.Random(seed)
    server = Server(folder, SETTINGS)
    await server.start()
    began = time.monotonic()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        people = [Visitor(session, server.address) for _ in range(visitors)]
        for person in people:
            await person.enter()
        listening = [asyncio.create_task(person.listen()) for person in people]
        enough = asyncio.Event()
        talking = [asyncio.create_task(_talk(person, number, enough)) for number, person in enumerate(people)]
        for _ in range(kills):
            await asyncio.sleep(chance.uniform(0.0, 1.5))
            await server.kill()
            await server.start()
        enough.set()
        await asyncio.gather(*talking)
        for task in listening:
            task.cancel()
        await asyncio.gather(*listening, return_exceptions=True)
        histories = [await person.history() for person in people]
    await server.stop()
    return _verdict(people, histories, server.folder / "data" / "frontdesk.db", kills, time.monotonic() - began)


async def _talk(person: Visitor, number: int, enough: asyncio.Event) -> None:
    """Say something, wait for the answer, again; every third time say two things at once."""
    count = 0
    while not enough.is_set():
        count += 1
        texts = [f"visitor {number} says {count} äöü 你好 {letter}" for letter in "abc"[: 2 if count % 3 == 0 else 1]]
        for ident in [await person.say(text) for text in texts]:
            await person.ended(ident)


def _verdict(
    people: list[Visitor], histories: list[dict[str, object]], database: Path, kills: int, seconds: float
) -> Killed:
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as db:
        rows = db.execute("select m.id from outbox o join messages m on m.number = o.message")
        ends = Counter(row[0].rpartition(":")[2] for row in rows)
    lost = wrong = twice = replayed = 0
    for person, history in zip(people, histories, strict=True):
        told = {exchange["id"]: exchange["end"] for exchange in history["exchanges"]}  # type: ignore[index]  # JSON
        for ident, text in person.acknowledged.items():
            expected = " ".join([text] * SETTINGS["engine.echo.repeat"])  # type: ignore[operator]  # a number
            lost += not person.ends[ident] or not ends[ident]
            twice += len({number for number, _ in person.ends[ident]}) > 1
            wrong += any(shown != expected for _, shown in person.ends[ident]) or person.shown[ident] != expected
            if ident in told and (not told[ident] or told[ident]["text"] != expected):
                wrong += 1
        replayed += person.connections - 1
    return Killed(
        kills=kills,
        messages=sum(len(person.acknowledged) for person in people),
        replayed=replayed,
        seconds=seconds,
        lost=lost,
        twice_on_disk=sum(count > 1 for count in ends.values()),
        twice_on_wire=twice,
        wrong_text=wrong,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--visitors", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(measure(Path(folder), kills=options.kills, visitors=options.visitors, seed=options.seed))
    print(f"kill -9              {found.kills} times in {found.seconds:.0f} s, {options.visitors} visitors talking")
    print(f"messages accepted    {found.messages}, streams resumed {found.replayed} times")
    print(f"lost                 {found.lost}")
    print(f"answered twice       {found.twice_on_disk} on disk, {found.twice_on_wire} on the wire")
    print(f"text not identical   {found.wrong_text}")


if __name__ == "__main__":
    main()
