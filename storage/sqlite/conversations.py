"""What is remembered of a conversation."""

# ruff: noqa: S608 - only constants of this package are put into SQL; every value is bound

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from sqlite_utils.db import Database

from bot.events import Address, Feedback, Turn
from storage.base import Erased, Exchange, Recollection
from storage.sqlite import explanations
from storage.sqlite.removal import finish, remove_documents
from storage.sqlite.rows import (
    ADDRESS,
    CONVERSATION,
    EXCHANGE_COLUMNS,
    EXCHANGE_TABLES,
    TURN_COLUMNS,
    address_values,
    dump,
    exchange_of,
    turn_of,
)

_TURNS = f"""
    SELECT {TURN_COLUMNS} FROM turns WHERE conversation = {CONVERSATION} AND number > ?
    ORDER BY number DESC LIMIT ?"""
_HISTORY = f"""
    SELECT {EXCHANGE_COLUMNS} FROM {EXCHANGE_TABLES} WHERE m.conversation = {CONVERSATION}
    ORDER BY m.number DESC LIMIT ?"""
_RECALL = f"SELECT summary, summarised, facts, language, version FROM conversations WHERE {ADDRESS}"
_REMEMBER = """
    INSERT INTO conversations(
        channel, account, conversation, thread, summary, summarised, facts, language, remembered_at)
    VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT(channel, account, conversation, thread) DO UPDATE SET
        summary = excluded.summary, summarised = excluded.summarised, facts = excluded.facts,
        language = excluded.language, remembered_at = excluded.remembered_at"""
_REMEMBER_UNLESS_ERASED = f"""
    UPDATE conversations SET summary = ?, summarised = ?, facts = ?, language = ?, remembered_at = ?
    WHERE {ADDRESS} AND version = ?"""
_NUMBER = f"SELECT number FROM conversations WHERE {ADDRESS}"
_FORGET = """
    UPDATE conversations SET summary = '', summarised = 0, facts = '[]', language = '', version = random()
    WHERE number = ?"""
_PREFERENCES = f"SELECT preferences FROM conversations WHERE {ADDRESS}"
# One that only its preferences made has a time, by which it expires.
_PREFER = """
    INSERT INTO conversations(channel, account, conversation, thread, remembered_at, preferences)
    VALUES(?, ?, ?, ?, ?, json_patch('{}', ?))
    ON CONFLICT(channel, account, conversation, thread) DO UPDATE SET
        preferences = json_patch(preferences, ?)"""
_FIND = f"SELECT number FROM messages WHERE channel = ? AND id = ? AND conversation = {CONVERSATION}"
_KEEP_FEEDBACK = "INSERT OR REPLACE INTO feedback(message, sender, value, comment, at) VALUES(?, ?, ?, ?, ?)"


def turns(db: Database, address: Address, after: int, limit: int) -> Sequence[tuple[int, Turn]]:
    rows = db.execute(_TURNS, (*address_values(address), after, limit)).fetchall()
    return [turn_of(row) for row in reversed(rows)]


def history(db: Database, address: Address, limit: int) -> Sequence[Exchange]:
    rows = db.execute(_HISTORY, (*address_values(address), limit)).fetchall()
    return [exchange_of(row) for row in reversed(rows)]


def recall(db: Database, address: Address) -> Recollection:
    row = db.execute(_RECALL, address_values(address)).fetchone()
    if row is None:
        return Recollection()
    summary, summarised, facts, language, version = row
    return Recollection(
        summary=summary, summarised=summarised, facts=tuple(json.loads(facts)), language=language, version=version
    )


def remember(db: Database, address: Address, recollection: Recollection, now: float) -> None:
    """Keep it; one that was recalled before an erasure is dropped, or it would bring back what was erased."""
    key = address_values(address)
    facts = dump(list(recollection.facts))
    values = (recollection.summary, recollection.summarised, facts, recollection.language, now)
    if recollection.version is None:
        db.execute(_REMEMBER, (*key, *values))
    else:
        db.execute(_REMEMBER_UNLESS_ERASED, (*values, *key, recollection.version))


def forget(db: Database, address: Address) -> Erased:
    """Remove what is remembered, and whatever was recalled of it is void."""
    removed: Counter[str] = Counter()
    for (number,) in db.execute(_NUMBER, address_values(address)).fetchall():
        removed["turns"] = db.execute("DELETE FROM turns WHERE conversation = ?", (number,)).rowcount
        remove_documents(db, number, removed)
        explanations.remove_of(db, number, removed)
        db.execute(_FORGET, (number,))
    return finish(db, removed)


def preferences(db: Database, address: Address) -> Mapping[str, Any]:
    row = db.execute(_PREFERENCES, address_values(address)).fetchone()
    found: Mapping[str, Any] = json.loads(row[0]) if row else {}
    return found


def prefer(db: Database, address: Address, preferred: Mapping[str, Any], now: float) -> None:
    laid = dump(dict(preferred))
    db.execute(_PREFER, (*address_values(address), now, laid, laid))


def keep_feedback(db: Database, feedback: Feedback, now: float) -> bool:
    """A person's newest opinion replaces theirs before; 0 takes it back, and its comment with it."""
    address = feedback.address
    found = db.execute(_FIND, (address.channel, feedback.message_id, *address_values(address))).fetchone()
    if found is None:
        return False
    if feedback.value == 0:
        db.execute("DELETE FROM feedback WHERE message = ? AND sender = ?", (found[0], feedback.sender))
    else:
        db.execute(_KEEP_FEEDBACK, (found[0], feedback.sender, feedback.value, feedback.comment, now))
    return True
