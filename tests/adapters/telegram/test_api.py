"""Calls of the Bot API: in their turn, again when that is harmless, and the token never in what anybody reads."""

from __future__ import annotations

import asyncio
import logging
import traceback
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from telegram.error import RetryAfter

from adapters.telegram import api as module
from adapters.telegram.api import Api, Busy, TelegramRefused
from adapters.telegram.request import Client, in_seconds
from bot.config import load
from bot.errors import ConfigError
from bot.metrics import Metrics
from tests.adapters.telegram.outlet import FAST, GROUP, PERSON
from tests.fakes.telegram.server import TOKEN, fake_telegram

SECRET = TOKEN.partition(":")[2]


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    monkeypatch.setattr(module, "_FIRST_PAUSE", 0.001)


def config(**telegram):
    overrides = {"telegram": {"rates": FAST, **telegram}}
    return load(environ={"TELEGRAM_BOT_TOKEN": TOKEN}, overrides=overrides)


@asynccontextmanager
async def connected(**fake):
    async with fake_telegram(**fake) as telegram:
        api = Api(config(base_url=f"{telegram.http}/"), Metrics(), second=fake.get("second", 1.0))
        telegram.world.place(PERSON), telegram.world.place(PERSON + 1), telegram.world.place(GROUP)
        try:
            yield telegram, api
        finally:
            await api.close()


async def refused(call):
    with pytest.raises(TelegramRefused) as caught:
        await call
    return caught.value


async def test_answers_are_telegrams_own():
    """As JSON values, whatever the library knows of the method and its parameters."""
    async with connected() as (telegram, api):
        shown = await api.call("sendMessage", chat=PERSON, text="hello")
        assert shown["text"] == "hello" and shown["chat"]["id"] == PERSON
        rich = await api.call("sendRichMessage", chat=PERSON, rich_message={"markdown": "# Hello"})
        assert rich["message_id"] == shown["message_id"] + 1
        assert await api.call("sendMessageDraft", chat=PERSON, draft_id=1, text="…", can_stop=True)
        me = await api.me()
        assert (me.id, me.username) == (123456, "frontdesk_bot") and await api.me() is me
        assert len(telegram.calls_of("getMe")) == 1 and not telegram.violations


async def test_long_polling_waits_as_long_as_it_says():
    async with connected() as (telegram, api):
        asked = asyncio.create_task(api.call("getUpdates", timeout=30, offset=0))
        await telegram.until(lambda: telegram.calls_of("getUpdates"))
        await telegram.say(PERSON, PERSON, "hello")
        assert [update["message"]["text"] for update in await asked] == ["hello"]


@pytest.mark.parametrize("how", [{"status": 500}, {"status": 502}, {"status": 500, "after": True}])
async def test_only_what_is_harmless_is_asked_again(how):
    """An edit may be made twice; a message may not, and nobody knows whether it was sent."""
    async with connected() as (telegram, api):
        telegram.fail_next("sendMessage", **how)
        error = await refused(api.call("sendMessage", chat=PERSON, text="hello"))
        assert error.ambiguous and not error.permanent and len(telegram.calls_of("sendMessage")) == 1
        shown = await api.call("sendMessage", chat=PERSON, text="hello")
        telegram.fail_next("editMessageText", times=2, **how)
        edit = {"message_id": shown["message_id"], "text": "hello again"}
        if how.get("after"):
            assert (await refused(api.call("editMessageText", chat=PERSON, **edit))).says(("not modified",))
        else:
            await api.call("editMessageText", chat=PERSON, **edit)
        assert telegram.message(PERSON, shown["message_id"]).text == "hello again"


@pytest.mark.parametrize("after", [True, False])
async def test_a_connection_that_breaks_leaves_it_open_what_was_done(after):
    async with connected() as (telegram, api):
        telegram.drop_next("sendMessage", after=after)
        assert (await refused(api.call("sendMessage", chat=PERSON, text="hello"))).ambiguous
        assert len(telegram.chat(PERSON).said) == after
        telegram.drop_next("getMe")
        assert (await api.me()).id == 123456


async def test_a_connection_that_never_came_about_has_done_nothing():
    api = Api(config(base_url="http://127.0.0.1:9"), Metrics())
    error = await refused(api.call("sendMessage", chat=PERSON, text="hello"))
    assert not error.ambiguous and not error.permanent
    assert str(error) == "Telegram was not reached by sendMessage: ConnectError"
    await api.close()


@pytest.mark.parametrize(
    ("status", "description", "permanent"),
    [
        (403, "Forbidden: bot was blocked by the user", True),
        (400, "Bad Request: chat not found", True),
        (401, "Unauthorized", False),
        (404, "Not Found: method not found", False),
        (409, "Conflict: terminated by other getUpdates request", False),
    ],
)
async def test_refusals_say_what_they_are(status, description, permanent):
    async with connected() as (telegram, api):
        telegram.fail_next("sendMessage", description, status=status)
        error = await refused(api.call("sendMessage", chat=PERSON, text="hello"))
        assert (error.code, error.permanent, error.ambiguous) == (status, permanent, False)
        assert error.unknown == (status == 404)


