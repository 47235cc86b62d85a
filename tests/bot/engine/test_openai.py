"""The engine against a strict server over real HTTP: its answers, its shapes, and leaving early."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace

import pytest

from bot.engine.base import EngineBusy, EngineFault, Usage
from tests.bot.engine.asking import ASKED, SAMPLING, ask, engine_for, text_of
from tests.fakes.openai import Answer, FakeOpenAI, Hang
from tests.fakes.openai_shapes import FLAVOURS, Flavour


# -- answers -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("flavour", FLAVOURS)
async def test_every_server_streams_its_answer(flavour: Flavour) -> None:
    """Piece by piece, with the finish reason and the usage on the last delta alone."""
    async with engine_for(FakeOpenAI(flavour)) as engine:
        deltas = await ask(engine)
    assert [delta.text for delta in deltas] == ["Twelve ", "days", ".", ""]
    assert [delta.finish_reason for delta in deltas] == ["", "", "", "stop"]
    assert deltas[-1].usage == Usage(prompt_tokens=7, completion_tokens=3)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(line_end="\r\n", keep_alive=2),
        Answer(done=False),
        Answer(usage=False),
        Answer(whole=True),
        Answer(thoughts=("Let me ", "see.")),
        Answer(pieces=("<thi", "nk>Let me see.</think>\n\n", "Twelve ", "days.")),
        Answer(pieces=("Twelve days.",)),
    ],
)
async def test_what_servers_do_differently_does_not_show(answer: Answer) -> None:
    """Line ends, comments, a missing [DONE], no usage, no stream at all, thoughts before the answer."""
    fake = FakeOpenAI()
    fake.then(answer)
    async with engine_for(fake) as engine:
        deltas = await ask(engine)
    assert text_of(deltas) == "Twelve days."
    assert deltas[-1].finish_reason == "stop"


async def test_a_whole_answer_is_not_waited_for_any_longer() -> None:
    """A server that keeps its connection open after the finish does not keep the visitor waiting for the bound."""
    fake, never = FakeOpenAI(), asyncio.Event()
    fake.then(Answer(done=False, usage=False, linger=never))
    async with engine_for(fake, between_tokens_seconds=3_600) as engine:
        assert text_of(await ask(engine)) == "Twelve days."


async def test_a_length_finish_is_told() -> None:
    """The turn can say that the answer is cut."""
    fake = FakeOpenAI()
    fake.then(Answer(finish="length"))
    async with engine_for(fake) as engine:
        assert (await ask(engine))[-1].finish_reason == "length"


async def test_stop_strings_hold_even_when_the_server_ignores_them() -> None:
    """More than the API takes are watched for here, across deltas; the server is let go at once."""
    fake, never = FakeOpenAI(), asyncio.Event()
    fake.then(Answer(pieces=("One. Qu", "estion: Two", "never shown"), gate=never, gate_at=2))
    async with engine_for(fake) as engine:
        deltas = await ask(engine, replace(SAMPLING, stop=("a", "b", "c", "d", "Question:")))
        assert text_of(deltas) == "One. "
        assert deltas[-1].finish_reason == "stop"
        await fake.until(lambda seen: seen.hung_up == 1)
    assert fake.requests[0]["stop"] == ["a", "b", "c", "d"]


async def test_one_connection_serves_answer_after_answer() -> None:
    """A handshake for each message would cost a hosted API's visitors a tenth of a second."""
    fake = FakeOpenAI()
    async with engine_for(fake) as engine:
        for _ in range(3):
            await ask(engine)
    assert len(fake.connections) == 1


async def test_no_more_than_max_concurrent_requests_run_at_once() -> None:
    """The others wait for a place, and all are answered."""
    fake, gate = FakeOpenAI(), asyncio.Event()
    fake.then(*[Answer(gate=gate)] * 5)
    async with engine_for(fake, max_concurrent=2) as engine:
        asking = [asyncio.create_task(ask(engine)) for _ in range(5)]
        await fake.until(lambda seen: seen.running == 2)
        gate.set()
        answers = await asyncio.gather(*asking)
    assert [text_of(deltas) for deltas in answers] == ["Twelve days."] * 5
    assert fake.most_running == 2


async def test_who_finds_no_place_in_time_is_told_so() -> None:
    """Waiting has an end, and the message names the setting."""
    fake, never = FakeOpenAI(), asyncio.Event()
    fake.then(Answer(gate=never, gate_at=1))
    async with (
        engine_for(fake, max_concurrent=1, first_token_seconds=0.2) as engine,
        aclosing(engine.stream(ASKED, SAMPLING)) as first,
    ):
        await anext(first)
        with pytest.raises(EngineBusy, match=r"engine\.openai\.max_concurrent"):
            await ask(engine)


# -- cancelling --------------------------------------------------------------------------------------
async def test_closing_the_iterator_hangs_up_at_once() -> None:
    """The server sees it and frees its slot, and the place here is free for the next."""
    fake, never = FakeOpenAI(), asyncio.Event()
    fake.then(Answer(gate=never, gate_at=1))
    async with engine_for(fake, max_concurrent=1) as engine:
        async with aclosing(engine.stream(ASKED, SAMPLING)) as stream:
            assert (await anext(stream)).text == "Twelve "
        await fake.until(lambda seen: seen.hung_up == 1 and seen.running == 0)
        assert text_of(await ask(engine)) == "Twelve days."


@pytest.mark.parametrize("act", [Hang(), Hang(headers=True), Answer(gate=asyncio.Event(), gate_at=1)])
async def test_cancelling_whoever_waits_hangs_up_too(act: Hang | Answer) -> None:
    """Before the headers, before the first token, between two tokens."""
    fake = FakeOpenAI()
    fake.then(act)
    async with engine_for(fake, max_concurrent=1) as engine:
        asking = asyncio.create_task(ask(engine))
        await fake.until(lambda seen: seen.running == 1)
        asking.cancel()
        await asyncio.wait([asking])
        await fake.until(lambda seen: seen.hung_up == 1)
        assert text_of(await ask(engine)) == "Twelve days."


@pytest.mark.parametrize("act", [Hang(), Hang(headers=True), Answer(gate=asyncio.Event(), gate_at=1)])
async def test_close_ends_every_stream(act: Hang | Answer) -> None:
    """Those that are answered and those that wait for a place, each with a fault and none for ever."""
    fake = FakeOpenAI()
    fake.then(act)
    async with engine_for(fake, max_concurrent=1) as engine:
        asking = [asyncio.create_task(ask(engine)) for _ in range(3)]
        await fake.until(lambda seen: seen.running == 1)
        await engine.close()
        for result in await asyncio.gather(*asking, return_exceptions=True):
            assert isinstance(result, EngineFault)
        await fake.until(lambda seen: seen.running == 0)
    assert len(fake.requests) == 1
