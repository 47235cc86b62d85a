"""Everything that is held about a sender: shown, or removed; and what is old, removed.

A conversation in which only that sender took part is theirs as a whole. In a shared one their messages, the
answers to them, the turns of both and the opinions on them are theirs; its summary and facts, which mix
everybody's words, are cleared when somebody in it is erased.
"""

# ruff: noqa: S608 - only constants of this package are put into SQL; every value is bound

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlite_utils.db import Database

from storage.base import Erased, conversation_scope
from storage.sqlite import erasure
from storage.sqlite.knowledge import VERSION, delete_document, documents, passages_of
from storage.sqlite.record import raise_counter
from storage.sqlite.rows import EXCHANGE_COLUMNS, EXCHANGE_TABLES, Row, address_of, exchange_of, turn_of

_THEIRS = "SELECT number FROM messages WHERE sender = ?"
_OLD = "SELECT number FROM messages WHERE ended_at < ?"
_ADDRESS = "SELECT channel, account, conversation, thread FROM conversations WHERE number = ?"
_OTHERS = "SELECT 1 FROM messages WHERE conversation = ? AND sender <> ? LIMIT 1"
_CLEAR = """
    UPDATE conversations SET summary = '', summarised = 0, facts = '[]', version = random()
    WHERE number = ? AND (summary <> '' OR facts <> '[]')"""
_RENEW = "UPDATE conversations SET version = random() WHERE number = ?"
_FADED = "SELECT number FROM conversations WHERE remembered_at < ? AND (summary <> '' OR facts <> '[]')"
_ABANDONED = """
    SELECT number FROM conversations c WHERE remembered_at > 0 AND remembered_at < ?
    AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.conversation = c.number)"""


def export(db: Database, visitor: str) -> Mapping[str, Any]:
    """Conversations with their exchanges, turns, memory and documents, as JSON-ready values."""
    return {"visitor": visitor, "conversations": [_conversation(db, c, visitor) for c in _conversations(db, visitor)]}


def _conversations(db: Database, visitor: str) -> Sequence[int]:
    found = "SELECT DISTINCT conversation FROM messages WHERE sender = ? ORDER BY conversation"
    return [number for (number,) in db.execute(found, (visitor,)).fetchall()]


def _conversation(db: Database, conversation: int, visitor: str) -> Mapping[str, Any]:
    shared = db.execute(_OTHERS, (conversation, visitor)).fetchone() is not None
    address = address_of(db.execute(_ADDRESS, (conversation,)).fetchone())
    found: dict[str, Any] = {
        "address": asdict(address),
        "shared": shared,
        "exchanges": _exchanges(db, conversation, visitor),
        "turns": _turns(db, conversation, visitor),
    }
    return found if shared else {**found, **_memory(db, conversation), "documents": _documents(db, conversation)}


def _exchanges(db: Database, conversation: int, visitor: str) -> Sequence[Mapping[str, Any]]:
    found = (
        f"SELECT {EXCHANGE_COLUMNS}, coalesce(f.comment, '') FROM {EXCHANGE_TABLES} "
        "WHERE m.conversation = ? AND m.sender = ? ORDER BY m.number"
    )
    return [_exchange(row) for row in db.execute(found, (conversation, visitor)).fetchall()]


def _exchange(row: Row) -> Mapping[str, Any]:
    exchange = exchange_of(row[:-1])
    end = asdict(exchange.outgoing) if exchange.outgoing else None
    return {"message": asdict(exchange.message), "end": end, "feedback": exchange.feedback, "comment": row[-1]}


def _turns(db: Database, conversation: int, visitor: str) -> Sequence[Mapping[str, Any]]:
    found = f"SELECT number, role, text, language, at FROM turns WHERE conversation = ? AND message IN ({_THEIRS})"
    rows = db.execute(f"{found} ORDER BY number", (conversation, visitor)).fetchall()
    return [asdict(turn_of(row)[1]) for row in rows]


