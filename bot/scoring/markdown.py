"""A run as a Markdown report."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from bot.scoring.comparison import Comparison
from bot.scoring.declines import DECLINED, decline_curve, declines, threshold_of
from bot.scoring.judge import FIRST, Score
from bot.scoring.tables import (
    Table,
    calibration_table,
    comparison_table,
    curve_table,
    declines_table,
    figures_table,
    groups_table,
)

_BEGINNING = 300
_ACTIVE = re.compile(r"([\\`*_{}\[\]<>#|~])")


def run_tables(scores: Sequence[Score], *, by: str) -> list[Table]:
    """The tables of a run: figures, groups, declines and, where the confidence is told, its curve."""
    found = [figures_table(scores, by)]
    found += [groups_table(scores, group) for group in dict.fromkeys(("language", "kind", by))]
    found.append(declines_table(declines(scores), DECLINED))
    if curve := decline_curve(scores):
        found += [curve_table(curve, threshold_of(scores)), calibration_table(scores)]
    return found


def report(
    scores: Sequence[Score],
    *,
    title: str,
    by: str = "kind",
    comparison: Comparison | None = None,
    failures: bool = True,
    chart: str = "",
) -> str:
    """The report of a run. `chart` is the address of a picture; `failures` lists what went wrong, answers included."""
    parts = [f"# {plain(title)}", f"{len(scores)} questions."]
    parts += map(as_markdown, run_tables(scores, by=by))
    if chart:
        parts.append(f"![Declines over the threshold of the confidence, and their ROC]({chart.replace(' ', '%20')})")
    if comparison:
        parts += [as_markdown(comparison_table(comparison)), *_changed(comparison)]
    if failures:
        parts += _failures(scores)
    return "\n\n".join(parts) + "\n"


def as_markdown(table: Table) -> str:
    """A heading, the table, and its note."""
    lines = [_line(table.heads), _line("---" for _ in table.heads), *map(_line, table.rows)]
    return "\n\n".join(filter(None, (f"## {plain(table.title)}", "\n".join(lines), plain(table.note))))


def plain(text: str) -> str:
    """`text` on one line, in which nothing is Markdown: what visitors and models write is shown, not obeyed."""
    return _ACTIVE.sub(r"\\\1", re.sub(r"\s+", " ", text.strip()))


def beginning(answer: str) -> str:
    """The first characters of `answer`, on one line."""
    line = re.sub(r"\s*\n\s*", " / ", answer.strip())
    return line if len(line) <= _BEGINNING else f"{line[:_BEGINNING]} …"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell if cell == '---' else plain(cell) for cell in cells)} |"


def _changed(comparison: Comparison) -> list[str]:
    return [
        f"### {name}\n\n" + ("\n".join(_item(one) for one in changed) or "None.")
        for name, changed in (("Better", comparison.better), ("Worse", comparison.worse))
    ]


def _failures(scores: Sequence[Score]) -> list[str]:
    wrong = [one for one in scores if one.reasons]
    return ["## What went wrong", "\n".join(_failure(one) for one in wrong) or "Nothing."]


def _item(one: Score) -> str:
    reasons = f": {plain('; '.join(one.reasons))}" if one.reasons else ""
    return f"- **{plain(str(one.question.id))}** {plain(one.question.question)}{reasons}"


def _failure(one: Score) -> str:
    if one.result is None:
        return _item(one)
    sources = ", ".join(one.result.sources[: FIRST + 2]) or "none"
    return f"{_item(one)}\n  - {plain(beginning(one.result.answer))}\n  - sources: {plain(sources)}"
