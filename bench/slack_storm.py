"""429s, dropped connections and streams that end at every call: `python -m bench.slack_storm --conversations 500`.

Everybody asks at once, at the rates that Slack gives everybody; short answers, long ones and ones that need several
messages. At the end the whole answer stands in each conversation, once and identical to the byte; and no method was
called more often than its tier allows, or before a Retry-After was over, as the stand-in measures it.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.slack_house import Place, connected, house, of_bot, workspace
from tests.fakes.slack.rates import Usage
from tests.fakes.slack.server import FakeSlack, Faults, Rates, Team

REPEAT = 5
RETRIES = (0.0, *(1.0,) * 30)
STORM = Faults(rate_limit=0.25, retry_after=1, server_error=0.03, drop_after=0.03, slow=0.05, expire_streams=1.0)
SENTENCE = "The **walnut** desk ships to Norway 🇳🇴 in _twelve_ days, 你好世界, for `349 €`. "


@dataclass(frozen=True, slots=True, kw_only=True)
class Weathered:
    """What stands there after the storm. `wrong`, `twice`, `left` and `violations` must be 0, `over` empty."""

    conversations: int
    whole: int
    wrong: int
    twice: int
    left: int
    several: int
    streamed: int
    calls: int
    limited: int
    peaks: Mapping[str, Usage]
    violations: tuple[str, ...]
    seconds: float

    @property
    def over(self) -> list[str]:
        return [name for name, usage in self.peaks.items() if usage.share > 1]

    @property
    def good(self) -> bool:
        return self.whole == self.conversations and not (
            self.wrong or self.twice or self.left or self.over or self.violations
        )


def settings(minute: float) -> dict[str, Any]:
    """The server's: with a minute of 60 seconds Slack's rates as they are by themselves."""
    found: dict[str, Any] = {
        "engine.echo.repeat": REPEAT,
        "engine.echo.delay_ms": 1,
        "prompts.max_tokens": 1_000_000,
        "prompts.question_tokens": 4_000,
        "prompts.context_tokens": 16_000,
    }
    if minute == 60:
        return found
    faster = 60 / minute
    rates = {"start_per_minute": 20, "append_per_minute": 100, "update_per_minute": 50, "other_per_minute": 100}
    found |= {f"slack.rates.{name}": rate * faster for name, rate in rates.items()}
    return found | {"slack.rates.post_per_second": faster}


async def measure(
    folder: Path, *, conversations: int, seed: int, minute: float = 60.0, patience: float = 600.0
) -> Weathered:
    """Let `conversations` people ask at once. A minute of Slack's lasts `minute` seconds."""
    began = time.monotonic()
    async with workspace(rates=Rates(), minute=minute, retries=RETRIES, echo=False) as (slack, team):
        server = house(folder, slack, "socket", settings(minute))
        await server.start()
        await connected(slack, "socket")
        slack.faults = replace(STORM, seed=seed)
        asked = [await _ask(slack, team, number) for number in range(conversations)]
        owed = list(asked)
        with suppress(TimeoutError):
            await slack.until(lambda: not _owed(slack, owed), seconds=patience)
        await server.stop()
        return _verdict(slack, asked, time.monotonic() - began)


async def _ask(slack: FakeSlack, team: Team, number: int) -> Place:
    """Every tenth answer needs more than one message; every fourth stands in a channel of its own."""
    user = f"U{number:04d}"
    sentences = 36 if number % 10 == 9 else 1 + number % 5
    text = f"question {number}: " + (SENTENCE * sentences).strip()
    channel = f"C{number:04d}" if number % 4 == 3 else team.dm(user)
    mention = f"<@{team.bot_user}> " if number % 4 == 3 else ""
    return Place(channel, await slack.say(team, channel, user, mention + text), "", text)


def expected(place: Place) -> str:
    """What the echo engine answers."""
    return " ".join([place.text] * REPEAT)


def _standing(slack: FakeSlack, place: Place) -> str:
    shown = [one for one in of_bot(slack, place) if not one.deleted]
    return "".join(one.text for one in sorted(shown, key=lambda one: float(one.ts)))


def _whole(slack: FakeSlack, place: Place) -> bool:
    writing = any(one.streaming for one in of_bot(slack, place))
    return not writing and _standing(slack, place) == expected(place)


def _owed(slack: FakeSlack, owed: list[Place]) -> list[Place]:
    """Leave in `owed` what is not answered yet."""
    while owed and _whole(slack, owed[-1]):
        owed.pop()
    return owed


def _verdict(slack: FakeSlack, asked: list[Place], seconds: float) -> Weathered:
    peaks: dict[str, Usage] = {}
    for (_, method, _), usage in slack.usage.items():
        if method not in peaks or usage.share > peaks[method].share:
            peaks[method] = usage
    standing = [(place, _standing(slack, place)) for place in asked]
    messages = [[one for one in of_bot(slack, place) if not one.deleted] for place in asked]
    return Weathered(
        conversations=len(asked),
        whole=sum(_whole(slack, place) for place in asked),
        wrong=sum(expected(place) not in text for place, text in standing),
        twice=sum(text.count(expected(place)) > 1 for place, text in standing),
        left=sum(one.streaming for shown in messages for one in shown),
        several=sum(len(shown) > 1 for shown in messages),
        streamed=sum(one.streamed for shown in messages for one in shown),
        calls=len(slack.world.calls),
        limited=sum("ratelimited" in asked.answer for asked in slack.world.calls),
        peaks=peaks,
        violations=tuple(slack.violations),
        seconds=seconds,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--conversations", type=int, default=500)
    parser.add_argument("--minute", type=float, default=60.0, help="seconds that a minute of Slack's lasts")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(
            measure(Path(folder), conversations=options.conversations, seed=options.seed, minute=options.minute)
        )
    print(f"conversations        {found.conversations} in {found.seconds:.0f} s, {found.several} of several messages")
    print(f"calls                {found.calls}, {found.limited} answered with 429, {found.streamed} streams stand")
    print(f"whole and identical  {found.whole} ({100 * found.whole / found.conversations:.1f} %)")
    print(f"other text           {found.wrong}, twice {found.twice}, still being written {found.left}")
    for name, usage in sorted(found.peaks.items()):
        mark = " TOO MANY" if usage.share > 1 else ""
        print(f"  {name:<32} {usage.peak:>5} of {usage.allowed:.0f} in {usage.window:.0f} s{mark}")
    for violation in found.violations[:10]:
        print(f"violation            {violation}")
    return not found.good


if __name__ == "__main__":
    sys.exit(main())
