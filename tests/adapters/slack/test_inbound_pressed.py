"""Buttons, Stop, commands and shortcuts become messages, stops and opinions, each once, where they belong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from adapters.base import Checking, Context, Fetching
from adapters.slack import make, names
from adapters.slack.adapter import SlackAdapter
from bot.config import load
from bot.errors import ConfigError, Overloaded, StorageError
from bot.events import Feedback, Stop
from bot.metrics import Metrics
from storage.base import Send
from storage.sqlite import SqliteStore
from tests.adapters.slack.inlet import BOT, DM, PERSON, ROOM, TEAM, Inlet, inlet


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[Inlet]:
    async with inlet(tmp_path) as made:
        made.slack.team_of(TEAM).channel(ROOM)
        yield made


def pressed(action: str, value: str, *, channel: str = ROOM, root: str = "1700000000.000100", **more: Any) -> Any:
    return {
        "type": "block_actions",
        "team": {"id": TEAM},
        "user": {"id": PERSON, "name": "vera", "team_id": TEAM},
        "channel": {"id": channel},
        "message": {"ts": "1700000001.000100", "thread_ts": root},
        "container": {"message_ts": "1700000001.000100", "channel_id": channel},
        "actions": [{"action_id": action, "value": value, "action_ts": "1700000002.000100"}],
        **more,
    }


def ordered(text: str, trigger: str = "1.2.x", user: str = PERSON) -> dict[str, str]:
    return {
        "command": "/frontdesk", "text": text, "team_id": TEAM, "channel_id": ROOM, "user_id": user,
        "user_name": "vera", "trigger_id": trigger, "response_url": "https://hooks.slack.com/x",
    }  # fmt: skip


async def asked(made: Inlet) -> str:
    """A question in a channel; its id."""
    ts = await made.slack.say(TEAM, ROOM, PERSON, f"<@{BOT}> hello")
    await made.slack.settled()
    return names.message_id(TEAM, ROOM, ts)


# -- buttons -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("value", "opinion"), [("+1", 1), ("-1", -1)])
async def test_an_opinion(made: Inlet, value: str, opinion: int) -> None:
    """On the message that the button's value names."""
    ident = await asked(made)
    assert (await made.dispatch(pressed("feedback", f"{value} {ident}"))).status == 200
    address = made.accepted[0].address
    assert made.published[-1] == Feedback(address=address, message_id=ident, value=opinion, sender=f"{TEAM}:{PERSON}")


@pytest.mark.parametrize("value", ["", "+1", "+2 {}", "1 {}", "+1 T0123:C0123:1.0", "+1 :", "{}", "+1 x:y:z"])
async def test_opinions_on_nothing(made: Inlet, value: str) -> None:
    """A value that is none is acknowledged and means nothing."""
    ident = await asked(made)
    assert (await made.dispatch(pressed("feedback", value.format(ident)))).status == 200
    assert [event for event in made.published if isinstance(event, Feedback)] == []


async def test_opinions_belong_to_their_channel(made: Inlet) -> None:
    """A message of another channel cannot be judged from here."""
    ident = await asked(made)
    await made.dispatch(pressed("feedback", f"+1 {ident}", channel="C0999"))
    assert [event for event in made.published if isinstance(event, Feedback)] == []


async def test_a_person_is_asked_for(made: Inlet) -> None:
    """As a message of its own in the conversation of the answer; once, however often Slack tells."""
    made.slack.fail_next("users.info", "user_not_found", times=9)  # so that the press tells the name
    ident = await asked(made)
    for _ in range(2):
        assert (await made.dispatch(pressed("human", ident))).status == 200
    message = made.accepted[-1]
    assert (message.command, message.text, message.sender) == ("human", "", f"{TEAM}:{PERSON}")
    assert message.address == made.accepted[0].address and message.name == "vera"
    assert len(made.accepted) == 2


