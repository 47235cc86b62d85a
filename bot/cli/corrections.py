"""`frontdesk corrections`: what people wrote to close a gap, and what becomes of it."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from bot.cli.correcting import (
    By,
    Contacts,
    TextFile,
    TextGiven,
    corrections_of,
    edited,
    given,
    name_of,
    told_redacted,
    with_store,
)
from bot.cli.terminal import ConfigFile, DataFolder, configuration, errors, output, run_async

if TYPE_CHECKING:
    from bot.config import Config
    from bot.learning.corrections import Corrections
    from storage.base import Store
    from storage.learning import Correction

app = typer.Typer(invoke_without_command=True)

Number = Annotated[int, typer.Argument(help="As `frontdesk corrections` shows it.")]
Numbers = Annotated[list[int], typer.Argument(help="As `frontdesk corrections` shows them.")]


@app.callback()
def corrections(context: typer.Context, config: ConfigFile = None, data: DataFolder = None) -> None:
    """Answers that people wrote to close gaps: only what is approved is known.

    [bold]Examples[/bold]

      frontdesk corrections
      frontdesk corrections show 3
      frontdesk corrections approve 3 --by ben
    """
    if not context.invoked_subcommand:
        _list(configuration(config, data))


@app.command("list")
def list_(config: ConfigFile = None, data: DataFolder = None) -> None:
    """List all corrections, oldest first.

    [bold]Example[/bold]

      frontdesk corrections list
    """
    _list(configuration(config, data))


@app.command()
def show(number: Number, config: ConfigFile = None, data: DataFolder = None) -> None:
    """Show a correction whole: its questions, its answer, who wrote and who approved it.

    [bold]Example[/bold]

      frontdesk corrections show 3
    """
    from adapters.console.safe import visible

    settings = configuration(config, data)
    found, state = run_async(with_store(settings, lambda store: _with_state(corrections_of(settings, store), number)))
    output.print(Text(visible(found.question), style="bold"), soft_wrap=True)
    for way in found.also:
        output.print(Text(f"- {visible(way)}"), soft_wrap=True)
    output.print(Text(f"\n{visible(found.answer)}\n"), soft_wrap=True)
    who = f"; {found.decided_by} decided on {_day(found.decided_at)}" if found.decided_by else ""
    told = f"{state}: {found.author} wrote it on {_day(found.written_at)}{who}"
    output.print(told, markup=False, highlight=False, soft_wrap=True)
    if found.location:
        output.print(found.location, markup=False, highlight=False, soft_wrap=True)


@app.command()
def approve(numbers: Numbers, by: By = "", config: ConfigFile = None, data: DataFolder = None) -> None:
    """Make corrections known. A running bot answers from them with its next answer.

    [bold]Examples[/bold]

      frontdesk corrections approve 3
      frontdesk corrections approve 3 4 5 --by ben
    """
    from bot.learning.corrections import Corrections

    settings = configuration(config, data)
    run_async(_decide(settings, numbers, by, Corrections.approve, "Known"))
    run_async(_embed(settings))


@app.command()
def reject(numbers: Numbers, by: By = "", config: ConfigFile = None, data: DataFolder = None) -> None:
    """Let corrections not be known, or not any more.

    [bold]Example[/bold]

      frontdesk corrections reject 3
    """
    from bot.learning.corrections import Corrections

    run_async(_decide(configuration(config, data), numbers, by, Corrections.reject, "Rejected"))


@app.command()
def edit(
    number: Number,
    text: TextGiven = "",
    file: TextFile = None,
    contacts: Contacts = False,
    by: By = "",
    config: ConfigFile = None,
    data: DataFolder = None,
) -> None:
    """Change a correction, in $EDITOR or its answer from a text or file. It is a draft then, and not known.

    [bold]Examples[/bold]

      frontdesk corrections edit 3
      frontdesk corrections edit 3 --text "We rent two kayaks, from May to September."
    """
    from bot.learning.asked import redactor_of
    from bot.learning.corrections import written

    settings = configuration(config, data)
    seen = run_async(with_store(settings, lambda store: corrections_of(settings, store).find(number)))
    said = given(text, file)
    question, also, answer = (seen.question, seen.also, said) if said else edited(seen.question, seen.also, seen.answer)
    writing = written(question, also, answer, redactor_of(settings.privacy), contacts=contacts)

    async def work(store: Store) -> None:
        await corrections_of(settings, store).edit(seen, writing, name_of(by), time.time())

    run_async(with_store(settings, work))
    told_redacted(writing)
    output.print(f"Draft {number} is changed. Make it known: frontdesk corrections approve {number}", highlight=False)


async def _decide(
    config: Config,
    numbers: list[int],
    by: str,
    decide: Callable[[Corrections, Correction, str, float], Awaitable[Correction]],
    word: str,
) -> None:
    from adapters.console.safe import one_line

    async def work(store: Store) -> None:
        deciding = corrections_of(config, store)
        for seen in [await deciding.find(number) for number in dict.fromkeys(numbers)]:
            made = await decide(deciding, seen, name_of(by), time.time())
            where = f" ({made.location})" if made.location else ""
            output.print(one_line(f"{word}: {made.question}{where}"), markup=False, highlight=False, soft_wrap=True)

    await with_store(config, work)


async def _embed(config: Config) -> None:
    """Let what was approved be found by its meaning, too, where that is installed."""
    from bot.desk import knowledge_of, store_of

    store = store_of(config, shared=True)
    await store.open()
    knowledge = knowledge_of(config, store)
    try:
        with errors.status("Embedding …"):
            await knowledge.warm()
    finally:
        knowledge.close()
        await store.close()


def _list(config: Config) -> None:
    from adapters.console.safe import one_line

    async def work(store: Store) -> list[tuple[Correction, str]]:
        deciding = corrections_of(config, store)
        return [await _state(deciding, one) for one in await deciding.every()]

    found = run_async(with_store(config, work))
    if not found:
        errors.print("There are no corrections yet. `frontdesk gaps` shows what is asked for, and how to answer it.")
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("", justify="right")
    table.add_column("question", ratio=1, overflow="fold")
    table.add_column("state", overflow="fold")
    table.add_column("by", overflow="fold")
    for one, state in found:
        who = Text(one_line(one.decided_by or one.author))
        table.add_row(str(one.number), Text(one_line(one.question)), Text(state), who)
    output.print(table)


async def _with_state(deciding: Corrections, number: int) -> tuple[Correction, str]:
    return await _state(deciding, await deciding.find(number))


async def _state(deciding: Corrections, one: Correction) -> tuple[Correction, str]:
    from bot.learning.corrections import standing

    return one, standing(one, await deciding.known(one))


def _day(at: float) -> str:
    return datetime.fromtimestamp(at).strftime("%d %b %Y")
