"""How many messages a second the store makes durable while 128 callers wait: `python -m bench.acknowledge`.

For reference it times the disk's own fdatasync, the least that one commit can cost.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bot.events import Address, Message
from storage.sqlite import SqliteStore

TEXT = "Do you ship the walnut desk to Norway, and what would the customs fee be? " * 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """Durable accepts a second, and how long one waited (milliseconds); `sync` is the disk's own p50."""

    rate: float
    p50: float
    p99: float
    sync: float


async def measure(folder: Path, *, seconds: float = 5.0, waiting: int = 128) -> Acknowledged:
    """Accept new messages from `waiting` callers at once for `seconds`, with synchronous=FULL."""
    store = SqliteStore(folder)
    await store.open()
    waits: list[float] = []
    try:
        await _accept_for(store, min(seconds, 0.5), waiting, [])  # warm
        began = time.perf_counter()
        await _accept_for(store, seconds, waiting, waits)
        took = time.perf_counter() - began
    finally:
        await store.close()
    cuts = statistics.quantiles(waits, n=100)
    return Acknowledged(rate=len(waits) / took, p50=cuts[49] * 1e3, p99=cuts[98] * 1e3, sync=sync_milliseconds(folder))


async def _accept_for(store: SqliteStore, seconds: float, waiting: int, waits: list[float]) -> None:
    end = time.perf_counter() + seconds
    tag = f"{time.time_ns():x}"

    async def caller(name: int) -> None:
        address = Address(channel="web", conversation=f"visitor-{name}:main")
        count = 0
        while (start := time.perf_counter()) < end:
            message = Message(
                id=f"{tag}-{name}-{count}", address=address, sender=f"visitor-{name}", text=TEXT, sent_at=start
            )
            await store.accept(message)
            waits.append(time.perf_counter() - start)
            count += 1

    await asyncio.gather(*(caller(name) for name in range(waiting)))


def sync_milliseconds(folder: Path, times: int = 100) -> float:
    """The median time of appending a page to a file in `folder` and syncing it."""
    file = folder / "sync.probe"
    descriptor = os.open(file, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    took = []
    try:
        for _ in range(times):
            start = time.perf_counter()
            os.write(descriptor, b"x" * 4096)
            os.fdatasync(descriptor)
            took.append(time.perf_counter() - start)
    finally:
        os.close(descriptor)
        file.unlink()
    return statistics.median(took) * 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--waiting", type=int, default=128)
    parser.add_argument("--folder", type=Path, default=Path(), help="where to write: measure the disk that counts")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="acknowledge-", dir=options.folder))
    try:
        found = asyncio.run(measure(folder, seconds=options.seconds, waiting=options.waiting))
    finally:
        shutil.rmtree(folder)
    print(f"durable accepts   {found.rate:>10,.0f} /s   ({options.waiting} waiting, synchronous=FULL)")
    print(f"wait p50          {found.p50:>10.1f} ms")
    print(f"wait p99          {found.p99:>10.1f} ms")
    print(f"the disk's fsync  {found.sync:>10.2f} ms p50")


if __name__ == "__main__":
    main()