async def test_cases_are_acted_on_at_the_desk_alone(tmp_path: Path) -> None:
    """The case has to exist, and the button has to be pressed in the desk's channel."""
    async with inlet(tmp_path, handover={"channel": "slack", "conversation": "C0DESK"}) as made:
        for payload in (
            pressed("case_take", "abc", channel="C0DESK"),
            pressed("case_take", "abc", channel=ROOM),
            pressed("case_resolve", "", channel="C0DESK"),
        ):
            assert (await made.dispatch(payload)).status == 200
        assert made.published == []


@pytest.mark.parametrize(("teams", "taken"), [((TEAM,), True), (("T0456", TEAM), False)])
async def test_the_desk_is_in_one_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, teams: tuple[str, ...], taken: bool
) -> None:
    """Where the desk's workspace is not named, there is one; of several none may act on its cases, though they share
    its channel."""
    async with inlet(tmp_path, handover={"channel": "slack", "conversation": "C0DESK"}) as made:

        async def known() -> tuple[str, ...]:
            return teams

        async def some_case(_: Any) -> bool:
            return True

        monkeypatch.setattr(made.accounts, "teams", known)
        monkeypatch.setattr(made.store, "case_at", some_case)
        assert (await made.dispatch(pressed("case_take", "abc", channel="C0DESK"))).status == 200
        assert [message.command for message in made.messages] == (["take"] if taken else [])


@pytest.mark.parametrize(
    "payload", [{"actions": []}, {"user": {}}, {"channel": {"id": "no id"}}, {"message": {"ts": "x"}}]
)
async def test_buttons_without_a_place(made: Inlet, payload: Mapping[str, Any]) -> None:
    """They are acknowledged, and mean nothing."""
    assert (await made.dispatch(pressed("human", "x") | {"container": {}} | dict(payload))).status == 200
    assert made.published == []


# -- Stop --------------------------------------------------------------------------------------------------
def stopped(root: str, streams: list[str]) -> dict[str, Any]:
    event = {"type": "agent_session_stopped", "channel": ROOM, "user": PERSON, "streaming_message_ts": streams}
    event |= {"thread_ts": root} if root else {}
    return {"type": "event_callback", "team_id": TEAM, "event": event}


async def test_stop_ends_what_the_stopped_messages_answer(made: Inlet) -> None:
    """Not the next question, which may be on its way already."""
    ident = await asked(made)
    where = names.remote(TEAM, ROOM, "1700000005.000100")
    await made.store.keep_send("slack", ident, Send(part=0, state="placed", remote=where))
    await made.dispatch(stopped("", ["1700000005.000100"]))
    assert made.stops == [Stop(address=made.accepted[0].address, message_id=ident)]


async def test_stop_without_a_message_ends_what_is_answered_there(made: Inlet) -> None:
    """It was pressed before the first word."""
    await made.dispatch(stopped("1700000000.000100", []))
    assert made.stops == [Stop(address=names.address(TEAM, ROOM, "1700000000.000100"))]
    await made.dispatch(stopped("", []))
    assert len(made.stops) == 1


# -- slash commands ----------------------------------------------------------------------------------------
async def test_a_command_is_posted_and_published_once(made: Inlet) -> None:
    """However often Slack tells of it: where it was posted is kept before it is published."""
    made.slack.team_of(TEAM).user(PERSON)
    for answer in await asyncio.gather(*(made.dispatch(ordered("ask how long?")) for _ in range(3))):
        assert answer.status == 200 and "direct messages" in answer.body
    (message,) = made.accepted
    assert len(made.slack.calls_of("chat.postMessage")) == 1
    assert (message.text, message.command, message.address.conversation) == ("how long?", "ask", DM)
    assert message.id == names.message_id(TEAM, DM, message.address.thread)


@pytest.mark.parametrize("kind", ["quote", "openai"])
async def test_help_offers_what_there_is(tmp_path: Path, kind: str) -> None:
    """Translations need a model."""
    async with inlet(
        tmp_path, engine={"kind": kind, "model": "m", "openai": {"base_url": "http://127.0.0.1:9"}}
    ) as made:
        answer = await made.dispatch(ordered("help"))
    assert ("translate" in answer.body) is (kind == "openai")
    assert all(f"/frontdesk {word}" in answer.body for word in ("summarize", "sentiment", "human"))


