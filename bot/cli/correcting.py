"""What `frontdesk gaps` and `frontdesk corrections` share: whose name stands there, and how a correction is written."""

from __future__ import annotations

import getpass
import os
import shlex
import subprocess
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from bot.cli.terminal import errors, need_database
from bot.errors import UsageError

if TYPE_CHECKING:
    from bot.config import Config
    from bot.learning.corrections import Corrections, Written
    from storage.base import Store

T = TypeVar("T")

By = Annotated[str, typer.Option("--by", help="Who does it, for the record; your name on this machine otherwise.")]
TextGiven = Annotated[str, typer.Option("--text", help="The answer, instead of $EDITOR.")]
TextFile = Annotated[Path | None, typer.Option("--file", help="Read the answer from here.")]
Contacts = Annotated[
    bool, typer.Option("--keep-contacts", help="Keep addresses and numbers in the answer: they are yours.")
]

_HEAD = (
    "# The first line is the question, each line with a dash another way to ask it; the answer follows after ---.\n"
    "# Take out whatever tells of a person. An empty answer leaves everything as it was.\n"
)


async def with_store(config: Config, work: Callable[[Store], Awaitable[T]]) -> T:
    from bot.desk import store_of

    need_database(config)
    store = store_of(config, shared=True)
    await store.open()
    try:
        return await work(store)
    finally:
        await store.close()


def corrections_of(config: Config, store: Store) -> Corrections:
    from bot.language import Languages
    from bot.learning.corrections import Corrections

    return Corrections(store, Languages(config.language), passage_tokens=config.knowledge.passage_tokens)


async def renewed(config: Config) -> bool:
    """File corrections anew that would be read or indexed otherwise today, as files are when they are added again."""
    return bool(await with_store(config, lambda store: corrections_of(config, store).renew()))


def name_of(by: str) -> str:
    """Raises `UsageError` where nobody is named and this machine does not know either."""
    if by.strip():
        return by.strip()
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        raise UsageError("Nobody is logged in here under a name. Say who you are with --by.") from None


def given(text: str, file: Path | None) -> str:
    """The answer that was given on the command line, "" for none. Raises `UsageError`."""
    if text and file:
        raise UsageError("Give --text or --file, not both.")
    if file is None:
        return text
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(f"Cannot read {file}: {why}. Name a file of text with --file.") from None


def edited(question: str, also: Sequence[str], answer: str) -> tuple[str, tuple[str, ...], str]:
    """Question, other ways to ask, and answer, as somebody wrote them in their editor. Raises `UsageError`."""
    ways = "".join(f"- {way}\n" for way in also)
    return parsed(_saved(f"{_HEAD}{question}\n{ways}---\n{answer}\n"))


def _saved(text: str) -> str:
    """What becomes of `text` in the editor. Raises `UsageError` when it is not saved."""
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if not editor:
        raise UsageError("No editor is set. Set $EDITOR, or give the answer with --text or --file.")
    with tempfile.TemporaryDirectory(prefix="frontdesk-") as folder:
        file = Path(folder) / "correction.md"
        file.write_text(text, "utf-8")
        os.utime(file, (0, 0))  # a time that no editor writes, so that it shows whether one did
        try:
            left = subprocess.run([*shlex.split(editor), str(file)], check=False).returncode  # noqa: S603  the user's own
            if left == 0 and file.stat().st_mtime:
                return file.read_text("utf-8")
        except (OSError, ValueError) as error:
            raise UsageError(f"The editor ({editor}) cannot be used: {error}. Set $EDITOR, or give --text.") from None
    raise UsageError("It was not saved; nothing was changed.")


def parsed(text: str) -> tuple[str, tuple[str, ...], str]:
    """What stands in a file as `edited` makes it."""
    head, mark, answer = text.partition("\n---\n")
    lines = [line.strip() for line in head.splitlines() if line.strip() and not line.startswith("#")]
    if not mark or not lines or not answer.strip():
        raise UsageError("There is no answer below the line of ---; nothing was changed.")
    return lines[0].removeprefix("- "), tuple(line.removeprefix("- ") for line in lines[1:]), answer.strip()


def told_redacted(writing: Written) -> None:
    """Say what was taken out."""
    for part in writing.redacted:
        more = " If it is yours, write it again with --keep-contacts." if part == "answer" else ""
        errors.print(
            f"[yellow]Personal data was taken out of the {part}.[/]{more} Names are not recognised: read it.",
            highlight=False,
            soft_wrap=True,
        )
