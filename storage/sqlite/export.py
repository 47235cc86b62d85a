"""Everything that is held about a sender, shown as JSON-ready values. What is whose, visitors.py says."""

# ruff: noqa: S608 - only constants of this package are put into SQL; every value is bound

from __future__ import annotations

import json
from collections.abc import Container, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlite_utils.db import Database

from storage.base import Outgoing, Send, conversation_scope
from storage.sqlite.knowledge import documents, passages_of
from storage.sqlite.removal import ADDRESS_OF
from storage.sqlite.rows import (
    CASE_COLUMNS,
    CASE_TABLES,
    EXCHANGE_COLUMNS,
    EXCHANGE_TABLES,
    OUTGOING_COLUMNS,
    OUTGOING_TABLES,
    SEND_COLUMNS,
    TURN_COLUMNS,
    Row,
    address_of,
    case_of,
    dump,
    exchange_of,
    outgoing_of,
    send_of,
    turn_of,
)
from storage.sqlite.visitors import cases_of, conversations_of, is_shared, messages_of

_LISTED = "(SELECT value FROM json_each(?))"
_EXCHANGES = f"""
    SELECT {EXCHANGE_COLUMNS}, m.number FROM {EXCHANGE_TABLES}
    WHERE m.conversation = ? AND m.number IN {_LISTED} ORDER BY m.number"""
_OPINIONS = "SELECT sender, value, comment, at FROM feedback WHERE message = ? ORDER BY at, sender"
_GIVEN = f"""
    SELECT c.channel, c.account, c.conversation, c.thread, m.id, f.value, f.comment, f.at
    FROM feedback f JOIN messages m ON m.number = f.message JOIN conversations c ON c.number = m.conversation
    WHERE f.sender = ? AND f.sender <> '' AND m.number NOT IN {_LISTED} ORDER BY f.at, m.number"""
_TURNS = f"""
    SELECT {TURN_COLUMNS} FROM turns
    WHERE conversation = ? AND message IN {_LISTED} ORDER BY number"""
_POSTS = f"""
    SELECT {OUTGOING_COLUMNS} FROM {OUTGOING_TABLES}
    WHERE o.about IS NOT NULL AND (o.message IN {_LISTED} OR o.about IN {_LISTED}) ORDER BY o.number"""
_EXPLANATIONS = """
    SELECT m.id, e.explanation FROM messages m JOIN explanations e ON e.message = m.number
    WHERE m.conversation = ? ORDER BY m.number"""
_CASES = f"SELECT k.desk, {CASE_COLUMNS} FROM {CASE_TABLES} WHERE k.number IN {_LISTED} ORDER BY k.number"
_SENDS = f"""
    SELECT s.channel, s.key, {SEND_COLUMNS} FROM sends s
    WHERE (s.channel, s.key) IN (
        SELECT channel, id FROM messages WHERE number IN {_LISTED}
        UNION SELECT channel, replaces FROM messages WHERE number IN {_LISTED} AND replaces <> ''
        UNION SELECT channel, id FROM outbox
        WHERE about IS NOT NULL AND (message IN {_LISTED} OR about IN {_LISTED}))
    OR (s.channel, s.remote) IN (SELECT channel, id FROM messages WHERE number IN {_LISTED})
    OR s.about IN {_LISTED} ORDER BY s.channel, s.key, s.part"""


def export(db: Database, visitor: str, explanations: bool) -> Mapping[str, Any]:
    """Conversations with their exchanges, turns, memory and documents; cases, posts and what shows them remotely.

    Opinions stand with what they are of; those on what somebody else asked stand by themselves.
    """
    cases = cases_of(db, visitor)
    messages = messages_of(db, visitor, cases)
    said, handed = dump(list(messages)), dump(list(cases))
    took = db.execute("SELECT id FROM cases WHERE agent = ? AND agent <> '' ORDER BY number", (visitor,)).fetchall()
    return {
        "visitor": visitor,
        "conversations": [
            _conversation(db, number, visitor, said, explanations) for number in conversations_of(db, visitor)
        ],
        "cases": [_case(db, row, said) for row in db.execute(_CASES, (handed,)).fetchall()],
        "took": [case for (case,) in took],
        "opinions": [_given(row) for row in db.execute(_GIVEN, (visitor, said)).fetchall()],
        "posts": [_outgoing(outgoing_of(row)) for row in db.execute(_POSTS, (said, handed)).fetchall()],
        "sends": [_send(row) for row in db.execute(_SENDS, (said, said, said, handed, said, handed)).fetchall()],
    }


