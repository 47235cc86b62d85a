"""kill -9 at random points while answers are written in Telegram: `python -m bench.telegram_kill --kills 200`.

People keep asking, in private chats, groups and topics; the server is killed and started again over the same folder,
half of the times while it polls, half while it has a webhook. What was sent cannot be looked up in Telegram, so the
text of an answer comes by an edit of a message that is known: it must stand there once. A beginning whose id was lost
may be left over, one for a question by a kill.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.house import Extras, echoed
from bench.telegram_house import MODES, UNHINDERED, Mode, Question, Spot, answers, connected, ended, house, said, spots
from tests.fakes.telegram.server import FakeTelegram, Faults, Shown, fake_telegram

REPEAT = 6
SETTINGS = {**UNHINDERED, "engine.echo.repeat": REPEAT, "engine.echo.delay_ms": 8, "storage.attempts": 1_000}
"""A message that ten processes died over is answered with regret, lest it kill them all; here none is at fault."""
SLOW = 0.2
"""Seconds that an answer of Telegram's may take: long enough for kills between a call and its answer."""
SECOND = 0.25
"""Telegram tries a webhook again after half a second, after one, two, and so on; here it has less time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Killed:
    """What was found after the last kill. `left` counts beginnings that nothing came of.

    `lost`, `twice`, `wrong` and `violations` must be 0, `most_left` (by one kill for one question) at most 1.
    """

    mode: Mode
    kills: int
    questions: int
    seconds: float
    lost: int
    twice: int
    wrong: int
    left: int
    most_left: int
    violations: tuple[str, ...]

    @property
    def good(self) -> bool:
        return not (self.lost or self.twice or self.wrong or self.violations) and self.most_left <= 1


async def measure(folder: Path, mode: Mode, *, kills: int, people: int, seed: int, patience: float = 60.0) -> Killed:
    """Kill the server `kills` times while `people` ask; then wait up to `patience` seconds for what is still owed."""
    chance = random.Random(seed)
    began = time.monotonic()
    async with fake_telegram(second=SECOND) as telegram:
        telegram.faults = Faults(slow=SLOW, seed=seed)
        server = house(folder, telegram, mode, SETTINGS)
        await server.start()
        await connected(telegram, mode)
        enough = asyncio.Event()
        asked: list[Question] = []
        where = spots(telegram, 1, people)
        asking = [asyncio.create_task(_ask(telegram, spot, enough, asked)) for spot in where]
        watch = Extras(lambda question: len(answers(telegram, question)), asked)
        for _ in range(kills):
            await asyncio.sleep(chance.uniform(0.0, 1.5))
            await server.kill()
            await asyncio.sleep(SLOW)  # what was on its way arrives
            watch.note()
            await server.start()
        enough.set()
        await _owed(asking, patience)
        watch.note()
        code = await server.stop()
        found = _verdict(telegram, mode, where, asked, watch, kills, time.monotonic() - began)
    if code:
        raise RuntimeError(f"the server ended with {code}:\n{server.log.read_text()[-2_000:]}")
    return found


async def _ask(telegram: FakeTelegram, spot: Spot, enough: asyncio.Event, asked: list[Question]) -> None:
    """Ask, wait for the whole answer, and ask again."""
    count = 0
    while not enough.is_set():
        count += 1
        text = f"person {spot.user} says {count} äöü 你好"
        question = Question(spot, await spot.say(telegram, text), text)
        asked.append(question)
        await telegram.until(partial(_told, telegram, question), seconds=600)


def _told(telegram: FakeTelegram, question: Question) -> bool:
    return any(ended(one) and one.text == expected(question) for one in answers(telegram, question))


def expected(question: Question) -> str:
    return echoed(question.text, REPEAT)


async def _owed(asking: list[asyncio.Task[None]], patience: float) -> None:
    """Wait until every question is answered, or the patience is over."""
    with suppress(TimeoutError):
        async with asyncio.timeout(patience):
            await asyncio.gather(*asking)
    for task in asking:
        task.cancel()
    await asyncio.gather(*asking, return_exceptions=True)


def _verdict(
    telegram: FakeTelegram,
    mode: Mode,
    where: list[Spot],
    asked: list[Question],
    watch: Extras[Question],
    kills: int,
    seconds: float,
) -> Killed:
    shown = {spot: said(telegram, spot) for spot in where}
    lost = twice = 0
    for question in asked:
        right = [one for one in shown[question.spot] if expected(question) in one.texts]
        lost += not any(ended(one) and one.text == expected(question) for one in right)
        twice += len(right) > 1
    whole = {expected(question) for question in asked}
    others = [one for all_of_them in shown.values() for one in all_of_them if one.text not in whole]
    return Killed(
        mode=mode,
        kills=kills,
        questions=len(asked),
        seconds=seconds,
        lost=lost,
        twice=twice,
        wrong=sum(not _beginning(one, asked) for one in others),
        left=len(others),
        most_left=watch.most,
        violations=tuple(telegram.violations),
    )


def _beginning(shown: Shown, asked: list[Question]) -> bool:
    """Whether it shows at most the first half of an answer, and that it goes on."""
    text = shown.text.removesuffix("…").rstrip()
    whole = [expected(question) for question in asked if question.spot.chat == shown.chat]
    return shown.text.endswith("…") and any(
        answer.startswith(text) and 2 * len(text) <= len(answer) for answer in whole
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200, help="over both ways together")
    parser.add_argument("--people", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    good = True
    for mode in MODES:
        with tempfile.TemporaryDirectory() as folder:
            found = asyncio.run(
                measure(Path(folder), mode, kills=options.kills // 2, people=options.people, seed=options.seed)
            )
        print(f"{mode:<20} kill -9 {found.kills} times in {found.seconds:.0f} s, {options.people} people asking")
        print(f"questions            {found.questions}")
        print(f"lost                 {found.lost}")
        print(f"final text twice     {found.twice}, other text {found.wrong}")
        print(f"beginnings left      {found.left}, at most {found.most_left} for a question by a kill")
        for violation in found.violations[:10]:
            print(f"violation            {violation}")
        good = good and found.good
    return not good


if __name__ == "__main__":
    sys.exit(main())
