"""Progress of reading knowledge and of loading a model, for people."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)

from bot.cli.terminal import errors

if TYPE_CHECKING:
    from adapters.base import Adapter
    from bot.config import Config
    from bot.desk import Desk
    from bot.local import Loading
    from prompts.knowledge import Added, Knowledge
    from prompts.knowledge import Progress as Step


def bar() -> Progress:
    """A progress bar on standard error, so that output can be piped."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=errors,
        transient=True,
    )


@asynccontextmanager
async def opened(config: Config, adapters: Sequence[Adapter] | None = None) -> AsyncIterator[Desk]:
    """`bot.desk.at_desk`, showing how far the model is while it is loaded."""
    from bot.desk import at_desk

    async with AsyncExitStack() as stack:
        with _loading(config) as loading:
            desk = await stack.enter_async_context(at_desk(config, adapters, loading=loading))
        yield desk


@contextmanager
def _loading(config: Config) -> Iterator[Loading | None]:
    """What shows a bar in a terminal; None leaves it to the log."""
    if config.engine.kind != "local" or not errors.is_terminal:
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=errors, transient=True) as progress:
        task = progress.add_task("Loading the model", total=1.0)

        def show(what: str, fraction: float) -> None:
            progress.update(task, completed=fraction, description=escape(f"Loading the model: {what}"))

        yield show


async def add_with_progress(
    knowledge: Knowledge, sources: Sequence[str], *, quiet_when_unchanged: bool = False
) -> Added:
    """Read `sources` into `knowledge`, showing how far it is; says what could not be read, and why."""
    from adapters.console.safe import one_line

    with bar() as progress:
        task = progress.add_task("Reading knowledge", total=None)

        def show(step: Step) -> None:
            description = "Embedding passages" if step.state == "embedding" else "Reading knowledge"
            progress.update(task, completed=step.done, total=step.total, description=description)

        report = await knowledge.add(sources, progress=show)
    for problem in report.failed:
        errors.print("  [red]not read[/]", escape(one_line(f"{problem.location}: {problem.reason}")), highlight=False)
    if report.skipped and not quiet_when_unchanged:
        names = ", ".join(problem.location for problem in report.skipped[:5])
        errors.print(f"  skipped {len(report.skipped)}: {escape(one_line(names))}", highlight=False)
    if not (quiet_when_unchanged and report.unchanged and not (report.added or report.updated or report.removed)):
        errors.print(
            f"  Knowledge: {len(report.added)} added, {len(report.updated)} updated, "
            f"{len(report.unchanged)} unchanged, {len(report.removed)} removed.",
            highlight=False,
        )
    return report
