"""What was said, and who has the right to answer it."""

# ruff: noqa: S608 - only constants of this package are put into SQL; every value is bound

from __future__ import annotations

from collections.abc import Sequence

from sqlite_utils.db import Database

from bot.errors import StaleLease
from bot.events import Failed, Message, Reply, Turn
from storage.base import Exchange, Lease, Outgoing
from storage.sqlite.rows import (
    ADDRESS,
    EXCHANGE_COLUMNS,
    EXCHANGE_TABLES,
    MESSAGE_COLUMNS,
    address_values,
    attachments_text,
    citations_text,
    exchange_of,
    message_of,
)

_INSERT_MESSAGE = f"""
    INSERT INTO messages(channel, id, conversation, sender, text, sent_at, edited, attachments, language, accepted_at)
    SELECT ?, ?, number, ?, ?, ?, ?, ?, ?, ? FROM conversations WHERE {ADDRESS}
    ON CONFLICT(channel, id) DO NOTHING"""
_FIND_MESSAGE = "SELECT 1 FROM messages WHERE channel = ? AND id = ?"
_INSERT_CONVERSATION = "INSERT INTO conversations(channel, account, conversation, thread) VALUES(?, ?, ?, ?)"

_LEASE = """
    UPDATE messages SET attempt = attempt + 1, held_until = ?
    WHERE channel = ? AND id = ? AND ended_at IS NULL AND (held_until IS NULL OR held_until <= ?)
    RETURNING attempt"""
_MINE = "channel = ? AND id = ? AND attempt = ? AND held_until IS NOT NULL AND ended_at IS NULL"
_EXTEND = f"UPDATE messages SET held_until = ? WHERE {_MINE}"
_RELEASE = f"UPDATE messages SET held_until = NULL WHERE {_MINE}"
_END = f"UPDATE messages SET held_until = NULL, ended_at = ? WHERE {_MINE} RETURNING number, conversation"
_INSERT_OUTGOING = """
    INSERT INTO outbox(message, conversation, kind, attempt, seq, text, citations, finish_reason, language, reason, at)
    VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_INSERT_TURN = "INSERT INTO turns(message, conversation, role, text, language, at) VALUES(?, ?, ?, ?, ?, ?)"

_PENDING = f"""
    SELECT {MESSAGE_COLUMNS} FROM messages m JOIN conversations c ON c.number = m.conversation
    WHERE m.ended_at IS NULL AND (m.held_until IS NULL OR m.held_until <= ?) ORDER BY m.number LIMIT ?"""
_EXCHANGE = f"SELECT {EXCHANGE_COLUMNS} FROM {EXCHANGE_TABLES} WHERE m.channel = ? AND m.id = ?"


def accept(db: Database, message: Message, now: float) -> bool:
    """Commit `message`; False when it was known. One statement, unless its conversation is new."""
    address = address_values(message.address)
    values = (
        address[0],
        message.id,
        message.sender,
        message.text,
        message.sent_at,
        message.edited,
        attachments_text(message.attachments),
        message.language,
        now,
        *address,
    )
    if db.execute(_INSERT_MESSAGE, values).rowcount == 1:
        return True
    if db.execute(_FIND_MESSAGE, (address[0], message.id)).fetchone():
        return False
    db.execute(_INSERT_CONVERSATION, address)
    db.execute(_INSERT_MESSAGE, values)
    return True


def lease(db: Database, message: Message, seconds: float, now: float) -> Lease | None:
    """Take the work under the next attempt number; None when it has ended, is held, or was never accepted."""
    until = now + seconds
    rows = db.execute(_LEASE, (until, message.address.channel, message.id, now)).fetchall()
    return Lease(message=message, attempt=rows[0][0], until=until) if rows else None


def extend(db: Database, held: Lease, seconds: float, now: float) -> Lease:
    """Hold on. Allowed after `until` has passed as long as nobody else took the work."""
    until = now + seconds
    if db.execute(_EXTEND, (until, *_key(held))).rowcount != 1:
        raise _stale(held)
    return Lease(message=held.message, attempt=held.attempt, until=until)


def release(db: Database, held: Lease) -> None:
    db.execute(_RELEASE, _key(held))


def complete(db: Database, held: Lease, event: Reply | Failed, turns: Sequence[Turn], now: float) -> Outgoing:
    """End the message, with its turns and what goes out: all or nothing."""
    ended = db.execute(_END, (now, *_key(held))).fetchall()
    if not ended:
        raise _stale(held)
    message, conversation = ended[0]
    end = (*_end_values(event, held.attempt), now)
    number = db.execute(_INSERT_OUTGOING, (message, conversation, *end)).lastrowid
    for turn in turns:
        db.execute(_INSERT_TURN, (message, conversation, turn.role, turn.text, turn.language, turn.at))
    return Outgoing(number=number or 0, event=event, at=now)


def check_end(held: Lease, event: Reply | Failed) -> None:
    """Raise `ValueError` when `event` cannot be the end of the message that is held: a mistake of the caller."""
    message = held.message
    if (event.message_id, event.address) != (message.id, message.address):
        raise ValueError("an end belongs to the message that is leased, at its address")
    if isinstance(event, Reply) and not (event.final and event.attempt == held.attempt):
        raise ValueError("a message ends with a final reply of the attempt that is leased")


def void_leases(db: Database) -> None:
    """Give back what a process held that is no more."""
    db.execute("UPDATE messages SET held_until = NULL WHERE ended_at IS NULL AND held_until IS NOT NULL")


def pending(db: Database, limit: int, now: float) -> Sequence[Message]:
    return [message_of(row) for row in db.execute(_PENDING, (now, limit)).fetchall()]


def exchange(db: Database, channel: str, message_id: str) -> Exchange | None:
    row = db.execute(_EXCHANGE, (channel, message_id)).fetchone()
    return exchange_of(row) if row else None


def _key(held: Lease) -> tuple[str, str, int]:
    return held.message.address.channel, held.message.id, held.attempt


def _stale(held: Lease) -> StaleLease:
    return StaleLease(
        f"Attempt {held.attempt} at a message is void: it was given back, was erased, has ended or belongs to a newer "
        "attempt. Drop this result."
    )


def _end_values(event: Reply | Failed, attempt: int) -> tuple[object, ...]:
    if isinstance(event, Failed):
        return "failed", attempt, 0, event.said, "[]", "", "", event.reason
    citations = citations_text(event.citations)
    return "reply", event.attempt, event.seq, event.text, citations, event.finish_reason, event.language, ""
