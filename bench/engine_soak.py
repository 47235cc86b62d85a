"""Many requests with random settings, some of them cancelled, late or wrong: each ends once, and nothing is lost.

`python -m bench.engine_soak [REQUESTS]` puts 10,000 through the engine's own thread, scheduler and cache over a model
that costs nothing, whose answers show whether every key and value was where it belonged.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import psutil

from bot.engine.base import EngineBusy, EngineFault, EngineRefused, EngineSlow
from bot.engine.local.engine import LocalEngine, LocalStream
from bot.engine.local.seeds import seed_of
from bot.engine.local.settings import LocalSettings
from bot.engine.local.stats import Stats
from bot.events import Sampling
from tests.fakes.local_engine import END, FakeRunner, OutOfMemoryError, expected, loader_of

VISITORS = 80
"""Requests under way at once: more than run, and now and then more than may wait."""
_WARM = 0.25
_ALLOWED_GROWTH = 8_000_000
_TROUBLES = (
    {"temperature": float("nan")},
    {"stop": ("",)},
    {"top_p": 0.0},
    {"max_tokens": 0},
    {"logit_bias": {-1: 1.0}},
)


@dataclass(slots=True)
class Soaked:
    """What came of it. `wrong` are answers that are not what the model says alone."""

    ends: Counter[str] = field(default_factory=Counter)
    wrong: int = 0
    seconds: float = 0.0
    warm_bytes: int = 0
    last_bytes: int = 0
    stats: Stats | None = None

    def faults(self, requests: int) -> list[str]:
        """What is not as it must be."""
        assert self.stats is not None
        found = {
            f"{sum(self.ends.values())} ends of {requests} requests": sum(self.ends.values()) != requests,
            f"{self.wrong} wrong answers": self.wrong > 0,
            f"{self.stats.kv_used} blocks held at the end": self.stats.kv_used > 0,
            f"the books were wrong {self.stats.leaks} times": self.stats.leaks > 0,
            f"memory grew by {self.growth / 1e6:.1f} MB": self.growth > _ALLOWED_GROWTH,
        }
        return [what for what, so in found.items() if so]

    @property
    def growth(self) -> int:
        return self.last_bytes - self.warm_bytes


async def soak(requests: int, *, seed: int = 0, overlap: bool = False, faults: bool = True) -> Soaked:
    """Put `requests` through an engine, `VISITORS` at once."""
    chance = random.Random(seed)
    runner = FakeRunner(overlap=overlap, blocks=49, step_tokens=48, on_launch=_strikes(seed) if faults else None)
    settings = LocalSettings(model="fake", block_tokens=8, max_requests=24, queue=96)
    engine = LocalEngine(settings, loader=loader_of(runner))
    soaked, process, left = Soaked(), psutil.Process(), iter(range(requests))
    await engine.start()
    began = time.perf_counter()

    async def visitor() -> None:
        for number in left:
            soaked.ends[await _ask(engine, random.Random(chance.random()), number, soaked)] += 1
            if number == int(requests * _WARM):
                gc.collect()
                soaked.warm_bytes = process.memory_info().rss

    await asyncio.gather(*(visitor() for _ in range(VISITORS)))
    while not await engine.alive().at_rest():
        await asyncio.sleep(0)
    soaked.seconds, soaked.stats = time.perf_counter() - began, engine.stats()
    gc.collect()
    soaked.last_bytes = process.memory_info().rss
    await engine.close()
    return soaked


def _strikes(seed: int) -> Callable[[object], None]:
    """Now and then a step fails, or finds no memory."""
    dice = random.Random(seed)

    def strike(_step: object) -> None:
        roll = dice.random()
        if roll < 0.002:
            raise RuntimeError("struck")
        if roll < 0.0025:
            raise OutOfMemoryError("struck")

    return strike


async def _ask(engine: LocalEngine, dice: random.Random, number: int, soaked: Soaked) -> str:
    beginning = f"from {number}: " if dice.random() < 0.5 else ""
    prompt = beginning + "the same beginning of many " * dice.randrange(5) + f"question {number % 50}"
    more = dice.choice(_TROUBLES) if dice.random() < 0.03 else {}
    settings: dict[str, object] = {
        "seed": dice.randrange(2**31),
        "max_tokens": dice.randrange(1, 40),
        "temperature": dice.choice((0.0, 0.7, 2.0)),
        "n": dice.choice((1, 1, 1, 1, 2, 3)),
        "logprobs": dice.random() < 0.1,
        "ignore_eos": dice.random() < 0.1,
        "stop": ("zz",) if dice.random() < 0.3 else (),
        **more,
    }
    sampling = Sampling(**settings)  # type: ignore[arg-type]  # what is wrong in it is meant to be
    deadline = dice.choice((None, None, None, None, 0.001, 0.2))
    stream = engine.complete(
        prompt, sampling, owner=f"visitor {dice.randrange(9)}", priority=dice.randrange(3), deadline=deadline
    )
    patience = dice.randrange(1, 6) if dice.random() < 0.3 else None
    try:
        return await _read(stream, prompt, sampling, patience, dice, soaked)
    except EngineFault as fault:
        if isinstance(fault, EngineBusy):
            await asyncio.sleep(0.01)  # and come again with something else
        return _NAMES.get(type(fault), "failed")


_NAMES: dict[type[EngineFault], str] = {EngineRefused: "refused", EngineBusy: "busy", EngineSlow: "late"}


async def _read(
    stream: LocalStream, prompt: str, sampling: Sampling, patience: int | None, dice: random.Random, soaked: Soaked
) -> str:
    written = [""] * sampling.n
    ends = 0
    async for delta in stream:
        written[delta.index] += delta.text
        ends += delta.finish_reason != ""
        if patience is not None:
            patience -= 1
            if patience <= 0:
                await stream.aclose()
                return "left"
        if dice.random() < 0.05:
            await asyncio.sleep(0.002)
    for index, text in enumerate(written):
        soaked.wrong += text != _right(prompt, sampling, index)
    soaked.wrong += ends != sampling.n
    return "answered"


def _right(prompt: str, sampling: Sampling, index: int) -> str:
    most = min(sampling.max_tokens, 256 - len(prompt))
    tokens = list(prompt.encode())
    said = expected(tokens, seed_of(sampling.seed, index), most, through=sampling.ignore_eos)
    text = bytes(token for token in said if token != END).decode()
    stops = [text.index(stop) for stop in sampling.stop if stop in text]
    return text[: min(stops)] if stops else text


def main() -> int:
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    logging.disable(logging.ERROR)  # steps are struck on purpose
    faults = []
    for overlap in (False, True):
        soaked = asyncio.run(soak(requests, overlap=overlap))
        stats = soaked.stats
        assert stats is not None
        faults += soaked.faults(requests)
        ends = ", ".join(f"{count} {end}" for end, count in soaked.ends.most_common())
        print(
            f"{'one step ahead' if overlap else 'step by step'}: {requests} requests in {soaked.seconds:.1f} s: {ends}"
        )
        print(
            f"  {stats.steps} steps, {stats.failed_steps} failed, {stats.preemptions} preemptions, "
            f"{stats.prefix_hit_tokens} tokens found in the prefix cache; {stats.kv_used} of {stats.kv_total} blocks "
            f"held at the end, {soaked.wrong} wrong answers; memory {soaked.growth / 1e6:+.1f} MB"
        )
    for fault in faults:
        print(f"  not as it must be: {fault}", file=sys.stderr)
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
