"""How soon a question in Telegram has an answer to read: `python -m bench.telegram_latency`.

Every request to the stand-in is on its way for 50 ms, and it grants no more than Telegram does. The time is that from
the moment at which it hands an update over, so before it is accepted, to the first text that can be read: in a private
chat of the draft, in a group of the message; a message that says no more than that there will be one does not count.
The echo engine answers at once, or, as a model would, word by word.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.telegram_house import MODES, Mode, Spot, connected, house, spots
from tests.fakes.telegram.server import Budgets, FakeTelegram, fake_telegram

LATENCY = 0.05
DELAY = 20.0
"""Milliseconds from word to word, where it answers word by word."""
QUESTION = "How much does it cost to send the walnut desk to Norway, and how long will it take until it is there?"
BAR_MILLISECONDS = 200.0
WARM = 8
"""Questions that are not counted: the first ones load what is loaded lazily."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """Milliseconds from each question to the first text, by where it was asked."""

    private: list[float]
    groups: list[float]


async def measure(
    folder: Path, mode: Mode, *, questions: int, seed: int, delay: float = 0.0, warm: int = WARM
) -> Shown:
    """Ask one question after another, each in a chat of its own, half of them in private chats."""
    chance = random.Random(seed)
    async with fake_telegram(latency=LATENCY, budgets=Budgets()) as telegram:
        server = house(folder, telegram, mode, {"engine.echo.delay_ms": delay})
        await server.start()
        await connected(telegram, mode)
        waits: dict[bool, list[float]] = {True: [], False: []}
        for number, spot in enumerate(_spots(telegram, warm + questions)):
            await asyncio.sleep(chance.uniform(0.1, 0.3))
            began = time.monotonic()
            await spot.say(telegram, QUESTION)
            shown_at: float = await telegram.until(partial(_seen, telegram, spot), seconds=30)
            await telegram.until(partial(_whole, telegram, spot), seconds=30)
            if number >= warm:
                waits[spot.chat > 0].append((shown_at - began) * 1e3)
        await server.stop()
        if telegram.violations:
            raise RuntimeError(telegram.violations[0])
    return Shown(private=waits[True], groups=waits[False])


def _spots(telegram: FakeTelegram, count: int) -> list[Spot]:
    """Private chats and groups, in turn."""
    others = spots(telegram, 1, 4 * count, forum=False)
    private, groups = ([spot for spot in others if (spot.chat > 0) == wanted] for wanted in (True, False))
    return [groups[number] if number % 2 else private[number] for number in range(count)]


def _seen(telegram: FakeTelegram, spot: Spot) -> float:
    """Now, when there is something to read, else 0."""
    standing = telegram.chat(spot.chat)
    texts = [*standing.texts, *(draft.text for draft in standing.drafts)]
    return time.monotonic() if any(text.strip("… ") for text in texts) else 0.0


def _whole(telegram: FakeTelegram, spot: Spot) -> bool:
    return telegram.chat(spot.chat).texts == [QUESTION]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--questions", type=int, default=100, help="each way, at once and word by word")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    good = True
    for mode in MODES:
        for delay in (0.0, DELAY):
            with tempfile.TemporaryDirectory(dir=".") as folder:
                found = asyncio.run(
                    measure(Path(folder), mode, questions=options.questions, seed=options.seed, delay=delay)
                )
            print(f"{mode}, {'word by word' if delay else 'at once'}")
            for name, waits in (("private chats", found.private), ("groups", found.groups)):
                p50, p95 = statistics.median(waits), statistics.quantiles(waits, n=20)[18]
                print(f"  {name:<18} p50 {p50:>6.1f} ms, p95 {p95:>6.1f} ms")
                good = good and p50 <= BAR_MILLISECONDS
    return not good


if __name__ == "__main__":
    sys.exit(main())
