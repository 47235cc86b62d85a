"""What `frontdesk eval` shows of a run on a terminal, and what it writes of it."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich import table as rich_table
from rich.console import Console
from rich.markup import escape

from bot.cli.terminal import errors, output
from bot.errors import UsageError
from bot.scoring.comparison import Comparison, compared
from bot.scoring.declines import DECLINED, decline_curve, declines
from bot.scoring.judge import FIRST, Score
from bot.scoring.markdown import beginning, report
from bot.scoring.result import Result
from bot.scoring.summary import percentile
from bot.scoring.tables import Table, comparison_table, declines_table, figures_table, groups_table

_UNSEEN = 140


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is asked for. `failures` None: in a report, and not on the terminal."""

    title: str
    by: str
    failures: bool | None
    report: Path | None
    chart: Path | None


def console() -> Console:
    """Standard output, wide enough for tables where no terminal says how wide it is."""
    return output if output.is_terminal else Console(width=_UNSEEN, highlight=False)


def show(scores: Sequence[Score], before: Sequence[Score] | None, wanted: Wanted) -> None:
    """Print the figures of a run, and those that changed since `before`; write report and chart."""
    found = compared(before, scores) if before is not None else None
    _print(figures_table(scores, wanted.by))
    if any(one.question.declined for one in scores):
        _print(declines_table(declines(scores), DECLINED))
    by_group = groups_table(scores, wanted.by)
    if any(cells[-1] for cells in by_group.rows):
        _print(by_group)
    if found:
        _print(comparison_table(found))
        _changed("Better", found.better)
        _changed("Worse", found.worse)
    if wanted.failures:
        show_failures(scores)
    _write(scores, found, wanted)


def _write(scores: Sequence[Score], found: Comparison | None, wanted: Wanted) -> None:
    if wanted.chart:
        from bot.cli.eval_chart import draw

        if (curve := decline_curve(scores)) is None:
            raise UsageError("No chart: the answers tell no confidence, neither where they decline nor elsewhere.")
        draw(curve, scores, wanted.chart)
        errors.print(f"Chart written to {wanted.chart}", markup=False, highlight=False)
    if wanted.report:
        text = report(
            scores,
            title=wanted.title,
            by=wanted.by,
            comparison=found,
            failures=wanted.failures is not False,
            chart=_beside(wanted.chart, wanted.report),
        )
        wanted.report.write_text(text, "utf-8")
        errors.print(f"Report written to {wanted.report}", markup=False, highlight=False)


def _beside(chart: Path | None, report_file: Path) -> str:
    """Where `chart` is, seen from the report."""
    if chart is None:
        return ""
    chart, folder = chart.resolve(), report_file.resolve().parent
    return (chart.relative_to(folder) if chart.is_relative_to(folder) else chart).as_posix()


def _print(table: Table) -> None:
    drawn = rich_table.Table(*map(escape, table.heads), title=table.title, title_justify="left")
    for number, cells in enumerate(table.rows):
        if cells[0] == "all" and number:
            drawn.add_section()
        drawn.add_row(*map(escape, cells))
    console().print(drawn)
    if table.note:
        console().print(table.note, markup=False)
    console().print()


def _changed(title: str, scores: Sequence[Score]) -> None:
    console().print(f"[bold]{title}[/]: {len(scores)}")
    for one in scores:
        why = f"  [red]{escape('; '.join(one.reasons))}[/]" if one.reasons else ""
        console().print(f"  {escape(str(one.question.id))}  {escape(one.question.question)}{why}")


def show_failures(scores: Sequence[Score]) -> None:
    """Each question that something is wrong with: why, how its answer begins, and its sources."""
    for one in scores:
        if not one.reasons:
            continue
        question = one.question
        console().print(f"\n[bold]{escape(str(question.id))}[/]  {escape(question.question)}")
        console().print(f"  [red]{escape('; '.join(one.reasons))}[/]")
        if one.result:
            console().print(f"  {escape(beginning(one.result.answer))}")
            console().print(f"  [dim]sources {escape(', '.join(one.result.sources[: FIRST + 2]) or 'none')}[/]")


def summarise(results: Sequence[Result]) -> None:
    """What can be said of answers of which nothing is expected."""
    seconds = [result.seconds for result in results]
    table = rich_table.Table(show_header=False, box=None)
    table.add_row("questions", str(len(results)))
    table.add_row("declined", str(sum(result.declined for result in results)))
    table.add_row("median answer", f"{statistics.median(len(result.answer) for result in results):.0f} characters")
    table.add_row("seconds", f"p50 {percentile(seconds, 0.5):.3f}   p95 {percentile(seconds, 0.95):.3f}")
    errors.print(table)