async def test_a_command_that_cannot_be_taken_is_said(made: Inlet) -> None:
    """Slack never repeats a command, and shows a code when it fails: better a sentence."""
    made.slack.team_of(TEAM).user(PERSON)
    for refusal in (Overloaded("full"), StorageError("gone")):
        made.refuse = refusal
        answer = await made.dispatch(ordered("ask how long?", trigger=str(refusal)))
        assert answer.status == 200 and "cannot answer at the moment" in answer.body
    made.refuse = None
    made.slack.fail_next("chat.postMessage", "internal_error")
    answer = await made.dispatch(ordered("ask how long?", trigger="again"))
    assert answer.status == 200 and "cannot answer at the moment" in answer.body
    assert made.accepted == []


async def test_a_slow_slack_does_not_outlast_the_acknowledgement(made: Inlet) -> None:
    """Slack shows an error after three seconds: what takes longer is given up, and said."""
    made.slack.team_of(TEAM).user(PERSON)
    gate = made.slack.hold_next("chat.postMessage")
    async with asyncio.timeout(3):
        answer = await made.dispatch(ordered("ask how long?"))
    gate.release()
    assert "cannot answer at the moment" in answer.body and made.accepted == []


async def test_the_askers_words_harm_nobody(made: Inlet) -> None:
    """A quoted question mentions nobody and links nowhere; a very long one is cut, and asked whole."""
    made.slack.team_of(TEAM).user(PERSON)
    await made.dispatch(ordered("ask <!channel> & <https://example.org|me>?"))
    (post,) = made.slack.calls_of("chat.postMessage")
    assert "<!" not in post.arguments["text"] and "<https" not in post.arguments["text"]
    assert "@channel &amp; me (https://example.org)?" in post.arguments["text"]
    for number, long in enumerate(("<" * 7_000, "x\n" * 3_500 + "x", "&" * 7_000)):
        await made.dispatch(ordered(f"ask {long}", trigger=f"trigger {number}"))
        assert made.accepted[-1].text == long
    assert made.slack.violations == []


@pytest.mark.parametrize(
    ("text", "says"),
    [("summarize", "Which conversation?"), ("x" * 8_001, "longer than 8000"), ("help", "/frontdesk ask")],
)
async def test_bad_usage_is_answered_at_once(made: Inlet, text: str, says: str) -> None:
    """In the acknowledgement, without a post."""
    answer = await made.dispatch(ordered(text))
    assert answer.status == 200 and says in answer.body
    assert made.accepted == [] and not made.slack.calls_of("chat.postMessage")


async def test_notices_are_in_the_persons_language(made: Inlet) -> None:
    """As Slack knows it; or in the one that is fixed."""
    made.slack.team_of(TEAM).user(PERSON, locale="de-DE")
    answer = await made.dispatch(ordered("help"))
    assert "Direktnachricht" in answer.body


async def test_who_may_not_use_it_is_told(tmp_path: Path) -> None:
    """A command is answered to whoever gives it; a picked message, too."""
    async with inlet(tmp_path, slack={"users": ["U0999"]}) as made:
        answer = await made.dispatch(ordered("ask how long?"))
        assert "not set up to answer you" in answer.body and made.published == []


# -- shortcuts ---------------------------------------------------------------------------------------------
async def test_messages_without_text_cannot_be_answered(made: Inlet) -> None:
    """It is told to whoever picked one."""
    ts = await made.slack.say(TEAM, ROOM, PERSON, "")
    _, shown = made.slack.message(ROOM, ts)
    await made.slack.shortcut("answer_this", shown, PERSON)
    await made.slack.until(lambda: made.slack.ephemerals)
    assert "no text" in made.slack.ephemerals[0].text and made.accepted == []


