"""`frontdesk explain`: how an answer came about."""

from __future__ import annotations

import difflib
import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.terminal import (
    ConfigFile,
    DataFolder,
    configuration,
    encodes_all,
    need_database,
    output,
    run_async,
)
from bot.errors import UsageError

if TYPE_CHECKING:
    from bot.config import Config
    from bot.events import Address
    from storage.base import Exchange, Store

LISTED = 30
"""So many conversations, or messages of one, are listed."""
_LOOKED_THROUGH = 1_000
_NEAR = 3

Explained = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One message with its end and how that came about, or (without a message) what there is to choose from."""

    conversation: str = ""
    conversations: Sequence[str] = ()
    exchanges: Sequence[Exchange] = ()
    explanations: Sequence[Explained | None] = ()
    one: bool = False


def explain(
    conversation: Annotated[
        str, typer.Argument(help="Its name (channel:account:conversation, and :thread), or how that ends.")
    ] = "",
    message: Annotated[str, typer.Argument(help='Its id, or how that ends; "last", -1, -2 …')] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    config: ConfigFile = None,
    data: DataFolder = None,
) -> None:
    """Show the way of an answer: what was understood, found, asked of a model, checked, and how long it took.

    Without a message it lists those of the conversation, without a conversation the newest ones. Works while the bot
    runs; what was forgotten or erased, or has expired, is explained no more.

    [bold]Examples[/bold]

      frontdesk explain
      frontdesk explain web::5f3a:main
      frontdesk explain 5f3a:main last
      frontdesk explain slack:T1:C1:17.5 -2 --json
    """
    told = run_async(tell(configuration(config, data), conversation, message))
    if as_json:
        typer.echo(json.dumps(document(told), ensure_ascii=not encodes_all(sys.stdout), indent=2))
        return
    from bot.cli import explained

    if told.one:
        explained.show(output, told.exchanges[0], told.explanations[0] or {})
    elif told.conversation:
        explained.show_messages(output, told.conversation, told.exchanges, told.explanations)
    else:
        explained.show_conversations(output, told.conversations)


def document(told: Told) -> Any:
    """The same as JSON values: a list of names, a conversation with its messages, or one message."""
    if not told.conversation:
        return {"conversations": list(told.conversations)}
    messages = [_document(*pair) for pair in zip(told.exchanges, told.explanations, strict=True)]
    if told.one:
        return {"conversation": told.conversation, **messages[0]}
    for each in messages:
        each["confidence"] = (each.pop("explanation") or {}).get("confidence")
    return {"conversation": told.conversation, "messages": messages}


def _document(exchange: Exchange, explanation: Explained | None) -> dict[str, Any]:
    from bot.cli.explained import became, said

    return {
        "message": exchange.message.id,
        "sent_at": exchange.message.sent_at,
        "became": became(exchange),
        "answer": said(exchange),
        "feedback": exchange.feedback,
        "explanation": explanation,
    }


async def tell(config: Config, conversation: str = "", message: str = "") -> Told:
    """What there is to say. Raises `UsageError` with what is near, and with what to type."""
    from bot.desk import store_of
    from storage.base import conversation_name

    need_database(config)
    store = store_of(config, shared=True)
    await store.open()
    try:
        if not conversation:
            newest = await store.conversations(limit=LISTED)
            return Told(conversations=[conversation_name(address) for address in newest])
        address = await _address(store, conversation)
        if message:
            return await of_message(store, address, message)
        exchanges = await store.history(address, limit=LISTED)
        explanations = [await store.explanation(address.channel, each.message.id) for each in exchanges]
        return Told(conversation=conversation_name(address), exchanges=exchanges, explanations=explanations)
    finally:
        await store.close()


async def of_message(store: Store, address: Address, given: str) -> Told:
    """The way of one answer in the conversation at `address`. Raises `UsageError`."""
    from storage.base import conversation_name

    name = conversation_name(address)
    exchange = chosen(await store.history(address, limit=_LOOKED_THROUGH), given, name)
    explanation = await store.explanation(address.channel, exchange.message.id)
    _must_be_kept(exchange, explanation)
    return Told(conversation=name, exchanges=[exchange], explanations=[explanation], one=True)


async def _address(store: Store, given: str) -> Address:
    """The conversation whose name is, or alone ends with, `given`."""
    from storage.base import conversation_name

    found = {conversation_name(address): address for address in await store.conversations(given, limit=LISTED)}
    if given in found:
        return found[given]
    if len(found) == 1:
        return next(iter(found.values()))
    if found:
        raise UsageError(f"Several conversations end so: {_listed(list(found))}. Write more of the name.")
    newest = [conversation_name(address) for address in await store.conversations(limit=_LOOKED_THROUGH)]
    raise UsageError(
        f"No conversation is called {given!r}, or ends so.{_hint(given, newest)} "
        "`frontdesk explain` lists the newest ones."
    )


def chosen(exchanges: Sequence[Exchange], given: str, conversation: str) -> Exchange:
    """The message that is meant. Raises `UsageError` with what is near."""
    if not exchanges:
        raise UsageError(f"Nothing was said in {conversation}.")
    place = 1 if given == "last" else int(given[1:]) if re.fullmatch(r"-\d{1,9}", given) else 0
    if place > len(exchanges):
        raise UsageError(f"{conversation} has only {len(exchanges)} messages: -1 is the newest.")
    if place:
        return exchanges[-place]
    if given.startswith("-"):
        raise UsageError(f"There is no option {given}. `frontdesk explain --help` lists them.")
    ids = {exchange.message.id: exchange for exchange in exchanges}
    if given in ids:
        return ids[given]
    ending = [ident for ident in ids if ident.endswith(given)]
    if len(ending) == 1:
        return ids[ending[0]]
    if ending:
        raise UsageError(f"Several messages of {conversation} end so: {_listed(ending)}. Write more of the id.")
    raise UsageError(
        f"There is no message {given!r} in {conversation}.{_hint(given, list(ids))} "
        f"`frontdesk explain {conversation}` lists them; `last` is the newest."
    )


def _must_be_kept(exchange: Exchange, explanation: Explained | None) -> None:
    from bot.cli.explained import became

    if explanation is not None:
        return
    if exchange.outgoing is None:
        raise UsageError(f"Message {exchange.message.id} has not been answered yet: try again when it has.")
    raise UsageError(
        f"Nothing is kept of how message {exchange.message.id} was answered (it ended as: {became(exchange)}). That is "
        "so where a person answered or the answer was taken back, after something was forgotten, erased or expired, "
        "and while `privacy.explanations` is false."
    )


def _hint(given: str, names: Sequence[str]) -> str:
    inside = [name for name in names if given in name]
    near = inside[:_NEAR] or difflib.get_close_matches(given, names, n=_NEAR, cutoff=0.5)
    return f" Did you mean {_listed(near)}?" if near else ""


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - LISTED + 1} more" if len(names) >= LISTED else ""
    return ", ".join(names[: LISTED - 1] if more else names) + more
