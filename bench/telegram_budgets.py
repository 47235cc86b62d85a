"""100 chats streaming at once within Telegram's budgets: `python -m bench.telegram_budgets --chats 100`.

Three times, with the budgets that Telegram gives everybody: by itself; with one private chat and one group closed by a
429 for half a minute; and with 429s for a fifth of all calls that show something. At the end the whole answer stands in
each chat, once, and no budget was overrun, as the stand-in measures it, nor was anything said before a retry_after was
over. The closed chats delay no other: the others' answers are whole as soon as they are without.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.house import beyond, echoed
from bench.telegram_house import Question, Spot, answers, connected, ended, house, spots
from tests.fakes.telegram.budgets import Usage
from tests.fakes.telegram.server import Budgets, FakeTelegram, Faults, Shown, fake_telegram

REPEAT = 5
SETTINGS: Mapping[str, Any] = {
    "engine.echo.repeat": REPEAT,
    "prompts.max_tokens": 1_000_000,
    "prompts.question_tokens": 4_000,
    "prompts.context_tokens": 16_000,
}
SENTENCE = "The walnut desk ships to Norway 🇳🇴 in twelve days, 你好世界, for 349 €. "
DELAY = 25.0
"""Milliseconds from word to word."""
PENALTY = 30
"""Seconds for which a chat is closed."""
PENALTIES = Faults(penalty=0.2, retry_after=3)
LATER = 0.1
"""By which part of the penalty of one chat the answers of others may be later, so that chance is no delay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Streamed:
    """What stands there at the end. `waits` are the seconds from each person's question to its whole answer, of those
    whose chats were not closed, `firsts` those to the first text. `wrong` and `violations` must be 0, `over` empty."""

    chats: int
    whole: int
    wrong: int
    several: int
    calls: Mapping[str, int]
    limited: int
    peaks: Mapping[str, Usage]
    waits: Mapping[int, float]
    firsts: Sequence[float]
    violations: tuple[str, ...]

    @property
    def over(self) -> list[str]:
        return [scope for scope, usage in self.peaks.items() if usage.share > 1]

    @property
    def good(self) -> bool:
        return self.whole == self.chats and not (self.wrong or self.over or self.violations)

    def later(self, calm: Streamed) -> float:
        """By how many seconds the answer was later than in `calm` that was delayed most."""
        return max(wait - calm.waits[user] for user, wait in self.waits.items())


async def measure(
    folder: Path,
    *,
    chats: int,
    faults: Faults | None = None,
    closed: int = 0,
    delay: float = DELAY,
    patience: float = 600.0,
) -> Streamed:
    """Let somebody ask in each of `chats` at once, after a group and a private chat were closed for `closed` seconds.

    With `faults`, long answers are cut instead of being sent as rich messages.
    """
    settings = {**SETTINGS, "engine.echo.delay_ms": delay, "telegram.rich": faults is None}
    async with fake_telegram(budgets=Budgets()) as telegram:
        server = house(folder, telegram, "polling", settings)
        await server.start()
        await connected(telegram, "polling")
        where = spots(telegram, 1, chats, forum=False)
        shut = [await _shut(telegram, spot, closed) for spot in where[:2]] if closed else []
        telegram.faults = faults or Faults()
        asked = [await _ask(telegram, spot) for spot in where[len(shut) :]]
        owed = [*shut, *asked]
        with suppress(TimeoutError):
            await telegram.until(lambda: not _owed(telegram, owed), seconds=patience)
        await server.stop()
        return _verdict(telegram, [*shut, *asked], asked)


async def _shut(telegram: FakeTelegram, spot: Spot, seconds: int) -> Question:
    """Ask there, and answer the first call that would show something with a 429."""
    method = "sendMessage" if spot.chat < 0 else "sendMessageDraft"
    telegram.fail_next(method, status=429, retry_after=seconds)
    question = await _ask(telegram, spot)
    await telegram.until(
        lambda: any(asked.given["chat_id"] == spot.chat and asked.answer for asked in telegram.calls_of(method))
    )
    return question


async def _ask(telegram: FakeTelegram, spot: Spot) -> Question:
    """Every tenth answer is longer than a message may be."""
    sentences = 14 if spot.user % 10 == 9 else 1 + spot.user % 5
    text = f"question {spot.user}: " + (SENTENCE * sentences).strip()
    return Question(spot, await spot.say(telegram, text), text)


