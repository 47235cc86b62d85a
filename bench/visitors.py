"""5,000 idle and 500 streaming visitors on one server process: `python -m bench.visitors --seconds 120`.

The visitors are other processes, so that they do not share the server's interpreter. Idle ones have an open stream
and get heartbeats; streaming ones ask again and again, so that each is being answered all the time. The server runs
`bench.stamped`: each piece of an answer is the time at which the engine gave it, so that the age of every delta is
known when it arrives, without guessing a schedule; the way through turn, bus, channel and socket is the real one.

Dropped: a stream that ended, a question without an answer, an idle visitor who heard nothing for two heartbeats.
Wrong: a final text that does not begin with what was shown of it, that lacks pieces, or that the history lacks.
Memory: what the process holds more than before the visitors came, divided by their number.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from bench.crowd import HEARTBEAT, PAUSE_MILLISECONDS, PIECES, QUESTION, STEP, Tally
from bench.server import Server
from bench.visitor import Visitor

SETTINGS = {
    "engine.kind": "echo",
    "engine.echo.repeat": PIECES,
    "engine.echo.delay_ms": PAUSE_MILLISECONDS,
    "web.heartbeat_seconds": HEARTBEAT,
    "web.limits.address_per_minute": 10_000_000,
    "web.limits.visitor_per_minute": 10_000,
    "web.limits.site_per_minute": 10_000_000,
    "web.limits.streams_per_address": 10_000,
    "web.limits.streams": 10_000,
}
BAR_MILLISECONDS = 100.0
BAR_BYTES = 30_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Visited:
    """What was found. Memory in bytes, ages of deltas in milliseconds, `busy` the share of one core."""

    tally: Tally
    before: int
    idle: int
    most: int
    busy: float

    def age(self, share: float) -> float:
        """The age below which `share` of the deltas were."""
        wanted, seen = share * sum(self.tally.ages.values()), 0
        for step, count in sorted(self.tally.ages.items()):
            seen += count
            if seen >= wanted:
                return (step + 1) * STEP
        return 0.0


async def measure(folder: Path, *, idle: int, streaming: int, seconds: float, processes: int) -> Visited:
    """Start the server and `processes` of visitors, and add up what they found."""
    server = Server(folder, SETTINGS, program="bench.stamped")
    await server.start()
    crowd: list[asyncio.subprocess.Process] = []
    try:
        await _warm(server)
        before = server.resident()
        for number in range(processes):
            share = [count // processes + (number < count % processes) for count in (idle, streaming)]
            crowd.append(await _process(server.address, share[0], share[1], seconds))
        for process in crowd:
            await _line(process)
        here = server.resident()
        began, used = time.monotonic(), server.processor_seconds()
        for process in crowd:
            await _tell(process)
        most = await _watch(server, seconds)
        busy = (server.processor_seconds() - used) / (time.monotonic() - began)
        tallies = [Tally(**json.loads(await _line(process))) for process in crowd]
    finally:
        for process in crowd:
            if process.returncode is None:
                process.kill()
            await process.wait()
        await server.stop()
    return Visited(tally=_sum(tallies), before=before, idle=here, most=most, busy=busy)


async def _watch(server: Server, seconds: float) -> int:
    """The most memory that the server held within `seconds`."""
    most, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        most = max(most, server.resident())
        await asyncio.sleep(1)
    return most


async def _warm(server: Server) -> None:
    """One answer, so that what is loaded lazily is loaded before memory is first read."""
    async with aiohttp.ClientSession() as session:
        visitor = Visitor(session, server.address)
        await visitor.enter()
        listening = asyncio.create_task(visitor.listen())
        await visitor.ended(await visitor.say(QUESTION))
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


async def _process(address: str, idle: int, streaming: int, seconds: float) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.crowd", "--address", address,
        "--idle", str(idle), "--streaming", str(streaming), "--seconds", str(seconds),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=2**24,
    )  # fmt: skip


async def _tell(process: asyncio.subprocess.Process) -> None:
    if process.stdin is not None:
        process.stdin.write(b"go\n")
        await process.stdin.drain()


async def _line(process: asyncio.subprocess.Process) -> str:
    line = await process.stdout.readline() if process.stdout is not None else b""
    if not line:
        raise RuntimeError("a process of visitors ended early")
    return line.decode()


def _sum(tallies: list[Tally]) -> Tally:
    ages: Counter[int] = Counter()
    for tally in tallies:
        ages.update({int(step): count for step, count in tally.ages.items()})
    return Tally(
        ages=ages,
        **{
            name: sum(getattr(tally, name) for tally in tallies)
            for name in ("dropped", "wrong", "answers", "heartbeats")
        },
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--idle", type=int, default=5_000)
    parser.add_argument("--streaming", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=".") as folder:
        found = asyncio.run(
            measure(
                Path(folder),
                idle=options.idle,
                streaming=options.streaming,
                seconds=options.seconds,
                processes=options.processes,
            )
        )
    return _report(found, options.idle, options.streaming, options.seconds)


def _report(found: Visited, idle: int, streaming: int, seconds: float) -> int:
    visitors, tally = idle + streaming, found.tally
    a_visitor = (found.most - found.before) / visitors
    deltas = sum(tally.ages.values())
    print(f"visitors             {idle} idle, {streaming} streaming, {seconds:.0f} s, one server process")
    print(f"answers              {tally.answers}, {deltas / seconds:,.0f} pieces/s; {tally.heartbeats} heartbeats")
    print(f"dropped              {tally.dropped}")
    print(f"wrong bytes          {tally.wrong}")
    print(f"age of a delta       p50 {found.age(0.5):.1f} ms, p99 {found.age(0.99):.1f} ms, most {found.age(1):.1f} ms")
    quiet = (found.idle - found.before) / visitors
    print(f"memory a visitor     {quiet / 1e3:.1f} KB idle, {a_visitor / 1e3:.1f} KB at most")
    print(f"memory of the server {found.before / 1e6:.0f} MB before, {found.most / 1e6:.0f} MB at most")
    print(f"processor            {found.busy:.0%} of one core")
    return bool(
        tally.dropped or tally.wrong or not tally.answers or found.age(0.99) > BAR_MILLISECONDS or a_visitor > BAR_BYTES
    )


if __name__ == "__main__":
    sys.exit(main())
