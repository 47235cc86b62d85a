"""The engine against a server that is slow, broken, busy or gone."""

from __future__ import annotations

import asyncio
import json
import socket

import pytest

from bot.engine.base import EngineBusy, EngineFault, EngineSlow
from bot.engine.openai import OpenAICompatibleEngine
from tests.bot.engine.asking import ask, engine_for, hear, text_of
from tests.fakes.openai import Act, Answer, FakeOpenAI, Hang, HangUp, Raw, Refuse
from tests.fakes.openai_shapes import Shapes


# -- slowness ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("act", [Hang(), Hang(headers=True), Answer(murmur=True, gate=asyncio.Event())])
async def test_a_first_token_that_does_not_come_is_slow(act: Hang | Answer) -> None:
    """Headers, a role and keep-alives are no token; what is slow is not asked again."""
    fake = FakeOpenAI()
    fake.then(act)
    async with engine_for(fake, first_token_seconds=0.2) as engine:
        with pytest.raises(EngineSlow, match="begin"):
            await ask(engine)
        await fake.until(lambda seen: seen.running == 0)
    assert len(fake.requests) == 1


@pytest.mark.parametrize("murmur", [False, True])
async def test_a_silence_between_tokens_is_slow(murmur: bool) -> None:
    """Comments and empty deltas do not break it. What was said stays said; the turn decides what to do with it."""
    fake = FakeOpenAI()
    fake.then(Answer(gate=asyncio.Event(), gate_at=2, murmur=murmur))
    heard: list[str] = []
    async with engine_for(fake, between_tokens_seconds=0.2) as engine:
        with pytest.raises(EngineSlow, match="middle"):
            await hear(engine, heard)
        await fake.until(lambda seen: seen.hung_up == 1)
    assert heard == ["Twelve ", "days"]


async def test_a_server_that_takes_no_connection_is_slow() -> None:
    """A full backlog answers nothing at all."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        crowd = [socket.socket() for _ in range(4)]
        for one in crowd:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        engine = OpenAICompatibleEngine(
            base_url=f"http://127.0.0.1:{port}/v1", model="m", connect_seconds=0.2, retries=0
        )
        await engine.start()
        with pytest.raises(EngineSlow, match="connection"):
            await ask(engine)
        await engine.close()
        for one in crowd:
            one.close()


# -- failures ----------------------------------------------------------------------------------------
_ROLE = b"data: " + json.dumps(Shapes("vllm", "small").role()).encode() + b"\n\n"
_HALF = b'data: {"choices":[{"delta":{"content":"Zw\xc3\xb6lf"}}]}\n\n'


@pytest.mark.parametrize(
    "rest",
    [
        b"",
        b'data: {"choices":[{"delta":{"con',
        b'data: {"choices":[{"delta":{"content":"\xc3',
        b"data: \n",
        b": alive\n\n",
    ],
)
@pytest.mark.parametrize("cut", [True, False])
async def test_an_answer_cut_off_in_the_middle_is_a_fault_and_not_an_end(rest: bytes, cut: bool) -> None:
    """In mid-line and mid-character, by a broken connection or a tidy one; and nobody is asked twice for it."""
    fake = FakeOpenAI()
    fake.then(Raw(parts=(_ROLE, _HALF, rest), cut=cut))
    heard: list[str] = []
    async with engine_for(fake) as engine:
        with pytest.raises(EngineFault, match="cut off"):
            await hear(engine, heard)
    assert heard == ["Zwölf"]
    assert len(fake.requests) == 1


@pytest.mark.parametrize(
    "act",
    [
        HangUp(),
        Raw(parts=(_ROLE,), cut=True),
        Raw(parts=(_ROLE,)),
        Raw(parts=(b'data: {"error": {"message": "overloaded", "code": 503}}\n\n',)),
        *(Refuse(status=status) for status in (408, 409, 425, 429, 500, 502, 503, 529)),
        Refuse(status=502, error=b"<html>Bad gateway</html>"),
    ],
)
async def test_what_may_pass_is_tried_again(act: HangUp | Raw | Refuse) -> None:
    """As long as no token has come: twice, and the third time is good."""
    fake = FakeOpenAI()
    fake.then(act, act)
    async with engine_for(fake) as engine:
        assert text_of(await ask(engine)) == "Twelve days."
    assert len(fake.requests) == 3


@pytest.mark.parametrize("act", [HangUp(), Refuse(status=503), Raw(parts=(_ROLE,), cut=True)])
async def test_after_the_last_retry_the_server_is_busy(act: HangUp | Refuse | Raw) -> None:
    """The number of tries is the configured one."""
    fake = FakeOpenAI()
    fake.then(*[act] * 9)
    async with engine_for(fake, retries=1) as engine:
        with pytest.raises(EngineBusy):
            await ask(engine)
    assert len(fake.requests) == 2


async def test_a_server_that_is_not_there_is_busy_and_its_setting_is_named() -> None:
    """Nobody listens: the message says where and what to check."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    engine = OpenAICompatibleEngine(base_url=address, model="m", backoff_seconds=0.001)
    await engine.start()
    with pytest.raises(EngineBusy, match=rf"{address} cannot be reached: .*engine\.openai\.base_url"):
        await ask(engine)
    await engine.close()