async def test_a_chat_that_is_closed_waits_alone():
    """A 429 is obeyed for as long as it says, in its own chat; nothing live waits for it."""
    async with connected(second=0.1) as (telegram, api):
        telegram.fail_next("sendMessage", "Too Many Requests", status=429, retry_after=3)
        late = asyncio.create_task(api.call("sendMessage", chat=PERSON, text="late"))
        await telegram.until(
            lambda: telegram.calls_of("sendMessage")[:1] and telegram.calls_of("sendMessage")[0].answer
        )
        await api.call("sendMessage", chat=GROUP, text="soon")
        assert not late.done()
        with pytest.raises(Busy):
            await api.call("sendMessageDraft", chat=PERSON, live=True, draft_id=1, text="…")
        await late
        assert [len(telegram.chat(chat).said) for chat in (PERSON, GROUP)] == [1, 1] and not telegram.violations


def test_a_time_to_wait_may_be_told_in_several_ways():
    """The library gives whole seconds, others, or a timedelta; what makes no sense is a second."""
    assert [in_seconds(given) for given in (3, 0.5, timedelta(seconds=7), timedelta(minutes=2))] == [3, 0.5, 7, 120]
    assert [in_seconds(given) for given in (None, "3", -1, float("nan"), True)] == [1.0] * 5
    assert in_seconds(10**9) == 3_600


@pytest.mark.parametrize("seconds", [2, timedelta(seconds=2)])
async def test_the_librarys_own_word_for_it_is_understood(seconds, monkeypatch):
    monkeypatch.setenv("PTB_TIMEDELTA", "1")
    async with connected() as (_, api):
        raised, closed, ask = [RetryAfter(seconds)], [], Client.ask

        async def once(self, method, arguments):
            if raised:
                raise raised.pop()
            return await ask(self, method, arguments)

        monkeypatch.setattr(Client, "ask", once)
        monkeypatch.setattr(api.pace, "close", lambda chat, pause: closed.append((chat, pause)))
        await api.call("sendMessage", chat=PERSON, text="hello")
        assert closed == [(PERSON, 2.0)]


async def test_who_waits_too_long_is_told(monkeypatch):
    monkeypatch.setattr(module, "_LONGEST_WAIT", 5.0)
    async with connected() as (telegram, api):
        telegram.fail_next("sendMessage", "Too Many Requests", status=429, retry_after=900)
        error = await refused(api.call("sendMessage", chat=PERSON, text="hello"))
        assert (error.code, error.permanent, error.ambiguous) == (429, False, False)


async def test_what_comes_before_a_call_comes_once_its_turn_has_come():
    """Who is cancelled before has not begun."""
    async with connected() as (telegram, api):
        begun = []

        async def before():
            begun.append(len(telegram.calls_of("sendMessage")))

        api.pace.close(PERSON, 60)
        waiting = asyncio.create_task(api.call("sendMessage", chat=PERSON, text="never", before=before))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await api.call("sendMessage", chat=PERSON + 1, text="hello", before=before)
        assert begun == [0] and len(telegram.calls_of("sendMessage")) == 1


async def test_files_are_read_up_to_a_limit():
    async with connected() as (telegram, api):
        ident = await telegram.document(PERSON, PERSON, "prices.csv", b"x" * 5_000)
        file = telegram.message(PERSON, ident).file
        assert await api.download(file.id, 5_000) == b"x" * 5_000
        assert (await refused(api.download(file.id, 4_999))).says(("too big",))
        file.body = b"x" * 9_000
        told = await api.call("getFile", file_id=file.id)
        assert await api._client.read(told["file_path"], 8_000) is None
        assert (await refused(api.download("nothing", 10))).permanent


async def test_the_token_is_in_nothing_that_anybody_reads(caplog):
    """Neither in logs of the libraries, nor in errors with all that is behind them, nor in a repr."""
    caplog.set_level(logging.DEBUG)
    async with connected() as (telegram, api):
        await api.call("sendMessage", chat=PERSON, text="hello")
        told = [repr(api), repr(api._client), str(vars(api._client).get("token", ""))]
        for fault in (
            lambda: telegram.drop_next("getFile", after=False),
            lambda: telegram.fail_next("getFile", status=502),
        ):
            for _ in range(4):
                fault()
            told.append(everything(await refused(api.call("getFile", file_id="x"))))
        ident = await telegram.document(PERSON, PERSON, "a.txt", b"x")
        file = telegram.message(PERSON, ident).file
        telegram.world.clock.second = 1e-9  # the address is not good any more
        told.append(everything(await refused(api.download(file.id, 10))))
    lost = Api(config(base_url="http://127.0.0.1:9"), Metrics())
    told.append(everything(await refused(lost.call("getMe"))))
    told.append(everything(await refused(lost.call("sendMessage", chat=PERSON, text=f"{SECRET}"[:3]))))
    await lost.close()
    assert SECRET not in caplog.text and not [text for text in told if SECRET in text]


def everything(error):
    """All of an error that a log could show, with what is behind it."""
    told = "".join(traceback.format_exception(error))
    behind = error.__cause__ or error.__context__
    return f"{told}{error!r}" + (everything(behind) if behind is not None else "")


async def test_a_body_that_is_no_json_is_no_answer(caplog, monkeypatch):
    """And is not written down."""
    async with connected() as (_, api):

        async def nonsense(*arguments, **named):
            return 200, b"<html>a visitor's words"

        monkeypatch.setattr("telegram.request.HTTPXRequest.do_request", nonsense)
        assert (await refused(api.call("sendMessage", chat=PERSON, text="hello"))).ambiguous
        assert "visitor" not in caplog.text


def test_without_a_token_nothing_is_begun():
    with pytest.raises(ConfigError, match="TELEGRAM_BOT_TOKEN"):
        Api(load(environ={}, overrides={}), Metrics())
