"""What was committed, and whether it reached its channel."""

# ruff: noqa: S608 - only constants of this package are put into SQL; every value is bound

from __future__ import annotations

from collections.abc import Sequence

from sqlite_utils.db import Database

from bot.events import Address
from storage.base import Outgoing
from storage.sqlite.rows import CONVERSATION, OUTGOING_COLUMNS, OUTGOING_TABLES, address_values, outgoing_of

_UNDELIVERED = f"""
    SELECT {OUTGOING_COLUMNS} FROM {OUTGOING_TABLES}
    WHERE o.delivered = 0 AND m.channel = coalesce(?, m.channel) ORDER BY o.number LIMIT ?"""
_SINCE = f"""
    SELECT {OUTGOING_COLUMNS} FROM {OUTGOING_TABLES}
    WHERE o.conversation = {CONVERSATION} AND o.number > ? ORDER BY o.number LIMIT ?"""


def undelivered(db: Database, channel: str | None, limit: int) -> Sequence[Outgoing]:
    return [outgoing_of(row) for row in db.execute(_UNDELIVERED, (channel, limit)).fetchall()]


def delivered(db: Database, number: int, remote: str) -> None:
    db.execute("UPDATE outbox SET delivered = 1, remote = ? WHERE number = ?", (remote, number))


def outgoing_since(db: Database, address: Address, number: int, limit: int) -> Sequence[Outgoing]:
    rows = db.execute(_SINCE, (*address_values(address), number, limit)).fetchall()
    return [outgoing_of(row) for row in rows]
