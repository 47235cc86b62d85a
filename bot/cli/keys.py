"""`frontdesk keys`: who may use the API, and how much."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.table import Table
from rich.text import Text

from bot.cli.terminal import ConfigFile, DataFolder, configuration, errors, need_database, output, run_async
from bot.errors import UsageError

if TYPE_CHECKING:
    from bot.config import Config
    from storage.base import ApiKey, Store

T = TypeVar("T")

app = typer.Typer(
    no_args_is_help=True, help="Who may use the API: create, list, revoke, usage. And the store's own: encryption."
)

_UNITS: Mapping[str, int] = {"m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_NAME = re.compile(r"(?![0-9]+$)[\w.@+-](?:[\w .@+-]{0,62}[\w.@+-])?")
Limit = Annotated[int, typer.Option(min=0, help="0 is no limit.")]


async def _with_store(config: Config, work: Callable[[Store], Awaitable[T]]) -> T:
    from bot.desk import store_of

    store = store_of(config, shared=True)
    await store.open()
    try:
        return await work(store)
    finally:
        await store.close()


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Whose key it is; as `list` and `revoke` know it.")],
    requests_per_minute: Limit = 0,
    tokens_per_minute: Limit = 0,
    tokens_per_day: Limit = 0,
    expires: Annotated[str, typer.Option(help="A day such as 2027-01-31, or a time from now: 12h, 90d.")] = "",
    config: ConfigFile = None,
    data: DataFolder = None,
) -> None:
    """Make a key. Its secret is printed once and kept nowhere: what is stored cannot be turned back into it.

    [bold]Examples[/bold]

      frontdesk keys create shop
      frontdesk keys create partner --requests-per-minute 60 --tokens-per-day 1000000 --expires 90d
    """
    settings = configuration(config, data)
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"A key cannot be called {name!r}: use up to 64 letters, digits, spaces and . @ + - _, "
            "not digits alone, which are a key's number, and no space at its ends."
        )

    from adapters.openai.secret import digest, hint, new_secret
    from storage.base import ApiKey

    secret, now = new_secret(), time.time()
    key = ApiKey(
        name=name,
        digest=digest(secret),
        hint=hint(secret),
        created_at=now,
        expires_at=_expiry(expires, now) if expires else 0.0,
        requests_per_minute=requests_per_minute,
        tokens_per_minute=tokens_per_minute,
        tokens_per_day=tokens_per_day,
    )

    async def work(store: Store) -> ApiKey | None:
        made = await store.create_key(key)
        if made is not None:
            await store.audit("keys.create", {"number": made.number, "name": name})
        return made

    if run_async(_with_store(settings, work)) is None:
        raise UsageError(f"There is a key called {name} already. Choose another name, or revoke that one first.")
    typer.echo(secret)
    errors.print("This is shown once: keep it where secrets are kept.")
    if not settings.api.enabled:
        errors.print("The API is off: set `enabled = true` in the table [api] of the configuration.", markup=False)


@app.command("list")
def list_(config: ConfigFile = None, data: DataFolder = None) -> None:
    """List all keys: by the beginnings of their secrets, with their limits and when they were used last.

    [bold]Example[/bold]

      frontdesk keys list
    """
    settings = configuration(config, data)
    need_database(settings)
    keys = run_async(_with_store(settings, lambda store: store.keys()))
    if not keys:
        errors.print("There are no keys yet. Make one with `frontdesk keys create NAME`.")
        return
    table = Table("number", "name", "secret", "state", "created", "last used", "limits", box=None)
    for key in keys:
        days = (_day(key.created_at), _day(key.last_used_at) or "never")
        cells = (str(key.number), key.name, f"{key.hint}…", _state(key, time.time()), *days, _limits(key))
        table.add_row(*map(Text, cells))
    output.print(table)


@app.command()
def revoke(
    name: Annotated[str, typer.Argument(help="The key's name or number, as `frontdesk keys list` shows it.")],
    config: ConfigFile = None,
    data: DataFolder = None,
) -> None:
    """End a key for good. A running server refuses it within seconds.

    [bold]Example[/bold]

      frontdesk keys revoke partner
    """
    settings = configuration(config, data)
    need_database(settings)

    async def work(store: Store) -> ApiKey | None:
        in_force = [key for key in await store.keys() if not key.revoked_at]
        named = [key for key in in_force if key.name == name] or [key for key in in_force if str(key.number) == name]
        if not named or not await store.revoke_key(named[0].number):
            return None
        await store.audit("keys.revoke", {"number": named[0].number, "name": named[0].name})
        return named[0]

    if run_async(_with_store(settings, work)) is None:
        raise UsageError(f"There is no key called {name} in force. `frontdesk keys list` shows which are.")
    output.print(f"Revoked {name}.", markup=False)


@app.command()
def usage(
    name: Annotated[str, typer.Argument(help="One key's name or number; all keys without it.")] = "",
    days: Annotated[int, typer.Option(min=1, max=3_650, help="How many days, today included (in UTC).")] = 30,
    config: ConfigFile = None,
    data: DataFolder = None,
) -> None:
    """Show what each key used on each day.

    [bold]Examples[/bold]

      frontdesk keys usage
      frontdesk keys usage shop --days 7
    """
    settings = configuration(config, data)
    need_database(settings)
    since = _day(time.time() - (days - 1) * _UNITS["d"])

    async def work(store: Store) -> None:
        keys = {key.number: key for key in await store.keys()}
        wanted = {number for number, key in keys.items() if name in ("", key.name, str(number))}
        if name and not wanted:
            raise UsageError(f"There is no key called {name}. `frontdesk keys list` shows all.")
        table = Table("day", "key", "name", box=None)
        for title in ("requests", "tokens read", "tokens written"):
            table.add_column(title, justify="right")
        for one in await store.usage(since=since):
            if one.key in wanted:
                counts = (one.requests, one.prompt_tokens, one.completion_tokens)
                table.add_row(one.day, str(one.key), Text(keys[one.key].name), *(f"{count:,}" for count in counts))
        if table.row_count:
            output.print(table)
        else:
            errors.print(f"Nothing was used since {since}.")

    run_async(_with_store(settings, work))


@app.command()
def encryption() -> None:
    """Print a new key for FRONTDESK_ENCRYPTION_KEY, which encrypts the tokens of workspaces that install the app.

    To change the key, set both, the new one first, with a comma between them; after a start the old one may go.

    [bold]Example[/bold]

      frontdesk keys encryption
    """
    from cryptography.fernet import Fernet

    typer.echo(Fernet.generate_key().decode())
    errors.print("This is shown once: keep it where secrets are kept, and set FRONTDESK_ENCRYPTION_KEY to it.")


def _expiry(text: str, now: float) -> float:
    """Seconds since the epoch. Raises `UsageError` for what is no time, or is over."""
    if span := re.fullmatch(r"([0-9]{1,5})([mhdw])", text):
        at = now + int(span[1]) * _UNITS[span[2]]
    else:
        try:
            at = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp() + _UNITS["d"] - 1
        except ValueError:
            raise UsageError(f"--expires is {text!r}: write a day such as 2027-01-31, or 12h, 90d.") from None
    if at <= now:
        raise UsageError(f"--expires is {text!r}, which is over: write a day in the future.")
    return at


def _state(key: ApiKey, now: float) -> str:
    if key.revoked_at:
        return f"revoked {_day(key.revoked_at)}"
    if not key.expires_at:
        return "in force"
    return f"{'expires' if key.expires_at > now else 'expired'} {_day(key.expires_at)}"


def _day(at: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(at)) if at else ""


def _limits(key: ApiKey) -> str:
    limits = (
        (key.requests_per_minute, "requests/min"),
        (key.tokens_per_minute, "tokens/min"),
        (key.tokens_per_day, "tokens/day"),
    )
    return ", ".join(f"{value:,} {unit}" for value, unit in limits if value) or "none"
