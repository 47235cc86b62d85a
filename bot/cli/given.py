"""What a command is given to work on: a text, a file, or standard input."""

from __future__ import annotations

import sys
from pathlib import Path

from bot.errors import SourceError, UsageError

_LONGEST_NAME = 4_096


def given(argument: str | None, what: str) -> str:
    """The text that `argument` is or names. Raises `UsageError`."""
    if argument is None and sys.stdin.isatty():
        raise UsageError(f"Say {what}: give a text in quotes, a file, or - for standard input.")
    if argument is None or argument == "-":
        text = sys.stdin.buffer.read().decode("utf-8", "replace").removeprefix("\ufeff")
    elif file := _file(argument):
        text = _read(file)
    else:
        text = argument
    if not text.strip():
        raise UsageError(f"There is no text in what was given. Say {what}.")
    return text


def _file(argument: str) -> Path | None:
    """The file that `argument` names, if it names one. Raises `UsageError` for what can only be meant as one."""
    from prompts.knowledge.readers import KINDS

    if not argument.strip() or len(argument) > _LONGEST_NAME or "\n" in argument or "\0" in argument:
        return None
    file = Path(argument)
    try:
        if file.is_file():
            return file
    except OSError:
        return None
    if file.is_dir():
        raise UsageError(f"{argument} is a folder. Name a file in it.")
    if file.suffix.lower() in KINDS and len(argument.split()) == 1:
        raise UsageError(f"There is no file {argument}.")
    return None


def _read(file: Path) -> str:
    """Its text, as a file's that came over a channel."""
    from prompts.knowledge.readers import kind_of, read

    try:
        return read(file.read_bytes(), kind_of(file.name) or "text", name=file.name).markdown
    except SourceError as error:
        raise UsageError(f"Cannot read {file}: {error}") from None
    except OSError as error:
        raise UsageError(f"Cannot read {file}: {error.strerror}.") from None
