"""The local engine under arrivals as they happen: `python -m bench.engine_load [--chart docs/engine-load.svg]`.

Requests arrive at random (a Poisson process) at a rate that rises run by run until the engine no longer keeps up
(the knee). A request is good when its first token came within 2 s and 99 % of its tokens within 100 ms of the one
before; goodput is how many good ones a second were served.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from bench.engines.ours import answer
from bench.workload import Ask, Run, Stamps, percentile, workload
from bot.engine.local.engine import LocalEngine
from bot.engine.local.settings import LocalSettings

_FIRST_SECONDS, _BETWEEN_SECONDS = 2.0, 0.1
_KEPT_UP = 0.9


@dataclass(slots=True)
class Rate:
    """One rate of arrivals: what each of its requests saw."""

    rate: float
    seconds: float = 0.0
    runs: list[Run] = field(default_factory=list)

    @property
    def first(self) -> list[float]:
        return [run.first[0] for run in self.runs]

    @property
    def between(self) -> list[float]:
        return [gap for run in self.runs for gap in run.between]

    @property
    def goodput(self) -> float:
        """Good requests a second."""
        return sum(_good(run) for run in self.runs) / self.seconds

    @property
    def served(self) -> float:
        """Output tokens a second."""
        return sum(run.tokens for run in self.runs) / self.seconds


def _good(run: Run) -> bool:
    return run.first[0] <= _FIRST_SECONDS and percentile(run.between, 99) <= _BETWEEN_SECONDS


async def _one(engine: LocalEngine, number: int, ask: Ask) -> Run:
    run = Run("ours", 0)
    await answer(engine, number, ask, Stamps(run, time.perf_counter()))
    return run


async def arrive(engine: LocalEngine, rate: float, seconds: float) -> Rate:
    """Let requests arrive at `rate` a second for `seconds`, and wait for all their ends."""
    draw = random.Random(rate)
    asks = workload(int(2 * rate * seconds) + 8, seed=7)
    began, due, running = time.perf_counter(), 0.0, []
    async with asyncio.TaskGroup() as group:
        while (due := due + draw.expovariate(rate)) < seconds:
            await asyncio.sleep(max(0.0, began + due - time.perf_counter()))
            running.append(group.create_task(_one(engine, len(running), asks[len(running)])))
    return Rate(rate, time.perf_counter() - began, [task.result() for task in running])


async def sweep(model: str, seconds: float, first: float, factor: float) -> list[Rate]:
    """Rates from `first` on, each `factor` times the last, to two beyond the knee."""
    engine = LocalEngine(LocalSettings(model=model, prefix_cache=False))  # the same ones come at each rate
    await engine.start()
    try:
        await asyncio.gather(*(_one(engine, 0, ask) for ask in workload(3, seed=99)))
        rates, rate, beyond = [], first, 0
        while beyond < 2 and len(rates) < 16:
            found = await arrive(engine, rate, seconds)
            rates.append(found)
            _show(found)
            beyond += found.goodput < _KEPT_UP * len(found.runs) / found.seconds
            rate *= factor
        return rates
    finally:
        await engine.close()


def _show(found: Rate) -> None:
    first, between = found.first, found.between
    print(
        f"{found.rate:>8.2f} {len(found.runs):>9} {found.served:>10.0f} {found.goodput:>9.2f}"
        f" {percentile(first, 50):>9.3f} {percentile(first, 99):>9.3f}"
        f" {1e3 * percentile(between, 50):>9.1f} {1e3 * percentile(between, 99):>9.1f}",
        flush=True,
    )


def draw(rates: list[Rate], file: Path) -> None:
    """Waiting times and goodput over the rate of arrivals, as SVG."""
    import matplotlib as mpl
    from matplotlib import pyplot

    mpl.rcParams.update({"svg.hashsalt": "frontdesk", "svg.fonttype": "none", "font.size": 9})
    figure, (waits, gaps, good) = pyplot.subplots(1, 3, figsize=(10.5, 3.2), layout="constrained")
    arrivals = [found.rate for found in rates]
    for percent, style in ((50, "o-"), (99, "s--")):
        waits.plot(arrivals, [percentile(found.first, percent) for found in rates], style, label=f"p{percent}")
        gaps.plot(arrivals, [1e3 * percentile(found.between, percent) for found in rates], style, label=f"p{percent}")
    waits.axhline(_FIRST_SECONDS, color="grey", linewidth=0.7)
    gaps.axhline(1e3 * _BETWEEN_SECONDS, color="grey", linewidth=0.7)
    good.plot(arrivals, arrivals, color="grey", linewidth=0.7, label="arrivals")
    good.plot(arrivals, [found.goodput for found in rates], "o-", label="good requests")
    for axes, title in ((waits, "time to first token, s"), (gaps, "between tokens, ms"), (good, "goodput, requests/s")):
        axes.set(title=title, xlabel="arrivals a second")
        axes.grid(visible=True, linewidth=0.3)
        axes.legend(frameon=False)
    waits.set_yscale("log")
    figure.savefig(file, metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="", help="A hub id or folder; without it the 41.6M Llama is made anew.")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--first", type=float, default=2.0, help="The first rate of arrivals a second.")
    parser.add_argument("--factor", type=float, default=1.3)
    parser.add_argument("--chart", type=Path, help="Draw a chart into this file.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        model = options.model or str(Path(folder) / "m42")
        if not options.model:
            command = [sys.executable, "-m", "bench.random_models", "m42", "--out", model]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        print("arrivals  requests   tokens/s   goodput   TTFT p50       p99   ITL p50       p99 ms")
        rates = asyncio.run(sweep(model, options.seconds, options.first, options.factor))
    knee = max(rates, key=lambda found: found.goodput)
    print(f"best goodput {knee.goodput:.2f} requests/s at {knee.rate:.2f} arrivals/s")
    if options.chart:
        draw(rates, options.chart)


if __name__ == "__main__":
    main()
