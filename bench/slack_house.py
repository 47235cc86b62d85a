"""A real Frontdesk in a subprocess that speaks to the strict stand-in for Slack, over Socket Mode or HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bench.server import Server
from tests.fakes.slack.server import FakeSlack, Rates, Shown, Team, fake_slack

Mode = Literal["socket", "http"]
TEAM, BOT_TOKEN, APP_TOKEN = "T0123", "xoxb-test-1", "xapp-test-1"

GENEROUS = Rates(tier_2=6_000, tier_3=15_000, tier_4=30_000, special=60_000, post_per_second=50)
"""What a workspace with rates of its own might have, for measurements of something else."""
AT_THAT_PACE: Mapping[str, Any] = {
    "slack.rates.start_per_minute": 5_000,
    "slack.rates.append_per_minute": 25_000,
    "slack.rates.update_per_minute": 12_000,
    "slack.rates.other_per_minute": 25_000,
    "slack.rates.post_per_second": 30,
}
"""The settings that go with `GENEROUS`, with room for what the wire does to a rhythm."""


@dataclass(frozen=True, slots=True)
class Place:
    """A question: where it stands. `channel` and `ts` are Slack's."""

    channel: str
    ts: str
    thread_ts: str
    text: str

    @property
    def root(self) -> str:
        return self.thread_ts or self.ts


def house(
    folder: Path,
    slack: FakeSlack,
    mode: Mode,
    settings: Mapping[str, Any],
    *,
    secrets: Mapping[str, str] | None = None,
) -> Server:
    """The server over `folder`, told of `slack`. With "http" events are sent to it from now on.

    `secrets` take the place of those that it needs.
    """
    known = {
        "slack.enabled": True,
        "slack.mode": mode,
        "slack.base_url": slack.base_url,
        "engine.kind": "echo",
        "storage.lease_seconds": 2,
        **settings,
    }
    of_mode = {"SLACK_APP_TOKEN": APP_TOKEN} if mode == "socket" else {"SLACK_SIGNING_SECRET": slack.signing_secret}
    right = {"SLACK_BOT_TOKEN": BOT_TOKEN, **of_mode}
    folder.mkdir(parents=True, exist_ok=True)
    server = Server(folder, known, secrets=right if secrets is None else secrets)
    if mode == "http":
        slack.events_url = f"{server.address}/slack/events"
    return server


@asynccontextmanager
async def workspace(**settings: Any) -> AsyncIterator[tuple[FakeSlack, Team]]:
    """A Slack with one workspace in it."""
    async with fake_slack(**settings) as slack:
        yield slack, slack.team(TEAM, bot_token=BOT_TOKEN, app_token=APP_TOKEN)


async def connected(slack: FakeSlack, mode: Mode, seconds: float = 30.0) -> None:
    """Wait until what is said now will be heard."""
    if mode == "http":
        return
    async with asyncio.timeout(seconds):
        while not slack.sockets.connections:
            await asyncio.sleep(0.02)


def of_bot(slack: FakeSlack, place: Place) -> list[Shown]:
    """Everything that the bot ever said in a thread, what was taken away as well."""
    team = slack.world.teams[TEAM]
    return [one for one in team.ever(place.channel, place.root) if one.user == team.bot_user]
