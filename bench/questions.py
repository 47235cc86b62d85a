"""The demo's questions and their bars: `python -m bench.questions [--failures] [--blind] [--out ANSWERS.jsonl]`."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from bot.scoring.judge import Score, score_all
from bot.scoring.question import read_questions
from bot.scoring.result import read_results
from bot.scoring.summary import FEWER_IS_BETTER, row

DEMO = Path(__file__).resolve().parent.parent / "bot" / "demo"
QUESTIONS = DEMO / "questions.jsonl"

BARS: Mapping[str, float] = {
    "answer right": 0.85,
    "source in first 3": 0.95,
    "declines right": 0.90,
    "false declines": 0.05,
    "language right": 0.95,
    "number unheld": 0.0,
}


def below_bar(scores: Sequence[Score]) -> list[str]:
    """The names of the figures that do not reach their bar."""
    values = {name: share.value for name, share in row("all", scores).shares.items()}
    return [
        name
        for name, bar in BARS.items()
        if (value := values[name]) is not None and (value > bar if name in FEWER_IS_BETTER else value < bar)
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.questions", description="Score the demo's questions.")
    parser.add_argument("--out", type=Path, help="where to keep the answers")
    parser.add_argument("--blind", action="store_true", help="do not tell each question's language")
    parser.add_argument("--failures", action="store_true", help="list the questions that went wrong, and why")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        out = given.out or Path(folder) / "answers.jsonl"
        program = [sys.executable, "-m", "bot", "eval", "--config", DEMO / "frontdesk.toml", "--out", out]
        wanted = [f"--{name}" for name in ("blind", "failures") if getattr(given, name)]
        command = [*program, "--knowledge", DEMO / "knowledge", "--questions", QUESTIONS, *wanted]
        if failed := subprocess.run(list(map(str, command)), check=False).returncode:
            return failed
        low = below_bar(score_all(read_questions(QUESTIONS), read_results(out)))
    for name in low:
        print(f"below its bar: {name}")
    return bool(low)


if __name__ == "__main__":
    sys.exit(main())
