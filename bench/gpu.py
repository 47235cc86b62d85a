"""The engine on one GPU against what the GPU can do: `python -m bench.gpu`. Without a GPU it says so and ends.

Models of the 1B and 8B Llama shapes are made on the device from random numbers. Times are those of the whole engine,
with its thread, scheduler and sampler, as seen where the tokens arrive. `--rehearse` runs it all on a CPU in small, to
see that it runs; those figures mean nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import random
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from bench.engines import ours
from bench.gpu_ceilings import copy_bandwidth, idle_share, matrix_rate
from bench.gpu_costs import prefill_work, token_bytes, weight_bytes
from bench.gpu_peer import VOCABULARY, best_rate
from bench.random_models import SIZES, on_device, tokenizer
from bench.workload import Run, Stamps, workload
from bot.engine.local.assembly import runner_of
from bot.engine.local.engine import LocalEngine
from bot.engine.local.loaded import Loaded, loaded_from
from bot.engine.local.model import Model, Progress
from bot.engine.local.settings import LocalSettings
from bot.engine.local.text import Texts
from bot.events import Sampling


@dataclass(frozen=True, slots=True)
class Plan:
    """What is run. Tokens are counts."""

    device: torch.device
    dtype: torch.dtype
    sizes: tuple[str, ...]
    answer: int
    prompt: int
    long_prompt: int
    long_prompts: int
    at_once: int
    copied: int
    side: int


GPU = Plan(torch.device("cuda"), torch.bfloat16, ("1b", "8b"), 256, 128, 4_096, 8, 64, 1 << 32, 8_192)
REHEARSAL = Plan(torch.device("cpu"), torch.float32, ("tiny",), 12, 16, 700, 2, 4, 1 << 20, 256)


@dataclass(frozen=True, slots=True)
class Ceilings:
    """Bytes and floating-point operations a second."""

    bandwidth: float
    rate: float


@dataclass(slots=True)
class Table:
    """Figures beside their bars, printed as they come."""

    missed: int = 0

    def row(self, what: str, figure: float, bar: float, *, most: bool = False, note: str = "") -> None:
        """`most` says that the bar is what the figure may be at most."""
        met = figure <= bar if most else figure >= bar
        self.missed += not met
        sign = "≤" if most else "≥"
        print(f"{what:<58} {figure:7.3f}   {sign} {bar:<5} {'met' if met else 'MISSED':<7} {note}", flush=True)


def prompts(count: int, length: int, vocabulary: int, seed: int) -> list[list[int]]:
    """Random token ids."""
    draw = random.Random(seed)
    return [[draw.randrange(3, vocabulary) for _ in range(length)] for _ in range(count)]


def load(plan: Plan, size: str) -> tuple[Loaded, LocalSettings]:
    """A random model of `size` on the device."""
    kinds = {torch.bfloat16: "bfloat16", torch.float32: "float32"}
    settings = LocalSettings(
        model=size,
        device="cuda" if plan.device.type == "cuda" else "cpu",
        dtype=kinds[plan.dtype],  # type: ignore[arg-type]  # the two of them are dtypes
        context_tokens=min(plan.long_prompt + plan.answer, SIZES[size].positions),
        max_requests=plan.at_once,
        prefix_cache=False,
    )
    model = on_device("llama", size, device=plan.device, dtype=plan.dtype)
    return loaded_from(model, tokenizer(SIZES[size].vocabulary), settings, name=size), settings


def loader(loaded: Loaded) -> Callable[[LocalSettings, Progress], Model]:
    """What gives the engine a model that is in memory already."""

    def model(settings: LocalSettings, progress: Progress) -> Model:
        return Model(
            runner=runner_of(loaded, settings, progress),
            texts=Texts(loaded.tokenizer, model=loaded.name),
            counting=Texts(loaded.tokenizer, model=loaded.name),
            grammar=lambda _sampling: None,
        )

    return model


async def arrivals(engine: LocalEngine, asks: list[list[int]], answer: int) -> list[list[float]]:
    """When each token of each answer came, all asked at once."""

    async def one(prompt: list[int]) -> list[float]:
        found: list[float] = []
        async for delta in engine.complete(prompt, Sampling(temperature=0.0, max_tokens=answer, ignore_eos=True)):
            found += [time.perf_counter()] * delta.tokens
        return found

    return list(await asyncio.gather(*(one(prompt) for prompt in asks)))


def step_seconds(came: list[list[float]]) -> float:
    """The time of a step while all answers are being written."""
    begin, end = max(times[0] for times in came), min(times[-1] for times in came)
    tokens = sum(begin < moment <= end for times in came for moment in times)
    return (end - begin) * len(came) / max(1, tokens)


async def output_rate(engine: LocalEngine, at_once: int) -> float:
    """Output tokens a second on the workload that other engines are measured with."""
    began = time.perf_counter()
    asks = workload(at_once, vocabulary=VOCABULARY)
    stamps = Stamps(Run("ours", at_once), began)
    await asyncio.gather(*(ours.answer(engine, number, ask, stamps) for number, ask in enumerate(asks)))
    return sum(ask.answer for ask in asks) / (time.perf_counter() - began)


async def idle(engine: LocalEngine, asks: list[list[int]], answer: int = 64) -> float:
    """The share of the time between the first and the last kernel of a decode in which the GPU ran nothing."""
    await arrivals(engine, asks, 8)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
        await arrivals(engine, asks, answer)
    kernels = [event for event in profile.events() if event.device_type.name == "CUDA"]
    ordered = sorted((event.time_range.start, event.time_range.end) for event in kernels)
    return idle_share(ordered[len(ordered) // 10 :])  # without the prompts


async def measure(plan: Plan, loaded: Loaded, settings: LocalSettings, ceilings: Ceilings, table: Table) -> float:
    """The rows of one model; gives its output tokens a second on the common workload at once."""
    engine = LocalEngine(settings, loader=loader(loaded))
    await engine.start()
    name, vocabulary = loaded.name, loaded.vocabulary
    weights, each = weight_bytes(loaded), token_bytes(loaded)
    length = plan.prompt + plan.answer / 2
    try:
        await arrivals(engine, prompts(2, plan.prompt, vocabulary, 0), 16)
        steps = [
            step_seconds(await arrivals(engine, prompts(1, plan.prompt, vocabulary, seed), plan.answer))
            for seed in range(1, 4)
        ]
        share = (weights + each * length) / statistics.median(steps) / ceilings.bandwidth
        note = f"{1e3 * statistics.median(steps):.2f} ms a step"
        table.row(f"{name}, 1 at once: of the copy bandwidth", share, 0.70 if name == "8b" else 0.60, note=note)
        many = prompts(plan.at_once, plan.prompt, vocabulary, 5)
        step = step_seconds(await arrivals(engine, many, plan.answer))
        best = (weights + plan.at_once * each * length) / ceilings.bandwidth
        note = f"{1e3 * step:.2f} ms against {1e3 * best:.2f}"
        table.row(f"{name}, {plan.at_once} at once: step against its bytes", step / best, 1.35, most=True, note=note)
        if plan.device.type == "cuda":
            for asks in (many[:1], many):
                found = await idle(engine, asks)
                table.row(f"{name}, {len(asks)} at once: GPU idle between steps", found, 0.02, most=True)
        began = time.perf_counter()
        await arrivals(engine, prompts(plan.long_prompts, plan.long_prompt, vocabulary, 6), 1)
        took = time.perf_counter() - began
        rate = plan.long_prompts * prefill_work(loaded, plan.long_prompt) / took
        note = f"{plan.long_prompts * plan.long_prompt / took:,.0f} tokens/s"
        table.row(f"{name}, prefill: of the matrix rate", rate / ceilings.rate, 0.55, note=note)
        return await output_rate(engine, plan.at_once)
    finally:
        await engine.close()


def release(plan: Plan) -> None:
    """Give memory back before the next model is made."""
    gc.collect()
    if plan.device.type == "cuda":
        torch.cuda.empty_cache()


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--rehearse", action="store_true", help="run it all in small on a CPU; the figures mean nothing"
    )
    parser.add_argument("--sizes", nargs="+", choices=GPU.sizes, default=GPU.sizes)
    parser.add_argument("--without-peer", action="store_true", help="leave transformers' continuous batching out")
    options = parser.parse_args()
    if not options.rehearse and not torch.cuda.is_available():
        print("There is no GPU here, so nothing of the GPU's table was measured.")
        return 0
    plan = REHEARSAL if options.rehearse else GPU
    name = torch.cuda.get_device_name() if plan.device.type == "cuda" else "a CPU, as a rehearsal"
    ceilings = Ceilings(copy_bandwidth(plan.device, plan.copied), matrix_rate(plan.device, plan.side, plan.dtype))
    print(
        f"{name}, torch {torch.__version__}: copies {ceilings.bandwidth / 1e12:.3f} TB/s (read and written), ", end=""
    )
    print(f"multiplies {ceilings.rate / 1e12:.2f} TFLOP/s in {str(plan.dtype).removeprefix('torch.')}")
    table = Table()
    for size in plan.sizes if options.rehearse else options.sizes:
        loaded, settings = load(plan, size)
        own = asyncio.run(measure(plan, loaded, settings, ceilings, table))
        del loaded
        release(plan)
        if not options.without_peer:
            theirs, attention = best_rate(size, device=plan.device, dtype=plan.dtype, at_once=plan.at_once)
            note = f"{own:,.0f} tokens/s against {theirs:,.0f} ({attention})"
            table.row(f"{size}, {plan.at_once} at once: against transformers'", own / max(theirs, 1e-9), 1.5, note=note)
    return int(table.missed > 0 and not options.rehearse)


if __name__ == "__main__":
    sys.exit(main())
