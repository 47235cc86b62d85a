"""An answer in Slack: streamed, cut at the limits, put right, with what belongs below it."""

from __future__ import annotations

import itertools
import re

import pytest

from adapters.slack import patience
from adapters.slack import sender as module
from adapters.slack.errors import SlackError
from adapters.split import split, utf16
from bot.events import Citation
from tests.adapters.slack.outlet import ROOM, TEAM, failed, final, outlet, partial


@pytest.fixture(autouse=True)
def eager(monkeypatch):
    """A message may change as often as it likes."""
    monkeypatch.setattr(module, "_LIVE_SECONDS", 0.0)


async def written(out, message, text, step=40, **given):
    """The answer as it grows, then its end."""
    for number, end in enumerate(range(1, len(text), step)):
        await out.send(partial(message, text[:end], seq=number, **given))
    return await out.send(final(message, text, **given))


def actions(shown):
    return [
        element["action_id"]
        for block in shown.blocks
        for element in block.get("elements", ())
        if "action_id" in element
    ]


async def test_an_answer_is_streamed_and_ends_as_it_was_committed(tmp_path):
    """Started once, appended to, stopped once, never rewritten; with feedback below, and metadata that names it."""
    async with outlet(tmp_path) as out:
        message = await out.ask()
        text = (
            "We deliver in **three** days. See [the shop](https://shop.example/a) for `codes` & more.\n\n- one\n- two"
        )
        remote = await written(out, message, text, step=7)
        [shown] = out.said(message)
        assert shown.text == text and shown.streamed and not shown.streaming
        assert remote == f"{TEAM}:{ROOM}:{shown.ts}"
        assert len(out.slack.calls_of("chat.startStream")) == len(out.slack.calls_of("chat.stopStream")) == 1
        assert len(out.slack.calls_of("chat.appendStream")) > 2
        assert not out.slack.calls_of("chat.update") and not out.slack.violations
        assert actions(shown) == ["feedback"]
        assert shown.metadata["event_payload"] == {"key": message.id, "part": 0}
        assert all(text.startswith(before) for before in shown.texts)
        assert await out.store.sent_as("slack", remote) == message.id


async def test_no_delta_ends_in_the_middle_of_a_link_or_before_a_table_is_one(tmp_path):
    """Whatever a reader saw on the way was whole."""
    async with outlet(tmp_path) as out:
        message = await out.ask()
        table = "| name | price |\n|---|---|\n| a | 1 |\n| b | 2 |"
        text = f"Look [here](https://shop.example/a_b) &amp; there.\n\n{table}\n\nThat is it."
        await written(out, message, text, step=1)
        [shown] = out.said(message)
        for seen in shown.texts:
            assert seen.count("[") == seen.count("]") == seen.count("(") == seen.count(")")
            assert not seen.endswith(("&", "&a", "&am", "&amp"))
            assert "|" not in seen or "|---|---|" in seen


async def test_citations_become_links_and_are_named_at_the_end(tmp_path):
    """A source with an address is linked; one without is a line of text."""
    async with outlet(tmp_path) as out:
        message = await out.ask()
        sources = (
            Citation(number=1, title="Delivery", location="delivery.md", url="https://shop.example/delivery"),
            Citation(number=2, title="In [house]", location="house.md"),
        )
        await written(out, message, "Three days [1]. Or four [2].", step=3, citations=sources)
        [shown] = out.said(message)
        assert shown.text == (
            "Three days [[1]](https://shop.example/delivery). Or four [2].\n\n"
            "Sources: [1. Delivery](https://shop.example/delivery) · 2. In \\[house\\]"
        )
        assert not out.slack.calls_of("chat.update")


async def test_a_model_cannot_call_people(tmp_path):
    """Neither while it is streamed nor in the end does anything stand there that Slack takes for a mention."""
    async with outlet(tmp_path) as out:
        message = await out.ask()
        text = "<!channel> <!here|now> <@U0123> <#C0123> <!subteam^S1> @here @channel `<!everyone>`"
        text += "\n\n```\n<@U0123> @here\n```"
        await written(out, message, text, step=1)
        [shown] = out.said(message)
        for seen in shown.texts:
            assert not re.search(r"<[@#][A-Z]|<!(?:channel|here|everyone|subteam)|@(?:here|channel)", seen)
        assert "&lt;!channel>" in shown.text
        assert all("<!" not in str(asked.arguments) for asked in out.slack.calls_of("chat.stopStream"))


