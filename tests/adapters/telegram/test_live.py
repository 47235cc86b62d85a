"""An answer while it is written: the newest text, no oftener than it has to be, and nothing once it has ended."""

from __future__ import annotations

import asyncio

import pytest

from adapters.telegram import live as module
from adapters.telegram.live import Drafts
from tests.adapters.telegram.outlet import GROUP, PERSON, final, outlet, partial


@pytest.fixture(autouse=True)
def eager(monkeypatch):
    for name in ("_DRAFT_SECONDS", "_EDIT_SECONDS", "_LATER_SECONDS"):
        monkeypatch.setattr(module, name, 0.0)
    monkeypatch.setattr(module, "_AGAIN_SECONDS", 0.001)


async def test_the_newest_text_takes_the_place_of_what_waits(tmp_path):
    """While one is on its way the others are overtaken, and nobody who sends them waits."""
    async with outlet(tmp_path) as out:
        message = await out.ask()
        gate = out.telegram.hold_next("sendMessageDraft")
        await out.send(partial(message, "One"))
        await gate.reached.wait()
        for number in range(2, 40):
            await out.send(partial(message, f"One to {number}", seq=number))
        gate.release()
        await out.telegram.until(lambda: [draft.text for draft in out.telegram.chat(PERSON).drafts] == ["One to 39"])
        assert len(out.telegram.calls_of("sendMessageDraft")) == 2


async def test_what_reads_the_same_is_not_said_again(tmp_path):
    """Also where it is a link that is still being written."""
    async with outlet(tmp_path) as out:
        message = await out.ask(chat=GROUP)
        for text in ("Look at this", "Look at this", "Look at this [page", "Look at this [page](https://shop.ex"):
            await out.send(partial(message, text))
            await out.telegram.until(lambda: out.texts(GROUP) and out.texts(GROUP) != ["Look …"])
        await out.send(partial(message, "Look at this [page](https://shop.example/a), please"))
        await out.telegram.until(lambda: out.texts(GROUP) == ["Look at this page, please"])
        assert [asked.given["text"] for asked in out.telegram.calls_of("editMessageText")] == [
            "Look at this", "Look at this page, please"
        ]  # fmt: skip


async def test_the_end_waits_for_what_is_on_its_way(tmp_path):
    """So that nothing older is written over it."""
    async with outlet(tmp_path) as out:
        message = await out.ask(chat=GROUP)
        await out.send(partial(message, "We deliver in three"))
        await out.telegram.answers(GROUP)
        gate = out.telegram.hold_next("editMessageText")
        await out.send(partial(message, "We deliver in three days"))
        await gate.reached.wait()
        ending = asyncio.create_task(out.send(final(message, "We deliver in three days.")))
        await out.send(partial(message, "Never to be seen"))
        await asyncio.sleep(0)
        assert not ending.done()
        gate.release()
        await ending
        assert out.texts(GROUP) == ["We deliver in three days."]
        assert "Never to be seen" not in out.said(GROUP)[0].texts and not out.telegram.violations


async def test_without_drafts_nothing_is_shown_before_the_end(tmp_path):
    async with outlet(tmp_path, telegram={"drafts": False}) as out:
        message = await out.ask()
        await out.send(partial(message, "We deliver"))
        await out.telegram.until(lambda: out.telegram.world.place(PERSON).actions)
        await out.send(final(message, "We deliver."))
        assert not out.telegram.calls_of("sendMessageDraft") and len(out.telegram.calls_of("sendMessage")) == 1


async def test_typing_goes_on_until_something_is_shown(tmp_path, monkeypatch):
    """And no longer."""
    monkeypatch.setattr(module, "_TYPING_SECONDS", 0.01)
    async with outlet(tmp_path) as out:
        message = await out.ask()
        await out.send(partial(message, ""))
        await out.telegram.until(lambda: len(out.telegram.calls_of("sendChatAction")) > 3)
        await out.send(partial(message, "We deliver"))
        await out.telegram.until(lambda: out.telegram.chat(PERSON).drafts)
        await out.telegram.until(lambda: all(asked.answer for asked in out.telegram.calls_of("sendChatAction")))
        told = len(out.telegram.calls_of("sendChatAction"))
        await out.send(final(message, "We deliver."))
        assert len(out.telegram.calls_of("sendChatAction")) == told


