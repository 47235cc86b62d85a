"""What is not Slack's, or not of its shape, is refused in its order: headers, body, signature, shape, workspace."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from adapters.slack.payload import checked
from adapters.slack.signature import Denied, sign
from tests.adapters.slack.inlet import BOT, DM, PERSON, TEAM, Inlet, event_of, inlet, post


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[Inlet]:
    async with inlet(tmp_path) as made:
        yield made


async def test_what_is_not_signed_is_not_read(made: Inlet) -> None:
    """Without headers that could be Slack's the answer comes while the body is still being sent."""
    url = made.slack.events_url
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.split(":")[2].split("/")[0]))
    writer.write(b"POST /slack/events HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n{")
    await writer.drain()
    answer = await asyncio.wait_for(reader.readline(), 5)
    assert b" 401 " in answer
    writer.close()


async def test_too_large_bodies_are_400_without_being_read(tmp_path: Path) -> None:
    """By what they say, and by what they are."""
    async with inlet(tmp_path, slack={"limits": {"body_bytes": 2_000}}) as made:
        assert (await post(made, b"x" * 2_001))[0] == 400

        async def endless() -> AsyncIterator[bytes]:
            for _ in range(100_000):
                yield b"x" * 1_000

        headers = made.slack.delivery.signed(b"whatever") | {"Content-Type": "application/json"}
        async with aiohttp.ClientSession() as session:
            try:
                async with session.post(made.slack.events_url, data=endless(), headers=headers) as response:
                    assert response.status == 400
            except aiohttp.ClientError:
                pass  # it hung up while we were still sending
        assert 'status="400"' in made.metrics.expose().decode()


async def test_ten_thousand_malformed_or_forged_requests(made: Inlet) -> None:
    """Only 401, 400 and 403, never a fault, and nothing published."""
    chance = random.Random(4)
    seen: dict[int, int] = {}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=20)) as session:

        async def one(number: int) -> None:
            body, headers, expected = _bad(made, chance, number)
            async with session.post(made.slack.events_url, data=body, headers=headers) as response:
                seen[response.status] = seen.get(response.status, 0) + 1
                assert response.status in expected, (response.status, number, body[:200])

        for start in range(0, 10_000, 200):
            await asyncio.gather(*(one(number) for number in range(start, start + 200)))
    assert set(seen) <= {400, 401, 403} and sum(seen.values()) == 10_000 and len(seen) == 3
    assert made.published == []


