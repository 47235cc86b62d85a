"""`frontdesk knowledge`: what the bot may answer from."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from bot.cli.terminal import ConfigFile, DataFolder, configuration, errors, output, run_async
from bot.errors import UsageError

if TYPE_CHECKING:
    from bot.config import Config
    from prompts.knowledge import Added, Knowledge

app = typer.Typer(no_args_is_help=True, help="What the bot may answer from: add, list, remove, search.")


@asynccontextmanager
async def _opened(config: Config) -> AsyncIterator[Knowledge]:
    from bot.desk import knowledge_of, store_of

    store = store_of(config, shared=True)
    await store.open()
    knowledge = knowledge_of(config, store)
    try:
        yield knowledge
    finally:
        knowledge.close()
        await store.close()


@app.command()
def add(
    sources: Annotated[list[str], typer.Argument(help="Files, folders or addresses (https://…).")],
    config: ConfigFile = None,
    data: DataFolder = None,
) -> None:
    """Read sources: Markdown, HTML, text, PDF, DOCX, CSV, folders and URLs. What has not changed is skipped.

    [bold]Examples[/bold]

      frontdesk knowledge add docs/
      frontdesk knowledge add manual.pdf prices.csv https://example.org/faq
    """
    settings = configuration(config, data)

    async def work() -> Added:
        from bot.cli.correcting import renewed
        from bot.cli.progress import add_with_progress

        async with _opened(settings) as knowledge:
            added = await add_with_progress(knowledge, sources)
            if await renewed(settings):
                await knowledge.warm()
            return added

    report = run_async(work())
    if report.failed:
        raise typer.Exit(1)
    if not (report.added or report.updated or report.unchanged or report.removed):
        raise UsageError(
            f"There is nothing to read in {', '.join(sources)}. Name files, folders or addresses that hold text."
        )


@app.command("list")
def list_(config: ConfigFile = None, data: DataFolder = None) -> None:
    """List what is known.

    [bold]Example[/bold]

      frontdesk knowledge list
    """
    settings = configuration(config, data)

    from adapters.console.safe import one_line

    async def work() -> None:
        async with _opened(settings) as knowledge:
            documents = await knowledge.documents()
        if not documents:
            errors.print("Nothing is known yet. Add something with `frontdesk knowledge add FILE`.")
            return
        table = Table("location", "title", "language", "passages", box=None)
        for document in documents:
            cells = (document.location, document.title, document.language, str(document.passages))
            table.add_row(*(Text(one_line(cell)) for cell in cells))
        output.print(table)

    run_async(work())


@app.command()
def remove(
    location: Annotated[str, typer.Argument(help="As `frontdesk knowledge list` shows it.")],
    config: ConfigFile = None,
    data: DataFolder = None,
) -> None:
    """Forget a source.

    [bold]Example[/bold]

      frontdesk knowledge remove docs/old-prices.md
    """
    settings = configuration(config, data)

    async def work() -> bool:
        async with _opened(settings) as knowledge:
            return await knowledge.remove(location)

    if not run_async(work()):
        raise UsageError(f"Nothing is known from {location}. `frontdesk knowledge list` shows what is.")
    output.print(f"Removed {location}.", markup=False)


@app.command()
def search(
    question: Annotated[str, typer.Argument(help="What to look for.")],
    limit: Annotated[int, typer.Option(min=1, max=50, help="How many passages.")] = 5,
    config: ConfigFile = None,
    data: DataFolder = None,
) -> None:
    """Show the passages that a question finds, best first, with their scores.

    [bold]Example[/bold]

      frontdesk knowledge search "return a gift" --limit 3
    """
    settings = configuration(config, data)

    from adapters.console.safe import one_line, visible

    async def work() -> None:
        async with _opened(settings) as knowledge:
            if not await knowledge.documents():
                raise UsageError("Nothing is known yet. Add something with `frontdesk knowledge add FILE`.")
            with errors.status("Searching …"):
                await knowledge.warm()
                passages = await knowledge.search(question, limit=limit)
        if not passages:
            errors.print("Nothing fits.")
        for passage in passages:
            path = " > ".join((passage.title, *passage.heading))
            line = one_line(f"{path}  ({passage.location})")
            output.print(f"{passage.score:.3f}  {line}", style="bold", markup=False, soft_wrap=True)
            output.print(visible(passage.text) + "\n", markup=False, highlight=False, soft_wrap=True)

    run_async(work())
