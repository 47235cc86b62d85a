"""The fake Slack is as strict as Slack: what the official client may not do, it may not do here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from tests.fakes.slack.rates import Meter
from tests.fakes.slack.server import FakeSlack, Faults, Rates, fake_slack

TOKEN = "xoxb-test-1"


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    async with fake_slack(echo=False) as running:
        running.team("T0123", bot_token=TOKEN, app_token="xapp-test-1")
        yield running


@pytest.fixture
async def client(slack: FakeSlack) -> AsyncIterator[AsyncWebClient]:
    async with aiohttp.ClientSession() as session:
        yield AsyncWebClient(TOKEN, base_url=slack.base_url, session=session, retry_handlers=[])


async def refused(call: Any) -> str:
    """The error that a call is refused with."""
    with pytest.raises(SlackApiError) as caught:
        await call
    return str(caught.value.response["error"])


async def asked(slack: FakeSlack, text: str = "<@U0BOT0001> hello") -> str:
    """A question in C0123, told to nobody."""
    slack.delivery.retries = ()
    slack.delivery.deadline = 0.01
    return await slack.say("T0123", "C0123", "U0123", text)


@pytest.mark.parametrize(
    ("token", "error"),
    [("", "not_authed"), ("xoxb-test-none", "invalid_auth"), ("xapp-test-1", "not_allowed_token_type")],
)
async def test_only_living_tokens_of_the_right_kind_are_taken(
    slack: FakeSlack, client: AsyncWebClient, token: str, error: str
) -> None:
    """A token that is missing, unknown or an app's is refused each in its own way."""
    ts = await asked(slack)
    assert await refused(client.chat_postMessage(channel="C0123", text="x", thread_ts=ts, token=token)) == error


