"""Frontdesk's local engine, in process: `python -m bench.engines.ours MODEL AT_ONCE…`."""

from __future__ import annotations

import asyncio
import sys
import time

from bench.workload import Ask, Run, Stamps, workload
from bot.engine.local.engine import LocalEngine
from bot.engine.local.settings import LocalSettings
from bot.events import Sampling


async def answer(engine: LocalEngine, number: int, ask: Ask, stamps: Stamps) -> None:
    """Let the engine answer one request, token by token as the event loop sees it."""
    sampling = Sampling(max_tokens=ask.answer, ignore_eos=True)
    async for delta in engine.complete(ask.prompt, sampling):
        stamps.note(number, time.perf_counter(), delta.tokens)


async def measure(engine: LocalEngine, at_once: int, name: str = "ours") -> Run:
    """All at once; 1 is four requests one after the other."""
    run = Run(name, at_once)
    for batch in [[ask] for ask in workload(4)] if at_once == 1 else [workload(at_once)]:
        began = time.perf_counter()
        stamps = Stamps(run, began)
        await asyncio.gather(*(answer(engine, number, ask, stamps) for number, ask in enumerate(batch)))
        run.seconds += time.perf_counter() - began
    return run


async def again(engine: LocalEngine, *, prompts: int = 15) -> tuple[list[float], list[float]]:
    """Seconds to the first token of 380-token prompts: read for the first time, and read again."""
    firsts: tuple[list[float], list[float]] = ([], [])
    for seed in range(1_000, 1_000 + prompts):
        prompt = (workload(1, seed=seed)[0].prompt * 20)[:380]
        for kept in firsts:
            run = Run("again", 1)
            await answer(engine, 0, Ask(prompt, 8), Stamps(run, time.perf_counter()))
            kept.append(run.first[0])
    return firsts


async def main(model: str, numbers: list[int], *, prefix_cache: bool = False) -> None:
    engine = LocalEngine(LocalSettings(model=model, prefix_cache=prefix_cache))
    await engine.start()
    try:
        await asyncio.gather(*(answer(engine, 0, ask, Stamps(Run("", 0), 0.0)) for ask in workload(3, seed=99)))
        for number in numbers:
            (await measure(engine, number)).print()
    finally:
        await engine.close()


async def prefix(model: str) -> None:
    engine = LocalEngine(LocalSettings(model=model))
    await engine.start()
    try:
        await answer(engine, 0, workload(1, seed=99)[0], Stamps(Run("", 0), 0.0))
        first, second = await again(engine)
    finally:
        await engine.close()
    for name, seconds in (("prefix first", first), ("prefix again", second)):
        Run(name, 1, first=seconds).print()


if __name__ == "__main__":
    if sys.argv[2] == "prefix":
        asyncio.run(prefix(sys.argv[1]))
    else:
        asyncio.run(main(sys.argv[1], [int(number) for number in sys.argv[2:]]))
