"""10,000 malformed and forged requests at Slack's door: `python -m bench.slack_hostile`.

What was not signed by Slack has to be answered with 401, whatever it holds, and what Slack signed but never says with
400 or 403. What Slack might say one day may be answered with 200 as well. None may be answered with a 5xx or end the
process, memory has to stay where it was, and afterwards an ordinary question is answered as before. A server without a
signing secret, or with a blank one, has to refuse to start.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

from bench.siege import Siege, Withstood, besieger
from bench.slack_attacks import MAY, Attacks
from bench.slack_house import BOT_TOKEN, house, workspace
from tests.fakes.slack.server import FakeSlack, Team

SETTINGS = {"slack.teams": ["T0123"]}


async def measure(folder: Path, *, requests: int, seed: int) -> Withstood:
    """Send `requests` that are forged or malformed, and odd ones between them, several at a time."""
    began = time.monotonic()
    async with workspace(echo=False) as (slack, team):
        server = house(folder, slack, "http", SETTINGS)
        await server.start()
        attacks = Attacks(slack, team, seed)
        async with besieger() as session:
            siege = Siege(session, slack.events_url, attacks.next, slack.delivery.signed, MAY)
            before, after = await siege.lay(server, requests)
        alive = await _alive(slack, team)
        code = await server.stop()
        blank = await _refuses_blank(folder / "blank", slack)
    return Withstood(
        requests=requests,
        statuses=siege.statuses,
        wrong=siege.wrong,
        unanswered=siege.unanswered,
        before=before,
        after=after,
        alive=alive and code == 0,
        blank_refused=blank,
        seconds=time.monotonic() - began,
    )


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
    found.tell()
    return not found.good


if __name__ == "__main__":
    sys.exit(main())