async def test_tokens_die_with_the_app(slack: FakeSlack, client: AsyncWebClient) -> None:
    """Revoked and uninstalled tokens are refused for ever, and a scope that was not given is named."""
    slack.team("T0456", bot_token="xoxb-test-2", scopes="users:read")
    found = await client.auth_test(token="xoxb-test-2")
    assert (found["team_id"], found.headers["x-oauth-scopes"]) == ("T0456", "users:read")
    with pytest.raises(SlackApiError) as caught:
        await client.chat_postMessage(channel="C0123", text="x", token="xoxb-test-2")
    assert (caught.value.response["error"], caught.value.response["needed"]) == ("missing_scope", "chat:write")
    await slack.revoke("T0456", tell=False)
    assert await refused(client.auth_test(token="xoxb-test-2")) == "token_revoked"
    slack.delivery.deadline, slack.delivery.retries = 0.01, ()
    await slack.uninstall("T0123")
    assert await refused(client.auth_test()) == "account_inactive"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"text": "x" * 4_001}, "msg_too_long"),
        ({"markdown_text": "x" * 12_001}, "msg_too_long"),
        ({"markdown_text": "x", "text": "x"}, "markdown_text_conflict"),
        ({"blocks": [{"type": "divider"}] * 51}, "invalid_blocks"),
        ({"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3_001}}]}, "invalid_blocks"),
        ({"blocks": [{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}]}, "invalid_blocks"),
        ({"blocks": [{"type": "markdown", "text": ""}]}, "invalid_blocks"),
        ({"blocks": [{"type": "markdwon", "text": "x"}]}, "invalid_blocks"),
        ({"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 2_700}}] * 5}, "msg_blocks_too_long"),
        ({"blocks": [{"type": "actions", "elements": [{"type": "feedback_buttons"}]}]}, "invalid_blocks"),
        ({"text": "x", "metadata": {"event_type": "x"}}, "invalid_metadata_format"),
        ({"text": "x", "thread_ts": "1.000001"}, "thread_not_found"),
        ({"text": "x", "colour": "red"}, "invalid_arguments"),
        ({"text": "x", "mrkdwn": "perhaps"}, "invalid_arguments"),
        ({"channel": "C0999", "text": "x"}, "channel_not_found"),
        ({"channel": "C0789", "text": "x"}, "not_in_channel"),
        ({}, "no_text"),
    ],
)
async def test_messages_keep_to_the_limits(
    slack: FakeSlack, client: AsyncWebClient, arguments: dict[str, Any], error: str
) -> None:
    """Every limit and every rule of chat.postMessage answers with Slack's own error, and nothing is shown."""
    team = slack.team("T0123")
    team.channel("C0123")
    team.channel("C0789", bot=False)
    assert await refused(client.api_call("chat.postMessage", json={"channel": "C0123"} | arguments)) == error
    assert not team.messages


async def test_methods_that_only_read_do_not_read_json(slack: FakeSlack, client: AsyncWebClient) -> None:
    """conversations.replies sees nothing of a JSON body, as the real one does not."""
    ts = await asked(slack)
    body = {"channel": "C0123", "ts": ts}
    assert await refused(client.api_call("conversations.replies", json=body)) == "invalid_arguments"
    assert (await client.conversations_replies(**body))["messages"][0]["ts"] == ts
    assert await refused(client.api_call("chat.shout", json=body)) == "unknown_method"


async def test_only_own_messages_are_changed(slack: FakeSlack, client: AsyncWebClient) -> None:
    """A person's message can be neither updated nor deleted, a missing one is not found."""
    ts = await asked(slack)
    assert await refused(client.chat_update(channel="C0123", ts=ts, text="x")) == "cant_update_message"
    assert await refused(client.chat_delete(channel="C0123", ts=ts)) == "cant_delete_message"
    assert await refused(client.chat_update(channel="C0123", ts="1.000001", text="x")) == "message_not_found"
    own = (await client.chat_postMessage(channel="C0123", markdown_text="**a**", thread_ts=ts))["ts"]
    await client.chat_update(channel="C0123", ts=own, markdown_text="**b**")
    assert slack.said("C0123", ts)[0].texts == ["**a**", "**b**"]
    await client.chat_delete(channel="C0123", ts=own)
    assert not slack.said("C0123", ts)


async def test_metadata_is_given_only_when_asked_for_and_pages_begin_with_the_root(
    slack: FakeSlack, client: AsyncWebClient
) -> None:
    """conversations.replies: metadata with include_all_metadata alone; cursors; the root first on every page."""
    ts = await asked(slack)
    metadata = {"event_type": "frontdesk_answer", "event_payload": {"key": "k", "part": 0}}
    for number in range(5):
        await client.chat_postMessage(channel="C0123", text=f"answer {number}", thread_ts=ts, metadata=metadata)
    assert all(
        "metadata" not in one for one in (await client.conversations_replies(channel="C0123", ts=ts))["messages"]
    )
    seen: list[str] = []
    cursor = ""
    while True:
        page = await client.conversations_replies(
            channel="C0123", ts=ts, limit=2, cursor=cursor, include_all_metadata=True
        )
        assert page["messages"][0]["ts"] == ts
        assert all(one["metadata"] == metadata for one in page["messages"][1:])
        seen += [one["text"] for one in page["messages"][1:]]
        cursor = page["response_metadata"]["next_cursor"]
        if not cursor:
            break
    assert seen == [f"answer {number}" for number in range(5)]
    oldest = slack.said("C0123", ts)[3].ts
    newer = await client.conversations_replies(channel="C0123", ts=ts, oldest=oldest)
    assert [one["text"] for one in newer["messages"][1:]] == ["answer 4"]
    assert await refused(client.conversations_replies(channel="C0123", ts=ts, cursor="nonsense")) == "invalid_cursor"
    assert await refused(client.conversations_replies(channel="C0123", ts="1.000001")) == "thread_not_found"


def test_windows_slide() -> None:
    """Twenty in a minute are granted whenever the minute begins, a twenty-first has to wait for the first to be old;
    in a channel one message a second goes, and sixty a minute."""
    now = 0.0
    meter = Meter(Rates(), 60.0, clock=lambda: now)
    for number in range(20):
        now = 20.0 + number
        assert meter.ask("T0123", "chat.startStream", "C0123") == 0
    assert meter.ask("T0123", "chat.startStream", "C0456") == 41
    assert meter.ask("T0456", "chat.startStream", "C0123") == 0
    now = 80.0
    assert meter.ask("T0123", "chat.startStream", "C0123") == 0
    assert meter.ask("T0123", "chat.postMessage", "C0123") == 0
    assert meter.ask("T0123", "chat.postMessage", "C0456") == 0
    assert meter.ask("T0123", "chat.postMessage", "C0123") == 1
    now = 81.0
    assert meter.ask("T0123", "chat.postMessage", "C0123") == 0
    assert meter.usage["T0123", "chat.startStream", ""].peak == 21


async def test_calling_too_often_is_refused_and_noted(slack: FakeSlack, client: AsyncWebClient) -> None:
    """Over the tier: 429 with Retry-After; whoever does not wait is refused again, and each is a violation."""
    slack.meter.rates = Rates(tier_4=2)
    slack.team("T0123").user("U0123", real_name="Ana", locale="es-ES")
    for _ in range(2):
        assert (await client.users_info(user="U0123", include_locale=True))["user"]["locale"] == "es-ES"
    with pytest.raises(SlackApiError) as caught:
        await client.users_info(user="U0123")
    assert caught.value.response.status_code == 429
    assert caught.value.response.headers["Retry-After"] == "60"
    assert slack.usage["T0123", "users.info", ""].share > 1
    assert len(slack.violations) == 1
    assert await refused(client.users_info(user="U0123")) == "ratelimited"
    assert len(slack.violations) == 2
    await client.auth_test()


async def test_what_was_ordered_happens_once(slack: FakeSlack, client: AsyncWebClient) -> None:
    """One-shot faults: an error, a 429, a 500 after the work, a connection that is dropped after or before it."""
    ts = await asked(slack)
    said = {"channel": "C0123", "text": "x", "thread_ts": ts}
    slack.fail_next("chat.postMessage", "internal_error")
    assert await refused(client.chat_postMessage(**said)) == "internal_error"
    assert not slack.said("C0123", ts)
    slack.fail_next("chat.postMessage", "fatal_error", status=500, after=True)
    with pytest.raises(SlackApiError):
        await client.chat_postMessage(**said)
    assert len(slack.said("C0123", ts)) == 1
    for after, shown in ((True, 2), (False, 2)):
        slack.drop_next("chat.postMessage", after=after)
        with pytest.raises((aiohttp.ClientError, ConnectionError)):
            await client.chat_postMessage(**said)
        assert len(slack.said("C0123", ts)) == shown
    slack.fail_next("chat.postMessage", "ratelimited", retry_after=3)
    with pytest.raises(SlackApiError) as caught:
        await client.chat_postMessage(**said)
    assert caught.value.response.headers["Retry-After"] == "3"
    assert not slack.violations


async def test_the_default_client_says_it_twice(slack: FakeSlack) -> None:
    """A trap that the fake has to show: the SDK's own retry repeats a post whose connection was dropped after it."""
    ts = await asked(slack)
    async with aiohttp.ClientSession() as session:
        client = AsyncWebClient(TOKEN, base_url=slack.base_url, session=session)
        slack.drop_next("chat.postMessage")
        await client.chat_postMessage(channel="C0123", text="once?", thread_ts=ts)
    assert len(slack.said("C0123", ts)) == 2


async def test_chance_comes_from_the_seed(slack: FakeSlack, client: AsyncWebClient) -> None:
    """The same seed gives the same faults, call by call."""
    slack.team("T0123").user("U0123")

    async def run() -> list[str]:
        slack.faults = Faults(rate_limit=0.2, retry_after=0, server_error=0.2, drop_after=0.2, seed=5)
        outcomes = []
        for _ in range(30):
            try:
                await client.users_info(user="U0123")
                outcomes.append("ok")
            except SlackApiError as error:
                outcomes.append(str(error.response.status_code) if hasattr(error.response, "status_code") else "broken")
            except aiohttp.ClientError:
                outcomes.append("dropped")
        return outcomes

    first = await run()
    assert len(set(first)) >= 4
    assert await run() == first


async def test_two_writers_of_one_message_are_noticed(slack: FakeSlack, client: AsyncWebClient) -> None:
    """Writes of one message that overlap are a violation, writes of two messages are not."""
    ts = await asked(slack)
    first, second = [(await client.chat_postMessage(channel="C0123", text="x", thread_ts=ts))["ts"] for _ in range(2)]
    gate = slack.hold_next("chat.update")
    held = asyncio.create_task(client.chat_update(channel="C0123", ts=first, text="a"))
    await gate.reached.wait()
    await client.chat_update(channel="C0123", ts=second, text="b")
    assert not slack.violations
    await client.chat_update(channel="C0123", ts=first, text="c")
    gate.release()
    await held
    assert len(slack.violations) == 1


async def test_files_need_the_token(slack: FakeSlack) -> None:
    """Without the bot's token a private file is a page to log in, with status 200."""
    held = slack.attach("T0123", "prices.csv", b"desk,12\n", "text/csv")
    async with aiohttp.ClientSession() as session:
        async with session.get(held.url) as page:
            assert (page.status, page.content_type) == (200, "text/html")
        async with session.get(held.url, headers={"Authorization": f"Bearer {TOKEN}"}) as found:
            assert (await found.read(), found.content_type) == (b"desk,12\n", "text/csv")


@pytest.mark.filterwarnings("ignore:BasicAuth is deprecated")  # what the SDK does with client_id and client_secret
async def test_oauth_gives_tokens_once_and_rotates_them(slack: FakeSlack, client: AsyncWebClient) -> None:
    """A code and a refresh token work once; a rotated token ends; a wrong client is refused."""
    slack.team("T0456")
    slack.oauth.rotate = True
    app = {"client_id": slack.oauth.client_id, "client_secret": slack.oauth.client_secret}
    code = slack.oauth.grant("T0456", redirect="https://example.org/slack")
    assert await refused(client.oauth_v2_access(**(app | {"client_secret": "x"}), code=code)) == "bad_client_secret"
    assert await refused(client.oauth_v2_access(**app, code="x")) == "invalid_code"
    slack.oauth.lifetime = -1
    got = await client.oauth_v2_access(**app, code=code, redirect_uri="https://example.org/slack")
    assert got["team"]["id"] == "T0456" and got["token_type"] == "bot"
    assert await refused(client.auth_test(token=got["access_token"])) == "token_expired"
    assert await refused(client.oauth_v2_access(**app, code=code)) == "code_already_used"
    slack.oauth.lifetime = 3_600
    again = {"grant_type": "refresh_token", "refresh_token": got["refresh_token"]}
    new = await client.oauth_v2_access(**app, **again)
    assert (await client.auth_test(token=new["access_token"]))["team_id"] == "T0456"
    assert await refused(client.oauth_v2_access(**app, **again)) == "invalid_refresh_token"