def _parts(telegram: FakeTelegram, question: Question) -> list[Shown]:
    """The messages that stand there, in their order."""
    return [one for one in reversed(answers(telegram, question)) if not one.deleted]


def _beyond(parts: Sequence[Shown], question: Question) -> str | None:
    return beyond([one.text for one in parts], echoed(question.text, REPEAT))


def _whole(telegram: FakeTelegram, question: Question) -> bool:
    parts = _parts(telegram, question)
    return all(map(ended, parts)) and _beyond(parts, question) == ""


def _owed(telegram: FakeTelegram, owed: list[Question]) -> list[Question]:
    """Leave in `owed` what is not answered yet."""
    while owed and _whole(telegram, owed[-1]):
        owed.pop()
    return owed


def _verdict(telegram: FakeTelegram, asked: Sequence[Question], open_: Sequence[Question]) -> Streamed:
    """`open_` are the questions in chats that were not closed."""
    peaks: dict[str, Usage] = {}
    for (scope, _), usage in telegram.usage.items():
        if scope not in peaks or usage.share > peaks[scope].share:
            peaks[scope] = usage
    parts = {question: _parts(telegram, question) for question in asked}
    return Streamed(
        chats=len(asked),
        whole=sum(_whole(telegram, question) for question in asked),
        wrong=sum(_beyond(shown, question) != "" for question, shown in parts.items()),
        several=sum(len(shown) > 1 for shown in parts.values()),
        calls=Counter(call.method for call in telegram.world.calls if "chat_id" in call.given),
        limited=sum("Too Many Requests" in answer for call in telegram.world.calls for answer in call.answer),
        peaks=peaks,
        waits={
            question.spot.user: max(one.edited_at for one in parts[question])
            - telegram.message(question.spot.chat, question.message).at
            for question in open_
            if parts[question]
        },
        firsts=[_first(telegram, question) for question in open_],
        violations=tuple(telegram.violations),
    )


def _first(telegram: FakeTelegram, question: Question) -> float:
    """Seconds from the question until something was shown in its chat."""
    chat = question.spot.chat
    shown = (
        call.at
        for call in telegram.world.calls
        if call.method in ("sendMessage", "sendMessageDraft") and call.given["chat_id"] == chat and "ok" in call.answer
    )
    return next(shown, float("inf")) - telegram.message(chat, question.message).at


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--chats", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    calm = _run("by itself", options.chats)
    shut = _run(f"two chats closed for {PENALTY} s", options.chats, closed=PENALTY)
    storm = _run("429 for a fifth of the calls", options.chats, faults=replace(PENALTIES, seed=options.seed))
    later = shut.later(calm)
    print(f"others delayed by    {max(0.0, later):.1f} s by the two that were closed for {PENALTY} s")
    return not (calm.good and shut.good and storm.good and later <= LATER * PENALTY)


def _run(name: str, chats: int, **how: Any) -> Streamed:
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(measure(Path(folder), chats=chats, **how))
    print(f"{name}: {found.chats} chats at once")
    waits = list(found.waits.values())
    p95 = statistics.quantiles(waits, n=20)[18]
    print(f"whole and identical  {found.whole}, other text {found.wrong}, {found.several} of several messages")
    print(f"to the whole answer  p50 {statistics.median(waits):.1f} s, p95 {p95:.1f} s, at most {max(waits):.1f} s")
    print(f"to the first text    p50 {statistics.median(found.firsts):.1f} s, at most {max(found.firsts):.1f} s")
    calls = ", ".join(f"{method} {count}" for method, count in sorted(found.calls.items()))
    print(f"calls                {calls}; {found.limited} answered with 429")
    for scope, usage in sorted(found.peaks.items()):
        mark = " TOO MANY" if usage.share > 1 else ""
        print(f"  {scope:<18} {usage.peak:>5} of {usage.allowed:.0f} in {usage.window:.0f} s{mark}")
    for violation in found.violations[:10]:
        print(f"violation            {violation}")
    print(flush=True)
    return found


if __name__ == "__main__":
    sys.exit(main())
