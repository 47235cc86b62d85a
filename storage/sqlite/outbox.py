"""What was committed, and whether it reached its channel."""

# ruff: noqa: S608 - only constants of this package are put into SQL; every value is bound

from __future__ import annotations

from collections.abc import Sequence

from sqlite_utils.db import Database

from bot.events import Address
from storage.base import Outgoing
from storage.sqlite.rows import CONVERSATION, OUTGOING_COLUMNS, OUTGOING_TABLES, address_values, outgoing_of

_UNDELIVERED = f"SELECT {OUTGOING_COLUMNS} FROM {OUTGOING_TABLES} WHERE o.delivered = 0 ORDER BY o.number LIMIT ?"
_UNDELIVERED_OF = f"""
    SELECT {OUTGOING_COLUMNS} FROM {OUTGOING_TABLES}
    WHERE o.delivered = 0 AND o.channel = ? ORDER BY o.number LIMIT ?"""
_SINCE = f"""
    SELECT {OUTGOING_COLUMNS} FROM {OUTGOING_TABLES}
    WHERE o.conversation = {CONVERSATION} AND o.number > ? ORDER BY o.number LIMIT ?"""
_POSTS = f"""
    SELECT {OUTGOING_COLUMNS} FROM {OUTGOING_TABLES}
    WHERE o.conversation = {CONVERSATION} AND o.about IS NOT NULL ORDER BY o.number DESC LIMIT ?"""


def undelivered(db: Database, channel: str | None, limit: int) -> Sequence[Outgoing]:
    if channel is None:
        return _found(db, _UNDELIVERED, (limit,))
    return _found(db, _UNDELIVERED_OF, (channel, limit))


def delivered(db: Database, number: int, remote: str) -> None:
    db.execute("UPDATE outbox SET delivered = 1, remote = ? WHERE number = ?", (remote, number))


def outgoing_since(db: Database, address: Address, number: int, limit: int) -> Sequence[Outgoing]:
    return _found(db, _SINCE, (*address_values(address), number, limit))


def posts(db: Database, address: Address, limit: int) -> Sequence[Outgoing]:
    return _found(db, _POSTS, (*address_values(address), limit))[::-1]


def _found(db: Database, question: str, values: Sequence[object]) -> list[Outgoing]:
    return [outgoing_of(row) for row in db.execute(question, values).fetchall()]
