"""`frontdesk train`: small models of the site's own, trained on this machine."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import table as rich_table
from rich.console import Console
from rich.markup import escape

from bot.cli.terminal import errors, output
from bot.errors import UsageError

if TYPE_CHECKING:
    from bot.classify.lines import Labelled
    from bot.scoring.tables import Table

app = typer.Typer(no_args_is_help=True, help="Train small models of your own.")

_UNSEEN = 140
_LABELLED = "JSON lines {text, label, lang?}, or a .tsv file of label, tab, text."


@app.callback()
def _group() -> None:
    pass


@app.command()
def classifier(
    labelled: Annotated[Path, typer.Argument(help=_LABELLED)],
    out: Annotated[Path, typer.Option("--out", "-o", help="Where to write the classifier: one file of JSON.")],
    test: Annotated[
        Path | None, typer.Option("--test", help="Labelled lines to try it on, written apart from the others.")
    ] = None,
    folds: Annotated[
        int, typer.Option(min=2, max=50, help="Parts, each of which is told by one trained on the rest.")
    ] = 5,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Chooses the parts.")] = 0,
) -> None:
    """Train a classifier of texts: tones, topics, whatever the lines are labelled with; and say how good it is.

    What is said of its quality is of lines that it had not seen. Training needs scikit-learn, what comes out does not.

    [bold]Examples[/bold]

      frontdesk train classifier tones.jsonl --out tones.json
      frontdesk train classifier topics.tsv --out topics.json --test unseen.tsv --folds 10
    """
    from bot.classify.lines import need_enough, read, shared
    from bot.classify.model import Classifier
    from bot.classify.scores import balance_table, tables, told_of
    from bot.classify.training import need_scikit_learn, trained

    need_scikit_learn()
    found = read(labelled)
    need_enough(found, labelled, folds)
    unseen = read(test) if test else None
    _can_be_tried(found, unseen, test)
    _may_be_written(out, read=(labelled, test))
    _print([balance_table(found)])
    with errors.status(f"Training on {len(found.lines)} lines, {folds + 1} times …"):
        made = trained(found, folds=folds, seed=seed)
    _told(f"{folds} parts, each told by a classifier that was trained on the others")
    _print(tables(found.lines, made.told))
    out.write_text(made.file.model_dump_json() + "\n", "utf-8")
    if unseen and test:
        _told(f"{test.name}: {len(unseen.lines)} lines, {shared(found, unseen)} of which were trained on as well")
        _print(tables(unseen.lines, told_of(Classifier(made.file), unseen.lines)))
    errors.print(f"Classifier written to {out} ({out.stat().st_size / 1e3:.0f} kB).", markup=False, highlight=False)


def _can_be_tried(found: Labelled, unseen: Labelled | None, test: Path | None) -> None:
    strange = sorted(set(unseen.labels) - set(found.labels)) if unseen else []
    if strange:
        raise UsageError(
            f'{test} has the label "{strange[0]}", which nothing is trained with: labels are {", ".join(found.labels)}.'
        )


def _may_be_written(out: Path, *, read: tuple[Path | None, ...]) -> None:
    """Before the work, not after it."""
    if out.exists() and any(other and out.samefile(other) for other in read):
        raise UsageError(f"{out} is read for this; nothing was changed. Choose another file with --out.")
    if out.is_dir() or not os.access(out if out.exists() else out.absolute().parent, os.W_OK):
        raise UsageError(f"Cannot write {out}. Choose another file with --out.")


def _console() -> Console:
    """Wide enough for tables where no terminal says how wide it is."""
    return output if output.is_terminal else Console(width=_UNSEEN, highlight=False)


def _told(line: str) -> None:
    _console().print(f"[bold]{escape(line)}[/]")


def _print(shown: Sequence[Table]) -> None:
    for one in shown:
        drawn = rich_table.Table(*map(escape, one.heads), title=one.title, title_justify="left")
        for cells in one.rows:
            drawn.add_row(*map(escape, cells))
        _console().print(drawn)
        if one.note:
            _console().print(one.note, markup=False)
        _console().print()