async def test_a_message_begins_when_there_is_something_to_read(tmp_path):
    """The next text may have to wait for the budgets; until then that somebody is typing says as much as dots do."""
    async with outlet(tmp_path) as out:
        message = await out.ask(chat=GROUP)
        await out.send(partial(message, "We"))
        await out.telegram.until(lambda: out.telegram.calls_of("sendChatAction"))
        assert not out.telegram.calls_of("sendMessage")
        await out.send(partial(message, "We deliver"))
        await out.telegram.answers(GROUP)
        assert out.said(GROUP)[0].texts[0] == "We …"
        await out.send(final(message, "We deliver."))
        assert out.texts(GROUP) == ["We deliver."]


async def test_no_text_waits_for_the_sign_that_somebody_is_typing(tmp_path):
    """Neither one that is being written, nor the end."""
    async with outlet(tmp_path) as out:
        message = await out.ask()
        gate = out.telegram.hold_next("sendChatAction")
        await out.send(partial(message, ""))
        await gate.reached.wait()
        await out.send(partial(message, "We deliver"))
        await out.telegram.until(lambda: out.telegram.chat(PERSON).drafts)
        await out.send(final(message, "We deliver."))
        assert out.texts() == ["We deliver."] and not out.telegram.calls_of("sendChatAction")[0].answer
        gate.release()


async def test_who_blocked_the_bot_is_shown_nothing_more(tmp_path):
    async with outlet(tmp_path) as out:
        message = await out.ask()
        out.telegram.set_bot(PERSON, "kicked", by=PERSON)
        for number in range(20):
            await out.send(partial(message, f"We deliver {number}", seq=number))
        await out.telegram.until(lambda: any(asked.answer for asked in out.telegram.calls_of("sendMessageDraft")))
        assert await out.send(final(message, "We deliver.")) == ""
        assert len(out.telegram.calls_of("sendMessageDraft")) == 1


async def test_a_placeholder_that_may_stand_there_is_not_sent_again_before_the_end(tmp_path):
    """At most one beginning is left behind by what nothing depends on."""
    async with outlet(tmp_path) as out:
        message = await out.ask(chat=GROUP)
        out.telegram.drop_next("sendMessage")
        await out.send(partial(message, "We deliver in three"))
        await out.telegram.until(lambda: out.said(GROUP))
        for number in range(10):
            await out.send(partial(message, f"We deliver in three days {number}"))
            await asyncio.sleep(0)
        await out.send(final(message, "We deliver in three days."))
        assert out.texts(GROUP) == ["We …", "We deliver in three days."]


async def test_everything_ends_with_the_sender(tmp_path):
    """However many answers were being written."""
    async with outlet(tmp_path) as out:
        before = asyncio.all_tasks()
        for number in range(5):
            message = await out.ask(chat=PERSON + number)
            await out.send(partial(message, ""))
        lives = {task for task in asyncio.all_tasks() - before if "Live" in repr(task)}
        assert len(lives) == 5
        await out.sender.close()
        assert all(task.done() for task in lives)


async def test_an_answer_that_nobody_goes_on_with_is_left_alone(tmp_path, monkeypatch):
    """Its task ends by itself, and its end is shown all the same."""
    monkeypatch.setattr(module, "_SILENCE_SECONDS", 0.05)
    async with outlet(tmp_path) as out:
        message = await out.ask()
        await out.send(partial(message, "We deliver"))
        [live] = out.sender._live.values()
        await asyncio.wait_for(live._task, 10)
        await out.send(final(message, "We deliver."))
        assert out.texts() == ["We deliver."]


def test_refused_drafts_are_remembered_for_a_while():
    """In that chat, or everywhere."""
    now = [0.0]
    drafts = Drafts(clock=lambda: now[0])
    drafts.refused(PERSON, everywhere=False)
    assert not drafts.may(PERSON) and drafts.may(PERSON + 1)
    drafts.refused(PERSON, everywhere=True)
    assert not drafts.may(PERSON + 1)
    now[0] = 3_601.0
    assert drafts.may(PERSON) and drafts.may(PERSON + 1)
    for chat in range(10_000):
        now[0] += 10
        drafts.refused(chat, everywhere=False)
    assert len(drafts._until) <= 4_096
