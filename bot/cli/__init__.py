"""The command line. Each command imports what it needs when it runs, so that `--help` is quick."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import typer

import bot
from bot.cli import (
    add,
    converse,
    corrections,
    evaluate,
    explain,
    gaps,
    keys,
    knowledge,
    maintain,
    project,
    prompts,
    serve,
    tasks,
    train,
)
from bot.cli.terminal import errors, settle_streams
from bot.errors import FrontdeskError, UsageError

app = typer.Typer(
    name="frontdesk",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Answers people where they already write: grounded, cited, durable.\n\n"
    "Try [bold]frontdesk demo[/bold]; make your own with [bold]frontdesk init[/bold].",
)
app.command()(serve.demo)
app.command()(project.init)
app.add_typer(add.app, name="add")
app.command()(serve.run)
app.command()(converse.chat)
app.command()(converse.ask)
app.command()(tasks.write)
app.command()(tasks.summarize)
app.command()(tasks.translate)
app.command()(tasks.sentiment)
app.add_typer(knowledge.app, name="knowledge")
app.add_typer(prompts.app, name="prompts")
app.add_typer(keys.app, name="keys")
app.command(name="eval")(evaluate.evaluate)
app.command(context_settings={"ignore_unknown_options": True})(explain.explain)  # "-1" is a message
app.add_typer(gaps.app, name="gaps")
app.add_typer(corrections.app, name="corrections")
app.add_typer(train.app, name="train")
app.command()(maintain.export)
app.command()(maintain.erase)
app.command()(maintain.backup)
app.command()(project.doctor)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"frontdesk {bot.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    _: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version and leave."),
) -> None:
    pass


def main() -> None:
    """Run a command; an error of ours is one sentence on standard error and an exit code that is not 0."""
    settle_streams()
    try:
        _own_names()
        app()
    except FrontdeskError as error:
        errors.print(f"[bold red]Error:[/] {_plain(error)}", soft_wrap=True, highlight=False)
        sys.exit(2 if isinstance(error, UsageError) else 1)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        _forget_output()
        sys.exit(1)
    except OSError as error:
        about = f"{error.filename}: " if error.filename else ""
        _forget_output()
        errors.print(
            f"[bold red]Error:[/] {_plain(about)}the system refused ({_plain(error.strerror or str(error))}). "
            "Check that there is space, and that files and output can be written.",
            soft_wrap=True,
            highlight=False,
        )
        sys.exit(1)


def _forget_output() -> None:
    """Nobody takes what is still to be written: let it go without a word at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _plain(error: Exception | str) -> str:
    return str(error).replace("[", r"\[")


def _own_names() -> None:
    """Stop when another distribution has taken one of our four package names in this environment."""
    home = Path(bot.__file__).resolve().parent.parent
    for name in ("adapters", "prompts", "storage"):
        spec = importlib.util.find_spec(name)
        found = Path(spec.origin).resolve().parent.parent if spec and spec.origin else None
        if found != home:
            raise UsageError(
                f"The package `{name}` here is not Frontdesk's ({found or 'missing'}). Another distribution has taken "
                "the name. Install Frontdesk into an environment of its own."
            )
