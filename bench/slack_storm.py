"""429s, dropped connections and streams that end at every call: `python -m bench.slack_storm --conversations 500`.

Everybody asks at once: short answers, long ones and ones that need several messages. Once at the rates that Slack gives
everybody, so that few can be streamed, and once in a workspace with rates of its own, where all are. At the end the
whole answer stands in each conversation, once and identical to the byte but for white space where one message ends and
the next begins; and no method was called more often than its tier allows, or before a Retry-After was over, as the
stand-in measures it.
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

from bench.house import beyond, echoed
from bench.slack_house import AT_THAT_PACE, GENEROUS, Place, connected, house, of_bot, workspace
from tests.fakes.slack.rates import Usage
from tests.fakes.slack.server import FakeSlack, Faults, Rates, Team

REPEAT = 5
SETTINGS = {
    "engine.echo.repeat": REPEAT,
    "engine.echo.delay_ms": 4,
    "prompts.max_tokens": 1_000_000,
    "prompts.question_tokens": 4_000,
    "prompts.context_tokens": 16_000,
}
RETRIES = (0.0, *(1.0,) * 30)
STORM = Faults(rate_limit=0.25, retry_after=2, server_error=0.03, drop_after=0.03, slow=0.05, expire_streams=1.0)
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


async def measure(
    folder: Path, *, conversations: int, seed: int, generous: bool = False, patience: float = 900.0
) -> Weathered:
    """Let `conversations` people ask at once, at Slack's ordinary rates or at `generous` ones."""
    began = time.monotonic()
    rates, pace = (GENEROUS, AT_THAT_PACE) if generous else (Rates(), {})
    async with workspace(rates=rates, retries=RETRIES, echo=False) as (slack, team):
        server = house(folder, slack, "socket", {**SETTINGS, **pace})
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
    return echoed(place.text, REPEAT)


def _parts(slack: FakeSlack, place: Place) -> list[str]:
    """The messages that stand there, in their order."""
    shown = [one for one in of_bot(slack, place) if not one.deleted]
    return [one.text for one in sorted(shown, key=lambda one: float(one.ts))]


def _whole(slack: FakeSlack, place: Place) -> bool:
    writing = any(one.streaming for one in of_bot(slack, place))
    return not writing and beyond(_parts(slack, place), expected(place)) == ""


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
    after = [beyond(_parts(slack, place), expected(place)) for place in asked]
    messages = [[one for one in of_bot(slack, place) if not one.deleted] for place in asked]
    return Weathered(
        conversations=len(asked),
        whole=sum(_whole(slack, place) for place in asked),
        wrong=sum(found is None for found in after),
        twice=sum(bool(found) for found in after),
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
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    good = True
    for generous in (False, True):
        with tempfile.TemporaryDirectory() as folder:
            found = asyncio.run(
                measure(Path(folder), conversations=options.conversations, seed=options.seed, generous=generous)
            )
        _tell(found, "rates of its own" if generous else "ordinary rates")
        good = good and found.good
    return not good


def _tell(found: Weathered, rates: str) -> None:
    print(f"{rates}: {found.conversations} conversations in {found.seconds:.0f} s")
    print(f"messages             {found.several} answers of several, {found.streamed} begun as streams")
    print(f"calls                {found.calls}, {found.limited} answered with 429")
    print(f"whole and identical  {found.whole} ({100 * found.whole / found.conversations:.1f} %)")
    print(f"other text           {found.wrong}, more than the answer {found.twice}, still being written {found.left}")
    for name, usage in sorted(found.peaks.items()):
        mark = " TOO MANY" if usage.share > 1 else ""
        print(f"  {name:<32} {usage.peak:>5} of {usage.allowed:.0f} in {usage.window:.0f} s{mark}")
    for violation in found.violations[:10]:
        print(f"violation            {violation}")


if __name__ == "__main__":
    sys.exit(main())
