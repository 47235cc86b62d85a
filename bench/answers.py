"""How good the answers are: `python -m bench.answers [--sets demo …] [--modes words semantic] [--keep FOLDER]`.

Runs `frontdesk eval` over the demo, over the two halves of each knowledge base in `tests/knowledge`, and over those to
practise on, without a model, and prints each figure beside its bar. The `scored` halves are for this alone: nobody
looks at what went wrong there, so it is never printed, whatever `--failures` asks.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bot.cli.eval_chart import draw
from bot.scoring.declines import decline_curve
from bot.scoring.judge import Score, score_all
from bot.scoring.question import read_questions
from bot.scoring.result import read_results
from bot.scoring.summary import FEWER_IS_BETTER, FIGURES, row, spans

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / "bot" / "demo"
MODES = {"words": "no", "semantic": "yes"}
"""How passages are found -> the value of `knowledge.semantic.enabled`."""

EVERYWHERE = {"language right": 1.0, "number unheld": 0.0}
SECONDS = {"words": 0.060, "semantic": 0.150}
"""The bar of the 95th percentile on two cores."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Set:
    """Questions about one knowledge base. `bars` are by mode, each a figure's; a half without any is only reported."""

    name: str
    knowledge: Path
    questions: Path
    config: Path | None = None
    bars: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @property
    def hidden(self) -> bool:
        return self.questions.stem == "scored"

    def missing(self) -> bool:
        return not (self.knowledge.exists() and self.questions.exists())


def _bars(source: float, right: float, declines: float, false: float) -> dict[str, float]:
    told = {"answer right": right, "source in first 3": source, "declines right": declines, "false declines": false}
    return told | EVERYWHERE


_DECLINES = {"words": (0.80, 0.08), "semantic": (0.85, 0.06)}
_ENGLISH = {
    "words": _bars(0.85, 0.60, *_DECLINES["words"]),
    "semantic": _bars(0.93, 0.70, *_DECLINES["semantic"]),
}
_CHINESE = {"words": _bars(0.88, 0.60, *_DECLINES["words"])}


def _halves(name: str, bars: Mapping[str, Mapping[str, float]]) -> Iterator[Set]:
    home = ROOT / "tests" / "knowledge" / name
    for half in ("working", "scored"):
        yield Set(
            name=f"{name}, {half}",
            knowledge=home / "articles",
            questions=home / f"{half}.jsonl",
            bars=bars if half == "scored" else {},
        )


def _practice(*names: str) -> Iterator[Set]:
    for name in names:
        home = ROOT / "tests" / "knowledge" / name
        yield Set(name=f"{name}, practice", knowledge=home / "articles", questions=home / "working.jsonl")


SETS: Mapping[str, Sequence[Set]] = {
    "demo": (
        Set(
            name="demo",
            knowledge=DEMO / "knowledge",
            questions=DEMO / "questions.jsonl",
            config=DEMO / "frontdesk.toml",
            bars={"semantic": _bars(0.95, 0.85, 0.90, 0.05) | {"language right": 0.95}},
        ),
    ),
    "broadband": tuple(_halves("broadband", _ENGLISH)),
    "appliances": tuple(_halves("appliances", _CHINESE)),
    "practice": tuple(_practice("bank", "gym", "courier", "museum")),
}


