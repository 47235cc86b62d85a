"""Whatever dies, is lost or refused on the way: in the end each text stands there once, as it was committed."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.telegram import api as api_module
from adapters.telegram import live as live_module
from adapters.telegram.api import TelegramRefused
from adapters.telegram.markdown import render
from tests.adapters.telegram.outlet import GROUP, PERSON, Killed, final, outlet, partial
from tests.fakes.telegram.server import Budgets, Faults

TEXT = "We deliver within **three** days. " + "Some more words about it, in another sentence. " * 12 + "That is all."
LONG = "\n\n".join(f"Paragraph {number}. " + "Words and more words. " * 40 for number in range(9)).strip()
FAST = {"chat_per_second": 1e4, "group_per_minute": 1e6, "all_per_second": 1e4}


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    for name in ("_DRAFT_SECONDS", "_EDIT_SECONDS", "_LATER_SECONDS"):
        monkeypatch.setattr(live_module, name, 0.0)
    monkeypatch.setattr(live_module, "_AGAIN_SECONDS", 0.001)
    monkeypatch.setattr(api_module, "_FIRST_PAUSE", 0.001)


def pieces(text, chat):
    return [piece.text for piece in render(text, quiet=chat < 0)]


def shown(out, chat, since=0):
    """The texts that stand in a chat, and the beginnings that were left behind."""
    texts = out.texts(chat)[since:]
    left = [text for text in texts if text.endswith("…")]
    return [text for text in texts if text not in left], left


@pytest.mark.parametrize("chat", [PERSON, GROUP])
@pytest.mark.parametrize("text", [TEXT, LONG], ids=["short", "long"])
@pytest.mark.parametrize("after", [True, False], ids=["after", "before"])
@pytest.mark.parametrize("dies_at", range(1, 10))
async def test_a_process_that_dies_around_any_record_leaves_one_answer(tmp_path, dies_at, after, text, chat):
    """The next process finishes it: nothing is said twice, nothing half. Only a beginning may be left."""
    async with outlet(tmp_path, telegram={"rich": False, "rates": FAST}) as out:
        message = await out.ask(chat=chat)
        out.store.dies_at, out.store.after = dies_at, after
        try:
            await out.send(final(message, text))
        except Killed:
            await out.restart()
        await out.deliver(final(message, text))
        whole, left = shown(out, chat)
        assert whole == pieces(text, chat) and len(left) <= 1
        assert not out.telegram.violations
        again = len(out.telegram.world.calls)
        await out.restart()
        await out.deliver(final(message, text))
        assert len(out.telegram.world.calls) == again  # it is known to stand there


@pytest.mark.parametrize("chat", [PERSON, GROUP])
@pytest.mark.parametrize("method", ["sendMessageDraft", "sendMessage", "editMessageText"])
@pytest.mark.parametrize("after", [True, False], ids=["done", "not done"])
@pytest.mark.parametrize("restarts", [True, False])
async def test_an_answer_that_telegram_did_not_give_changes_nothing(tmp_path, method, after, restarts, chat):
    """The connection breaks, before or after Telegram did what it was asked for."""
    async with outlet(tmp_path) as out:
        message = await out.ask(chat=chat)
        out.telegram.drop_next(method, after=after)
        for end in (20, 60, 120):
            await out.send(partial(message, TEXT[:end]))
            await asyncio.sleep(0)
        if restarts:
            await out.restart()
        await out.deliver(final(message, TEXT))
        whole, left = shown(out, chat)
        assert whole == pieces(TEXT, chat) and len(left) <= (method == "sendMessage" and after) + restarts


async def test_an_edit_that_was_done_already_is_not_an_error(tmp_path):
    async with outlet(tmp_path) as out:
        message = await out.ask()
        out.telegram.drop_next("editMessageText", after=True)
        await out.send(final(message, TEXT))
        assert out.texts() == pieces(TEXT, PERSON) and len(out.telegram.calls_of("editMessageText")) == 2


async def test_who_is_cut_off_while_waiting_has_said_nothing(tmp_path):
    """A send that took too long is cancelled and said again: what had not begun does not stand there twice."""
    async with outlet(tmp_path) as out:
        message = await out.ask()
        gate = out.telegram.hold_next("sendMessage")
        out.api.pace.close(PERSON, 0.2)
        sending = asyncio.create_task(out.send(final(message, TEXT)))
        await asyncio.sleep(0)
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        gate.release()
        await out.deliver(final(message, TEXT))
        assert out.texts() == pieces(TEXT, PERSON)


FAULTS = st.builds(
    Faults,
    penalty=st.sampled_from((0.0, 0.0, 0.2)),
    retry_after=st.integers(1, 3),
    server_error=st.sampled_from((0.0, 0.1, 0.2)),
    drop_after=st.sampled_from((0.0, 0.2)),
    drop_before=st.sampled_from((0.0, 0.2)),
    seed=st.integers(0, 10_000),
)
"""Together at most four of five calls fail."""
SECOND = 0.01
STARTING = 3 * SECOND
"""How long a process takes to start at least: a burst, of which a new one does not know, is over by then."""
OUTAGE = 60
"""So often an end is tried while calls fail; then Telegram is well again, and the next one has to get through."""
LONGEST = 120.0
"""Seconds after which a send that has not come to its end never will."""


async def answer(out, message, text, seed):
    """As the house delivers: parts of it, and an end that is sent until it is taken."""
    chance = random.Random(seed)
    for seq in range(4):
        await out.send(partial(message, text[: chance.randint(1, len(text))], seq=seq))
        await asyncio.sleep(chance.random() * 0.01)
    await end(out, message, text)


async def end(out, message, text):
    """However long the faults last: when they are over, one more try is enough."""
    faults = out.telegram.faults
    try:
        await out.deliver(final(message, text), tries=OUTAGE)
    except TelegramRefused:
        out.telegram.faults = Faults()
        await out.send(final(message, text))
        out.telegram.faults = faults


async def outlive(out, message, text, seed):
    """Its end is shown, by this process or by the next."""
    with suppress(Killed):
        await answer(out, message, text, seed)
    if out.store.dead:
        await out.restart()
        await asyncio.sleep(STARTING)
        await end(out, message, text)


@given(
    FAULTS,
    st.lists(st.sampled_from((TEXT, LONG, "Yes.")), min_size=1, max_size=3),
    st.sampled_from((PERSON, GROUP)),
    st.integers(0, 12),
    st.booleans(),
    st.booleans(),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_whatever_goes_wrong_each_text_is_shown_once(tmp_path_factory, faults, texts, chat, dies_at, after, rich):
    """For any faults of Telegram's and a death in between: every end is taken, at the latest by the first try after the
    faults; then the chat shows it, once and whole, and no budget was exceeded."""
    folder = tmp_path_factory.mktemp("store")
    rates = {"chat_per_second": 1, "group_per_minute": 600, "all_per_second": 30}
    fake = {"second": SECOND, "budgets": Budgets(group=600)}
    async with outlet(folder, fake=fake, telegram={"rich": rich, "rates": rates}) as out:
        out.telegram.faults = faults
        expected = []
        for number, text in enumerate(texts):
            message = await out.ask(chat=chat)
            out.store.dies_at, out.store.after = dies_at, after
            async with asyncio.timeout(LONGEST):
                await outlive(out, message, text, seed=number)
            expected += [text] if rich and text is LONG else pieces(text, chat)
            whole, _ = shown(out, chat)
            assert [" ".join(one.replace("\\", "").split()) for one in whole] == [
                " ".join(one.split()) for one in expected
            ]
        assert not out.telegram.violations
        assert all(usage.share <= 1 for usage in out.telegram.usage.values())
