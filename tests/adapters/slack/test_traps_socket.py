"""Socket Mode: every envelope is acknowledged once, over the connection it came by, when it is durable."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.slack import connections
from adapters.slack.connections import AT_ONCE
from adapters.slack.socket import Socket
from bot.metrics import Metrics
from tests.adapters.slack.inlet import BOT, DM, PERSON, ROOM, TEAM, Inlet, inlet, socket
from tests.fakes.slack.server import Faults


@pytest.fixture
async def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Inlet]:
    monkeypatch.setattr(connections, "FIRST_PAUSE", 0.02)
    async with inlet(tmp_path, "socket", fake={"retries": [0.05] * 100}) as made:
        yield made
        assert made.slack.violations == []


async def until(holds: object) -> None:
    assert callable(holds)
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.005)


async def test_slack_refreshes_its_connections(made: Inlet) -> None:
    """Another connection is opened first; what came by the old one is acknowledged there; nothing is lost."""
    made.gate = asyncio.Event()
    await made.slack.say(TEAM, DM, PERSON, "before")
    await made.arrived.wait()
    await made.slack.sockets.refresh(seconds=5)
    await until(lambda: made.slack.sockets.opened == 2)
    made.gate.set()
    await made.slack.settled()
    await made.slack.say(TEAM, DM, PERSON, "after")
    await made.slack.settled()
    assert [message.text for message in made.accepted] == ["before", "after"]
    assert made.slack.delivery.attempts == 2
    await until(lambda: len(made.slack.sockets.connections) == 1)


async def test_a_broken_connection_is_replaced_at_once(made: Inlet) -> None:
    """Not at the next ping; and what could not be acknowledged comes again, and is known."""
    for number in range(5):
        made.slack.sockets.cut()
        await made.slack.say(TEAM, DM, PERSON, f"question {number}")
    began = time.monotonic()
    await made.slack.settled()
    assert time.monotonic() - began < connections.PING_SECONDS
    assert sorted(message.text for message in made.accepted) == [f"question {number}" for number in range(5)]


async def test_connections_that_end_at_once_are_opened_more_and_more_slowly(
    made: Inlet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slack takes each and drops it: nothing spins, and there is one as soon as they last. Those that lasted are
    replaced without a pause."""
    pauses: list[float] = []

    async def rest(seconds: float) -> None:
        pauses.append(seconds)
        await asyncio.sleep(0)

    monkeypatch.setattr(connections, "_rest", rest)
    for number in range(2, 12):
        made.slack.sockets.cut()
        await until(lambda number=number: made.slack.sockets.opened == number and made.slack.sockets.connections)
    assert pauses == [min(0.02 * 2**number, connections.BRIEF_SECONDS) for number in range(10)]
    monkeypatch.setattr(connections, "BRIEF_SECONDS", 0.0)
    made.slack.sockets.cut()
    await made.slack.say(TEAM, DM, PERSON, "hello")
    await made.slack.settled()
    assert len(pauses) == 10 and len(made.accepted) == 1


@pytest.mark.parametrize("error", ["internal_error", "ratelimited", "invalid_auth"])
async def test_slack_opens_no_connection_for_a_while(made: Inlet, monkeypatch: pytest.MonkeyPatch, error: str) -> None:
    """It is tried again, more and more slowly, until there is one."""
    monkeypatch.setattr(connections, "LONGEST_PAUSE", 0.1)
    for _ in range(3):
        made.slack.fail_next("apps.connections.open", error, retry_after=0)
    made.slack.sockets.cut()
    await made.slack.say(TEAM, DM, PERSON, "hello")
    await made.slack.settled()
    assert len(made.slack.calls_of("apps.connections.open")) == 5 and len(made.accepted) == 1


async def test_a_ticket_is_used_once(made: Inlet, monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK tries a ticket again that was refused, for ever."""
    tickets = iter(["no-such-ticket"])
    real = made.slack.sockets.ticket
    asked: list[str] = []

    def ticket() -> str:
        asked.append(next(tickets, ""))
        return real().replace("ticket=", "ticket=bad-") if asked[-1] else real()

    monkeypatch.setattr(made.slack.sockets, "ticket", ticket)
    async with socket(made):
        pass
    await made.slack.say(TEAM, DM, PERSON, "hello")
    await made.slack.settled()
    assert len(made.accepted) == 1


async def test_only_so_many_are_worked_on_at_once(made: Inlet) -> None:
    """The rest waits; when there is room again, everything is there once."""
    made.gate = asyncio.Event()
    made.slack.delivery.deadline = 20.0
    for number in range(3 * AT_ONCE):
        await made.slack.say(TEAM, DM, PERSON, f"question {number}")
    await made.arrived.wait()
    most = 0
    for _ in range(2_000):  # until as many work as may, and a while longer
        working = sum(task.get_name() == "Slack envelope" for task in asyncio.all_tasks())
        over = most == AT_ONCE
        most = max(most, working)
        await asyncio.sleep(0 if over else 0.005)
    assert most == AT_ONCE
    made.gate.set()
    await made.slack.settled()
    assert len(made.accepted) == 3 * AT_ONCE and len(made.published) == 3 * AT_ONCE


async def test_everything_at_once(made: Inlet) -> None:
    """Copies, disorder, refreshes and cuts: one message each."""
    made.slack.faults = Faults(copies=4, shuffle=0.3, seed=9)
    for number in range(60):
        await made.slack.say(TEAM, ROOM, PERSON, f"<@{BOT}> question {number}")
        if number % 20 == 7:
            made.slack.sockets.cut()
        if number % 20 == 15:
            await made.slack.sockets.refresh(seconds=0.5)
        await asyncio.sleep(0.005)
    await made.slack.settled()
    assert sorted(message.text for message in made.accepted) == sorted(f"question {n}" for n in range(60))
    assert not made.slack.delivery.given_up


async def test_garbage_ends_nothing(made: Inlet) -> None:
    """What is no envelope is overlooked; one that no retry can mend is acknowledged."""
    (only,) = made.slack.sockets.connections
    for text in ("", "no json", "[]", "{}", '{"type": "hello"}', "[" * 10_000, '{"envelope_id": 7, "payload": {}}'):
        await only.socket.send_str(text)
    await made.slack.sockets.send("events_api", {"type": "event_callback", "event": 7}, seconds=2)
    await made.slack.sockets.send("events_api", {"type": "event_callback", "team_id": "T0EVIL"} | _EVENT, seconds=2)
    await made.slack.say(TEAM, DM, PERSON, "still here")
    await made.slack.settled()
    assert [message.text for message in made.accepted] == ["still here"]


async def test_its_end_leaves_nothing_behind(tmp_path: Path) -> None:
    """No task and no connection, also while it tries to connect."""
    async with inlet(tmp_path, "http") as made:
        before = asyncio.all_tasks()
        async with socket(made):
            await made.slack.sockets.refresh(seconds=5)
        made.slack.faults = Faults(server_error=1.0, seed=1)
        handle, allowed = made.dispatch, made.accounts.allowed
        trying = Socket(made.slack.base_url, "xapp-test-1", handle, allowed, Metrics())
        running = asyncio.create_task(trying.run())
        await until(lambda: made.slack.calls_of("apps.connections.open"))
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await until(lambda: not made.slack.sockets.connections)
        assert [task for task in asyncio.all_tasks() - before if "Slack" in task.get_name()] == []


_EVENT = {"event": {"type": "message", "channel": DM, "user": PERSON, "ts": "1.0", "text": "hi"}}