async def test_a_server_that_comes_back_is_found() -> None:
    """It is down at first, and up before the retries are over."""
    fake = FakeOpenAI()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    engine = OpenAICompatibleEngine(
        base_url=f"http://127.0.0.1:{port}/v1", model="small", backoff_seconds=0.01, retries=1_000
    )
    await engine.start()
    asking = asyncio.create_task(ask(engine))
    await asyncio.sleep(0)
    async with fake.serving(port=port):
        assert text_of(await asking) == "Twelve days."
        await engine.close()


async def test_retry_after_is_honoured_when_there_is_time() -> None:
    """The second request comes no earlier than the server asked for."""
    fake = FakeOpenAI()
    fake.then(Refuse(status=429, headers={"Retry-After": "0.3"}))
    loop = asyncio.get_running_loop()
    async with engine_for(fake) as engine:
        began = loop.time()
        await ask(engine)
    assert loop.time() - began >= 0.3


async def test_close_ends_a_pause_before_a_retry() -> None:
    """The process can end while a server asks for patience."""
    fake = FakeOpenAI()
    fake.then(Refuse(status=429, headers={"Retry-After": "3000"}))
    async with engine_for(fake, first_token_seconds=3_600) as engine:
        asking = asyncio.create_task(ask(engine))
        await fake.until(lambda seen: len(seen.requests) == 1 and seen.running == 0)
        await engine.close()
        with pytest.raises(EngineFault, match="closed"):
            await asking


async def test_retry_after_beyond_the_bound_ends_at_once() -> None:
    """Nobody waits an hour, and the server is not asked before its time."""
    fake = FakeOpenAI()
    fake.then(Refuse(status=429, headers={"Retry-After": "3600"}))
    async with engine_for(fake) as engine:
        with pytest.raises(EngineBusy, match="429"):
            await ask(engine)
    assert len(fake.requests) == 1


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (Refuse(status=400, error={"error": {"message": "maximum context length is 4096"}}), "400.*4096"),
        (Refuse(status=403), r"403.*FRONTDESK_ENGINE__OPENAI__API_KEY.*engine\.openai\.model"),
        (Refuse(status=404), r"404.*engine\.openai\.base_url.*engine\.openai\.model"),
        (Refuse(status=307, headers={"Location": "http://127.0.0.1:9/"}), r"moved.*engine\.openai\.base_url"),
        (Refuse(status=413, error=b"too much"), "413"),
        (Raw(parts=(b"<!doctype html>",), content_type="text/html"), r"engine\.openai\.base_url"),
        (Raw(parts=(b"data: nonsense\n\n",)), "not JSON"),
        (Raw(parts=(b'data: {"error": "model crashed"}\n\n',)), "model crashed"),
    ],
)
async def test_what_will_not_pass_is_told_at_once_with_what_to_check(act: Refuse | Raw, said: str) -> None:
    """One request, one fault that names the setting."""
    fake = FakeOpenAI()
    fake.then(act)
    async with engine_for(fake) as engine:
        with pytest.raises(EngineFault, match=said) as raised:
            await ask(engine)
    assert not isinstance(raised.value, EngineBusy | EngineSlow)
    assert len(fake.requests) == 1


async def test_the_engine_goes_on_after_every_failure() -> None:
    """No failure costs a place for ever."""
    fake = FakeOpenAI()
    failures: list[Act] = [
        HangUp(),
        Refuse(status=400),
        Refuse(status=503),
        Raw(parts=(_HALF,), cut=True),
        Raw(parts=(b"x",)),
    ]
    fake.then(*failures)
    async with engine_for(fake, max_concurrent=1, retries=0) as engine:
        for _ in failures:
            with pytest.raises(EngineFault):
                await ask(engine)
        assert text_of(await ask(engine)) == "Twelve days."
