"""`frontdesk gaps`: what visitors asked and were not told."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from bot.cli.correcting import By, Contacts, TextFile, TextGiven, edited, given, told_redacted
from bot.cli.terminal import (
    ConfigFile,
    DataFolder,
    configuration,
    encodes_all,
    errors,
    need_database,
    output,
    run_async,
)
from bot.errors import UsageError

if TYPE_CHECKING:
    from bot.config import Config
    from bot.learning.finding import Finder
    from bot.learning.gaps import Gap
    from storage.base import Store

T = TypeVar("T")
_DAY = 86_400.0

Days = Annotated[int, typer.Option(min=1, max=3_650, help="What was asked in the last so many days.")]
Unsure = Annotated[bool, typer.Option("--unsure", help="With answers that were hardly sure.")]
Which = Annotated[str, typer.Argument(help="A gap's number in the list, or its id.")]

app = typer.Typer(invoke_without_command=True)


@app.callback()
def gaps(
    context: typer.Context,
    days: Days = 30,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="Show so many.")] = 20,
    language: Annotated[str, typer.Option(help='Of this language alone, such as "de".')] = "",
    unsure: Unsure = False,
    every: Annotated[bool, typer.Option("--all", help="With those that were settled since they were asked.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    markdown: Annotated[Path | None, typer.Option(help="Write a report here.")] = None,
    config: ConfigFile = None,
    data: DataFolder = None,
) -> None:
    """What visitors asked and were not told: declined, disliked, handed over; and how to close such a gap.

    Questions that ask the same stand together, the heaviest first, each with the article that is closest. Personal data
    is taken out, and nothing says who asked. Works while the bot runs.

    [bold]Examples[/bold]

      frontdesk gaps
      frontdesk gaps --days 7 --language de
      frontdesk gaps --limit 100 --markdown gaps.md
      frontdesk gaps show 3
      frontdesk gaps answer 3
    """
    if context.invoked_subcommand:
        return
    from bot.cli.gaps_shown import document, report, show

    async def work(finder: Finder, _: Store) -> tuple[list[Gap], int]:
        found = await _found(finder, days, unsure)
        open_ = [gap for gap in found if every or not gap.settled]
        chosen = [gap for gap in open_ if not language or gap.language == language]
        return [await finder.near(gap) for gap in chosen[:limit]], len(chosen)

    found, whole = run_async(_with_finder(configuration(config, data), work))
    if markdown:
        _write(markdown, report(found, whole, days))
    if as_json:
        typer.echo(json.dumps(document(found), ensure_ascii=not encodes_all(sys.stdout), indent=2))
    elif not markdown:
        show(output, found, whole, days)


@app.command("show")
def show_(
    which: Which, days: Days = 30, unsure: Unsure = False, config: ConfigFile = None, data: DataFolder = None
) -> None:
    """Show a gap: how it was asked, what was said of the answers, and what colleagues told visitors.

    [bold]Examples[/bold]

      frontdesk gaps show 3
      frontdesk gaps show a41f0c --days 90
    """
    from bot.cli.gaps_shown import show_one

    async def work(finder: Finder, _: Store) -> Gap:
        return await finder.near(chosen(await _found(finder, days, unsure), which, days))

    show_one(output, run_async(_with_finder(configuration(config, data), work)))


@app.command()
def answer(
    which: Annotated[str, typer.Argument(help="A gap's number in the list, or its id.")] = "",
    question: Annotated[str, typer.Option(help="Answer this question instead of a gap.")] = "",
    text: TextGiven = "",
    file: TextFile = None,
    language: Annotated[str, typer.Option(help="The answer's language, when it is not the question's.")] = "",
    contacts: Contacts = False,
    by: By = "",
    days: Days = 30,
    unsure: Unsure = False,
    config: ConfigFile = None,
    data: DataFolder = None,
) -> None:
    """Write the answer to a gap, in $EDITOR or from a text or file. It is a draft until somebody approves it.

    The editor begins with the ways in which it was asked, and with what a colleague told a visitor, if anybody did.

    [bold]Examples[/bold]

      frontdesk gaps answer 3
      frontdesk gaps answer 3 --text "We do not rent kayaks." --by ana
      frontdesk gaps answer --question "Do you rent kayaks?" --file kayaks.md
    """
    if bool(which) == bool(question.strip()):
        raise UsageError("Name one thing to answer: a gap (`frontdesk gaps` lists them), or a --question.")
    settings = configuration(config, data)

    async def look(finder: Finder, _: Store) -> Gap:
        return chosen(await _found(finder, days, unsure), which, days)

    gap = run_async(_with_finder(settings, look)) if which else None
    asked, also = (gap.question, gap.examples) if gap else (question, ())
    said = given(text, file)
    if not said:
        asked, also, said = edited(asked, also, gap.said[0] if gap and gap.said else "")
    _keep(settings, asked, tuple(also), said, language or (gap.language if gap else ""), by, contacts)


@app.command()
def dismiss(
    which: Which,
    by: By = "",
    days: Days = 30,
    unsure: Unsure = False,
    config: ConfigFile = None,
    data: DataFolder = None,
) -> None:
    """Take a gap off the list that needs no answer. It comes back when it is asked again.

    [bold]Example[/bold]

      frontdesk gaps dismiss 7
    """
    from bot.cli.correcting import corrections_of, name_of
    from bot.learning.corrections import Corrections

    settings = configuration(config, data)

    async def work(finder: Finder, store: Store) -> Gap:
        gap = chosen(await _found(finder, days, unsure), which, days)
        deciding: Corrections = corrections_of(settings, store)
        await deciding.dismiss((gap.question, *gap.examples), gap.language, name_of(by), time.time())
        return gap

    gap = run_async(_with_finder(settings, work))
    output.print(f"Dismissed: {_safe(gap.question)}", markup=False, highlight=False)


def chosen(found: list[Gap], which: str, days: int) -> Gap:
    """The gap that is meant. Raises `UsageError`."""
    for gap in found:
        if which in (str(gap.number), gap.id):
            return gap
    span = f"in the last {days} days"
    if not found:
        raise UsageError(f"There is no gap {span}.")
    raise UsageError(
        f"There is no gap {which!r} {span}; they are numbered 1 to {len(found)}. `frontdesk gaps` lists them; give "
        "--days (and --unsure) as there."
    )


def _keep(
    settings: Config, question: str, also: tuple[str, ...], text: str, language: str, by: str, contacts: bool
) -> None:
    from bot.cli.correcting import corrections_of, name_of, with_store
    from bot.learning.asked import redactor_of
    from bot.learning.corrections import written

    writing = written(question, also, text, redactor_of(settings.privacy), contacts=contacts)
    made = run_async(
        with_store(
            settings, lambda store: corrections_of(settings, store).draft(writing, language, name_of(by), time.time())
        )
    )
    told_redacted(writing)
    told = f"Draft {made.number}: {_safe(made.question)}\nRead it once more, and make it known: "
    output.print(f"{told}frontdesk corrections approve {made.number}", markup=False, highlight=False)


async def _found(finder: Finder, days: int, unsure: bool) -> list[Gap]:
    with errors.status("Looking for gaps …") as status:
        return await finder.gaps(since=time.time() - days * _DAY, unsure=unsure, report=status.update)


async def _with_finder(config: Config, work: Callable[[Finder, Store], Awaitable[T]]) -> T:
    async with _finder(config) as (finder, store):
        return await work(finder, store)


@asynccontextmanager
async def _finder(config: Config) -> AsyncIterator[tuple[Finder, Store]]:
    from bot.desk import store_of
    from bot.learning.asked import redactor_of
    from bot.learning.finding import Finder
    from prompts.knowledge import Knowledge, find_embedder

    need_database(config)
    store = store_of(config, shared=True)
    await store.open()
    embedder = find_embedder(config.knowledge.semantic)
    knowledge = Knowledge(store, config.knowledge, embedder=embedder, root=config.root)
    try:
        yield Finder(store, knowledge, redactor_of(config.privacy), embedder=embedder), store
    finally:
        knowledge.close()
        await store.close()


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, "utf-8")
    except OSError as error:
        raise UsageError(f"Cannot write {file}: {error.strerror}. Choose another file with --markdown.") from None
    errors.print(f"Written to {file}.", markup=False, highlight=False)


def _safe(text: str) -> str:
    from adapters.console.safe import one_line

    return one_line(text)
