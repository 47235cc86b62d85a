"""`frontdesk eval`: answer a file of questions, score the answers, compare two runs."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.terminal import ConfigFile, Model, configuration, errors, run_async
from bot.errors import UsageError

if TYPE_CHECKING:
    from bot.scoring.question import Question


class By(StrEnum):
    """What a row of the table stands for."""

    KIND = "kind"
    LANGUAGE = "language"
    BOTH = "both"


_QUESTIONS = (
    "JSON lines: {id, question, history?: [{role, text}], lang?, kind?}; scored with any of {sources, must, must_not, "
    "declined}."
)

Answers = Annotated[Path | None, typer.Option("--answers", help="Score what --out wrote before; nothing is asked.")]
Against = Annotated[Path | None, typer.Option("--against", help="Compare with what --out wrote before.")]
Failures = Annotated[
    bool | None,
    typer.Option("--failures/--no-failures", help="List what went wrong, and why. A report does unless told not to."),
]
Report = Annotated[Path | None, typer.Option("--report", help="Write all tables as Markdown into this file.")]
Chart = Annotated[
    Path | None, typer.Option("--chart", help="Draw declines over the threshold, and their ROC, into this SVG file.")
]


def evaluate(
    questions: Annotated[Path, typer.Option("--questions", "-q", help=_QUESTIONS)],
    knowledge: Annotated[
        Path | None, typer.Option("--knowledge", "-k", help="The file or folder to answer from.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Where to write one line of JSON for each question. Needed unless scored."),
    ] = None,
    config: ConfigFile = None,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Questions under way at once.")] = 1,
    model: Model = None,
    blind: Annotated[bool, typer.Option("--blind", help="Do not tell the bot each question's language.")] = False,
    by: Annotated[By, typer.Option("--by", help="A row for each kind, each language, or both together.")] = By.KIND,
    failures: Failures = None,
    report: Report = None,
    chart: Chart = None,
    answers: Answers = None,
    against: Against = None,
) -> None:
    """Answer a file of questions: {id, answer, sources, declined, language, seconds} for each; score what is expected.

    `sources` are file names: those that the answer cites first, then what else was found, best first.

    [bold]Examples[/bold]

      frontdesk eval --knowledge docs/ --questions questions.jsonl --out answers.jsonl
      frontdesk eval -k docs/ -q expected.jsonl --failures
      frontdesk eval -k docs/ -q expected.jsonl --report report.md --chart chart.svg --by both
      frontdesk eval -k docs/ -q expected.jsonl -o new.jsonl --against old.jsonl
      frontdesk eval -q expected.jsonl --answers new.jsonl --against old.jsonl
      frontdesk eval -k docs/ -q questions.jsonl -o answers.jsonl --model models/qwen3-0.6b --jobs 16
    """
    from bot.cli.eval_run import answered
    from bot.cli.eval_show import Wanted, show, summarise
    from bot.scoring.judge import score_all
    from bot.scoring.question import read_questions
    from bot.scoring.result import read_results

    asked = read_questions(questions)
    settings = configuration(config, model=model)
    scored = any(question.expects for question in asked)
    _something_to_do(questions, knowledge, answers, out, scored=scored, shown=bool(report or chart or against))
    _can_be_drawn(asked, chart)
    for option, file in (("--out", out), ("--report", report), ("--chart", chart)):
        _may_be_written(file, option, read=(questions, answers, against))
    before = score_all(asked, read_results(against)) if against else None
    if answers is not None:
        results = read_results(answers)
    elif knowledge is not None:
        told = [question.model_copy(update={"lang": ""}) for question in asked] if blind else asked
        results = run_async(answered(settings, knowledge, told, out, jobs))
    else:
        raise UsageError("Name what to answer from with --knowledge, or what was answered before with --answers.")
    if scored:
        wanted = Wanted(title=questions.stem, by=by.value, failures=failures, report=report, chart=chart)
        show(score_all(asked, results), before, wanted)
    else:
        summarise(results)
    if out is not None:
        errors.print(f"Answers written to {out}", markup=False, highlight=False)


def _something_to_do(
    questions: Path, knowledge: Path | None, answers: Path | None, out: Path | None, *, scored: bool, shown: bool
) -> None:
    """Before the work: what the options ask for can be had. Raises `UsageError`."""
    if knowledge is not None and answers is not None:
        raise UsageError("--knowledge answers anew, --answers scores what was answered before: give one of them.")
    if answers is not None and out is not None:
        raise UsageError("--answers asks nothing, so there is nothing to write with --out. Leave one of them out.")
    if not scored and (shown or answers):
        raise UsageError(f"{questions} expects nothing of the answers. Add must, must_not, sources or declined to it.")
    if not scored and out is None:
        raise UsageError(f"{questions} expects nothing of the answers: say where to write them, with --out.")


def _can_be_drawn(asked: list[Question], chart: Path | None) -> None:
    if chart is None:
        return
    from bot.cli.eval_chart import need_matplotlib

    need_matplotlib()
    if chart.suffix.lower() != ".svg":
        raise UsageError(f"The chart is an SVG file: give --chart a name that ends in .svg, not {chart.name}.")
    if len({question.declined for question in asked if question.expects}) < 2:
        raise UsageError("--chart needs questions that must be declined beside others: give some `declined: true`.")


def _may_be_written(file: Path | None, option: str, *, read: tuple[Path | None, ...]) -> None:
    """Before the work, not after it; what stands in `file` now is replaced only once there is something to write."""
    if file is None:
        return
    if file.exists() and any(other and other.exists() and file.samefile(other) for other in read):
        raise UsageError(f"{file} is read for this; nothing was changed. Choose another file with {option}.")
    if file.is_dir() or not os.access(file if file.exists() else file.absolute().parent, os.W_OK):
        raise UsageError(f"Cannot write {file}. Choose another file with {option}.")
