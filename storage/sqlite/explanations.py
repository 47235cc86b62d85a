"""How answers came about: one document for a message, as long as the message and everything that it repeats is kept.

A document repeats what the conversation remembered then. So it goes when that is forgotten or erased, and when the
oldest thing that it repeats expires.
"""

# ruff: noqa: S608 - only constants of this package are put into SQL; every value is bound

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from sqlite_utils.db import Database

from bot.events import Address
from storage.sqlite.rows import address_of, dump

_KEEP = "INSERT INTO explanations(message, since, explanation) VALUES(?, ?, ?)"
_FIND = """
    SELECT e.explanation FROM explanations e JOIN messages m ON m.number = e.message
    WHERE m.channel = ? AND m.id = ?"""
_OF_CONVERSATION = """
    DELETE FROM explanations WHERE message IN (SELECT number FROM messages WHERE conversation = ?)"""
_OLD = "DELETE FROM explanations WHERE since < ?"
_NAME = "channel || ':' || account || ':' || conversation || iif(thread = '', '', ':' || thread)"
_NAMED = f"""
    SELECT channel, account, conversation, thread FROM conversations
    WHERE length(:ending) <= length({_NAME}) AND substr({_NAME}, length({_NAME}) - length(:ending) + 1) = :ending
    ORDER BY number DESC LIMIT :limit"""


def keep(db: Database, message: int, explanation: Mapping[str, Any], now: float) -> None:
    """Keep the document of a message that ends `now`; its "since" says when the oldest thing that it repeats was."""
    since = explanation.get("since")
    db.execute(_KEEP, (message, now if since is None else min(since, now), dump(dict(explanation))))


def explanation(db: Database, channel: str, message_id: str) -> Mapping[str, Any] | None:
    row = db.execute(_FIND, (channel, message_id)).fetchone()
    found: Mapping[str, Any] | None = json.loads(row[0]) if row else None
    return found


def conversations(db: Database, ending: str, limit: int) -> Sequence[Address]:
    """Those whose name ends so, the newest first."""
    rows = db.execute(_NAMED, {"ending": ending, "limit": limit}).fetchall()
    return [address_of(row) for row in rows]


def remove_of(db: Database, conversation: int, removed: Counter[str]) -> None:
    """Remove all of a conversation: something that they may repeat is gone from it."""
    removed["explanations"] += db.execute(_OF_CONVERSATION, (conversation,)).rowcount


def remove_old(db: Database, before: float, removed: Counter[str]) -> None:
    """Remove those that repeat something from before `before`."""
    removed["explanations"] += db.execute(_OLD, (before,)).rowcount
