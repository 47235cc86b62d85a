"""How the fake Slack delivers: the right events, again and again until they are acknowledged, signed or by socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from slack_sdk.signature import SignatureVerifier
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient

from tests.fakes.slack.server import FakeSlack, Faults, fake_slack

MENTION = "<@U0BOT0001> hello"


@dataclass
class Listener:
    """Who receives: everything that came, as bodies and as requests. The first `ignore` are not acknowledged."""

    bodies: list[dict[str, Any]] = field(default_factory=list)
    requests: list[Any] = field(default_factory=list)
    ignore: int = 0

    @property
    def events(self) -> list[dict[str, Any]]:
        return [body["event"] for body in self.bodies if "event" in body]

    @property
    def kinds(self) -> list[tuple[str, str]]:
        return [(event["type"], event.get("subtype", "")) for event in self.events]

    def take(self, body: dict[str, Any], request: Any) -> bool:
        """Whether to acknowledge it."""
        self.bodies.append(body)
        self.requests.append(request)
        self.ignore -= 1
        return self.ignore < 0


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    async with fake_slack(echo=False, deadline=2.0, retries=(0.0, 0.01)) as running:
        running.team("T0123", bot_token="xoxb-test-1", app_token="xapp-test-1")
        yield running


@asynccontextmanager
async def by_socket(
    slack: FakeSlack, listener: Listener, answer: Callable[[SocketModeRequest], Any] = lambda _request: None
) -> AsyncIterator[SocketModeClient]:
    """The official Socket Mode client, connected."""
    client = SocketModeClient("xapp-test-1", web_client=AsyncWebClient(base_url=slack.base_url), ping_interval=0.5)

    async def heard(_client: Any, request: SocketModeRequest) -> None:
        if listener.take(request.payload, request):
            payload = answer(request)
            await client.send_socket_mode_response(SocketModeResponse(request.envelope_id, payload=payload))

    client.socket_mode_request_listeners.append(heard)
    await client.connect()
    try:
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def by_http(
    slack: FakeSlack,
    listener: Listener,
    answer: Callable[[web.Request], web.Response] = lambda _request: web.Response(),
) -> AsyncIterator[None]:
    """An ordinary server, which checks every signature with the official verifier."""
    verifier = SignatureVerifier(slack.signing_secret)

    async def heard(request: web.Request) -> web.Response:
        body = await request.read()
        assert verifier.is_valid_request(body, dict(request.headers))
        form = request.content_type == "application/x-www-form-urlencoded"
        fields = dict(await request.post()) if form else json.loads(body)
        given = json.loads(fields["payload"]) if "payload" in fields else fields
        return answer(request) if listener.take(given, request) else web.Response(status=503)

    app = web.Application()
    app.router.add_post("/slack/events", heard)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    slack.events_url = f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
    try:
        yield
    finally:
        await runner.cleanup()


Way = Callable[[FakeSlack, Listener], Any]


@pytest.fixture(params=[by_socket, by_http], ids=["socket", "http"])
def way(request: pytest.FixtureRequest) -> Way:
    found: Way = request.param
    return found


async def test_a_mention_comes_twice(slack: FakeSlack, way: Way) -> None:
    """A post that mentions the bot is an app_mention and a message, of one ts, under two event ids; a DM is one."""
    listener = Listener()
    async with way(slack, listener):
        ts = await slack.say("T0123", "C0123", "U0123", MENTION)
        await slack.settled()
        assert sorted(listener.kinds) == [("app_mention", ""), ("message", "")]
        assert {event["ts"] for event in listener.events} == {ts}
        assert len({body["event_id"] for body in listener.bodies}) == 2
        direct = await slack.say("T0123", "D0123", "U0123", MENTION)
        await slack.settled()
    assert listener.events[2:] and listener.events[2]["ts"] == direct and len(listener.events) == 3
    assert listener.events[2]["channel_type"] == "im"
    assert listener.bodies[0]["authorizations"][0]["user_id"] == "U0BOT0001"
    assert not slack.violations


async def test_what_is_not_acknowledged_comes_again(slack: FakeSlack, way: Way) -> None:
    """The same event id with the number of the try, until somebody acknowledges it, or it is given up."""
    listener = Listener(ignore=2)
    if way is by_socket:
        slack.delivery.deadline = 0.2
    async with way(slack, listener):
        await slack.say("T0123", "D0123", "U0123", "hello")
        await slack.settled()
        assert len({body["event_id"] for body in listener.bodies}) == 1
        if way is by_http:
            numbers = [request.headers.get("X-Slack-Retry-Num") for request in listener.requests]
            assert numbers == [None, "1", "2"]
            assert listener.requests[1].headers["X-Slack-Retry-Reason"] == "http_error"
        else:
            assert [request.retry_attempt for request in listener.requests] == [0, 1, 2]
            assert listener.requests[1].retry_reason == "timeout"
            assert len({request.envelope_id for request in listener.requests}) == 3
        assert not slack.delivery.given_up
        listener.ignore = 9
        await slack.say("T0123", "D0123", "U0123", "hello?")
        await slack.settled()
        assert len(slack.delivery.given_up) == 1


async def test_copies_and_shuffling_come_from_the_seed(slack: FakeSlack, way: Way) -> None:
    """Each event one to five times, in another order than it was said, and no more than that."""
    slack.faults = Faults(copies=5, shuffle=0.2, seed=3)
    listener = Listener()
    async with way(slack, listener):
        said = [await slack.say("T0123", "D0123", "U0123", f"{number}") for number in range(20)]
        await slack.settled()
    came = [event["ts"] for event in listener.events]
    assert set(came) == set(said)
    assert len(came) > 30 and max(came.count(ts) for ts in said) <= 5
    assert list(dict.fromkeys(came)) != said


async def test_edits_deletions_and_the_rest(slack: FakeSlack, way: Way) -> None:
    """What Slack tells when a message is edited, previewed or deleted, with replies (a tombstone) and without."""
    listener = Listener()
    async with way(slack, listener):
        first = await slack.say("T0123", "C0123", "U0123", "hello")
        await slack.edit("C0123", first, "hello!")
        await slack.unfurl("C0123", first)
        reply = await slack.say("T0123", "C0123", "U0123", "and?", first)
        await slack.settled()
        await slack.delete("C0123", first)
        await slack.delete("C0123", reply)
        await slack.settled()
        held = slack.attach("T0123", "a.txt", b"a", "text/plain")
        await slack.say("T0123", "C0123", "U0123", MENTION, files=[held])
        await slack.join("C0123", "U0456")
        await slack.settled()
    by_kind = dict(zip(listener.kinds, listener.events, strict=True))
    edits = [event for event in listener.events if event.get("subtype") == "message_changed"]
    assert edits[0]["message"]["text"] == "hello!" and edits[0]["previous_message"]["text"] == "hello"
    assert edits[0]["message"]["edited"]["ts"] != edits[0]["ts"]
    assert edits[1]["message"]["text"] == edits[1]["previous_message"]["text"] and edits[1]["message"]["attachments"]
    stone = edits[2]["message"]
    assert (stone["subtype"], stone["user"], stone["ts"]) == ("tombstone", "USLACKBOT", first)
    assert by_kind["message", "message_deleted"]["deleted_ts"] == reply
    shared = by_kind["message", "file_share"]
    assert shared["files"][0]["url_private_download"].startswith(slack.http)
    assert "subtype" not in by_kind["app_mention", ""] and by_kind["app_mention", ""]["files"] == shared["files"]
    assert by_kind["message", "channel_join"] and by_kind["member_joined_channel", ""]


async def test_the_app_s_own_places(slack: FakeSlack, way: Way) -> None:
    """The assistant's pane, the app's home, Slack's Stop, and the end of an installation."""
    listener = Listener()
    async with way(slack, listener):
        thread = await slack.open_pane("U0123", context="C0123")
        await slack.change_context("U0123", thread, "C0456")
        channel = await slack.open_home("U0123")
        await slack.stop(channel, thread, "U0123")
        await slack.uninstall()
        await slack.revoke()
        await slack.settled()
    events = {event["type"]: event for event in listener.events}
    assert events["assistant_thread_started"]["assistant_thread"]["context"]["channel_id"] == "C0123"
    assert events["assistant_thread_context_changed"]["assistant_thread"]["thread_ts"] == thread
    assert events["app_context_changed"]["context"]["entities"][0]["value"] == "C0456"
    assert (events["app_home_opened"]["tab"], events["app_home_opened"]["channel"]) == ("messages", channel)
    assert events["agent_session_stopped"]["streaming_message_ts"] == []
    assert events["tokens_revoked"]["tokens"]["bot"] == ["U0BOT0001"]
    assert "app_uninstalled" in events


