"""kill -9 at random points while it answers in Slack: `python -m bench.slack_kill --kills 200`.

People keep asking in direct messages, in threads of a channel and by mentions, over Socket Mode; the server is killed
and started again over the same folder. At the end each question has one answer that is identical to the byte, no
message is left half written, and what stood there twice for a while was taken away.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.house import Extras, echoed
from bench.slack_house import AT_THAT_PACE, GENEROUS, Place, connected, house, of_bot, workspace
from tests.fakes.slack.server import FakeSlack, Faults, Team

REPEAT = 12
SETTINGS = {**AT_THAT_PACE, "engine.echo.repeat": REPEAT, "engine.echo.delay_ms": 8, "storage.attempts": 1_000}
"""A message that ten processes died over is answered with regret, lest it kill them all; here none is at fault."""
SLOW = 0.2
"""Seconds that an answer of Slack's may take: long enough for kills between a call and its answer."""
RETRIES = (0.0, *(0.5,) * 60)
"""Slack comes again at once, after a minute and after five; here it has less time, and more patience."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Killed:
    """What was found after the last kill. `extra` counts messages of the bot's beyond the one for each question.

    `lost`, `twice`, `wrong`, `unrepaired` and `violations` must be 0, `most_extra` (by one kill for one question) at
    most 1, and `extra` at most as many as there were kills.
    """

    kills: int
    questions: int
    seconds: float
    lost: int
    twice: int
    wrong: int
    extra: int
    most_extra: int
    unrepaired: int
    looked_up: int
    violations: tuple[str, ...]

    @property
    def good(self) -> bool:
        clean = not (self.lost or self.twice or self.wrong or self.unrepaired or self.violations)
        return clean and self.extra <= self.kills and self.most_extra <= 1


async def measure(folder: Path, *, kills: int, people: int, seed: int, patience: float = 60.0) -> Killed:
    """Kill the server `kills` times while `people` ask; then wait up to `patience` seconds for what is still owed."""
    chance = random.Random(seed)
    began = time.monotonic()
    async with workspace(rates=GENEROUS, echo=True, retries=RETRIES, deadline=1.0) as (slack, team):
        slack.faults = Faults(slow=SLOW, seed=seed)
        server = house(folder, slack, "socket", SETTINGS)
        await server.start()
        await connected(slack, "socket")
        enough = asyncio.Event()
        asked: list[Place] = []
        asking = [asyncio.create_task(_ask(slack, team, number, enough, asked)) for number in range(people)]
        watch = Extras(lambda place: len(of_bot(slack, place)), asked)
        for _ in range(kills):
            await asyncio.sleep(chance.uniform(0.0, 1.5))
            await server.kill()
            watch.note()
            await server.start()
        enough.set()
        await _owed(slack, asking, asked, patience)
        watch.note()
        code = await server.stop()
        found = _verdict(slack, asked, watch, kills, time.monotonic() - began)
    if code:
        raise RuntimeError(f"the server ended with {code}:\n{server.log.read_text()[-2_000:]}")
    return found


async def _ask(slack: FakeSlack, team: Team, number: int, enough: asyncio.Event, asked: list[Place]) -> None:
    """Ask, wait for an answer that is no longer written, and ask again."""
    user, count = f"U{number:04d}", 0
    while not enough.is_set():
        count += 1
        text = f"person {number} says {count} äöü 你好"
        channel = "C0123" if number % 3 == 0 else team.dm(user)
        said = f"<@{team.bot_user}> {text}" if number % 3 == 0 else text
        place = Place(channel, await slack.say(team, channel, user, said), "", text)
        asked.append(place)
        await slack.until(partial(_told, slack, place), seconds=600)


def _told(slack: FakeSlack, place: Place) -> bool:
    return any(one.text == expected(place) and not one.streaming for one in of_bot(slack, place))


def expected(place: Place) -> str:
    return echoed(place.text, REPEAT)


async def _owed(slack: FakeSlack, asking: list[asyncio.Task[None]], asked: list[Place], patience: float) -> None:
    """Wait until every question is answered and nothing is being written, or the patience is over."""
    try:
        async with asyncio.timeout(patience):
            await asyncio.gather(*asking)
            await slack.until(lambda: not any(_unfinished(slack, place) for place in asked), seconds=patience)
    except TimeoutError:
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)


def _unfinished(slack: FakeSlack, place: Place) -> bool:
    stands = [one for one in of_bot(slack, place) if not one.deleted]
    return len(stands) != 1 or stands[0].streaming or stands[0].text != expected(place)


def _verdict(slack: FakeSlack, asked: list[Place], watch: Extras[Place], kills: int, seconds: float) -> Killed:
    lost = twice = wrong = unrepaired = 0
    for place in asked:
        stands = [one for one in of_bot(slack, place) if not one.deleted]
        right = sum(one.text == expected(place) and not one.streaming for one in stands)
        lost += right == 0
        twice += right > 1
        wrong += any(not expected(place).startswith(one.text) for one in stands)
        unrepaired += sum(one.streaming or one.text != expected(place) for one in stands)
    return Killed(
        kills=kills,
        questions=len(asked),
        seconds=seconds,
        lost=lost,
        twice=twice,
        wrong=wrong,
        extra=watch.total,
        most_extra=watch.most,
        unrepaired=unrepaired,
        looked_up=len(slack.calls_of("conversations.replies")),
        violations=tuple(slack.violations),
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--people", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(measure(Path(folder), kills=options.kills, people=options.people, seed=options.seed))
    print(f"kill -9              {found.kills} times in {found.seconds:.0f} s, {options.people} people asking")
    print(f"questions            {found.questions}; what became of a send was looked up {found.looked_up} times")
    print(f"lost                 {found.lost}")
    print(f"answered twice       {found.twice}, other text {found.wrong}")
    print(f"placeholders twice   {found.extra}, at most {found.most_extra} for a question by a kill")
    print(f"left unrepaired      {found.unrepaired}")
    for violation in found.violations[:10]:
        print(f"violation            {violation}")
    return not found.good


if __name__ == "__main__":
    sys.exit(main())
