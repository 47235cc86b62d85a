"""Telegram forgets a draft half a minute after it was last said; a person who waits is to see it all the time."""

from __future__ import annotations

import asyncio
import time
from functools import partial as given

import pytest

from adapters.telegram import api, sender
from adapters.telegram.live import Live
from adapters.telegram.pace import Pace
from tests.adapters.telegram.outlet import PERSON, final, outlet, partial

FORGETS = 30


class Hands:
    """The clock of the event loop, of what is tested and of Telegram: time that passes by itself, and time that is let
    pass."""

    def __init__(self) -> None:
        self._passed = 0.0

    def now(self) -> float:
        return time.monotonic() + self._passed

    async def passes(self, seconds: float) -> None:
        """So much later everything that was to happen by then has begun."""
        self._passed += seconds
        for _ in range(5):
            await asyncio.sleep(0)


@pytest.fixture
async def hands(monkeypatch):
    """Timers of the loop follow it too: what waits for half a minute waits until that was let pass."""
    hands = Hands()
    monkeypatch.setattr(asyncio.get_running_loop(), "time", hands.now)
    monkeypatch.setattr(sender, "Live", given(Live, clock=hands.now))
    monkeypatch.setattr(api, "Pace", given(Pace, clock=hands.now))
    return hands


async def test_a_draft_stands_as_long_as_its_answer_is_thought_about(tmp_path, hands):
    """Five minutes without a word: it is never gone, and said again no oftener than that takes."""
    async with outlet(tmp_path, fake={"monotonic": hands.now}) as out:
        message = await out.ask()
        await out.send(partial(message, "One moment."))
        await out.telegram.until(lambda: out.telegram.chat(PERSON).drafts)
        [draft] = out.telegram.chat(PERSON).drafts
        for _ in range(300):
            await hands.passes(1)
            await out.telegram.until(lambda: all(asked.answer for asked in out.telegram.world.calls))
            assert out.telegram.chat(PERSON).drafts == [draft]
        said = out.telegram.calls_of("sendMessageDraft")
        assert 300 / FORGETS < len(said) <= 300 / (FORGETS / 2)
        assert {asked.given["draft_id"] for asked in said} == {draft.id} and draft.text == "One moment."
        await out.send(final(message, "One moment. Here."))
        assert out.texts() == ["One moment. Here."] and not out.telegram.chat(PERSON).drafts
        await hands.passes(2 * FORGETS)
        assert len(out.telegram.calls_of("sendMessageDraft")) == len(said)  # what has ended is not drafted again


async def test_a_draft_outlasts_a_while_in_which_the_chat_is_closed(tmp_path, hands):
    """Ten seconds of 429 just when it is to be said again leave enough of the half minute."""
    async with outlet(tmp_path, fake={"monotonic": hands.now}) as out:
        message = await out.ask()
        await out.send(partial(message, "One moment."))
        await out.telegram.until(lambda: out.telegram.chat(PERSON).drafts)
        await hands.passes(17)
        out.telegram.penalise(PERSON, 10)
        out.api.pace.close(PERSON, 10)
        for _ in range(60):
            await hands.passes(1)
            await out.telegram.until(lambda: all(asked.answer for asked in out.telegram.world.calls))
            assert out.telegram.chat(PERSON).drafts
        assert not out.telegram.violations


async def test_what_nobody_says_again_is_forgotten(tmp_path, hands):
    """So that the tests above would see it."""
    async with outlet(tmp_path, fake={"monotonic": hands.now}) as out:
        await out.ask()
        await out.api.call("sendMessageDraft", chat=PERSON, draft_id=1, text="One moment.")
        await hands.passes(FORGETS - 1)
        assert out.telegram.chat(PERSON).drafts
        await hands.passes(1)
        assert not out.telegram.chat(PERSON).drafts
