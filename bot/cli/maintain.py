"""`frontdesk export`, `erase` and `backup`: what the law and good sense ask of an operator."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

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
    from storage.base import Store

T = TypeVar("T")
Visitor = Annotated[str, typer.Option("--visitor", help="The visitor's id; docs/deployment.md says where it is found.")]


async def _with_store(config: Config, work: Callable[[Store], Awaitable[T]]) -> T:
    from bot.desk import store_of

    need_database(config)
    store = store_of(config, shared=True)
    await store.open()
    try:
        return await work(store)
    finally:
        await store.close()


def export(
    visitor: Visitor,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write here instead of to the terminal.")] = None,
    explanations: Annotated[
        bool, typer.Option("--explanations", help="With how each answer came about (`frontdesk explain`).")
    ] = False,
    config: ConfigFile = None,
    data: DataFolder = None,
) -> None:
    """Write everything held about a visitor, as JSON.

    [bold]Example[/bold]

      frontdesk export --visitor 5f3a… --out visitor.json
    """
    settings = configuration(config, data)
    held = run_async(_with_store(settings, lambda store: store.export(visitor, explanations=explanations)))
    if not held["conversations"]:
        raise UsageError(f"Nothing is held about {visitor}.")
    if out is None:
        typer.echo(json.dumps(held, ensure_ascii=not encodes_all(sys.stdout), indent=2))
        return
    text = json.dumps(held, ensure_ascii=False, indent=2)
    try:
        with open(out, "w", encoding="utf-8", opener=_for_its_owner) as file:
            file.write(text + "\n")
    except OSError as error:
        raise UsageError(f"Cannot write {out}: {error.strerror}. Choose another file with --out.") from None
    errors.print(f"Written to {out}.")


def _for_its_owner(name: str, flags: int) -> int:
    """A new file is its owner's to read, as the database is."""
    return os.open(name, flags, 0o600)


def erase(
    visitor: Visitor,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    config: ConfigFile = None,
    data: DataFolder = None,
) -> None:
    """Remove a visitor for good: rows, full-text index, write-ahead log and freed pages. Backups are yours to prune.

    [bold]Example[/bold]

      frontdesk erase --visitor 5f3a… --yes
    """
    settings = configuration(config, data)
    if not yes:
        typer.confirm(f"Remove everything about {visitor} for good?", abort=True)

    async def work(store: Store) -> dict[str, int]:
        erased = dict((await store.erase(visitor)).rows)
        await store.audit("erase", {"rows": erased})
        return erased

    rows = run_async(_with_store(settings, work))
    if not any(rows.values()):
        raise UsageError(f"Nothing is held about {visitor}.")
    output.print("Erased: " + ", ".join(f"{count} {kind}" for kind, count in rows.items() if count) + ".")


def backup(
    file: Annotated[Path, typer.Argument(help="The file to write; it must not exist.")],
    config: ConfigFile = None,
    data: DataFolder = None,
) -> None:
    """Write a consistent copy of the database while the bot goes on working.

    [bold]Example[/bold]

      frontdesk backup /backups/frontdesk-monday.db
    """
    settings = configuration(config, data)
    with errors.status("Copying …"):
        run_async(_with_store(settings, lambda store: store.backup(file)))
    output.print(f"Backed up to {file} ({file.stat().st_size / 1e6:.1f} MB).")
