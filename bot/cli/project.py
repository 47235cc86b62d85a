"""`frontdesk init` and `frontdesk doctor`: begin a project, and find out what is wrong with one."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.terminal import ConfigFile, DataFolder, configuration, output, run_async
from bot.errors import UsageError

_CONFIG = """\
# Every key: docs/configuration.md. Each can also be set as FRONTDESK_SECTION__KEY; secrets only so.
[site]
name = {name}
description = "What {plain} does, in a sentence."
contact = "hello@example.org"

[server]
host = "127.0.0.1"
port = 8080
# public_url = "https://chat.example.org"

[engine]
kind = "quote"            # answers by quoting; "local" or "openai" put a model behind it
# model = "Qwen/Qwen3-0.6B" # for "local": a hub id or a folder
# [engine.openai]
# base_url = "http://127.0.0.1:11434/v1"
# model = "qwen3"

[web]
# origins = ["https://www.example.org"]   # the sites that may embed the bubble

[web.greeting]
en = "Hello! What would you like to know?"
"""

_WELCOME = """\
---
title: About {plain}
language: en
---

# About {plain}

<!-- Replace this page with what your visitors ask about: prices, opening hours, how to return something. Then run
`frontdesk knowledge add knowledge/` again; only what has changed is read. What stands in a comment is not known. -->

## Opening hours

| day | hours |
|---|---|
| Monday to Friday | 9:00 to 18:00 |
| Saturday | 10:00 to 14:00 |

Closed on Sundays and public holidays.
"""

_IGNORE = "/data/\n.env\n"


def init(
    folder: Annotated[Path, typer.Argument(help="Where to make the project.")] = Path(),
    name: Annotated[str, typer.Option(help="Who the bot speaks for.")] = "",
) -> None:
    """Begin a project: frontdesk.toml, a first page of knowledge, and a folder for your own prompts.

    [bold]Examples[/bold]

      frontdesk init
      frontdesk init mybot --name "Green Door Books"
    """
    plain = (name or folder.resolve().name or "My bot").replace("\n", " ")
    quoted = json.dumps(plain, ensure_ascii=False)
    files = {
        folder / "frontdesk.toml": _CONFIG.format(name=quoted, plain=quoted[1:-1]),
        folder / "knowledge" / "welcome.md": _WELCOME.format(plain=plain),
        folder / ".gitignore": _IGNORE,
    }
    there = [file for file in files if file.exists() and file.name != ".gitignore"]
    if there:
        raise UsageError(f"{there[0]} exists already; nothing was changed. Choose another: frontdesk init FOLDER.")
    try:
        for file, text in files.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            if not file.exists():
                file.write_text(text, "utf-8")
        (folder / "prompts").mkdir(exist_ok=True)
    except OSError as error:
        raise UsageError(f"Cannot write to {folder}: {error.strerror}. Choose another folder.") from None
    where = "" if folder == Path() else f"cd {shlex.quote(str(folder))} && "
    output.print("Made frontdesk.toml, knowledge/ and prompts/. Next:\n", highlight=False)
    output.print(f"  {where}frontdesk knowledge add knowledge/\n  frontdesk run\n", markup=False, highlight=False)


def doctor(config: ConfigFile = None, data: DataFolder = None) -> None:
    """Check configuration, secrets, port, storage, knowledge, prompts and engine, and say what to do.

    [bold]Example[/bold]

      frontdesk doctor --config shop.toml
    """
    from bot.cli.checks import examine

    findings = run_async(examine(configuration(config, data)))
    for finding in findings:
        mark = {"good": "[green]✓[/]", "note": "[yellow]•[/]", "bad": "[red]✗[/]"}[finding.state]
        output.print(f"{mark} [bold]{finding.subject}[/]  ", end="")
        output.print(finding.text, markup=False, highlight=False)
    if any(finding.state == "bad" for finding in findings):
        raise typer.Exit(1)
