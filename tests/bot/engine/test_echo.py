"""The echo engine: exact, deterministic, cheap, and closed when told."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.engine.base import ChatMessage, Delta, EngineFault
from bot.engine.echo import EchoEngine
from bot.events import Sampling

_SAMPLING = Sampling(max_tokens=100_000)


def _asked(text: str) -> list[ChatMessage]:
    return [
        ChatMessage(role="system", content="Be kind."),
        ChatMessage(role="user", content="before"),
        ChatMessage(role="assistant", content="yes?"),
        ChatMessage(role="user", content=text),
    ]


async def _deltas(engine: EchoEngine, text: str, sampling: Sampling = _SAMPLING) -> list[Delta]:
    return [delta async for delta in engine.stream(_asked(text), sampling)]


@given(st.text(min_size=1), st.integers(1, 4))
def test_the_last_question_comes_back_as_often_as_asked(text: str, repeat: int) -> None:
    """Byte for byte, joined by spaces; the last delta alone has a finish reason, and usage counts the words."""
    deltas = asyncio.run(_deltas(EchoEngine(repeat=repeat), text))
    assert "".join(delta.text for delta in deltas) == " ".join([text] * repeat)
    assert [delta.finish_reason for delta in deltas] == [""] * (len(deltas) - 1) + ["stop"]
    assert deltas[-1].usage is not None
    assert deltas[-1].usage.completion_tokens == sum(delta.tokens for delta in deltas) == len(deltas) - 1
    assert asyncio.run(_deltas(EchoEngine(repeat=repeat), text)) == deltas


async def test_max_tokens_ends_the_echo_with_length() -> None:
    """Exactly so many words, and the reason says why."""
    deltas = await _deltas(EchoEngine(repeat=10), "one two three", replace(_SAMPLING, max_tokens=4))
    assert "".join(delta.text for delta in deltas) == "one two three one"
    assert deltas[-1].finish_reason == "length"


async def test_a_text_of_just_max_tokens_is_whole() -> None:
    """The limit is reached but nothing is missing: the reason is stop."""
    deltas = await _deltas(EchoEngine(), "one two", replace(_SAMPLING, max_tokens=2))
    assert (deltas[-1].finish_reason, len(deltas)) == ("stop", 3)


async def test_a_stop_string_ends_the_echo_even_across_words() -> None:
    """What comes before it is shown, it and what follows are not."""
    deltas = await _deltas(EchoEngine(), "one two three four", replace(_SAMPLING, stop=("o th",)))
    assert "".join(delta.text for delta in deltas) == "one tw"
    assert deltas[-1].finish_reason == "stop"


async def test_without_a_question_it_says_nothing() -> None:
    """An empty conversation is answered with an end, not with an error."""
    deltas = [delta async for delta in EchoEngine(repeat=3).stream([], _SAMPLING)]
    assert [delta.text for delta in deltas] == [""]
    assert deltas[0].finish_reason == "stop"


async def test_streams_take_turns_when_there_is_no_delay() -> None:
    """A long echo does not keep the others waiting."""
    engine, order = EchoEngine(repeat=50), list[str]()

    async def listen(name: str) -> None:
        async for _ in engine.stream(_asked("word"), _SAMPLING):
            order.append(name)

    await asyncio.gather(listen("a"), listen("b"))
    assert order[:6] == ["a", "b", "a", "b", "a", "b"]


async def test_many_streams_at_once_keep_their_own_text() -> None:
    """Five hundred visitors, five hundred answers, none mixed up."""
    engine = EchoEngine(repeat=3, delay_ms=1)
    answers = await asyncio.gather(*(_deltas(engine, f"visitor {number}") for number in range(500)))
    for number, deltas in enumerate(answers):
        assert "".join(delta.text for delta in deltas) == " ".join([f"visitor {number}"] * 3)


async def test_close_ends_a_stream_in_the_middle_of_its_pause() -> None:
    """Nobody waits a minute for an engine that is gone."""
    engine = EchoEngine(delay_ms=60_000)
    stream = engine.stream(_asked("one two"), _SAMPLING)
    assert (await anext(stream)).text == "one"
    waiting = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    await engine.close()
    with pytest.raises(EngineFault, match="closed"):
        await waiting


async def test_closing_the_iterator_leaves_nothing_behind() -> None:
    """Half an answer is no leak: no timer and no task remains."""
    engine = EchoEngine(delay_ms=60_000)
    async with aclosing(engine.stream(_asked("one two"), _SAMPLING)) as stream:
        await anext(stream)
        task = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
    assert not engine._pauses
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_settings_that_cannot_be_are_refused() -> None:
    """Several answers to one request are not offered; impossible settings are told at once."""
    with pytest.raises(EngineFault, match="`n`"):
        await _deltas(EchoEngine(), "one", replace(_SAMPLING, n=2))
    with pytest.raises(ValueError, match="repeat"):
        EchoEngine(repeat=0)