async def test_other_shortcuts_are_others(made: Inlet) -> None:
    """Only our own is heard."""
    ts = await made.slack.say(TEAM, ROOM, PERSON, "hello")
    _, shown = made.slack.message(ROOM, ts)
    assert (await made.slack.shortcut("archive_this", shown, PERSON)).ok
    assert made.accepted == []


async def test_what_is_picked_is_asked_by_who_picked_it(made: Inlet) -> None:
    """In its thread, under its own id: when it is told or picked again, it is known."""
    await made.slack.say(TEAM, ROOM, PERSON, "hello")
    root = await made.slack.say(TEAM, ROOM, "U0456", "how long is the warranty?")
    ts = await made.slack.say(TEAM, ROOM, "U0456", "and of batteries?", root)
    _, shown = made.slack.message(ROOM, ts)
    for _ in range(2):
        assert (await made.slack.shortcut("answer_this", shown, PERSON)).ok
    (message,) = made.accepted
    assert message.address == names.address(TEAM, ROOM, root) and message.id == names.message_id(TEAM, ROOM, ts)
    assert message.sender == f"{TEAM}:{PERSON}"
    await made.slack.until(lambda: made.slack.ephemerals)
    assert "already" in made.slack.ephemerals[0].text


# -- being made --------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("secrets", "mode", "named"),
    [
        ({}, "auto", "SLACK_BOT_TOKEN"),
        ({"SLACK_BOT_TOKEN": "xoxb-test-1"}, "auto", "SLACK_APP_TOKEN"),
        ({"SLACK_BOT_TOKEN": "xoxb-test-1"}, "http", "SLACK_SIGNING_SECRET"),
        ({"SLACK_BOT_TOKEN": "xoxb-test-1", "SLACK_APP_TOKEN": "xapp-test-1"}, "http", "SLACK_SIGNING_SECRET"),
        ({"SLACK_BOT_TOKEN": "xoxb-test-1", "SLACK_SIGNING_SECRET": "s"}, "socket", "SLACK_APP_TOKEN"),
    ],
)
async def test_what_is_missing_is_named(tmp_path: Path, secrets: dict[str, str], mode: str, named: str) -> None:
    """It refuses to start, and says which variable to set."""
    config = load(environ=secrets, overrides={"data": str(tmp_path), "slack": {"enabled": True, "mode": mode}})
    context = Context(config=config, store=SqliteStore(tmp_path), metrics=Metrics(), settings={})
    with pytest.raises(ConfigError, match=named):
        make(context)


@pytest.mark.parametrize(("app_token", "routes"), [("xapp-test-1", 0), ("", 1)])
async def test_the_way_in_follows_the_secrets(tmp_path: Path, app_token: str, routes: int) -> None:
    """Socket Mode with an app token, and then no address is open; else HTTP."""
    secrets = {"SLACK_BOT_TOKEN": "xoxb-test-1", "SLACK_SIGNING_SECRET": "s"}
    secrets |= {"SLACK_APP_TOKEN": app_token} if app_token else {}
    config = load(environ=secrets, overrides={"data": str(tmp_path), "slack": {"enabled": True}})
    adapter = make(Context(config=config, store=SqliteStore(tmp_path), metrics=Metrics(), settings={}))
    assert isinstance(adapter, SlackAdapter) and isinstance(adapter, Fetching) and isinstance(adapter, Checking)
    assert len(adapter.routes()) == routes and adapter.name == "slack"
    await adapter.close()


@pytest.mark.parametrize("secret", ["", "  "])
def test_a_blank_secret_is_refused(tmp_path: Path, secret: str) -> None:
    """With it everybody could sign."""
    secrets = {"SLACK_BOT_TOKEN": "xoxb-test-1", "SLACK_SIGNING_SECRET": secret}
    overrides = {"data": str(tmp_path), "slack": {"enabled": True, "mode": "http"}}
    with pytest.raises(ConfigError, match="SLACK_SIGNING_SECRET"):
        config = load(environ=secrets, overrides=overrides)
        make(Context(config=config, store=SqliteStore(tmp_path), metrics=Metrics(), settings={}))
