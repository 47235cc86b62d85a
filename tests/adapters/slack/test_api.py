"""Calls of Slack's Web API: in their turn, repeated only where that is harmless, and silent about secrets and texts."""

from __future__ import annotations

import asyncio
import logging

import pytest
from aiohttp import web

from adapters.slack import api as module
from adapters.slack.api import Busy, SlackError
from tests.adapters.slack.outlet import PERSON, ROOM, TEAM, final, outlet, partial
from tests.fakes.slack.rates import Rates

SECRET_TEXT = "the visitor's own words"


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    monkeypatch.setattr(module, "_FIRST_PAUSE", 0.001)


def post(out, **more):
    return out.api.call(TEAM, "chat.postMessage", channel=ROOM, text=SECRET_TEXT, **more)


async def _closed(out):
    """The 429 has come."""
    while out.api.pace.free(TEAM, "chat.postMessage", "C0999"):
        await asyncio.sleep(0)


@pytest.mark.parametrize("after", [True, False])
@pytest.mark.parametrize("status", [0, 503])
async def test_posting_is_never_repeated(tmp_path, after, status):
    """When its answer is lost it may have been done: that is the caller's to find out."""
    async with outlet(tmp_path) as out:
        await out.ask()
        if status:
            out.slack.fail_next("chat.postMessage", "internal_error", status=status, after=after)
        else:
            out.slack.drop_next("chat.postMessage", after=after)
        with pytest.raises(SlackError) as caught:
            await post(out)
        assert caught.value.ambiguous and not caught.value.permanent
        assert len(out.slack.calls_of("chat.postMessage")) == 1


async def test_what_is_the_same_when_done_twice_is_repeated(tmp_path):
    async with outlet(tmp_path) as out:
        await out.ask()
        ts = (await post(out))["ts"]
        out.slack.drop_next("chat.update")
        out.slack.fail_next("chat.update", "fatal_error")
        await out.api.call(TEAM, "chat.update", channel=ROOM, ts=ts, text="new")
        assert len(out.slack.calls_of("chat.update")) == 3


async def test_a_429_is_obeyed_by_that_method_alone(tmp_path):
    """What is asked meanwhile waits with it, or is refused at once when it is live; other methods go on."""
    async with outlet(tmp_path) as out:
        await out.ask()
        out.slack.fail_next("chat.postMessage", "ratelimited", retry_after=1)
        waiting = asyncio.create_task(post(out))
        await _closed(out)
        with pytest.raises(Busy):
            await post(out, live=True)
        await out.api.call(TEAM, "users.info", user=PERSON)
        assert not waiting.done()
        assert (await waiting)["ok"]
        assert not out.slack.violations


async def test_the_budgets_are_those_of_the_tiers(tmp_path):
    """As a strict server counts them, with many conversations at once: never above, and no call refused."""
    rates = {"start_per_minute": 20, "append_per_minute": 100, "update_per_minute": 50, "post_per_second": 1}
    async with outlet(tmp_path, minute=1.5, fake={"rates": Rates()}, slack={"rates": rates}) as out:
        messages = [await out.ask(f"question {number}", channel=f"C0{number % 4}") for number in range(32)]

        async def converse(message):
            for end in range(5, 60, 5):
                await out.send(partial(message, "Word after word after word, until it is all said."[:end]))
            await out.send(final(message, "Word after word after word, until it is all said."))

        await asyncio.gather(*map(converse, messages))
        assert [out.texts(message) for message in messages] == [
            ["Word after word after word, until it is all said."]
        ] * 32
        assert not out.slack.violations
        assert all(usage.share <= 1 and not usage.refused for usage in out.slack.usage.values())


async def test_a_token_that_is_refused_is_asked_for_again_once(tmp_path):
    """It may have been changed a moment ago; when it was not, the refusal stands."""
    async with outlet(tmp_path) as out:
        await out.ask()
        out.slack.fail_next("chat.postMessage", "token_expired")
        assert (await post(out))["ok"]
        out.slack.fail_next("chat.postMessage", "token_expired", times=2)
        with pytest.raises(SlackError) as caught:
            await post(out)
        assert caught.value.permanent


