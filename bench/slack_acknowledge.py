"""How soon Slack gets its acknowledgement while 200 answers are being written: `python -m bench.slack_acknowledge`.

The time is that of the stand-in, from the moment it begins to send an event to the moment it has the acknowledgement;
the message is durable by then. The answers are streamed at rates that a workspace of its own might have, so that all of
them really are being written: each grows about once a second, which is 120 times what Slack grants everybody.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bench.slack_house import AT_THAT_PACE, GENEROUS, TEAM, Mode, connected, house, workspace
from tests.fakes.slack.server import FakeSlack, Team

APPENDS = 16_000
"""A minute. A quarter of them goes as fast as it can, and of the rest a quarter is left alone: 200 a second remain."""
SETTINGS = {
    **AT_THAT_PACE,
    "slack.rates.append_per_minute": APPENDS,
    "engine.echo.repeat": 500,
    "engine.echo.delay_ms": 25,
    "prompts.max_tokens": 1_000_000,
    "server.drain_seconds": 0,
}
BAR_MILLISECONDS = 200.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """Milliseconds. `streaming` is the least number of answers that were being written meanwhile."""

    mode: Mode
    events: int
    again: int
    streaming: int
    p50: float
    p99: float
    most: float
    appends: float


async def measure(folder: Path, mode: Mode, *, conversations: int, seconds: float, rate: float) -> Acknowledged:
    """Tell of `rate` messages a second for `seconds`, while `conversations` answers are streamed."""
    async with workspace(rates=GENEROUS, echo=False) as (slack, team):
        server = house(folder, slack, mode, SETTINGS)
        await server.start()
        await connected(slack, mode)
        roots = [await _ask(slack, team, number) for number in range(conversations)]
        await slack.until(lambda: _streaming(team) >= conversations, seconds=60)
        await slack.until(lambda: _appends(slack) > APPENDS // 4, seconds=60)
        await slack.settled()
        before, attempts, told = len(slack.delivery.acknowledged), slack.delivery.attempts, slack.delivery.told
        appends, began = _appends(slack), time.monotonic()
        least = await _tell(slack, team, roots, seconds, rate)
        took = time.monotonic() - began
        await slack.settled()
        times = slack.delivery.acknowledged[before:]
        found = Acknowledged(
            mode=mode,
            events=slack.delivery.told - told,
            again=slack.delivery.attempts - attempts - (slack.delivery.told - told),
            streaming=least,
            p50=statistics.median(times) * 1e3,
            p99=statistics.quantiles(times, n=100)[98] * 1e3,
            most=max(times) * 1e3,
            appends=(_appends(slack) - appends) / took,
        )
        await server.kill()
        return found


async def _ask(slack: FakeSlack, team: Team, number: int) -> tuple[str, str]:
    user = f"U{number:04d}"
    return user, await slack.say(team, team.dm(user), user, f"person {number} asks for something long")


def _streaming(team: Team) -> int:
    return sum(one.streaming for one in team.messages.values())


def _appends(slack: FakeSlack) -> int:
    usage = slack.usage.get((TEAM, "chat.appendStream", ""))
    return usage.calls if usage else 0


async def _tell(slack: FakeSlack, team: Team, roots: list[tuple[str, str]], seconds: float, rate: float) -> int:
    """Let people write on in the same threads, where it waits for the answer that is being written; the least number of
    answers that were."""
    least = _streaming(team)
    began = time.monotonic()
    for count in range(int(seconds * rate)):
        user, root = roots[count % len(roots)]
        await slack.say(team, team.dm(user), user, f"and another thing, number {count}", root)
        await asyncio.sleep(max(0.0, began + (count + 1) / rate - time.monotonic()))
        if count % 20 == 0:
            least = min(least, _streaming(team))
    return min(least, _streaming(team))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--conversations", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rate", type=float, default=50.0, help="messages a second")
    options = parser.parse_args()
    good = True
    modes: tuple[Mode, ...] = ("socket", "http")
    for mode in modes:
        with tempfile.TemporaryDirectory(dir=".") as folder:
            found = asyncio.run(
                measure(
                    Path(folder),
                    mode,
                    conversations=options.conversations,
                    seconds=options.seconds,
                    rate=options.rate,
                )
            )
        print(f"{mode:<8} {found.events} messages in {TEAM}, {found.again} told again")
        print(f"streaming meanwhile  at least {found.streaming}, {found.appends:.0f} appends a second")
        print(f"acknowledged p50     {found.p50:>8.1f} ms")
        print(f"acknowledged p99     {found.p99:>8.1f} ms")
        print(f"at most              {found.most:>8.1f} ms")
        good = good and found.p99 < BAR_MILLISECONDS and found.streaming >= options.conversations
    return not good


if __name__ == "__main__":
    sys.exit(main())
