"""Gaps for people: in a terminal, in a report, and as JSON values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from adapters.console.safe import one_line, visible
from bot.learning.asked import Reason
from bot.learning.gaps import Gap

_WORDS: dict[Reason, str] = {
    "declined": "declined",
    "disliked": "thumbs down",
    "handed over": "handed over",
    "unsure": "hardly sure",
}
_SHORT = 160


def show(console: Console, gaps: Sequence[Gap], whole: int, days: int) -> None:
    """A table that 80 columns have room for."""
    if not gaps:
        console.print(f"No gaps: nothing in the last {days} days was declined, disliked or handed over and is open.")
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 1, 0))
    table.add_column("", justify="right", no_wrap=True)
    table.add_column("asked", ratio=5, overflow="fold")
    table.add_column("why", no_wrap=True)
    table.add_column("last", no_wrap=True)
    table.add_column("closest", ratio=4, overflow="fold")
    for gap in gaps:
        table.add_row(
            str(gap.number),
            Text(_cut(gap.question)),
            "\n".join(_reasons(gap)),
            _day(gap.last, "%d %b"),
            Text("\n".join(_closest(gap, where=False))),
        )
    console.print(table)
    more = f"{len(gaps)} of {whole} gaps. " if whole > len(gaps) else ""
    console.print(f"{more}`frontdesk gaps show 1` tells more, `frontdesk gaps answer 1` closes one.", highlight=False)


def show_one(console: Console, gap: Gap) -> None:
    """All that is known of one."""
    people = _times(gap.conversations, "conversation")
    console.print(Text(one_line(gap.question), style="bold"), soft_wrap=True)
    console.print(
        f"gap {gap.number}, id {gap.id}: {_times(gap.questions, 'question')} in {people}, "
        f"{_day(gap.first)} to {_day(gap.last)}; {', '.join(_reasons(gap))}",
        highlight=False,
    )
    for title, texts in (
        ("Also asked as", gap.examples),
        ("Closest", _closest(gap)),
        ("Said of the answers", gap.comments),
        ("Told by colleagues", gap.said),
    ):
        if texts:
            console.print(f"\n[bold]{title}[/]")
            for text in texts:
                console.print(Padding(Text(visible(text)), (0, 0, 0, 2)))


def report(gaps: Sequence[Gap], whole: int, days: int) -> str:
    """A table in Markdown, and the ways in which each was asked."""
    lines = ["# What visitors asked and were not told", "", f"The last {days} days: {len(gaps)} of {whole} gaps.", ""]
    lines += ["| | asked | questions | conversations | why | last | closest |", "|---|---|---|---|---|---|---|"]
    for gap in gaps:
        cells = (
            str(gap.number), gap.question, str(gap.questions), str(gap.conversations), ", ".join(_reasons(gap)),
            _day(gap.last), "; ".join(_closest(gap)),
        )  # fmt: skip
        lines.append("| " + " | ".join(_cell(cell) for cell in cells) + " |")
    for gap in gaps:
        if told := (*gap.examples, *(f"said of an answer: {comment}" for comment in gap.comments)):
            lines += ["", f"## {gap.number}. {_cell(gap.question)}", "", *(f"- {_cell(text)}" for text in told)]
    return "\n".join(lines) + "\n"


def document(gaps: Sequence[Gap]) -> dict[str, Any]:
    """The same as JSON values."""
    return {"gaps": [_one(gap) for gap in gaps]}


def _one(gap: Gap) -> dict[str, Any]:
    found = asdict(gap)
    correction = gap.correction
    found["correction"] = {"number": correction.number, "state": correction.state} if correction else None
    return {**found, "hint": gap.hint, "settled": gap.settled}


def _reasons(gap: Gap) -> Iterator[str]:
    return (f"{_WORDS[reason]} {count}" for reason, count in gap.reasons.items())


def _closest(gap: Gap, *, where: bool = True) -> list[str]:
    lines: list[str] = [gap.hint]
    if gap.closest:
        place = f" ({one_line(gap.closest.location)})" if where else ""
        lines.append(f"{one_line(gap.closest.title)}{place} {gap.closest.score:.2f}")
    if gap.correction:
        lines.append(f"correction {gap.correction.number}: {gap.correction.state}")
    return lines


def _times(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")


def _day(at: float, form: str = "%d %b %Y") -> str:
    return datetime.fromtimestamp(at).strftime(form)


def _cut(text: str) -> str:
    text = one_line(text)
    return text if len(text) <= _SHORT else text[: _SHORT - 1].rstrip() + "…"


def _cell(text: str) -> str:
    """Text of others in a table of Markdown: neither a column nor a tag nor a link of theirs."""
    for mark in "\\`*_[]<>|":
        text = text.replace(mark, f"\\{mark}")
    return one_line(text)
