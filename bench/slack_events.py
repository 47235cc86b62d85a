"""10,000 events, each delivered one to five times, shuffled: `python -m bench.slack_events --events 10000`.

Half of them come over Socket Mode, half over HTTP. A post that mentions the bot is two events. Each message must be
answered once, and within a thread in the order in which the messages were accepted.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

from bench.house import accepted, inversions
from bench.slack_house import (
    AT_THAT_PACE,
    GENEROUS,
    TEAM,
    Mode,
    Place,
    connected,
    house,
    of_bot,
    workspace,
)
from tests.fakes.slack.server import FakeSlack, Faults, Team

SETTINGS = {**AT_THAT_PACE, "bus.per_conversation": 50}
RETRIES = (0.0, *(1.0,) * 30)
THREAD = 10
"""Messages in a thread."""
WAVE = 30
"""Threads that are written at once."""
COPIES, SHUFFLE = 5, 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """What came of it. `unanswered`, `twice`, `strange`, `inversions` and `given_up` must be 0."""

    mode: Mode
    events: int
    deliveries: int
    messages: int
    unanswered: int
    twice: int
    strange: int
    inversions: int
    given_up: int
    violations: tuple[str, ...]
    seconds: float

    @property
    def good(self) -> bool:
        bad = (self.unanswered, self.twice, self.strange, self.inversions, self.given_up, len(self.violations))
        return not any(bad)


async def measure(folder: Path, mode: Mode, *, events: int, seed: int, patience: float = 120.0) -> Delivered:
    """Write until `events` events were told of, and see what was answered."""
    began = time.monotonic()
    async with workspace(rates=GENEROUS, echo=False, retries=RETRIES) as (slack, team):
        server = house(folder, slack, mode, SETTINGS)
        await server.start()
        await connected(slack, mode)
        slack.faults = Faults(copies=COPIES, shuffle=SHUFFLE, seed=seed)
        threads: list[list[Place]] = []
        while slack.delivery.told < events:
            wave = [await _thread(slack, team, len(threads) + number) for number in range(WAVE)]
            threads += wave
            await slack.settled()
            await _answered(slack, wave, patience)
        await server.stop()
        return _verdict(slack, folder, mode, threads, time.monotonic() - began)


async def _thread(slack: FakeSlack, team: Team, number: int) -> list[Place]:
    """Several messages in a thread; in every second one each of them mentions the bot, which makes two events."""
    user = f"U{number:04d}"
    channel = team.dm(user) if number % 2 else "C0123"
    mention = "" if number % 2 else f"<@{team.bot_user}> "
    places: list[Place] = []
    for count in range(THREAD):
        text = f"thread {number} message {count}"
        root = places[0].ts if places else ""
        ts = await slack.say(team, channel, user, mention + text, root)
        places.append(Place(channel, ts, root, text))
    return places


async def _answered(slack: FakeSlack, wave: list[list[Place]], patience: float) -> None:
    """Wait until every message of these threads has an answer, or the patience is over."""

    def whole() -> bool:
        return all(sum(not one.streaming for one in of_bot(slack, places[0])) >= len(places) for places in wave)

    try:
        await slack.until(whole, seconds=patience)
    except TimeoutError:
        return


def _verdict(slack: FakeSlack, folder: Path, mode: Mode, threads: list[list[Place]], seconds: float) -> Delivered:
    order = defaultdict(list)
    for ident in accepted(folder, "slack"):
        _, channel, ts = ident.split(":")[:3]
        order[channel].append(ts)
    position = {(channel, ts): number for channel, all_ts in order.items() for number, ts in enumerate(all_ts)}
    unanswered = twice = strange = inverted = 0
    for places in threads:
        shown = sorted(of_bot(slack, places[0]), key=lambda one: float(one.ts))
        said = Counter(one.text for one in shown)
        known = {place.text: position.get((place.channel, place.ts), -1) for place in places}
        unanswered += sum(said[text] == 0 for text in known)
        twice += sum(said[text] > 1 for text in known)
        strange += sum(text not in known for text in said)
        inverted += inversions([known[one.text] for one in shown if one.text in known])
    return Delivered(
        mode=mode,
        events=slack.delivery.told,
        deliveries=slack.delivery.attempts,
        messages=sum(len(places) for places in threads),
        unanswered=unanswered,
        twice=twice,
        strange=strange,
        inversions=inverted,
        given_up=len(slack.delivery.given_up),
        violations=tuple(slack.violations),
        seconds=seconds,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=10_000, help="over both ways together")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    good = True
    modes: tuple[Mode, ...] = ("socket", "http")
    for mode in modes:
        with tempfile.TemporaryDirectory() as folder:
            found = asyncio.run(measure(Path(folder), mode, events=options.events // 2, seed=options.seed))
        print(f"{mode:<8} {found.events} events in {TEAM}, delivered {found.deliveries} times in {found.seconds:.0f} s")
        print(f"messages             {found.messages}")
        print(f"not answered         {found.unanswered}")
        print(f"answered twice       {found.twice}, anything else {found.strange}")
        print(f"order inversions     {found.inversions}")
        print(f"given up by Slack    {found.given_up}")
        for violation in found.violations[:10]:
            print(f"violation            {violation}")
        good = good and found.good
    return not good


if __name__ == "__main__":
    sys.exit(main())
