"""Whatever dies, is lost or refused on the way: in the end each text stands there once, as it was committed."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.slack import api as api_module
from adapters.slack import sender as module
from adapters.split import split, utf16
from tests.adapters.slack.outlet import Killed, final, outlet, partial
from tests.fakes.slack.server import Faults

TEXT = (
    "We deliver within **three** days [1]. " + "Some more words about it, in another sentence. " * 12 + "That is all."
)
LONG = "\n\n".join(f"Paragraph {number}. " + "Words and more words. " * 40 for number in range(30)).strip()


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    monkeypatch.setattr(module, "_LIVE_SECONDS", 0.0)
    monkeypatch.setattr(api_module, "_FIRST_PAUSE", 0.001)


def pieces(text):
    return [piece.shown for piece in split(text, 12_000, utf16)]


async def answer(out, message, text, seed=1):
    """As the house delivers: parts that may fail, and an end that is sent until it is taken."""
    chance = random.Random(seed)
    for seq in range(4):
        end = chance.randint(1, len(text))
        try:
            await out.send(partial(message, text[:end], seq=seq))
        except Exception as error:
            out.last = error
    return await out.deliver(final(message, text))


@pytest.mark.parametrize("text", [TEXT, LONG], ids=["short", "long"])
@pytest.mark.parametrize("live", [True, False], ids=["streamed", "posted"])
@pytest.mark.parametrize("after", [True, False], ids=["after", "before"])
@pytest.mark.parametrize("dies_at", range(1, 9))
async def test_a_process_that_dies_around_any_record_leaves_one_answer(tmp_path, dies_at, after, live, text):
    """The next process knows, or finds out, what stands there: nothing is said twice, nothing half."""
    async with outlet(tmp_path) as out:
        message = await out.ask()
        out.store.dies_at, out.store.after = dies_at, after
        try:
            for end in (20, 200, 400) if live else ():
                await out.send(partial(message, text[:end]))
            await out.send(final(message, text))
        except Killed:
            await out.restart()
        await out.deliver(final(message, text))
        assert out.texts(message) == pieces(text)
        assert not any(shown.streaming for shown in out.said(message))
        assert not out.slack.violations


@pytest.mark.parametrize(
    "method", ["chat.startStream", "chat.appendStream", "chat.stopStream", "chat.postMessage", "chat.update"]
)
@pytest.mark.parametrize("after", [True, False], ids=["done", "not done"])
@pytest.mark.parametrize("restarts", [True, False])
async def test_an_answer_that_slack_did_not_give_is_found_out(tmp_path, method, after, restarts):
    """The connection breaks, before or after Slack did what it was asked for."""
    async with outlet(tmp_path) as out:
        message = await out.ask()
        if method in ("chat.postMessage", "chat.update"):
            out.slack.fail_next("chat.startStream", "unknown_method")
        out.slack.drop_next(method, after=after)
        for end in (20, 60, 120, 200):
            try:
                await out.send(partial(message, TEXT[:end]))
            except Exception as error:
                out.last = error
                if restarts:
                    await out.restart()
        await out.deliver(final(message, TEXT))
        assert out.texts(message) == [TEXT]
        assert not out.said(message)[0].streaming


TEXTS = {"short": TEXT, "long": LONG, "a word": "Yes."}
FAULTS = st.builds(
    Faults,
    rate_limit=st.sampled_from((0.0, 0.0, 0.1)),
    retry_after=st.just(0),
    server_error=st.sampled_from((0.0, 0.1, 0.3)),
    drop_after=st.sampled_from((0.0, 0.15)),
    drop_before=st.sampled_from((0.0, 0.15)),
    expire_streams=st.sampled_from((0.0, 0.3, 1.0)),
    seed=st.integers(0, 10_000),
)


@given(
    FAULTS,
    st.lists(st.sampled_from(sorted(TEXTS)), min_size=1, max_size=3),
    st.integers(0, 12),
    st.booleans(),
    st.booleans(),
)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_whatever_goes_wrong_each_text_is_shown_once(tmp_path_factory, faults, texts, dies_at, after, streaming):
    """For any faults of Slack's and a death in between: when the end was taken, the thread shows it, once and whole."""
    folder = tmp_path_factory.mktemp("store")
    async with outlet(folder, slack={"streaming": streaming}) as out:
        out.slack.faults = faults
        for number, text in enumerate(TEXTS[name] for name in texts):
            message = await out.ask()
            out.store.dies_at, out.store.after = dies_at, after
            try:
                await answer(out, message, text, seed=number)
            except Killed:
                await out.restart()
                await out.deliver(final(message, text))
            assert [len(one) for one in out.texts(message)] == [len(one) for one in pieces(text)]
            assert out.texts(message) == pieces(text)
            assert not any(shown.streaming for shown in out.said(message))
        assert not [told for told in out.slack.violations if "429" not in told and "Retry-After" not in told]
