"""What all commands share: the consoles, the common options, and reading the configuration."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console

from bot.config import Config, load

T = TypeVar("T")

output = Console()
errors = Console(stderr=True)

ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="The configuration file. Without it: frontdesk.toml here, if there is one."),
]
DataFolder = Annotated[
    Path | None, typer.Option("--data", help="Where conversations and knowledge are kept (default: data/).")
]

_DEFAULT = Path("frontdesk.toml")


def configuration(file: Path | None, data: Path | None = None, **overrides: Mapping[str, Any]) -> Config:
    """The configuration as the command line asks for it. Raises `ConfigError`."""
    if file is None and _DEFAULT.exists():
        file = _DEFAULT
    tree: dict[str, Any] = {key: dict(value) for key, value in overrides.items() if value}
    if data is not None:
        tree["data"] = str(data.absolute())
    return load(file, overrides=tree)


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