async def test_nothing_is_said_of_tokens_and_texts(tmp_path, caplog):
    """Neither by errors, nor by what the SDK would log."""
    caplog.set_level(logging.DEBUG)
    async with outlet(tmp_path) as out:
        await out.ask()
        for error in ("invalid_blocks", "internal_error"):
            out.slack.fail_next("chat.postMessage", error)
            with pytest.raises(SlackError) as caught:
                await post(out)
            assert caught.value.__suppress_context__ or caught.value.__context__ is None
            assert SECRET_TEXT not in str(caught.value) and "xoxb" not in str(caught.value)
        await post(out)
    assert SECRET_TEXT not in caplog.text and "xoxb-test-1" not in caplog.text


async def test_what_is_kept_before_a_call_is_kept_when_its_turn_has_come(tmp_path):
    """Once, however often the call has to be asked again, and not at all for a call that is not made."""
    async with outlet(tmp_path) as out:
        await out.ask()
        kept = []

        async def keep():
            kept.append(len(out.slack.calls_of("chat.postMessage")))

        out.slack.fail_next("chat.postMessage", "ratelimited", retry_after=1)
        waiting = asyncio.create_task(post(out, before=keep))
        await _closed(out)
        with pytest.raises(Busy):
            await post(out, live=True, before=keep)
        await waiting
        assert kept == [0]


async def test_files_are_fetched_with_the_token_from_slack_alone(tmp_path):
    """Up to the limit; a page to log in is no file; and no other host ever sees the token."""
    async with outlet(tmp_path) as out:
        seen = []

        async def elsewhere(request):
            seen.append(request.headers.get("Authorization"))
            return web.Response(body=b"x")

        runner = await _serving(elsewhere)
        other = f"http://127.0.0.1:{runner.addresses[0][1]}/files"
        held = out.slack.attach(TEAM, "notes.txt", b"hello " * 100, "text/plain")
        assert await out.api.download(TEAM, held.url, 1_000) == b"hello " * 100
        for url, limit, error in (
            (held.url, 100, "file_too_large"),
            (held.url.replace(held.id, "F0NONE"), 100, "file_not_found"),
            (other, 100, "file_not_readable"),
            ("https://slack.com.evil.example/x", 100, "file_not_readable"),
            ("file:///etc/passwd", 100, "file_not_readable"),
        ):
            with pytest.raises(SlackError) as caught:
                await out.api.download(TEAM, url, limit)
            assert caught.value.error == error
        assert seen == []
        await runner.cleanup()


async def test_a_redirect_takes_the_token_nowhere_else(tmp_path):
    """Slack may send us on, to itself: whoever it sends us to otherwise is not even asked, and no circle is walked."""
    async with outlet(tmp_path) as out:
        seen, places = [], {}

        async def answered(request):
            seen.append((request.url.port, request.path, request.headers.get("Authorization", "")))
            if request.path in places:
                raise web.HTTPFound(places[request.path])
            return web.Response(body=b"bytes")

        runners = [await _serving(answered) for _ in range(2)]
        ours, others = (runner.addresses[0][1] for runner in runners)
        out.api._config = out.config.slack.model_copy(update={"base_url": f"http://127.0.0.1:{ours}/api/"})
        places |= {"/on": "/file", "/away": f"http://127.0.0.1:{others}/file", "/round": "/round"}
        assert await out.api.download(TEAM, f"http://127.0.0.1:{ours}/on", 100) == b"bytes"
        for way in ("away", "round"):
            with pytest.raises(SlackError, match="file_not_readable"):
                await out.api.download(TEAM, f"http://127.0.0.1:{ours}/{way}", 100)
        assert {port for port, *_ in seen} == {ours} and len(seen) < 8
        for runner in runners:
            await runner.cleanup()


async def _serving(handle):
    app = web.Application()
    app.router.add_get("/{tail:.*}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner
