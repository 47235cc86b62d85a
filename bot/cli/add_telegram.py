"""`frontdesk add telegram`: a section in the configuration, and what Telegram shows of the bot."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer
from pydantic import SecretStr

from bot.cli.addition import SERVER, Project, append, print_steps, project, public_address
from bot.cli.terminal import ConfigFile, errors, run_async
from bot.config import Config
from bot.errors import UsageError

if TYPE_CHECKING:
    from adapters.telegram.api import Api, Me, TelegramRefused

_VARIABLE = "TELEGRAM_BOT_TOKEN"
_TOKEN = re.compile(r"[0-9]{1,20}:[A-Za-z0-9_-]{1,200}")
_PORTS = (443, 80, 88, 8443)
"""Where Telegram's own server sends updates: https://core.telegram.org/bots/api#setwebhook"""
_TELEGRAM = "api.telegram.org"
_NEEDED = (
    "Telegram needs an https address for this server, but it is {url}. Give --public-url https://chat.example.org, or "
    "leave out --webhook: long polling needs no address."
)
_SECTION = """\

[telegram]                     # docs/telegram.md; secrets come from the environment
enabled = true
{lines}# chats = [-1001234567890]     # where it answers, by id; empty lists are everybody
# users = [123456789]          # whom it answers
# bots = [987654321]           # other bots that it answers; nobody by default

# [handover]                   # where people of yours take over a conversation: a group, best one with topics
# channel = "telegram"
# conversation = "-1001234567890"
"""


def telegram(
    webhook: Annotated[
        bool, typer.Option("--webhook", help="Take updates over HTTP at --public-url instead of long polling.")
    ] = False,
    public_url: Annotated[
        str, typer.Option(help="The https address where Telegram reaches this server; server.public_url without it.")
    ] = "",
    name: Annotated[str, typer.Option(help="Whose assistant the bot says it is; site.name without it.")] = "",
    profile_only: Annotated[
        bool, typer.Option("--profile-only", help="Set commands and descriptions anew and leave the configuration.")
    ] = False,
    config: ConfigFile = None,
) -> None:
    """Add Telegram: check the bot's token, set its commands and descriptions, and add a section to frontdesk.toml.

    The token comes from TELEGRAM_BOT_TOKEN, or is asked for; it is written nowhere.

    [bold]Examples[/bold]

      frontdesk add telegram
      frontdesk add telegram --webhook --public-url https://chat.example.org
      frontdesk add telegram --profile-only --name "Green Door"
    """
    at = project(config, "Telegram")
    if "telegram" in at.tree and not profile_only:
        by_hand = 'For a webhook, write `mode = "webhook"` below [telegram] and `public_url` below [server]. '
        raise UsageError(
            f"{at.file} sets up `telegram` already; nothing was changed. Set `enabled = true` there if it is off. "
            + (by_hand if webhook else "")
            + "To set the bot's commands and descriptions alone: frontdesk add telegram --profile-only"
        )
    url = _address(at.settings, public_url) if webhook or public_url else ""
    if importlib.util.find_spec("telegram") is None:
        raise UsageError("This needs Telegram's SDK. Install it: pip install 'frontdesk[telegram]'")
    me = run_async(_introduce(at, _token(at.settings), name or at.settings.site.name))
    if not profile_only:
        append(at.file, _addition(at, url))
    done = f"@{me.username} has its commands and descriptions"
    print_steps(f"{done}." if profile_only else f"{done}, and {at.file} a section [telegram].", _steps(at, me, url))


def _address(settings: Config, given: str) -> str:
    url = public_address(settings, given, _NEEDED)
    port = urlsplit(url).port or 443
    if port not in _PORTS and urlsplit(settings.telegram.base_url).hostname == _TELEGRAM:
        ports = ", ".join(map(str, sorted(_PORTS)))
        raise UsageError(f"Telegram sends updates to the ports {ports} alone, and {url} names {port}.")
    return url


