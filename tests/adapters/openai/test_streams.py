"""How answers end when something goes wrong, and who notices."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import openai
import pytest
from aiohttp.base_protocol import BaseProtocol

from adapters.openai import wire
from adapters.openai.generator import (
    GenerationBusy,
    GenerationFault,
    GenerationRefused,
    GenerationSlow,
    GenerationTooLong,
)
from bot.engine.base import Delta
from tests.adapters.openai.house import MODEL, USAGE, Asked, House, fails, says, serving

HI: Any = [{"role": "user", "content": "Hi"}]
BODY = {"model": MODEL, "messages": HI}


async def endless(_: Asked) -> AsyncGenerator[Delta, None]:
    """Words for ever, a few at once."""
    while True:
        for _ in range(3):
            yield Delta(text="word ", tokens=1)
        await asyncio.sleep(0.001)


async def silent(_: Asked) -> AsyncGenerator[Delta, None]:
    """Never says anything."""
    await asyncio.Event().wait()
    yield Delta(text="")


FAULTS = [
    (GenerationTooLong("Too long.", field="messages"), 400, "messages", "context_length_exceeded"),
    (GenerationRefused("No template.", field="messages"), 400, "messages", "invalid_value"),
    (GenerationRefused("No.", field="max_tokens"), 400, "max_completion_tokens", "invalid_value"),
    (GenerationRefused("No.", field="json_schema"), 400, "response_format", "invalid_value"),
    (GenerationBusy("Full."), 503, None, "overloaded"),
    (GenerationSlow("Slow."), 504, None, "timeout"),
    (GenerationFault("Broken."), 500, None, "generation_failed"),
    (ZeroDivisionError("secret"), 500, None, "internal_error"),
]


@pytest.mark.parametrize(("fault", "status", "param", "code"), FAULTS)
@pytest.mark.parametrize("stream", [False, True])
async def test_a_fault_before_the_first_word_is_a_status(
    house: House, fault: Exception, status: int, param: str | None, code: str, stream: bool
) -> None:
    """With the client's own name of the field, a time to come back, and no word of what is inside."""
    house.generator.script = fails(fault)
    body = BODY | {"stream": stream, "response_format": {"type": "json_object"}, "max_completion_tokens": 5}
    response = await house.post("/v1/chat/completions", body)
    error = (await response.json())["error"]
    assert (response.status, error["param"], error["code"]) == (status, param, code)
    assert ("Retry-After" in response.headers) == (status == 503)
    assert "secret" not in await response.text()


async def test_a_fault_after_the_first_word_is_an_event(house: House) -> None:
    """The official client raises it; nothing follows, not even [DONE]."""
    house.generator.script = fails(GenerationFault("Broken."), "Once", " upon")
    stream = await house.client.chat.completions.create(model=MODEL, messages=HI, stream=True)
    said = ""
    with pytest.raises(openai.APIError, match="Broken"):
        async for chunk in stream:
            said += chunk.choices[0].delta.content or ""
    assert said == "Once upon"
    response = await house.post("/v1/chat/completions", BODY | {"stream": True})
    last = (await response.text()).rstrip().split("\n\n")[-1]
    assert json.loads(last.removeprefix("data: "))["error"]["code"] == "generation_failed"


async def test_an_empty_stream_is_a_fault(house: House) -> None:
    """Of the server, and not an empty answer."""

    async def nothing(_: Asked) -> AsyncGenerator[Delta, None]:
        return
        yield

    house.generator.script = nothing
    for stream in (False, True):
        response = await house.post("/v1/chat/completions", BODY | {"stream": stream})
        assert response.status == 500


@pytest.mark.parametrize("script", [endless, silent])
@pytest.mark.parametrize("stream", [False, True])
async def test_who_leaves_frees_the_generator(house: House, script: Any, stream: bool) -> None:
    """In mid-answer, while it waits for its first word, streamed or not: the stream below is closed."""
    house.generator.script = script
    host, port = house.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    body = json.dumps(BODY | {"stream": stream}).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
    head += f"Authorization: Bearer {house.secret}\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    await house.generator.begun.wait()
    if stream and script is endless:
        assert b"word" in await reader.readuntil(b"word ")
    assert house.generator.open == 1
    writer.close()
    async with asyncio.timeout(10):
        await house.generator.closed.wait()
    assert house.generator.open == 0


