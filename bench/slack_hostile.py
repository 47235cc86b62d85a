"""10,000 malformed and forged requests at Slack's door: `python -m bench.slack_hostile`.

What was not signed by Slack has to be answered with 401, whatever it holds, and what Slack signed but never says with
400 or 403. What Slack might say one day may be answered with 200 as well. None may be answered with a 5xx or end the
process, memory has to stay where it was, and afterwards an ordinary question is answered as before. A server without a
signing secret, or with a blank one, has to refuse to start.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from bench.slack_attacks import MAY, Attacks, Kind, Request
from bench.slack_house import BOT_TOKEN, house, workspace
from tests.fakes.slack.server import FakeSlack, Team

SETTINGS = {"slack.teams": ["T0123"]}
WARM, ROOM = 0.2, 1.10
"""As in `bench.hostile`: when memory is first read, and by which factor it may have grown at the end."""
AT_ONCE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Withstood:
    """What came back. `wrong` are answers that are none of those that may be given, 5xx among them."""

    statuses: dict[Kind, Counter[int]]
    wrong: Counter[str]
    unanswered: int
    before: int
    after: int
    alive: bool
    blank_refused: bool
    seconds: float

    @property
    def good(self) -> bool:
        return not self.wrong and self.alive and self.blank_refused and self.after <= ROOM * self.before


async def measure(folder: Path, *, requests: int, seed: int) -> Withstood:
    """Send `requests` that are forged or malformed, and odd ones between them, `AT_ONCE` at a time."""
    began = time.monotonic()
    async with workspace(echo=False) as (slack, team):
        server = house(folder, slack, "http", SETTINGS)
        await server.start()
        timeout = aiohttp.ClientTimeout(total=60)
        connector = aiohttp.TCPConnector(limit=AT_ONCE)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            attack = _Attack(session, slack, Attacks(slack, team, seed))
            await attack.run(int(requests * WARM))
            before = server.resident()
            await attack.run(requests - int(requests * WARM))
            after = server.resident()
        alive = await _alive(slack, team)
        code = await server.stop()
        blank = await _refuses_blank(folder / "blank", slack)
    return Withstood(
        statuses=attack.statuses,
        wrong=attack.wrong,
        unanswered=attack.unanswered,
        before=before,
        after=after,
        alive=alive and code == 0,
        blank_refused=blank,
        seconds=time.monotonic() - began,
    )


class _Attack:
    def __init__(self, session: aiohttp.ClientSession, slack: FakeSlack, attacks: Attacks) -> None:
        self._session, self._slack, self._attacks = session, slack, attacks
        self.statuses: dict[Kind, Counter[int]] = defaultdict(Counter)
        self.wrong: Counter[str] = Counter()
        self.unanswered = 0

    async def run(self, requests: int) -> None:
        left = iter(range(requests))
        await asyncio.gather(*(self._worker(left) for _ in range(AT_ONCE)))

    async def _worker(self, left: Iterator[int]) -> None:
        for _ in left:
            while await self._one(self._attacks.next()) == "odd":
                pass  # these come on top

    async def _one(self, request: Request) -> Kind:
        try:
            status = await self._send(request)
        except (aiohttp.ClientError, ConnectionError):
            self.unanswered += 1
            return request.kind
        self.statuses[request.kind][status] += 1
        if status not in MAY[request.kind]:
            self.wrong[f"{status} for {request.kind} {request.body[:60]!r}"] += 1
        return request.kind

    async def _send(self, request: Request) -> int:
        signed = self._slack.delivery.signed(request.body)
        headers: dict[str, str | None] = {**signed, "Content-Type": request.content_type, **(request.headers or {})}
        headers |= {"Content-Encoding": "gzip"} if request.packed else {}
        kept = {name: value for name, value in headers.items() if value is not None}
        async with self._session.post(self._slack.events_url, data=io.BytesIO(request.body), headers=kept) as response:
            await response.read()
            return response.status


async def _alive(slack: FakeSlack, team: Team) -> bool:
    """Whether an ordinary question is answered."""
    ts = await slack.say(team, team.dm("U0123"), "U0123", "Do you ship the walnut desk to Norway?")
    try:
        shown = await slack.answers(team.dm("U0123"), ts, seconds=20)
    except TimeoutError:
        return False
    return [one.text for one in shown] == ["Do you ship the walnut desk to Norway?"]


async def _refuses_blank(folder: Path, slack: FakeSlack) -> bool:
    """Whether a server without a signing secret, or with a blank one, ends instead of listening."""
    for secrets in ({}, {"SLACK_SIGNING_SECRET": ""}, {"SLACK_SIGNING_SECRET": "  "}):
        server = house(folder, slack, "http", SETTINGS, secrets={"SLACK_BOT_TOKEN": BOT_TOKEN, **secrets})
        try:
            await server.start()
        except RuntimeError:
            continue
        await server.stop()
        return False
    return True


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=".") as folder:
        found = asyncio.run(measure(Path(folder), requests=options.requests, seed=options.seed))
    print(f"forged or malformed  {options.requests} in {found.seconds:.0f} s")
    for kind, statuses in found.statuses.items():
        answered = ", ".join(f"{status}: {count}" for status, count in sorted(statuses.items()))
        print(f"{kind:<20} {answered}")
    print(f"otherwise than meant {found.wrong.total()}")
    for text, count in found.wrong.most_common(10):
        print(f"  {count} times {text}")
    print(f"closed unanswered    {found.unanswered}")
    print(f"server still well    {'yes' if found.alive else 'NO'}")
    print(f"blank secret refused {'yes' if found.blank_refused else 'NO'}")
    print(f"memory               {found.before / 1e6:.1f} MB after a fifth, {found.after / 1e6:.1f} MB at the end")
    return not found.good


if __name__ == "__main__":
    sys.exit(main())
