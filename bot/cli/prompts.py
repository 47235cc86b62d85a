"""`frontdesk prompts`: the templates that models are asked with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from bot.cli.terminal import ConfigFile, configuration, output
from bot.errors import UsageError

if TYPE_CHECKING:
    from prompts.template import Library

app = typer.Typer(no_args_is_help=True, help="The templates that models are asked with: list, show, render.")
Language = Annotated[str, typer.Option("--language", "-l", help='Which language\'s text, such as "zh".')]
Name = Annotated[str, typer.Argument(help="As `frontdesk prompts list` shows it.")]


def _library(config: ConfigFile) -> Library:
    from prompts.template import Library

    return Library(configuration(config).root / "prompts")


def _known(config: ConfigFile, language: str) -> Mapping[str, str]:
    """What the configuration and the language settle, so that only the rest need be given."""
    from prompts.names import language_name

    site = configuration(config).site
    return {
        "site_name": site.name,
        "site_description": site.description,
        "contact": site.contact,
        "language": language,
        "language_name": language_name(language, language),
    }


@app.command("list")
def list_(config: ConfigFile = None) -> None:
    """List the templates; those that your project overrides are marked.

    [bold]Example[/bold]

      frontdesk prompts list
    """
    library = _library(config)
    table = Table("name", "what it is for", "from", box=None)
    for name in library.names():
        own = [language for language in library.languages(name) if library.get(name, language).overridden]
        table.add_row(name, library.get(name).description, f"your project ({', '.join(own)})" if own else "Frontdesk")
    output.print(table)


@app.command()
def show(name: Name, language: Language = "en", config: ConfigFile = None) -> None:
    """Print a template as it stands; save it as prompts/LANGUAGE/NAME.md in your project to override it.

    [bold]Example[/bold]

      frontdesk prompts show answer --language zh
    """
    typer.echo(_library(config).get(name, language).source.read_text("utf-8"), nl=False)


@app.command()
def render(
    name: Name,
    values: Annotated[list[str] | None, typer.Argument(help="Variables, each as name=value.")] = None,
    language: Language = "en",
    config: ConfigFile = None,
) -> None:
    """Fill a template in and print what a model would read. The site and the language need not be given.

    [bold]Examples[/bold]

      frontdesk prompts render summarize length="one sentence"
      frontdesk prompts render decline --language zh
    """
    template = _library(config).get(name, language)
    given = {key: text for key, text in _known(config, language).items() if key in template.variables}
    for value in values or []:
        key, equals, text = value.partition("=")
        if not equals:
            raise UsageError(f"{value!r} is not of the form name=value.")
        given[key] = text
    typer.echo(template.render(**given))