@pytest.mark.parametrize("live", [True, False])
async def test_a_long_answer_is_several_messages(tmp_path, live):
    """Each within 12,000 characters, code opened again, one after the other, buttons on the last alone."""
    async with outlet(tmp_path) as out:
        message = await out.ask()
        code = "```python\n" + "\n".join(f"line_{n} = {n} * 2" for n in range(1_200)) + "\n```"
        text = "\n\n".join(f"Paragraph {n}. " + "Words and words. " * 30 for n in range(30)) + f"\n\n{code}\n\nThe end."
        await (written(out, message, text, step=900) if live else out.send(final(message, text)))
        shown = out.said(message)
        assert [one.text for one in shown] == [piece.shown for piece in split(text, 12_000, utf16)]
        assert len(shown) > 3 and not any(one.streaming for one in shown)
        assert [actions(one) for one in shown] == [[]] * (len(shown) - 1) + [["feedback"]]
        assert not out.slack.violations


@pytest.mark.parametrize(
    "error", ["unknown_method", "not_allowed_token_type", "missing_recipient_user_id", "user_not_found"]
)
async def test_where_streaming_is_refused_a_message_is_posted_and_edited(tmp_path, error):
    """And the workspace is remembered, so that the next answer does not ask again, unless it was about this person."""
    async with outlet(tmp_path) as out:
        message = await out.ask()
        out.slack.fail_next("chat.startStream", error)
        text = "One sentence. Another sentence. " * 6
        await written(out, message, text.strip())
        [shown] = out.said(message)
        assert shown.text == text.strip() and shown.updates > 2 and actions(shown) == ["feedback"]
        other = await out.ask("again")
        await written(out, other, text.strip())
        streamed = {"missing_recipient_user_id", "user_not_found"}
        assert out.said(other)[0].streamed == (error in streamed)


async def test_without_streaming_the_answer_is_posted_whole(tmp_path):
    async with outlet(tmp_path, slack={"streaming": False}) as out:
        message = await out.ask()
        await written(out, message, "An answer that was written slowly.", step=3)
        [shown] = out.said(message)
        assert shown.texts == ["An answer that was written slowly."]
        assert {asked.method for asked in out.slack.world.calls} == {
            "agents.sessions.setStatus", "auth.test", "chat.postMessage",
        }  # fmt: skip


@pytest.mark.parametrize(
    "error", ["message_not_in_streaming_state", "stopped_by_user", "message_not_found", "internal_error"]
)
@pytest.mark.parametrize("method", ["chat.appendStream", "chat.stopStream"])
async def test_when_slack_ends_the_stream_the_whole_text_stands_there_all_the_same(tmp_path, error, method):
    """On the same message, or on another when that one is gone; and only once."""
    async with outlet(tmp_path) as out:
        message = await out.ask()
        text = "A text of some length that is written word by word. " * 8
        out.slack.fail_next(method, error)
        for end in range(30, 300, 30):
            await _tolerant(out.send(partial(message, text[:end])))
        await out.deliver(final(message, text.strip()))
        assert [one.text for one in out.said(message) if not one.streaming] == [text.strip()]
        assert actions(out.said(message)[-1]) == ["feedback"]


async def _tolerant(sending):
    """A partial reply may fail: the next says it again."""
    try:
        await sending
    except Exception:
        return


async def test_streams_that_end_before_every_call_change_nothing_in_the_end(tmp_path):
    async with outlet(tmp_path) as out:
        out.slack.faults = type(out.slack.faults)(expire_streams=1.0)
        text = "A text of some length that is written word by word. " * 8
        for _ in range(3):
            message = await out.ask()
            await written(out, message, text.strip())
            assert out.texts(message) == [text.strip()]


async def test_a_new_attempt_puts_right_what_the_first_one_wrote(tmp_path):
    """What is shown is no beginning of the new text: the same message shows the new one."""
    async with outlet(tmp_path) as out:
        message = await out.ask()
        await out.send(partial(message, "The first attempt thought so."))
        for end in (4, 12, 27):
            await out.send(partial(message, "The second one knew better."[:end], attempt=2))
        assert out.texts(message) == ["The second one knew better."]
        await out.send(final(message, "The second one knew better. Surely."))
        assert out.texts(message) == ["The second one knew better. Surely."]


async def test_an_edited_question_is_answered_where_the_old_answer_stands(tmp_path):
    """The longer old answer's other messages go; the old end, when it comes late, takes nothing back."""
    async with outlet(tmp_path) as out:
        message = await out.ask()
        long = "\n\n".join("Words and words. " * 40 for _ in range(30))
        await out.send(final(message, long))
        first, second = out.said(message)
        edited = type(message)(**{**_fields(message), "id": f"{message.id}:1700000009.000100", "replaces": message.id})
        await out.store.accept(edited)
        await out.send(partial(edited, "A short"))
        await out.send(final(edited, "A short answer."))
        assert [(one.ts, one.text) for one in out.said(message)] == [(first.ts, "A short answer.")]
        assert second.deleted
        await out.send(final(message, "", reason="replaced"))
        await out.send(final(message, "The old one."))
        assert out.texts(message) == ["A short answer."]


def _fields(message):
    return {name: getattr(message, name) for name in type(message).__dataclass_fields__}