def _bad(made: Inlet, chance: random.Random, number: int) -> tuple[bytes, dict[str, str], set[int]]:
    """A request that nobody should take, and the statuses that it may get."""
    kind = number % 8
    good = json.dumps(event_of({"type": "message", "channel": DM, "user": PERSON, "ts": "1.0", "text": "hi"})).encode()
    json_type = {"Content-Type": "application/json"}
    if kind == 0:  # nobody signed it
        return good, json_type, {401}
    if kind == 1:  # another secret
        stamp = made.slack.delivery.signed(good)["X-Slack-Request-Timestamp"]
        forged = {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": sign(good, stamp, "another")}
        return good, json_type | forged, {401}
    if kind == 2:  # a replay
        return good, json_type | made.slack.delivery.signed(good, at=1_700_000_000), {401}
    if kind == 3:  # strange headers
        stamp = chance.choice(["", "soon", "-1", "1e400", "99999999999999999999", "0x10", " 12"])
        strange = {
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": chance.choice(["", "v0=", "v0=\u00e9", "x"]),
        }
        return good, json_type | strange, {401}
    if kind == 4:  # bytes that are nothing
        body = chance.randbytes(chance.randint(1, 300))
        return body, json_type | made.slack.delivery.signed(body), {400}
    if kind == 5:  # JSON of another shape
        event: Any = chance.choice([None, 1, "x", [], {}, {"type": 7}, {"type": None}])
        body = json.dumps({"type": "event_callback", "team_id": TEAM, "event": event}).encode()
        return body, json_type | made.slack.delivery.signed(body), {400}
    if kind == 6:  # cut short
        body = good[: chance.randint(1, len(good) - 1)]
        return body, json_type | made.slack.delivery.signed(body), {400}
    body = good.replace(TEAM.encode(), b"T0EVIL")  # Slack's, but of a workspace that nobody installed it in
    return body, json_type | made.slack.delivery.signed(body), {403}


async def test_a_workspace_that_is_not_listed_is_403(tmp_path: Path) -> None:
    """After the signature: strangers do not learn who is listed."""
    async with inlet(tmp_path, slack={"teams": ["T0999"]}) as made:
        body = json.dumps(
            event_of({"type": "message", "channel": DM, "user": PERSON, "ts": "1.0", "text": "hi"})
        ).encode()
        assert (await post(made, body))[0] == 403
        assert (await post(made, body, **{"X-Slack-Signature": "v0=" + "0" * 64}))[0] == 401
        whole = {"type": "block_actions", "team": None, "enterprise": {"id": "E0123"}, "user": {"id": PERSON}}
        assert (await post(made, json.dumps(whole).encode()))[0] == 403  # an organisation is not listed either
        assert made.published == []


async def test_signed_payloads_of_any_shape_are_no_fault(made: Inlet) -> None:
    """What Slack may invent, or somebody who has the secret: 200, 400 or 403, whatever Bolt makes of it."""
    chance = random.Random(11)
    seen = {(await made.dispatch(checked_or_empty(_any_payload(chance)))).status for _ in range(3_000)}
    assert seen <= {200, 400, 403} and 200 in seen


def checked_or_empty(payload: dict[str, Any]) -> dict[str, Any]:
    try:
        return checked(payload)
    except Denied:
        return {}


_VALUES: tuple[Any, ...] = (
    None, "", "x", "C0123", "D0123", "U0123", TEAM, BOT, "1700000000.000100", 7, True, [], {}, [{}], ["x"], {"id": "x"},
    {"id": TEAM}, {"ts": "1.0", "text": "x", "user": PERSON}, {"type": "x"},
    [{"action_id": "human", "action_ts": "1.0"}],
    "human", "feedback", "+1 x", f"<@{BOT}> x", "message_changed", "message_deleted", "im", "/frontdesk", "answer_this",
    "event_callback", "block_actions", "message_action", "message", "app_mention", [{"team_id": TEAM}], "messages",
)  # fmt: skip
_NAMES = (
    "type", "team_id", "team", "enterprise", "user", "channel", "message", "authorizations", "actions", "view", "text",
    "container", "callback_id", "command", "trigger_id", "channel_id", "user_id", "is_ext_shared_channel", "ts", "tab",
    "function_data", "response_urls", "subtype", "thread_ts", "previous_message", "deleted_ts", "files", "edited",
    "bot_id",    "assistant_thread", "streaming_message_ts", "tokens", "channel_type", "enterprise_id", "inputs",
    "is_enterprise_install",
)  # fmt: skip


def _any_payload(chance: random.Random) -> dict[str, Any]:
    """Right names with values that may be right."""

    def some(count: int) -> dict[str, Any]:
        return {chance.choice(_NAMES): chance.choice(_VALUES) for _ in range(count)}

    kind = chance.choice(["event_callback", "block_actions", "message_action", "view_submission", ""])
    event = some(8) | {"type": chance.choice(["message", "app_mention", "assistant_thread_started", "app_home_opened"])}
    return {"team_id": TEAM, **some(6), "type": kind, "event": event}


async def test_shapes_that_bolt_stumbles_over_are_400(made: Inlet) -> None:
    """Its own reading of a payload raises for these, which it would answer with 500."""
    for broken in (
        {"type": "event_callback", "team_id": TEAM, "event": {"type": "message"}, "authorizations": ["x"]},
        {"type": "block_actions", "team": 7},
        {"type": "event_callback", "team_id": TEAM, "event": {"type": "message"}, "enterprise": 7},
        {"type": "view_submission", "team": {"id": TEAM}, "response_urls": [7], "view": {"response_urls": 1}},
    ):
        status, _ = await post(made, json.dumps(broken).encode())
        assert status in (200, 400), broken
