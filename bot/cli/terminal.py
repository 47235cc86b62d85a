"""What all commands share: the consoles, the common options, and reading the configuration."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Annotated, Any, TextIO, TypeVar

import typer
from rich.console import Console

from bot.config import Config, load
from bot.errors import ConfigError, UsageError

T = TypeVar("T")

_NARROWEST = 20


def _width() -> int | None:
    """None leaves it to the terminal; one that says it has no room at all is not believed."""
    told = os.environ.get("COLUMNS", "")
    return 80 if told.isdigit() and int(told) < _NARROWEST else None


output = Console(width=_width())
errors = Console(stderr=True, width=_width())

ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="The configuration file. Without it: frontdesk.toml here, if there is one."),
]
DataFolder = Annotated[
    Path | None, typer.Option("--data", help="Where conversations and knowledge are kept (default: data/).")
]

Model = Annotated[
    str | None,
    typer.Option("--model", help="Answer with this model on this machine: a Hugging Face hub id or a folder."),
]

_DEFAULT = Path("frontdesk.toml")


def configuration(
    file: Path | None, data: Path | None = None, *, model: str | None = None, **overrides: Mapping[str, Any]
) -> Config:
    """The configuration as the command line asks for it. Raises `ConfigError`."""
    if model is not None:
        overrides["engine"] = {"kind": "local", "model": _model(model), **overrides.get("engine", {})}
    try:
        if file is None and _DEFAULT.exists():
            file = _DEFAULT
    except OSError as error:
        raise ConfigError(f"{_DEFAULT} here cannot be read: {error.strerror}. Start from another folder.") from None
    tree: dict[str, Any] = {key: dict(value) for key, value in overrides.items() if value}
    if data is not None:
        tree["data"] = str(data.absolute())
    return load(file, overrides=tree)


def _model(name: str) -> str:
    """A folder is taken from here, as shells complete it, not from where the configuration file is."""
    if not name.strip():
        raise UsageError("--model names no model. Give a Hugging Face hub id or a folder.")
    folder = Path(name).expanduser()
    return str(folder.absolute()) if folder.is_dir() else name


def settle_streams() -> None:
    """Make standard input and output safe to use, whatever we were started with.

    A closed one gets the null device, so that no database or socket takes its number. What the encoding of the
    terminal cannot show becomes a question mark.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def encodes_all(stream: TextIO | None) -> bool:
    """Whether any text can be written to `stream`."""
    return "utf" in (getattr(stream, "encoding", None) or "utf-8").lower()


def need_database(config: Config) -> None:
    """Raise `UsageError` where there is no database: a mistyped folder would look like an empty one."""
    if (config.data.is_dir() and not (config.data / "frontdesk.db").exists()) or not config.data.exists():
        raise UsageError(f"There is no database in {config.data}. Name the data folder with --data.")


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` on the fastest loop there is."""
    if sys.platform == "win32":
        return asyncio.run(work)
    import uvloop

    return uvloop.run(work)


def set_up_logging(config: Config) -> None:
    from bot.log import set_up
    from bot.privacy import Redactor, redact_event

    set_up(config.log, redact_event(Redactor(config.privacy)))
