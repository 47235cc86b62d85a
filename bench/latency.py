"""What Frontdesk adds before the first word: `python -m bench.latency`.

One message at a time through the whole way (inbox, bus, lease, language, memory, knowledge, prompt, echo engine,
delivery), from the moment its acceptance was committed to the first piece of text at the channel's door. The disk's
own fsync stands beside it, because the lease is one more commit.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aiohttp.web import AbstractRouteDef

from adapters.base import Publish
from bench.acknowledge import sync_milliseconds
from bot.config import load
from bot.desk import at_desk
from bot.events import Address, Failed, Message, Reply


class Clocked:
    """A channel that notes when the first text and the end of each answer reach it."""

    name = "clocked"

    def __init__(self) -> None:
        self.first: dict[str, float] = {}
        self.ends: dict[str, asyncio.Future[None]] = {}

    def routes(self) -> Sequence[AbstractRouteDef]:
        return ()

    async def run(self, publish: Publish) -> None:
        await asyncio.Event().wait()

    async def send(self, event: Reply | Failed) -> str:
        if isinstance(event, Reply) and event.text:
            self.first.setdefault(event.message_id, time.perf_counter())
        if isinstance(event, Failed) or event.final:
            self.ends[event.message_id].set_result(None)
        return ""

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """Milliseconds from acceptance to the first text; `sync` is the disk's own p50."""

    p50: float
    p99: float
    sync: float


async def measure(folder: Path, *, messages: int = 500) -> Added:
    """Send `messages` one after another, each in the conversation of one of ten visitors."""
    overrides = {
        "data": str(folder / "data"),
        "engine": {"kind": "echo"},
        "knowledge": {"semantic": {"enabled": "no"}},
        "web": {"enabled": False},
    }
    config = load(environ={}, overrides=overrides)
    channel, waits = Clocked(), []
    async with at_desk(config, [channel]) as desk:
        await desk.start()
        for number in range(messages + 20):
            ident = uuid.uuid4().hex
            channel.ends[ident] = asyncio.get_running_loop().create_future()
            await desk.publish(
                Message(
                    id=ident,
                    address=Address(channel="clocked", conversation=f"visitor {number % 10}"),
                    sender="visitor",
                    text=f"How much does it cost to send parcel number {number} to Norway?",
                    sent_at=time.time(),
                )
            )
            accepted = time.perf_counter()
            await channel.ends[ident]
            if number >= 20:  # the first ones load what is loaded lazily
                waits.append((channel.first[ident] - accepted) * 1e3)
        await desk.close()
    cuts = statistics.quantiles(waits, n=100)
    return Added(p50=cuts[49], p99=cuts[98], sync=sync_milliseconds(folder))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--messages", type=int, default=500)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(measure(Path(folder), messages=options.messages))
    print(f"accepted to first text, p50  {found.p50:>8.2f} ms")
    print(f"accepted to first text, p99  {found.p99:>8.2f} ms")
    print(f"the disk's fsync, p50        {found.sync:>8.2f} ms")


if __name__ == "__main__":
    main()