async def test_interactions_are_asked_once(slack: FakeSlack) -> None:
    """Buttons, shortcuts and commands come as payloads, and what a command is acknowledged with is shown."""
    async with aiohttp.ClientSession() as session:
        client = AsyncWebClient("xoxb-test-1", base_url=slack.base_url, session=session)
        listener = Listener()
        answers = {"slash_commands": {"text": "Here is how."}}
        async with by_socket(slack, listener, lambda request: answers.get(request.type)):
            ts = await slack.say("T0123", "C0123", "U0123", MENTION)
            button = {
                "type": "button",
                "action_id": "human",
                "value": "m1",
                "text": {"type": "plain_text", "text": "A"},
            }
            blocks = [{"type": "actions", "elements": [button]}]
            await client.chat_postMessage(channel="C0123", text="x", thread_ts=ts, blocks=blocks)
            (shown,) = slack.said("C0123", ts)
            await slack.settled()
            listener.bodies.clear()
            assert (await slack.press(shown, "human", "U0456")).ok
            assert (await slack.shortcut("answer", shown, "U0456")).ok
            ack = await slack.slash("/frontdesk", "help", "U0456", "C0123")
        assert ack.text == "Here is how." and slack.ephemerals[0].user == "U0456"
        press, shortcut, slash = listener.bodies
        assert (press["type"], press["actions"][0]["value"]) == ("block_actions", "m1")
        assert press["container"]["message_ts"] == shown.ts and press["message"]["thread_ts"] == ts
        assert (shortcut["type"], shortcut["message"]["ts"]) == ("message_action", shown.ts)
        assert (slash["command"], slash["text"], slash["channel_name"]) == ("/frontdesk", "help", "c0123")
        with pytest.raises(LookupError):
            await slack.press(shown, "feedback", "U0456")
        answered = [(await session.post(press["response_url"], json={"text": "noted"})).status for _ in range(6)]
        assert answered == [200] * 5 + [404]
        assert [said.by for said in slack.ephemerals] == ["ack"] + ["response_url"] * 5
        assert not slack.violations