def _token(settings: Config) -> str:
    """The token of the environment, or one that is typed where nobody sees it."""
    given = settings.secrets.telegram_bot_token
    if given is None and not sys.stdin.isatty():
        raise UsageError(f"There is no token: set {_VARIABLE} to what @BotFather gave you (123456789:AA…).")
    if given is None:
        errors.print("The bot's token, as @BotFather gave it to you. It is kept nowhere, and not shown.")
    token = (given.get_secret_value() if given else str(typer.prompt("Token", hide_input=True, err=True))).strip()
    if not _TOKEN.fullmatch(token):
        what = f"{_VARIABLE} holds no token." if given else "That is no token."
        raise UsageError(f"{what} It looks like 123456789:AA…: @BotFather shows it after /newbot or /token.")
    return token


async def _introduce(at: Project, token: str, name: str) -> Me:
    """Ask Telegram whose the token is, and tell it what to show of the bot."""
    from adapters.telegram.api import Api, TelegramRefused
    from adapters.telegram.profile import calls
    from bot.metrics import Metrics

    settings = at.settings
    secrets = settings.secrets.model_copy(update={"telegram_bot_token": SecretStr(token)})
    api = Api(settings.model_copy(update={"secrets": secrets}), Metrics())
    try:
        me = await _who(api, settings.telegram.base_url)
        errors.print(f"The token is @{me.username}'s. Telling Telegram its commands and descriptions …", markup=False)
        model = settings.engine.kind != "quote"
        for method, arguments in calls(name, at.about, spoken=settings.language.default, model=model):
            await api.call(method, **arguments)
    except TelegramRefused as refused:
        raise UsageError(f"{refused}. The configuration was not changed. Try again in a while.") from None
    finally:
        await api.close()
    return me


async def _who(api: Api, base_url: str) -> Me:
    from adapters.telegram.api import TelegramRefused

    try:
        return await api.me()
    except TelegramRefused as refused:
        raise UsageError(f"{_explained(refused, base_url)} Nothing was changed.") from None


def _explained(refused: TelegramRefused, base_url: str) -> str:
    if refused.code in (401, 404):
        return (
            "Telegram does not know this token: it is incomplete, or was revoked. @BotFather shows the right one "
            "after /token."
        )
    if refused.code == 0:
        return (
            f"Telegram cannot be reached at {base_url} ({refused.error}). Look at this machine's network, proxy and "
            "firewall, or at telegram.base_url."
        )
    return f"{refused}. Look at telegram.base_url ({base_url}), or try again in a while."


def _addition(at: Project, url: str) -> str:
    server = SERVER.format(url=json.dumps(url)) if url and "server" not in at.tree else ""
    lines = 'mode = "webhook"               # updates come to /telegram/webhook\n' if url else ""
    return server + _SECTION.format(lines=lines)


def _steps(at: Project, me: Me, url: str) -> Iterator[str]:
    """What is left to do, in its order."""
    if url and "server" in at.tree and not at.settings.server.public_url:
        yield f'Set `public_url = "{url}"` in the section [server] of the configuration.'
    if at.settings.secrets.telegram_bot_token is None:
        yield f"Keep the token where secrets are kept, and give it to Frontdesk alone.\n    export {_VARIABLE}=…"
    if url:
        yield (
            "Choose a secret that comes with every update: letters, digits, _ and -.\n"
            '    export TELEGRAM_WEBHOOK_SECRET="$(openssl rand -hex 32)"'
        )
    yield "Look whether all is well, and start:\n    frontdesk doctor\n    frontdesk run"
    yield f"Write to the bot: https://t.me/{me.username}"
    yield from _at_botfather(at, me)
    yield (
        "For a support desk in Telegram, make a group with topics, take the bot in as an administrator who may manage "
        "topics, and set [handover] in the configuration."
    )


def _at_botfather(at: Project, me: Me) -> Iterator[str]:
    """What only BotFather can change."""
    if not me.can_join_groups:
        yield "It cannot be taken into groups. If it should be: @BotFather, /setjoingroups, Enable."
    elif me.can_read_all_group_messages:
        yield (
            "In groups Telegram shows it everything (privacy mode is off); it answers where it is mentioned, replied "
            "to, or given a command. For it to be shown only that: @BotFather, /setprivacy, Enable."
        )
    else:
        yield (
            "In groups Telegram shows it commands, mentions and replies to it alone (privacy mode), which is all that "
            "it answers. Leave it so; to change it: @BotFather, /setprivacy, and take it into the group again."
        )
    if at.settings.telegram.inline and not me.supports_inline_queries:
        yield f"For quick answers in any chat (@{me.username} opening hours): @BotFather, /setinline."
