"""What Slack's ways in, Bolt and the SDK are known to get wrong, and what we do instead: each trap is a test."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from adapters.slack.dispatch import Dispatch
from bot.errors import Overloaded, StorageError, StorageFull
from tests.adapters.slack.inlet import BOT, DM, PERSON, ROOM, SECRET, TEAM, Inlet, event_of, inlet, post
from tests.fakes.slack.server import Faults


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[Inlet]:
    async with inlet(tmp_path, fake={"retries": [0.05] * 60}) as made:
        yield made


@pytest.fixture(params=["http", "socket"])
async def way(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Inlet]:
    async with inlet(tmp_path, request.param, fake={"retries": [0.05] * 60, "deadline": 0.5}) as made:
        yield made


# -- durable before acknowledged ---------------------------------------------------------------------------
async def test_nothing_is_acknowledged_before_it_is_durable(way: Inlet) -> None:
    """Bolt acknowledges at once and works in a task of its own, so that a crash loses the event."""
    way.slack.delivery.deadline = 5.0
    way.gate = asyncio.Event()
    await way.slack.say(TEAM, DM, PERSON, "hello")
    await way.arrived.wait()
    assert way.slack.delivery.acknowledged == [] and way.published == []
    way.gate.set()
    await way.slack.settled()
    assert len(way.slack.delivery.acknowledged) == 1 and len(way.accepted) == 1


@pytest.mark.parametrize("refusal", [Overloaded("full"), StorageFull("full"), StorageError("gone"), RuntimeError("?")])
async def test_what_cannot_be_stored_comes_again(way: Inlet, refusal: Exception) -> None:
    """503, or no acknowledgement, until the store takes it; then it is there once."""
    way.refuse = refusal
    await way.slack.say(TEAM, DM, PERSON, "hello")
    while way.slack.delivery.attempts < 2:
        await asyncio.sleep(0.01)
    assert way.published == [] and not way.slack.delivery.acknowledged
    way.refuse = None
    await way.slack.settled()
    assert [message.text for message in way.accepted] == ["hello"]


async def test_503_says_when_to_come_again(made: Inlet) -> None:
    """And tells nothing of what is wrong."""
    made.refuse = StorageError("/secret/path is full")
    body = json.dumps(event_of({"type": "message", "channel": DM, "user": PERSON, "ts": "1.0", "text": "hi"}))
    status, headers, text = await made.slack.delivery.post(body.encode(), "application/json")
    assert (status, headers["Retry-After"], text) == (503, "5", "")


async def test_before_it_runs_it_is_503_and_forgeries_are_still_401(tmp_path: Path) -> None:
    """A channel that does not run takes nothing, and tells strangers nothing."""
    async with inlet(tmp_path) as made:
        assert made.door is not None
        made.door.opened = False
        body = b'{"type": "event_callback"}'
        assert (await post(made, body))[0] == 503
        assert (await post(made, body, **{"X-Slack-Signature": "v0=" + "0" * 63}))[0] == 401


# -- repetitions -------------------------------------------------------------------------------------------
async def test_a_retry_is_never_dropped_because_it_is_one(made: Inlet) -> None:
    """X-Slack-Retry-Num says nothing about whether the first try arrived."""
    made.slack.events_url, url = "http://127.0.0.1:1/nowhere", made.slack.events_url
    await made.slack.say(TEAM, DM, PERSON, "hello")
    while not made.slack.delivery.attempts:
        await asyncio.sleep(0.01)
    made.slack.events_url = url
    await made.slack.settled()
    assert len(made.accepted) == 1


async def test_many_copies_out_of_order_are_one_each(way: Inlet) -> None:
    """Bolt knows no duplicates: the place and the time of a message are its id."""
    way.slack.faults = Faults(copies=5, duplicate=0.5, shuffle=0.1, seed=5)
    for number in range(40):
        await way.slack.say(TEAM, ROOM, PERSON, f"<@{BOT}> question {number}")
    await way.slack.settled()
    assert sorted(message.text for message in way.accepted) == sorted(f"question {number}" for number in range(40))
    assert not way.slack.delivery.given_up and not way.slack.violations


async def test_two_workspaces_share_no_ids(tmp_path: Path) -> None:
    """The same channel and time in another workspace is another message."""
    async with inlet(tmp_path) as made:
        for team in (TEAM, "T0999"):
            body = event_of({"type": "message", "channel": DM, "user": PERSON, "ts": "1700000000.000100", "text": "hi"})
            body["authorizations"][0]["team_id"] = body["team_id"] = team
            await made.dispatch(body)
        assert [message.address.account for message in made.accepted] == [TEAM]  # the other has not installed it


# -- events that nobody listens to -------------------------------------------------------------------------
@pytest.mark.parametrize(
    "event",
    [
        {"type": "reaction_added", "user": PERSON},
        {"type": "channel_created", "channel": {"id": "C9", "name": "new"}},
        {"type": "something_new"},
        {"type": "message", "subtype": "message_replied", "channel": ROOM},
        {"type": "assistant_thread_context_changed", "assistant_thread": {"user_id": PERSON}},
        {"type": "app_context_changed"},
        {"type": "app_home_opened", "tab": "home", "user": PERSON, "channel": DM},
    ],
)
async def test_events_without_a_listener_are_200(made: Inlet, event: dict[str, Any]) -> None:
    """Bolt answers them with 404, so that Slack tells them again and again, and turns events off in the end."""
    assert await post(made, json.dumps(event_of(event)).encode()) == (200, "")
    assert made.published == []


@pytest.mark.parametrize(
    "kind", ["view_submission", "view_closed", "block_suggestion", "shortcut", "dialog_submission"]
)
async def test_interactions_that_are_not_ours_are_200(made: Inlet, kind: str) -> None:
    """Nobody opened them, and they hurt nobody."""
    payload = {"type": kind, "team": {"id": TEAM}, "user": {"id": PERSON}, "view": {"type": "modal"}}
    assert (await post(made, json.dumps(payload).encode()))[0] == 200


async def test_slack_looks_at_the_address(made: Inlet) -> None:
    """`url_verification` gets its challenge back; `ssl_check` gets 200."""
    body = json.dumps({"type": "url_verification", "challenge": "abc", "token": "t"}).encode()
    status, text = await post(made, body)
    assert status == 200 and json.loads(text) == {"challenge": "abc"}
    form = "application/x-www-form-urlencoded"
    assert (await post(made, b"ssl_check=1&token=t", form))[0] == 200


# -- the SDK's own habits ----------------------------------------------------------------------------------
async def test_the_environment_does_not_turn_on_what_nobody_configured(
    monkeypatch: pytest.MonkeyPatch, made: Inlet
) -> None:
    """Bolt reads tokens and an OAuth client from variables by itself."""
    for name in ("SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET", "SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET"):
        monkeypatch.setenv(name, "test")
    heard: list[str] = []

    async def receive(payload: Any) -> str:
        heard.append(payload["event"]["type"])
        return ""

    dispatch = Dispatch(made.slack.base_url, made.accounts, receive)
    assert (await dispatch(event_of({"type": "message"}))).status == 200
    assert heard == ["message"]


async def test_bolt_calls_nothing_by_itself(made: Inlet) -> None:
    """It makes a client for every request, which without a session of ours opens a connection for every call."""
    await made.slack.say(TEAM, ROOM, PERSON, "nothing for us")
    await made.slack.settled()
    assert {asked.method for asked in made.slack.world.calls} == {"auth.test"}
    assert len(made.slack.calls_of("auth.test")) == 1


async def test_no_secret_is_logged(
    way: Inlet, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Neither tokens, nor tickets, nor what people write, whatever goes wrong."""
    caplog.set_level(logging.DEBUG)
    way.refuse = StorageError("full")
    await way.slack.say(TEAM, DM, PERSON, "my password is swordfish")
    while way.slack.delivery.attempts < 2:
        await asyncio.sleep(0.01)
    way.refuse = None
    way.slack.sockets.cut()
    way.slack.fail_next("apps.connections.open", "internal_error")
    await way.slack.settled()
    written = caplog.text + "".join(capfd.readouterr())
    for secret in ("swordfish", "xoxb-test-1", "xapp-test-1", "ticket=", SECRET, "/link/"):
        assert secret not in written