def run(one: Set, mode: str, folder: Path, *, failures: bool) -> list[Score]:
    """Answer the questions of `one`; answers, and with `failures` a report, are left in `folder`.

    Raises `CalledProcessError`.
    """
    out = folder / f"{one.name.replace(', ', '-')}-{mode}.jsonl"
    options = ["--knowledge", one.knowledge, "--questions", one.questions, "--out", out]
    options += ["--config", one.config] if one.config else []
    options += ["--failures"] if failures and not one.hidden else ["--no-failures"]
    shown = None if failures and not one.hidden else subprocess.DEVNULL
    environment = os.environ | {"FRONTDESK_KNOWLEDGE__SEMANTIC__ENABLED": MODES[mode], "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "bot", "eval", *map(str, options)]
    subprocess.run(command, check=True, stdout=shown, env=environment, cwd=folder)
    return score_all(read_questions(one.questions), read_results(out))


def below(name: str, value: float | None, bars: Mapping[str, float]) -> bool:
    """Whether a figure does not reach its bar, if it has one."""
    if value is None or name not in bars:
        return False
    return value > bars[name] if name in FEWER_IS_BETTER else value < bars[name]


def cells(one: Set, mode: str, scores: Sequence[Score]) -> tuple[list[str], bool]:
    """A row of the table, and whether any figure is below its bar."""
    bars, told, low = one.bars.get(mode, {}), spans(scores), []
    shown = [one.name, str(len(scores))]
    for name, share in row("all", scores).shares.items():
        low.append(below(name, share.value, bars))
        shown.append(f"[red]{share} ✗[/]" if low[-1] else str(share))
    low.append(bool(bars) and told.p95 > SECONDS[mode])
    shown.append(f"[red]{1e3 * told.p95:.0f} ms ✗[/]" if low[-1] else f"{1e3 * told.p95:.0f} ms")
    return [*shown, f"{told.median_length:.0f}, {told.longest}"], any(low)


def bar_cells(one: Set, mode: str) -> list[str]:
    bars = one.bars[mode]
    signs = {name: "≤" if name in FEWER_IS_BETTER else "≥" for name in FIGURES}
    shown = [f"{signs[name]} {100 * bars[name]:.0f} %" if name in bars else "" for name in FIGURES]
    return ["[dim]bar[/]", "", *shown, f"≤ {1e3 * SECONDS[mode]:.0f} ms", ""]


def measure(names: Sequence[str], mode: str, folder: Path, *, failures: bool) -> tuple[bool, list[Score]]:
    """Print the table of one mode. Returns whether every bar is reached, and the scores that may be looked at."""
    table = Table("set", "n", *FIGURES, "p95", "length: median, most", title=f"Answers without a model: {mode}")
    good, seen = True, []
    for one in (one for name in names for one in SETS[name]):
        if one.missing():
            print(f"{one.name} is left out: it is not in this installation.", file=sys.stderr)
            continue
        scores = run(one, mode, folder, failures=failures)
        shown, low = cells(one, mode, scores)
        seen += [] if one.hidden else scores
        table.add_row(*shown)
        if mode in one.bars:
            table.add_row(*bar_cells(one, mode), end_section=True)
        good = good and not low
    Console(width=None if sys.stdout.isatty() else 170).print(table)
    return good, seen


def chart(scores: Sequence[Score], file: Path) -> None:
    """Draw what the threshold does to the questions that one works with, all sets together."""
    if (curve := decline_curve(scores)) is None:
        print("No chart: the answers tell no confidence.", file=sys.stderr)
    else:
        draw(curve, scores, file)
        print(f"{file}: area {curve.area:.3f} over {len(scores)} questions")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.answers", description=__doc__.splitlines()[0])
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--modes", nargs="+", choices=MODES, default=list(MODES))
    parser.add_argument("--keep", type=Path, help="a folder for the answers, to compare with later ones")
    parser.add_argument("--chart", type=Path, help="draw declines over the threshold, but for the scored halves (SVG)")
    parser.add_argument("--failures", action="store_true", help="list what went wrong, but for the scored halves")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        folder = (given.keep or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        good = True
        try:
            for mode in given.modes:
                reached, scores = measure(given.sets, mode, folder, failures=given.failures)
                good = good and reached
                if given.chart:
                    chart(scores, given.chart.with_stem(f"{given.chart.stem}-{mode}"))
        except subprocess.CalledProcessError as error:
            print(f"frontdesk eval failed with {error.returncode}.", file=sys.stderr)
            return 2
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())
