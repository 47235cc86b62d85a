"""`frontdesk add`: connect a channel to a project."""

from __future__ import annotations

import typer

from bot.cli.add_slack import slack
from bot.cli.add_telegram import telegram

app = typer.Typer(no_args_is_help=True, help="Connect a channel: slack, telegram.")
app.command()(slack)
app.command()(telegram)