def _memory(db: Database, conversation: int) -> Mapping[str, Any]:
    found = "SELECT language, summary, facts FROM conversations WHERE number = ?"
    language, summary, facts = db.execute(found, (conversation,)).fetchone()
    return {"language": language, "summary": summary, "facts": json.loads(facts)}


def _documents(db: Database, conversation: int) -> Sequence[Mapping[str, Any]]:
    scope = conversation_scope(address_of(db.execute(_ADDRESS, (conversation,)).fetchone()))
    return [
        {**asdict(document), "texts": [stored.passage.text for stored in passages_of(db, document.location, scope)]}
        for document in documents(db, scope)
    ]


def erase(db: Database, visitor: str) -> Erased:
    """Remove the rows of `visitor`; the traces are `erasure.scrub`'s."""
    removed: Counter[str] = Counter()
    conversations = _conversations(db, visitor)
    attached = _attached(db, visitor)
    _delete_exchanges(db, _THEIRS, visitor, removed)
    for conversation in conversations:
        if not _delete_if_empty(db, conversation, removed):
            db.execute(_RENEW, (conversation,))
            removed["memories"] += db.execute(_CLEAR, (conversation,)).rowcount
            _delete_documents(db, conversation, removed, attached)
    return _finish(db, removed)


def expire(db: Database, before: float) -> Erased:
    """Remove exchanges that ended, and memories that were last renewed, before `before`."""
    removed: Counter[str] = Counter()
    found = "SELECT DISTINCT conversation FROM messages WHERE ended_at < ?"
    conversations = [number for (number,) in db.execute(found, (before,)).fetchall()]
    _delete_exchanges(db, _OLD, before, removed)
    conversations += [number for (number,) in db.execute(_ABANDONED, (before,)).fetchall()]
    for conversation in dict.fromkeys(conversations):
        _delete_if_empty(db, conversation, removed)
    for (conversation,) in db.execute(_FADED, (before,)).fetchall():
        removed["memories"] += db.execute(_CLEAR, (conversation,)).rowcount
    return _finish(db, removed)


def _attached(db: Database, visitor: str) -> set[str]:
    """Where the files lie that `visitor` sent."""
    rows = db.execute("SELECT attachments FROM messages WHERE sender = ? AND attachments <> '[]'", (visitor,))
    return {attachment["location"] for (attachments,) in rows.fetchall() for attachment in json.loads(attachments)}


def _delete_exchanges(db: Database, chosen: str, value: str | float, removed: Counter[str]) -> None:
    """Delete the messages that `chosen` selects, and what hangs on them."""
    for kind, table in (("feedback", "feedback"), ("turns", "turns"), ("replies", "outbox")):
        removed[kind] += db.execute(f"DELETE FROM {table} WHERE message IN ({chosen})", (value,)).rowcount
    removed["messages"] += db.execute(f"DELETE FROM messages WHERE number IN ({chosen})", (value,)).rowcount


def _delete_if_empty(db: Database, conversation: int, removed: Counter[str]) -> bool:
    """Delete a conversation in which nothing is left, with its memory and its documents."""
    if db.execute("SELECT 1 FROM messages WHERE conversation = ? LIMIT 1", (conversation,)).fetchone():
        return False
    _delete_documents(db, conversation, removed)
    removed["conversations"] += db.execute("DELETE FROM conversations WHERE number = ?", (conversation,)).rowcount
    return True


def _delete_documents(
    db: Database, conversation: int, removed: Counter[str], locations: set[str] | None = None
) -> None:
    """Delete the documents of a conversation: all, or those at `locations`."""
    scope = conversation_scope(address_of(db.execute(_ADDRESS, (conversation,)).fetchone()))
    rows = db.execute("SELECT number, location FROM documents WHERE scope = ?", (scope,)).fetchall()
    for number, location in rows:
        if locations is None or location in locations:
            removed["passages"] += delete_document(db, number)
            removed["documents"] += 1


def _finish(db: Database, removed: Counter[str]) -> Erased:
    if removed["documents"]:
        raise_counter(db, VERSION)
    if removed.total():
        erasure.want(db)
    return Erased(rows={kind: count for kind, count in sorted(removed.items()) if count})
