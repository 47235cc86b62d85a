"""The local engine beside others, on one model and one workload: `python -m bench.engine`.

Rounds are interleaved, each engine in a process of its own, and the ratios are made of the medians of one run.
OpenVINO takes part where `--peers` names a Python that has `openvino-genai` and `gguf`; see docs/figures.md.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch

from bench.workload import MARK, Run, percentile

_NUMBERS = (1, 8, 32, 64)
_TABLE = (1, 8, 32, 64)


@dataclass(slots=True)
class Runs:
    """All runs by engine and number of requests at once."""

    found: defaultdict[tuple[str, int], list[Run]] = field(default_factory=lambda: defaultdict(list))

    def rate(self, engine: str, number: int) -> float:
        """Median output tokens a second; NaN where it did not run."""
        runs = self.found.get((engine, number))
        return statistics.median(run.rate for run in runs) if runs else math.nan

    def between(self, engine: str, number: int, percent: float) -> float:
        """Median over the rounds of a percentile of the milliseconds between tokens."""
        runs = self.found.get((engine, number))
        return 1e3 * statistics.median(percentile(run.between, percent) for run in runs) if runs else math.nan

    def first(self, engine: str, number: int, percent: float) -> float:
        """Median over the rounds of a percentile of the seconds to the first token."""
        runs = self.found.get((engine, number))
        return statistics.median(percentile(run.first, percent) for run in runs) if runs else math.nan


def run_engine(python: str, module: str, *arguments: str) -> list[Run]:
    """Run `bench.engines.{module}` with `python` in a process of its own."""
    command = [python, "-m", f"bench.engines.{module}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{module} failed:\n{done.stderr[-2000:]}")
    lines = [line.removeprefix(MARK) for line in done.stdout.splitlines() if line.startswith(MARK)]
    return [Run(**json.loads(line)) for line in lines]


def read_bandwidth() -> float:
    """Bytes a second that all cores together read from memory: the best of ten sums over 1 GB."""
    numbers = torch.ones(1 << 28, dtype=torch.float32)
    best = math.inf
    for _ in range(10):
        began = time.perf_counter()
        numbers.sum()
        best = min(best, time.perf_counter() - began)
    return numbers.nbytes / best


def streamed_weight_bytes(folder: Path) -> int:
    """Bytes of bfloat16 weights that one token reads: all but the embedding, of which it reads one row."""
    from safetensors import safe_open

    with safe_open(folder / "model.safetensors", "pt") as weights:
        shapes = {name: weights.get_slice(name).get_shape() for name in weights.keys()}  # noqa: SIM118 - not a mapping
    return sum(2 * math.prod(shape) for name, shape in shapes.items() if "embed_tokens" not in name)


def collect(model: Path, peers: str, rounds: int, numbers: tuple[int, ...]) -> Runs:
    """All engines, round by round."""
    runs = Runs()
    asked = [str(number) for number in numbers]
    turns: list[tuple[str, str, list[str]]] = [
        (sys.executable, "ours", [str(model), *asked]),
        (sys.executable, "generate", [str(model), "1"]),
        (sys.executable, "batching", [str(model), *asked]),
        (sys.executable, "http", [str(model), str(numbers[-1])]),
        (sys.executable, "ours", [str(model), "prefix"]),
    ]
    if peers:
        file = model.parent / f"{model.name}-f16.gguf"
        if not file.exists():
            subprocess.run([peers, "-m", "bench.engines.gguf", str(model), str(file)], check=True, capture_output=True)
        turns.insert(1, (peers, "openvino", [str(file), *asked]))
    for number in range(rounds):
        for python, module, arguments in turns:
            print(f"round {number + 1} of {rounds}: {module} {' '.join(arguments[1:])}", file=sys.stderr, flush=True)
            for run in run_engine(python, module, *arguments):
                runs.found[run.engine, run.at_once].append(run)
    return runs


def _show(runs: Runs) -> None:
    names = ("generate", "batching", "openvino", "ours", "http")
    print("output tokens/s" + "".join(f"{name:>12}" for name in names))
    for number in _TABLE:
        print(f"{number:>12}   " + "".join(f"{runs.rate(name, number):>12.0f}" for name in names))
    for title, value, digits in (
        ("first token p50, s", lambda name: runs.first(name, 64, 50), 3),
        ("first token p99, s", lambda name: runs.first(name, 64, 99), 3),
        ("between p50, ms", lambda name: runs.between(name, 64, 50), 1),
        ("between p99, ms", lambda name: runs.between(name, 64, 99), 1),
    ):
        print(f"{title:>18} at 64" + "".join(f"{name} {value(name):.{digits}f}".rjust(18) for name in names[1:]))


def _bars(runs: Runs, folder: Path) -> bool:
    """Print each bar of the engine with what was measured. True when all that could be measured hold."""
    bandwidth = read_bandwidth()
    weights = streamed_weight_bytes(folder)
    print(f"\nread bandwidth {bandwidth / 1e9:.1f} GB/s, weights read for one token {weights / 1e6:.1f} MB\n")
    ours, at_most, at_least = runs.rate, float.__le__, float.__ge__
    again = runs.first("prefix again", 1, 50) / runs.first("prefix first", 1, 50)
    bars: list[tuple[str, float, Callable[[float, float], bool], float]] = [
        *(
            (f"tokens/s at {n}, of transformers' batching", ours("ours", n) / ours("batching", n), at_least, bar)
            for n, bar in ((8, 3.0), (32, 3.0), (64, 4.0))
        ),
        ("tokens/s at 1, of generate", ours("ours", 1) / ours("generate", 1), at_least, 1.8),
        ("between p99 at 64, of transformers' batching",
         runs.between("ours", 64, 99) / runs.between("batching", 64, 99), at_most, 0.2),
        ("tokens/s at 1, of OpenVINO", ours("ours", 1) / ours("openvino", 1), at_least, 0.6),
        ("tokens/s at 64, of OpenVINO", ours("ours", 64) / ours("openvino", 64), at_least, 0.8),
        ("over HTTP at 64, of in process", ours("http", 64) / ours("ours", 64), at_least, 0.9),
        ("first token of 380 again, of the first time", again, at_most, 0.25),
        ("weights read at 1, of the read bandwidth", ours("ours", 1) * weights / bandwidth, at_least, 0.6),
    ]  # fmt: skip
    held = True
    for name, value, holds, bar in bars:
        sign = "≥" if holds is at_least else "≤"
        verdict = "not measured" if math.isnan(value) else "holds" if holds(value, bar) else "MISSED"
        held = held and verdict != "MISSED"
        print(f"{name:<46} {value:>7.2f}   bar {sign} {bar:<5} {verdict}")
    return held


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model", type=Path, help="A folder; without it the 41.6M Llama is made anew.")
    parser.add_argument(
        "--peers", default=os.environ.get("FRONTDESK_PEERS", ""), help="A Python with openvino-genai and gguf."
    )
    parser.add_argument("--at-once", type=int, nargs="+", default=list(_NUMBERS))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        model = options.model
        if model is None:
            model = Path(folder) / "m42"
            subprocess.run(
                [sys.executable, "-m", "bench.random_models", "m42", "--out", str(model)], check=True, stdout=2
            )
        runs = collect(model, options.peers, options.rounds, tuple(options.at_once))
        _show(runs)
        return 0 if _bars(runs, model) else 1


if __name__ == "__main__":
    sys.exit(main())