@pytest.mark.parametrize("reason", ["replaced", "withdrawn", "human", "merged"])
async def test_an_empty_end_takes_away_what_was_shown(tmp_path, reason):
    async with outlet(tmp_path) as out:
        message = await out.ask()
        await out.send(partial(message, "Something that"))
        assert await out.send(final(message, "", reason=reason)) == ""
        assert out.said(message) == []
        assert out.slack.statuses[-1]["status"] == ""
        assert await out.send(final(message, "", reason=reason)) == ""


async def test_an_end_is_shown_once_however_often_it_is_sent(tmp_path):
    """The second time nothing is asked of Slack at all, in the same process or in another."""
    async with outlet(tmp_path) as out:
        message = await out.ask()
        remote = await out.send(final(message, "Once."))
        calls = len(out.slack.world.calls)
        assert await out.send(final(message, "Once.")) == remote
        await out.restart()
        assert await out.send(final(message, "Once.")) == remote
        assert out.texts(message) == ["Once."]
        assert [asked.method for asked in itertools.islice(out.slack.world.calls, calls, None)] == ["auth.test"]


async def test_a_failure_is_told_and_offers_a_person(tmp_path):
    desk = {"channel": "slack", "conversation": "C0DESK"}
    async with outlet(tmp_path, handover=desk) as out:
        message = await out.ask()
        await out.send(partial(message, "It was going so"))
        await out.send(failed(message, "I am sorry, something went wrong."))
        [shown] = out.said(message)
        assert shown.text == "I am sorry, something went wrong." and actions(shown) == ["human"]
        other = await out.ask()
        await out.send(final(other, "An answer."))
        assert actions(out.said(other)[0]) == ["feedback", "human"]


async def test_nobody_is_asked_what_they_think_of_a_courtesy(tmp_path):
    """Below "You are welcome!" there is the way to a person, and no thumb."""
    async with outlet(tmp_path, handover={"channel": "slack", "conversation": "C0DESK"}) as out:
        message = await out.ask()
        await out.send(final(message, "You are welcome!", reason="remark"))
        assert actions(out.said(message)[0]) == ["human"]


async def test_buttons_that_slack_refuses_are_left_out(tmp_path):
    """The answer matters more than its buttons."""
    async with outlet(tmp_path) as out:
        message = await out.ask()
        out.slack.fail_next("chat.postMessage", "invalid_blocks")
        await out.send(final(message, "An answer."))
        assert out.texts(message) == ["An answer."]
        out.slack.fail_next("chat.stopStream", "invalid_blocks")
        other = await out.ask()
        await written(out, other, "Another answer, in words.", step=5)
        assert out.texts(other) == ["Another answer, in words."]


async def test_what_slack_finds_too_long_is_cut_smaller(tmp_path):
    async with outlet(tmp_path) as out:
        message = await out.ask()
        text = "\n\n".join("Words and words. " * 20 for _ in range(20)).strip()
        out.slack.fail_next("chat.postMessage", "msg_too_long")
        await out.send(final(message, text))
        assert out.texts(message) == [piece.shown for piece in split(text, 6_000, utf16)]


@pytest.mark.parametrize(
    "error", ["channel_not_found", "is_archived", "not_in_channel", "account_inactive", "token_revoked"]
)
async def test_what_slack_will_never_take_is_given_up(tmp_path, error):
    """Delivery ends, so that nothing is tried for ever."""
    async with outlet(tmp_path) as out:
        message = await out.ask()
        out.slack.fail_next("chat.postMessage", error, times=2)
        assert await out.send(final(message, "An answer.")) == ""
        assert out.said(message) == []


async def test_in_direct_messages_it_streams_too(tmp_path):
    async with outlet(tmp_path) as out:
        message = await out.ask(channel="D0123")
        await written(out, message, "An answer that grows.", step=4)
        assert out.texts(message) == ["An answer that grows."] and out.said(message)[0].streamed


async def test_what_slack_goes_on_refusing_is_given_up_after_a_while(tmp_path):
    """By a word that nobody knows: what comes after it in its conversation must not wait for ever. It is no outage,
    and what Slack takes in between is believed anew."""
    now = 1_000.0
    async with outlet(tmp_path) as out:
        out.sender._patience = patience.Patience(clock=lambda: now)
        message, outage = await out.ask(), await out.ask()
        for later in (0.0, patience.SECONDS):
            now += later
            out.slack.fail_next("chat.postMessage", "cannot_reply_to_message")
            with pytest.raises(SlackError):
                await out.send(final(message, "yes"))
        now += 1
        out.slack.fail_next("chat.postMessage", "cannot_reply_to_message")
        assert await out.send(final(message, "yes")) == "" and not out.said(message)
        for later in (0.0, patience.SECONDS + 1):
            now += later
            out.slack.fail_next("chat.postMessage", "internal_error", status=503)
            with pytest.raises(SlackError):
                await out.send(final(outage, "yes"))
        await out.send(final(outage, "yes"))
        assert out.texts(outage) == ["yes"]
