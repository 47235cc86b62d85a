"""Removing rows by their numbers, with everything that hangs on them. Their traces are `erasure.scrub`'s."""

# ruff: noqa: S608 - only constants of this package are put into SQL; every value is bound

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sqlite_utils.db import Database

from storage.base import Erased, conversation_scope
from storage.sqlite import erasure
from storage.sqlite.knowledge import VERSION, delete_document
from storage.sqlite.record import raise_counter
from storage.sqlite.rows import address_of, dump

ADDRESS_OF = "SELECT channel, account, conversation, thread FROM conversations WHERE number = ?"

_LISTED = "(SELECT value FROM json_each(?))"
_OUTGOING = f"""
    SELECT number, conversation FROM outbox WHERE message IN {_LISTED}
    UNION SELECT number, conversation FROM outbox WHERE about IN {_LISTED}"""
_PLACES = f"""
    SELECT conversation FROM messages WHERE number IN {_LISTED}
    UNION SELECT conversation FROM turns WHERE message IN {_LISTED}
    UNION SELECT visitor FROM cases WHERE number IN {_LISTED} UNION SELECT desk FROM cases WHERE number IN {_LISTED}"""
_KEYS = f"""
    SELECT channel, id FROM messages WHERE number IN {_LISTED}
    UNION SELECT channel, replaces FROM messages WHERE number IN {_LISTED} AND replaces <> ''
    UNION SELECT channel, id FROM outbox WHERE number IN {_LISTED} AND about IS NOT NULL"""
# An edited question is answered in the place of the original: what shows that answer is kept while either lives.
_ORPHANED = """about IS NULL
    AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.channel = sends.channel AND m.id = sends.key)
    AND NOT EXISTS (
        SELECT 1 FROM messages m WHERE m.channel = sends.channel AND m.replaces = sends.key AND m.replaces <> '')"""
_SENT_FOR = f"DELETE FROM sends WHERE channel = ? AND key = ? AND {_ORPHANED}"
# A message may be a remote message of ours: a question that was asked elsewhere, and put where its answer goes.
_SENT_AS = "DELETE FROM sends WHERE channel = ? AND remote = ? AND remote <> ''"
_POSTED = """EXISTS (
    SELECT 1 FROM outbox o
    WHERE o.channel = sends.channel AND o.id = sends.key AND o.kind IN ('said', 'notice'))"""
_IN_USE = """
    SELECT 1 FROM conversations c WHERE c.number = ? AND (
        EXISTS (SELECT 1 FROM messages WHERE conversation = c.number)
        OR EXISTS (SELECT 1 FROM outbox WHERE conversation = c.number)
        OR EXISTS (SELECT 1 FROM turns WHERE conversation = c.number)
        OR EXISTS (SELECT 1 FROM cases WHERE visitor = c.number)
        OR EXISTS (SELECT 1 FROM cases WHERE desk = c.number))"""


def remove(db: Database, messages: Sequence[int], cases: Sequence[int], removed: Counter[str]) -> Sequence[int]:
    """Remove messages and cases; returns the conversations from which something went, and which may be empty now."""
    spoken, handed = dump(list(messages)), dump(list(cases))
    outgoing = db.execute(_OUTGOING, (spoken, handed)).fetchall()
    sent = dump([number for number, _ in outgoing])
    keys = db.execute(_KEYS, (spoken, spoken, sent)).fetchall()
    places = {place for (place,) in db.execute(_PLACES, (spoken, spoken, handed, handed)).fetchall()}
    for kind, rows, chosen in (
        ("explanations", "explanations WHERE message", spoken),
        ("feedback", "feedback WHERE message", spoken),
        ("turns", "turns WHERE message", spoken),
        ("posts", "outbox WHERE about IS NOT NULL AND number", sent),
        ("replies", "outbox WHERE number", sent),
        ("messages", "messages WHERE number", spoken),
        ("sends", "sends WHERE about", handed),
        ("cases", "cases WHERE number", handed),
    ):
        removed[kind] += db.execute(f"DELETE FROM {rows} IN {_LISTED}", (chosen,)).rowcount
    for key in keys:
        for orphaned in (_SENT_FOR, _SENT_AS):
            removed["sends"] += db.execute(orphaned, key).rowcount
    return sorted(places | {place for _, place in outgoing})


def remove_orphaned_sends(db: Database, before: float, removed: Counter[str]) -> None:
    """Remove what was last heard of before `before` and shows neither a message nor a post that there is."""
    orphaned = f"DELETE FROM sends WHERE at < ? AND {_ORPHANED} AND NOT {_POSTED}"
    removed["sends"] += db.execute(orphaned, (before,)).rowcount


def remove_if_empty(db: Database, conversation: int, removed: Counter[str]) -> bool:
    """Remove a conversation in which nothing is left, with its memory and its documents."""
    if db.execute(_IN_USE, (conversation,)).fetchone():
        return False
    remove_documents(db, conversation, removed)
    removed["conversations"] += db.execute("DELETE FROM conversations WHERE number = ?", (conversation,)).rowcount
    return True


def remove_documents(db: Database, conversation: int, removed: Counter[str], locations: set[str] | None = None) -> None:
    """Remove the documents of a conversation: all, or those at `locations`."""
    row = db.execute(ADDRESS_OF, (conversation,)).fetchone()
    if row is None:
        return
    scope = conversation_scope(address_of(row))
    rows = db.execute("SELECT number, location FROM documents WHERE scope = ?", (scope,)).fetchall()
    for number, location in rows:
        if locations is None or location in locations:
            removed["passages"] += delete_document(db, number, scope)
            removed["documents"] += 1


def finish(db: Database, removed: Counter[str]) -> Erased:
    """Note that the traces have to go, when anything was removed."""
    if removed["documents"]:
        raise_counter(db, VERSION)
    if removed.total():
        erasure.want(db)
    return Erased(rows={kind: count for kind, count in sorted(removed.items()) if count})
