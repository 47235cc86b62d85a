"""The fake Slack's streams: who may start them, when they end, and what they take."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.models.messages.chunk import TaskUpdateChunk
from slack_sdk.web.async_client import AsyncWebClient

from tests.fakes.slack.server import FakeSlack, Faults, fake_slack

TOKEN = "xoxb-test-1"
FEEDBACK = {
    "type": "context_actions",
    "elements": [
        {
            "type": "feedback_buttons",
            "action_id": "feedback",
            "positive_button": {"text": {"type": "plain_text", "text": "Good"}, "value": "+1 m"},
            "negative_button": {"text": {"type": "plain_text", "text": "Bad"}, "value": "-1 m"},
        }
    ],
}


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    async with fake_slack(echo=False, deadline=0.01, retries=()) as running:
        running.team("T0123", bot_token=TOKEN)
        yield running


@pytest.fixture
async def client(slack: FakeSlack) -> AsyncIterator[AsyncWebClient]:
    async with aiohttp.ClientSession() as session:
        yield AsyncWebClient(TOKEN, base_url=slack.base_url, session=session, retry_handlers=[])


async def refused(call: Any) -> str:
    with pytest.raises(SlackApiError) as caught:
        await call
    return str(caught.value.response["error"])


async def started(slack: FakeSlack, client: AsyncWebClient, **more: Any) -> dict[str, str]:
    """A stream in answer to a question in C0123, as the arguments that name it."""
    ts = await slack.say("T0123", "C0123", "U0123", "hello")
    to = {"recipient_team_id": "T0123", "recipient_user_id": "U0123"}
    found = await client.chat_startStream(channel="C0123", thread_ts=ts, **to, **more)
    return {"channel": "C0123", "ts": found["ts"]}


async def test_the_sdk_streams_an_answer(slack: FakeSlack, client: AsyncWebClient) -> None:
    """What the official helper appends stands there in one piece, with the blocks and the metadata of the end."""
    ts = await slack.say("T0123", "C0123", "U0123", "hello")
    stream = await client.chat_stream(
        channel="C0123", thread_ts=ts, recipient_team_id="T0123", recipient_user_id="U0123", buffer_size=1
    )
    for piece in ("Twelve ", "days", "."):
        await stream.append(markdown_text=piece)
    metadata = {"event_type": "frontdesk_answer", "event_payload": {"key": "k", "part": 0}}
    await stream.stop(blocks=[FEEDBACK], metadata=metadata)
    (shown,) = await slack.answers("C0123", ts)
    assert (shown.text, shown.streaming, shown.metadata) == ("Twelve days.", False, metadata)
    assert shown.texts[:2] == ["Twelve ", "Twelve days"]
    assert [block["type"] for block in shown.blocks] == ["context_actions"]
    assert not slack.violations


async def test_streams_in_channels_say_whom_they_are_for(slack: FakeSlack, client: AsyncWebClient) -> None:
    """Both recipients are needed where several people read, and neither in direct messages."""
    ts = await slack.say("T0123", "C0123", "U0123", "hello")
    start = client.chat_startStream
    assert await refused(start(channel="C0123", thread_ts=ts)) == "missing_recipient_team_id"
    both = {"recipient_team_id": "T0123", "recipient_user_id": "U0999"}
    assert await refused(start(channel="C0123", thread_ts=ts, recipient_team_id="T0123")) == "missing_recipient_user_id"
    assert await refused(start(channel="C0123", thread_ts=ts, **both)) == "user_not_found"
    assert await refused(start(channel="C0123", thread_ts="1.000001", **both | {"recipient_user_id": "U0123"})) == (
        "invalid_thread_ts"
    )
    direct = await slack.say("T0123", "D0123", "U0123", "hello")
    assert (await start(channel="D0123", thread_ts=direct))["ok"]


async def test_a_stream_that_ended_takes_nothing_more(slack: FakeSlack, client: AsyncWebClient) -> None:
    """Stopped, run out, or ended by chance: message_not_in_streaming_state, and then the message may be updated."""
    stream = await started(slack, client, markdown_text="a")
    assert await refused(client.chat_update(**stream, text="x")) == "streaming_state_conflict"
    await client.chat_stopStream(**stream, markdown_text="b")
    assert await refused(client.chat_appendStream(**stream, markdown_text="c")) == "message_not_in_streaming_state"
    assert await refused(client.chat_stopStream(**stream)) == "message_not_in_streaming_state"
    slack.world.stream_seconds = 0.0
    stream = await started(slack, client, markdown_text="a")
    assert await refused(client.chat_appendStream(**stream, markdown_text="c")) == "message_not_in_streaming_state"
    await client.chat_update(**stream, markdown_text="all of it")
    slack.world.stream_seconds = 300.0
    slack.faults = Faults(expire_streams=1.0)
    stream = await started(slack, client, markdown_text="a")
    assert await refused(client.chat_stopStream(**stream, markdown_text="c")) == "message_not_in_streaming_state"


async def test_a_stream_takes_text_or_chunks(slack: FakeSlack, client: AsyncWebClient) -> None:
    """The first piece says which of the two a stream takes for the rest of its life."""
    stream = await started(slack, client, markdown_text="a")
    chunk = TaskUpdateChunk(id="1", title="Searching", status="in_progress")
    assert await refused(client.chat_appendStream(**stream, chunks=[chunk])) == "streaming_mode_mismatch"
    stream = await started(slack, client)
    await client.chat_appendStream(**stream, chunks=[chunk])
    assert await refused(client.chat_appendStream(**stream, markdown_text="a")) == "streaming_mode_mismatch"
    assert await refused(client.chat_appendStream(**stream, chunks=[{"type": "poem"}])) == "invalid_chunks"


async def test_pieces_keep_to_the_limits(slack: FakeSlack, client: AsyncWebClient) -> None:
    """12,000 characters a call, a whole message of about 13,200, and no empty append."""
    stream = await started(slack, client, markdown_text="a")
    assert await refused(client.chat_appendStream(**stream, markdown_text="x" * 12_001)) == "msg_too_long"
    await client.chat_appendStream(**stream, markdown_text="x" * 12_000)
    assert await refused(client.chat_appendStream(**stream, markdown_text="x" * 1_200)) == "msg_too_long"
    assert await refused(client.chat_appendStream(**stream)) == "no_text"


async def test_slack_s_own_stop_ends_the_stream(slack: FakeSlack, client: AsyncWebClient) -> None:
    """After the person pressed Stop: stopped_by_user."""
    stream = await started(slack, client, markdown_text="a")
    root = slack.world.teams["T0123"].messages["C0123", stream["ts"]].thread_ts
    await slack.stop("C0123", root, "U0123")
    assert await refused(client.chat_appendStream(**stream, markdown_text="b")) == "stopped_by_user"
    assert await refused(client.chat_stopStream(**stream)) == "stopped_by_user"


async def test_the_assistant_s_things_are_checked(slack: FakeSlack, client: AsyncWebClient) -> None:
    """Statuses with at most ten messages, one to four prompts, titles in direct messages alone."""
    direct = await slack.say("T0123", "D0123", "U0123", "hello")
    there = {"channel_id": "D0123", "thread_ts": direct}
    await client.assistant_threads_setStatus(**there, status="is searching…", loading_messages=["a"] * 10)
    too_many = client.assistant_threads_setStatus(**there, status="x", loading_messages=["a"] * 11)
    assert await refused(too_many) == "invalid_arguments"
    prompt = {"title": "Delivery", "message": "When does it come?"}
    await client.assistant_threads_setSuggestedPrompts(**there, prompts=[prompt] * 4)
    assert await refused(client.assistant_threads_setSuggestedPrompts(**there, prompts=[prompt] * 5)) == (
        "invalid_arguments"
    )
    await client.assistant_threads_setTitle(**there, title="Delivery")
    assert slack.world.titles == {("D0123", direct): "Delivery"}
    assert slack.statuses[0]["status"] == "is searching…"
