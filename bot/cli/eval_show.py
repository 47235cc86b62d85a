"""What `frontdesk eval` shows of a run on a terminal."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bot.cli.terminal import output
from bot.scoring.judge import FIRST, Score
from bot.scoring.summary import FIGURES, Row, rows, spans

_BEGINNING = 300
_UNSEEN = 140


def console() -> Console:
    """Standard output, wide enough for tables where no terminal says how wide it is."""
    return output if output.is_terminal else Console(width=_UNSEEN, highlight=False)


def show_scores(scores: Sequence[Score]) -> None:
    """A table with a row for each kind of question and one for all, then lengths and seconds."""
    table = Table("kind", "n", *FIGURES)
    *kinds, everything = rows(scores)
    for kind in kinds:
        table.add_row(*_cells(kind))
    table.add_section()
    table.add_row(*_cells(everything))
    console().print(table)
    told = spans(scores)
    console().print(
        f"length: median {told.median_length:.0f}, longest {told.longest} characters   "
        f"seconds: p50 {told.p50:.3f}, p95 {told.p95:.3f}"
    )


def _cells(row: Row) -> list[str]:
    return [escape(row.name), str(row.questions), *(str(row.shares[figure]) for figure in FIGURES)]


def show_failures(scores: Sequence[Score]) -> None:
    """Each question that something is wrong with: why, how its answer begins, and its sources."""
    for one in scores:
        if not one.reasons:
            continue
        question = one.question
        console().print(f"\n[bold]{escape(question.id)}[/]  {escape(question.question)}")
        console().print(f"  [red]{escape('; '.join(one.reasons))}[/]")
        if one.result:
            console().print(f"  {escape(beginning(one.result.answer))}")
            console().print(f"  [dim]sources {escape(', '.join(one.result.sources[: FIRST + 2]) or 'none')}[/]")


def beginning(answer: str) -> str:
    """The first characters of `answer`, on one line."""
    line = re.sub(r"\s*\n\s*", " / ", answer.strip())
    return line if len(line) <= _BEGINNING else f"{line[:_BEGINNING]} …"
