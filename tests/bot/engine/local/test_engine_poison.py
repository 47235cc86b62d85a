"""A request that cannot be done is refused by itself, with the field that is wrong; the others notice nothing."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Any

import pytest

from bot.engine.base import EngineRefused
from bot.engine.local.engine import LocalEngine, LocalStream
from tests.bot.engine.local.engines import answer, engine_on, read, sampling, text
from tests.fakes.local_engine import FakeRunner

Ask = Callable[[LocalEngine], LocalStream]


def complete(prompt: Any = "fine", **settings: Any) -> Ask:
    return lambda engine: engine.complete(prompt, sampling(**settings))


def chat(messages: Any) -> Ask:
    return lambda engine: engine.stream(messages, sampling())


POISON: list[tuple[str, Ask]] = [
    ("temperature", complete(temperature=math.nan)),
    ("temperature", complete(temperature=math.inf)),
    ("temperature", complete(temperature=-0.1)),
    ("temperature", complete(temperature="hot")),
    ("top_p", complete(top_p=0.0)),
    ("top_p", complete(top_p=math.nan)),
    ("top_k", complete(top_k=-1)),
    ("min_p", complete(min_p=1.5)),
    ("frequency_penalty", complete(frequency_penalty=math.nan)),
    ("presence_penalty", complete(presence_penalty=9)),
    ("repetition_penalty", complete(repetition_penalty=0)),
    ("max_tokens", complete(max_tokens=0)),
    ("max_tokens", complete(max_tokens=None)),
    ("n", complete(n=0)),
    ("n", complete(n=1_000_000)),
    ("n", complete(n="two")),
    ("seed", complete(seed="lucky")),
    ("seed", complete(seed=2**200)),
    ("stop", complete(stop="")),
    ("stop", complete(stop=("",))),
    ("stop", complete(stop=(7,))),
    ("logit_bias", complete(logit_bias={10**9: 1.0})),
    ("logit_bias", complete(logit_bias={1: math.nan})),
    ("top_logprobs", complete(logprobs=True, top_logprobs=1_000)),
    ("choice", complete(choice=("",))),
    ("regex", complete(regex="a", json_schema="{}")),
    ("prompt", complete("")),
    ("prompt", complete([])),
    ("prompt", complete([1, -5])),
    ("prompt", complete([1, 10**9])),
    ("prompt", complete([1, "a"])),
    ("prompt", complete([True])),
    ("prompt", complete("x" * 256)),
    ("prompt", complete([7] * 10_000)),
    ("messages", chat([])),
    ("messages", chat([{"role": "user", "content": "x" * 100_000}])),
    ("messages", chat([{"content": "who?"}])),
    ("messages", chat(["hello"])),
    ("deadline", lambda engine: engine.complete("late", sampling(), deadline=math.nan)),
]


@pytest.mark.parametrize("overlap", [False, True], ids=["settled", "ahead"])
async def test_each_poison_is_refused_alone(overlap: bool) -> None:
    """All of them at once, among requests in mid-answer."""
    runner = FakeRunner(overlap=overlap, endless=True)
    async with engine_on(runner) as engine:
        runner.hold()
        healthy = [asyncio.create_task(read(engine.complete("healthy", sampling(seed, 60)))) for seed in range(4)]
        runner.let(3)
        await asyncio.to_thread(runner.wait_for_arrivals, 4)
        fields = []
        for field, ask in POISON:
            with pytest.raises(EngineRefused) as refused:
                await read(ask(engine))
            assert len(str(refused.value)) > 20, "it says what is wrong"
            fields.append((field, refused.value.field))
        assert all(wanted == named for wanted, named in fields), [pair for pair in fields if pair[0] != pair[1]]
        runner.let()
        for seed, task in enumerate(healthy):
            assert text(await task) == answer("healthy", seed, 60, endless=True)
        assert engine.stats().requests == 4
        assert engine._held == 0


async def test_a_prompt_that_does_not_fit_is_told_the_numbers() -> None:
    """How long it is, and how much there is room for."""
    async with engine_on(FakeRunner()) as engine:
        with pytest.raises(EngineRefused, match=r"300 tokens.* 256 "):
            await read(engine.complete("x" * 300, sampling()))


async def test_a_prompt_that_only_leaves_room_for_one_token_is_answered() -> None:
    """The longest that fits."""
    async with engine_on(FakeRunner(endless=True)) as engine:
        [delta] = await read(engine.complete("x" * 255, sampling()))
        assert (delta.tokens, delta.finish_reason) == (1, "length")


async def test_the_cache_bounds_the_context_too() -> None:
    """A model may do 256 tokens; when the cache holds only 64, those are what fits."""
    async with engine_on(FakeRunner(blocks=9, endless=True)) as engine:
        assert engine.context_tokens == 64
        deltas = await read(engine.complete("x" * 60, sampling(max_tokens=100)))
        assert len(text(deltas)) == 4
        with pytest.raises(EngineRefused):
            await read(engine.complete("x" * 64, sampling()))
