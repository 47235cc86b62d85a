"""10,000 updates, each delivered one to five times, shuffled: `python -m bench.telegram_events --updates 10000`.

Half of them are polled for, half come by webhook. Each message must be answered once, and in its chat (in a forum: in
its topic) in the order in which the messages were accepted.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.house import accepted, inversions
from bench.telegram_house import MODES, UNHINDERED, Mode, Question, Spot, connected, ended, house, said, spots
from tests.fakes.telegram.server import FakeTelegram, Faults, fake_telegram

SETTINGS = {**UNHINDERED, "bus.per_conversation": 50}
MESSAGES = 10
"""From each person."""
PEOPLE = 30
"""People who write at once."""
COPIES, SHUFFLE = 5, 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """What came of it. `unanswered`, `twice`, `strange` and `inversions` must be 0."""

    mode: Mode
    updates: int
    deliveries: int
    messages: int
    unanswered: int
    twice: int
    strange: int
    inversions: int
    violations: tuple[str, ...]
    seconds: float

    @property
    def good(self) -> bool:
        return not any((self.unanswered, self.twice, self.strange, self.inversions, len(self.violations)))


async def measure(
    folder: Path, mode: Mode, *, updates: int, seed: int, people: int = PEOPLE, patience: float = 120.0
) -> Delivered:
    """Write until the bot was told of `updates` messages, and see what was answered."""
    began = time.monotonic()
    async with fake_telegram() as telegram:
        server = house(folder, telegram, mode, SETTINGS)
        await server.start()
        await connected(telegram, mode)
        telegram.faults = Faults(copies=COPIES, shuffle=SHUFFLE, seed=seed)
        asked: dict[Spot, list[Question]] = {}
        while sum(map(len, asked.values())) < updates:
            wave = {spot: await _write(telegram, spot) for spot in spots(telegram, 1 + len(asked), people)}
            asked |= wave
            await telegram.settled(seconds=patience)
            with suppress(TimeoutError):
                await telegram.until(partial(_answered, telegram, wave), seconds=patience)
        code = await server.stop()
        found = _verdict(telegram, folder, mode, asked, time.monotonic() - began)
    if code:
        raise RuntimeError(f"the server ended with {code}:\n{server.log.read_text()[-2_000:]}")
    return found


async def _write(telegram: FakeTelegram, spot: Spot) -> list[Question]:
    texts = [f"person {spot.user} message {count}" for count in range(MESSAGES)]
    return [Question(spot, await spot.say(telegram, text), text) for text in texts]


def _answered(telegram: FakeTelegram, wave: Mapping[Spot, list[Question]]) -> bool:
    """Whether each has its answer."""
    return all(
        {question.text for question in questions} <= {one.text for one in said(telegram, spot) if ended(one)}
        for spot, questions in wave.items()
    )


def _verdict(
    telegram: FakeTelegram, folder: Path, mode: Mode, asked: Mapping[Spot, list[Question]], seconds: float
) -> Delivered:
    position = {ident: number for number, ident in enumerate(accepted(folder, "telegram"))}
    bot = telegram.world.bot.id
    unanswered = twice = strange = inverted = 0
    for spot, questions in asked.items():
        shown = said(telegram, spot)
        known = {question.text: position.get(f"{bot}:{spot.chat}:{question.message}", -1) for question in questions}
        times = Counter(one.text for one in shown)
        unanswered += sum(times[text] == 0 for text in known)
        twice += sum(times[text] > 1 for text in known)
        strange += sum(one.text not in known or not ended(one) for one in shown)
        inverted += inversions([known[one.text] for one in shown if one.text in known])
    return Delivered(
        mode=mode,
        updates=telegram.updates.told,
        deliveries=telegram.hook.attempts + telegram.updates.answered,
        messages=sum(map(len, asked.values())),
        unanswered=unanswered,
        twice=twice,
        strange=strange,
        inversions=inverted,
        violations=tuple(telegram.violations),
        seconds=seconds,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--updates", type=int, default=10_000, help="over both ways together")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    good = True
    for mode in MODES:
        with tempfile.TemporaryDirectory() as folder:
            found = asyncio.run(measure(Path(folder), mode, updates=options.updates // 2, seed=options.seed))
        print(f"{mode:<20} {found.updates} updates, delivered {found.deliveries} times in {found.seconds:.0f} s")
        print(f"messages             {found.messages}")
        print(f"not answered         {found.unanswered}")
        print(f"answered twice       {found.twice}, anything else {found.strange}")
        print(f"order inversions     {found.inversions}")
        for violation in found.violations[:10]:
            print(f"violation            {violation}")
        good = good and found.good
    return not good


if __name__ == "__main__":
    sys.exit(main())