async def test_interactions_over_http_are_forms(slack: FakeSlack) -> None:
    """A command is a form, a button a form with a payload; without an answer in time the person is told so."""
    listener = Listener()
    async with by_http(slack, listener, lambda _request: web.json_response({"text": "ok"})):
        assert (await slack.slash("/frontdesk", "help", "U0123", "C0123")).text == "ok"
        listener.ignore = 1
        assert (await slack.slash("/frontdesk", "help", "U0123", "C0123")).status == 503
    assert (await slack.slash("/frontdesk", "help", "U0123", "C0123")).status == 0
    assert len(listener.bodies) == 2


async def test_sockets_are_asked_to_go_and_come_back(slack: FakeSlack) -> None:
    """On a request to refresh the client connects again, and nothing that was said meanwhile is lost."""
    listener = Listener()
    async with by_socket(slack, listener):
        await slack.sockets.refresh(seconds=0.05)
        for number in range(5):
            await slack.say("T0123", "D0123", "U0123", f"{number}")
        await slack.settled()
        assert slack.sockets.opened == 2
        slack.sockets.cut()
        await slack.say("T0123", "D0123", "U0123", "5")
        await slack.settled()
        assert slack.sockets.opened == 3
    assert {event["text"] for event in listener.events} == {str(number) for number in range(6)}


async def test_several_sockets_share_what_comes(slack: FakeSlack) -> None:
    """Each event goes to one connection; wrong and repeated acknowledgements are violations; tickets work once."""
    first, second = Listener(), Listener()
    async with by_socket(slack, first) as client, by_socket(slack, second):
        for number in range(6):
            await slack.say("T0123", "D0123", "U0123", f"{number}")
        await slack.settled()
        assert (len(first.events), len(second.events)) == (3, 3)
        assert not slack.violations
        for ident in ("nothing", first.requests[0].envelope_id):
            await client.send_socket_mode_response(SocketModeResponse(ident))
        await slack.say("T0123", "D0123", "U0123", "6")
        await slack.say("T0123", "D0123", "U0123", "7")
        await slack.settled()
        assert len(slack.violations) == 2
        async with aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await session.ws_connect(str(client.wss_uri))


async def test_the_bot_hears_itself(slack: FakeSlack) -> None:
    """What the bot posts and changes comes back as events that carry its bot id."""
    slack.world.echo = True
    listener = Listener()
    async with by_socket(slack, listener):
        client = AsyncWebClient("xoxb-test-1", base_url=slack.base_url)
        ts = await slack.say("T0123", "D0123", "U0123", "hello")
        own = (await client.chat_postMessage(channel="D0123", text="x", thread_ts=ts))["ts"]
        await client.chat_update(channel="D0123", ts=own, text="y")
        await slack.settled()
    assert [event.get("bot_id", "") for event in listener.events] == ["", "B0BOT0001", ""]
    assert listener.events[2]["message"]["bot_id"] == "B0BOT0001"


async def test_waiting_is_for_something(slack: FakeSlack) -> None:
    """`answers` returns when the bot has said enough, and raises when it never does."""
    slack.delivery.deadline, slack.delivery.retries = 0.01, ()
    ts = await slack.say("T0123", "D0123", "U0123", "hello")
    with pytest.raises(TimeoutError):
        await slack.answers("D0123", ts, seconds=0.05)
    waiting: Awaitable[Any] = asyncio.create_task(slack.answers("D0123", ts))
    await AsyncWebClient("xoxb-test-1", base_url=slack.base_url).chat_postMessage(
        channel="D0123", text="x", thread_ts=ts
    )
    assert [shown.text for shown in await waiting] == ["x"]
