"""Cases that nobody closes: after a while without a word they go back to the bot, over a real store and desk."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from bot.errors import CaseConflict
from bot.events import Address, Post
from bot.handover import return_idle
from bot.phrases import said
from tests.fakes.desk import config
from tests.fakes.handed_over import VISITOR, Handed, handed_over

HOUR = 3_600
RETURNED = f"({said('case_returned', 'en')})"
LAPSED = f"({said('case_lapsed', 'en', hours='72')})"


async def later(at: Handed, hours: float) -> int:
    """What the periodic task does when it is `hours` later; how much went out."""
    posted = await return_idle(at.store, at.config, time.time() + hours * HOUR)
    for outgoing in posted:
        await at.desk.delivery.end(outgoing)
    await at.settled()
    return len(posted)


@pytest.mark.parametrize("takes", [True, False])
async def test_both_sides_are_told_and_the_bot_answers_again(tmp_path: Path, takes: bool) -> None:
    """Whether somebody has it or it still waits. What is said at the desk then goes to nobody, and that is said."""
    async with handed_over(tmp_path) as at:
        case = await at.opens()
        if takes:
            await at.takes(case)
        assert await later(at, 71) == 0
        assert await later(at, 73) == 3
        assert at.visitor_sees()[-1] == RETURNED
        shown = at.desk_sees(case)[-2:]
        assert shown == [LAPSED, "[returned Ana]" if takes else "[returned]"]
        await at.answered("Are you there?")
        assert (await at.desk_says(case, "Hello?")).text == said("case_closed", "en")
        assert await later(at, 999) == 0
        again = await at.opens()
        assert again.id != case.id


async def test_a_word_of_either_side_keeps_it(tmp_path: Path) -> None:
    """Also one that nobody else is shown, and one that was said while it was being decided."""
    async with handed_over(tmp_path) as at:
        case = await at.opens()
        await at.takes(case)
        store: Any = at.store
        lapse = store.lapse

        async def crossed(*given: Any, **more: Any) -> Any:
            store._clock = lambda: time.time() + 80 * HOUR
            await at.desk_says(case, "I am still on it", by="T0123:ben")
            return await lapse(*given, **more)

        store.lapse = crossed
        assert await later(at, 79) == 0
        assert await at.now(case) == await at.store.case(VISITOR)
        store.lapse = lapse
        assert await later(at, 151) == 0
        assert await later(at, 153) == 3


async def test_nothing_is_half_done_when_the_process_dies(tmp_path: Path) -> None:
    """What was committed and not sent is sent by the next process, once."""
    async with handed_over(tmp_path) as at:
        case = await at.opens()
        assert len(await return_idle(at.store, at.config, time.time() + 73 * HOUR)) == 3
        at.channel.shown.clear()
        at.support.shown.clear()
        await at.close()
        await at.open()
        await at.settled()
        assert (at.visitor_sees(), at.desk_sees(case)) == ([RETURNED], [LAPSED, "[returned]"])
        assert await later(at, 73) == 0


async def test_who_leaves_no_trace_holds_up_nobody(tmp_path: Path) -> None:
    """A case that changes just then is left alone, and the next one is given back all the same."""
    async with handed_over(tmp_path) as at:
        other = Address(channel="test", conversation="other")
        first, second = await at.opens(), await at.opens(at=other)
        store: Any = at.store
        lapse = store.lapse

        async def refused(seen: Any, *given: Any, **more: Any) -> Any:
            if seen.id == first.id:
                raise CaseConflict("It has changed.")
            return await lapse(seen, *given, **more)

        store.lapse = refused
        assert await later(at, 73) == 3
        assert (await at.now(first)).state == "waiting" and (await at.now(second)).state == "returned"


async def test_the_desk_looks_for_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By itself, with a task of its own that ends with it."""
    monkeypatch.setattr("bot.desk._IDLE_SECONDS", 0.01)
    desk = {"channel": "support", "account": "T0123", "conversation": "C0123", "idle_hours": 1e-7}
    at = Handed(tmp_path, config(handover=desk))
    await at.open()
    try:
        await at.says("I want to talk to a human")
        async with asyncio.timeout(30):
            told = await at.channel.post(VISITOR)
            assert isinstance(told, Post) and told.text == said("case_returned", "en")
            await at.support.post(told.case.desk, 3)
        assert await at.store.case(VISITOR) is None
    finally:
        await at.close()


async def test_a_desk_that_waits_for_ever_looks_for_none(tmp_path: Path) -> None:
    """`idle_hours = 0`."""
    desk = {"channel": "support", "account": "T0123", "conversation": "C0123", "idle_hours": 0}
    at = Handed(tmp_path, config(handover=desk))
    await at.open()
    try:
        assert "idle cases" not in {task.get_name() for task in asyncio.all_tasks()}
    finally:
        await at.close()
