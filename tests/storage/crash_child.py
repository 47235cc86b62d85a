"""The process that test_crash.py kills: it works on messages, and says on its output what was acknowledged."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from storage.base import Send
from storage.sqlite import SqliteStore
from tests.contracts.store import answer, say, turns
from tests.contracts.store_cases import case, post


async def work(store: SqliteStore, number: int) -> None:
    """One message from the cradle: a third is left open, a third is answered, a third is delivered too."""
    message = say(number, text=f"question {number} " * 40)
    await store.accept(message)
    print(f"accepted {message.id}", flush=True)
    lease = await store.lease(message, 600)
    if number % 3 == 0 or lease is None:
        return
    text = f"answer {number} of attempt {lease.attempt} " * 40
    posted = [post(f"post-{message.id}-{lease.attempt}", case().desk, "said", text=text)]
    outgoing = await store.complete(lease, answer(lease, text), turns(lease, text), posts=posted, case=case())
    print(f"completed {message.id} {outgoing.number} {lease.attempt}", flush=True)
    await store.keep_send("web", message.id, Send(part=0, state="placed", remote=f"remote-{number}"))
    print(f"sent {message.id}", flush=True)
    if number % 3 == 2:
        await store.delivered(outgoing.number, f"remote-{number}")
        print(f"delivered {message.id}", flush=True)


async def main(folder: Path, first: int) -> None:
    store = SqliteStore(folder)
    await store.open()
    for start in range(first, first + 100_000, 16):
        # What the round before left open is tried again, as a channel does that got no acknowledgement.
        numbers = [*range(max(0, start - 16), start), *range(start, start + 16)]
        await asyncio.gather(*(work(store, number) for number in numbers))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