def _conversation(
    db: Database, conversation: int, visitor: str, messages: str, explanations: bool
) -> Mapping[str, Any]:
    shared = is_shared(db, conversation, visitor)
    found: dict[str, Any] = {
        "address": asdict(address_of(db.execute(ADDRESS_OF, (conversation,)).fetchone())),
        "shared": shared,
        "exchanges": _exchanges(db, conversation, messages, (visitor, "")),
        "turns": _turns(db, conversation, messages),
    }
    if shared:
        return found
    if explanations:
        found["explanations"] = _explanations(db, conversation)
    return {**found, **_memory(db, conversation), "documents": _documents(db, conversation)}


def _case(db: Database, row: Row, messages: str) -> Mapping[str, Any]:
    """A case, and what was said in its thread at the support desk."""
    desk = row[0]
    return {
        "case": asdict(case_of(row[1:])),
        "exchanges": _exchanges(db, desk, messages),
        "turns": _turns(db, desk, messages),
        **_memory(db, desk),
        "documents": _documents(db, desk),
    }


def _exchanges(
    db: Database, conversation: int, messages: str, whose: Container[str] | None = None
) -> Sequence[Mapping[str, Any]]:
    """`whose` opinions are shown; None is everybody's."""
    return [_exchange(db, row, whose) for row in db.execute(_EXCHANGES, (conversation, messages)).fetchall()]


def _exchange(db: Database, row: Row, whose: Container[str] | None) -> Mapping[str, Any]:
    exchange = exchange_of(row[:-1])
    end = _outgoing(exchange.outgoing) if exchange.outgoing else None
    return {
        "message": asdict(exchange.message),
        "withdrawn": exchange.withdrawn,
        "end": end,
        "feedback": exchange.feedback,
        "opinions": [
            {"sender": sender, "value": value, "comment": comment, "at": at}
            for sender, value, comment, at in db.execute(_OPINIONS, (row[-1],)).fetchall()
            if whose is None or sender in whose
        ],
    }


def _given(row: Row) -> Mapping[str, Any]:
    *address, message, value, comment, at = row
    return {
        "address": asdict(address_of(address)), "message_id": message, "value": value, "comment": comment, "at": at
    }  # fmt: skip


def _outgoing(outgoing: Outgoing) -> Mapping[str, Any]:
    found = asdict(outgoing)
    del found["posts"]  # they stand by themselves
    return found


def _send(row: Row) -> Mapping[str, Any]:
    channel, key, *values = row
    send: Send = send_of(values)
    return {"channel": channel, "key": key, **asdict(send)}


def _turns(db: Database, conversation: int, messages: str) -> Sequence[Mapping[str, Any]]:
    return [asdict(turn_of(row)[1]) for row in db.execute(_TURNS, (conversation, messages)).fetchall()]


def _explanations(db: Database, conversation: int) -> Mapping[str, Any]:
    """How the answers of a conversation came about, by the ids of its messages."""
    rows = db.execute(_EXPLANATIONS, (conversation,)).fetchall()
    return {message: json.loads(explanation) for message, explanation in rows}


def _memory(db: Database, conversation: int) -> Mapping[str, Any]:
    found = "SELECT language, summary, facts, preferences FROM conversations WHERE number = ?"
    language, summary, facts, preferences = db.execute(found, (conversation,)).fetchone()
    return {
        "language": language,
        "summary": summary,
        "facts": json.loads(facts),
        "preferences": json.loads(preferences),
    }


def _documents(db: Database, conversation: int) -> Sequence[Mapping[str, Any]]:
    scope = conversation_scope(address_of(db.execute(ADDRESS_OF, (conversation,)).fetchone()))
    return [
        {**asdict(document), "texts": [stored.passage.text for stored in passages_of(db, document.location, scope)]}
        for document in documents(db, scope)
    ]
