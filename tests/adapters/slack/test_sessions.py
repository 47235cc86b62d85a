"""The session of a thread: "processing" while an answer is made, and never longer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapters.slack import sender as module
from tests.adapters.slack.outlet import final, outlet, partial


@pytest.fixture(autouse=True)
def eager(monkeypatch):
    """A message may change as often as it likes."""
    monkeypatch.setattr(module, "_LIVE_SECONDS", 0.0)


def session(out, message):
    return out.slack.world.sessions.get((message.address.conversation, message.address.thread))


async def test_slack_shows_work_and_its_stop_button_until_a_stream_ends(tmp_path):
    """The call that ends the stream ends the session: one call less."""
    async with outlet(tmp_path) as out:
        message = await out.ask()
        await out.send(partial(message, ""))
        assert session(out, message) == "processing"
        await out.send(partial(message, "The answer is written.\n\nSlowly.", seq=1))
        assert session(out, message) == "processing"
        await out.send(final(message, "The answer is written.\n\nSlowly."))
        assert session(out, message) == "active"
        assert len(out.slack.calls_of("agents.sessions.setStatus")) == 1
        assert not out.slack.violations


@pytest.mark.parametrize("text", ["Whole.", ""])
async def test_an_answer_that_comes_whole_or_not_at_all_ends_its_session(tmp_path, text):
    """There is no stream whose end could say it."""
    async with outlet(tmp_path, slack={"streaming": False}) as out:
        message = await out.ask()
        await out.send(partial(message, ""))
        await out.send(final(message, text, reason="stop" if text else "withdrawn"))
        assert session(out, message) == "active"


async def test_a_stop_in_slack_leaves_no_session_behind(tmp_path):
    """Slack ends the stream itself, and leaves the session to us."""
    async with outlet(tmp_path) as out:
        message = await out.ask()
        await out.send(partial(message, ""))
        await out.send(partial(message, "So far\n\nand on", seq=1))
        await out.slack.stop(message.address.conversation, message.address.thread, "U0123")
        await out.send(final(message, "So far\n\nand on", reason="cancelled"))
        assert session(out, message) == "active"
        assert out.texts(message) == ["So far\n\nand on"]


async def test_what_a_process_began_that_died_is_ended_by_the_next(tmp_path):
    """A later attempt at the same answer ends the session, whoever began it."""
    async with outlet(tmp_path) as out:
        message = await out.ask()
        await out.send(partial(message, ""))
        await out.restart()
        assert session(out, message) == "processing"
        await out.send(replace(final(message, "Done."), attempt=2))
        assert session(out, message) == "active"


async def test_an_app_that_is_no_agent_asks_once(tmp_path):
    """Slack refuses, the answer comes as ever, and nobody asks again at every message."""
    async with outlet(tmp_path) as out:
        out.slack.fail_next("agents.sessions.setStatus", "not_allowed_token_type")
        for text in ("One.", "Two."):
            message = await out.ask()
            await out.send(partial(message, ""))
            await out.send(final(message, text))
            assert out.texts(message) == [text]
        assert len(out.slack.calls_of("agents.sessions.setStatus")) == 1