async def test_several_deltas_at_hand_share_a_write(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """And one that is there is never kept waiting for the next."""
    written: list[int] = []
    real = wire.Streaming.flush

    async def counted(self: wire.Streaming) -> None:
        if self._size:
            written.append(self._size)
        await real(self)

    monkeypatch.setattr(wire.Streaming, "flush", counted)
    go_on = asyncio.Event()

    async def script(_: Asked) -> AsyncGenerator[Delta, None]:
        for word in "abcde":
            yield Delta(text=word, tokens=1)
        await go_on.wait()
        yield Delta(text="f", tokens=1, finish_reason="stop", usage=USAGE)

    house.generator.script = script
    stream = await house.client.chat.completions.create(model=MODEL, messages=HI, stream=True)
    said = ""
    async for chunk in stream:
        said += chunk.choices[0].delta.content or ""
        if said == "abcde":
            go_on.set()
    assert said == "abcdef"
    assert len(written) == 2


async def test_a_reader_who_stops_reading_stops_the_generator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits in memory is bounded: the generator is asked for no more than the reader takes."""
    made = 0
    full: set[BaseProtocol] = set()
    real_pause, real_resume = BaseProtocol.pause_writing, BaseProtocol.resume_writing

    def pause(protocol: BaseProtocol) -> None:
        full.add(protocol)
        real_pause(protocol)

    def resume(protocol: BaseProtocol) -> None:
        full.discard(protocol)
        real_resume(protocol)

    monkeypatch.setattr(BaseProtocol, "pause_writing", pause)
    monkeypatch.setattr(BaseProtocol, "resume_writing", resume)

    async def plenty(_: Asked) -> AsyncGenerator[Delta, None]:
        nonlocal made
        while True:
            made += 1
            yield Delta(text="x" * 1_000, tokens=1)
            await asyncio.sleep(0)

    async with serving(tmp_path) as house:
        house.generator.script = plenty
        host, port = house.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port), limit=1_000)
        body = json.dumps(BODY | {"stream": True}).encode()
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        head += f"Authorization: Bearer {house.secret}\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        before, stuck = -1, 0
        while (
            stuck < 100 and made < 20_000
        ):  # turns of the loop, one after the other, in which nothing could be written
            stuck = stuck + 1 if full and made == before else 0
            before = made
            await asyncio.sleep(0)
        assert 0 < made < 20_000
        assert await reader.read(100)
        writer.transport.abort()
        async with asyncio.timeout(10):
            await house.generator.closed.wait()


async def test_closing_tells_who_is_being_answered(tmp_path: Path) -> None:
    """A stream gets an event, a request that waits a 503; both streams below are closed."""
    async with serving(tmp_path) as house:
        house.generator.script = endless
        stream = await house.client.chat.completions.create(model=MODEL, messages=HI, stream=True)
        await anext(aiter(stream))
        house.generator.script = silent
        waiting = asyncio.create_task(house.post("/v1/chat/completions", BODY))
        while len(house.generator.asked) < 2:
            await asyncio.sleep(0.005)
        await house.adapter.close()
        response = await waiting
        assert (response.status, (await response.json())["error"]["code"]) == (503, "shutting_down")
        with pytest.raises(openai.APIError, match="shutting down"):
            async for _ in stream:
                pass
        assert house.generator.open == 0


async def test_draining_lets_answers_end(tmp_path: Path) -> None:
    """What runs is finished; what comes is told to come back."""
    finish = asyncio.Event()

    async def patient(_: Asked) -> AsyncGenerator[Delta, None]:
        await finish.wait()
        yield Delta(text="done", finish_reason="stop", usage=USAGE)

    async with serving(tmp_path) as house:
        house.generator.script = patient
        running = asyncio.create_task(house.post("/v1/chat/completions", BODY))
        await house.generator.begun.wait()
        draining = asyncio.create_task(house.adapter.drain(20))
        await asyncio.sleep(0)
        assert (await house.post("/v1/chat/completions", BODY)).status == 503
        assert not draining.done()
        finish.set()
        assert (await running).status == 200
        await draining


async def test_before_it_runs_and_when_it_is_full(tmp_path: Path) -> None:
    """503, with a time to come back."""
    async with serving(tmp_path, run=False) as house:
        response = await house.post("/v1/chat/completions", BODY)
        assert (response.status, "Retry-After" in response.headers) == (503, True)
    async with serving(tmp_path / "full", limits={"running": 1}) as house:
        house.generator.script = silent
        first = asyncio.create_task(house.post("/v1/chat/completions", BODY))
        await house.generator.begun.wait()
        response = await house.post("/v1/chat/completions", BODY)
        assert (response.status, (await response.json())["error"]["code"]) == (503, "overloaded")
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)


async def test_bodies_that_still_arrive_have_a_place_too(tmp_path: Path) -> None:
    """So that no more of them are in memory than requests may be answered at once; who breaks off gives it back."""
    async with serving(tmp_path, limits={"running": 1}) as house:
        sent = asyncio.Event()

        async def slow() -> AsyncGenerator[bytes, None]:
            yield b'{"model":'
            sent.set()
            await asyncio.Event().wait()

        headers = {"Authorization": f"Bearer {house.secret}", "Content-Type": "application/json"}
        sending = asyncio.create_task(house.http.post(house.url + "/v1/chat/completions", data=slow(), headers=headers))
        await sent.wait()
        async with asyncio.timeout(10):
            while not house.adapter._guests:
                await asyncio.sleep(0.01)
            assert (await house.post("/v1/chat/completions", BODY)).status == 503
            sending.cancel()
            while house.adapter._guests:
                await asyncio.sleep(0.01)
        assert (await house.post("/v1/chat/completions", BODY)).status == 200


async def test_many_at_once(house: House) -> None:
    """Each gets its own answer, whole and in order, and nothing is left behind."""

    async def counting(asked: Asked) -> AsyncGenerator[Delta, None]:
        for number in range(20):
            yield Delta(text=f"{asked.messages[0]['content']}.{number} ", tokens=1)
            await asyncio.sleep(0)
        yield Delta(text="", finish_reason="stop", usage=USAGE)

    house.generator.script = counting

    async def ask(number: int) -> str:
        messages: Any = [{"role": "user", "content": str(number)}]
        stream = await house.client.chat.completions.create(model=MODEL, messages=messages, stream=True)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    said = await asyncio.gather(*(ask(number) for number in range(40)))
    assert said == ["".join(f"{number}.{word} " for word in range(20)) for number in range(40)]
    assert house.generator.open == 0


async def test_says_is_a_script(house: House) -> None:
    """A server that does not count leaves the counting to us."""
    house.generator.script = says("one two", " three", usage=None)
    answer = await house.client.chat.completions.create(model=MODEL, messages=HI)
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (1, 2)
