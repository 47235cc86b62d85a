"""What was said, and who has the right to answer it."""

# ruff: noqa: S608 - only constants of this package are put into SQL; every value is bound

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlite_utils.db import Database

from bot.errors import StaleLease
from bot.events import Message
from storage.base import Exchange, Lease
from storage.sqlite.rows import (
    ADDRESS,
    EXCHANGE_COLUMNS,
    EXCHANGE_TABLES,
    INSERT_CONVERSATION,
    MESSAGE_COLUMNS,
    address_values,
    attachments_text,
    exchange_of,
    message_of,
)

_INSERT_MESSAGE = f"""
    INSERT INTO messages(
        channel, id, conversation, sender, text, sent_at, edited, attachments, language, name, command, replaces,
        accepted_at)
    SELECT ?, ?, number, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM conversations WHERE {ADDRESS}
    ON CONFLICT(channel, id) DO NOTHING"""
_FIND_MESSAGE = "SELECT 1 FROM messages WHERE channel = ? AND id = ?"

_LEASE = """
    UPDATE messages SET attempt = attempt + 1, held_until = ?
    WHERE channel = ? AND id = ? AND ended_at IS NULL AND (held_until IS NULL OR held_until <= ?)
    RETURNING attempt, withdrawn"""
_WITHDRAW = "UPDATE messages SET withdrawn = 1 WHERE channel = ? AND id = ?"
MINE = "channel = ? AND id = ? AND attempt = ? AND held_until IS NOT NULL AND ended_at IS NULL"
_EXTEND = f"UPDATE messages SET held_until = ? WHERE {MINE}"
_RELEASE = f"UPDATE messages SET held_until = NULL WHERE {MINE}"

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
        message.name,
        message.command,
        message.replaces,
        now,
        *address,
    )
    if db.execute(_INSERT_MESSAGE, values).rowcount == 1:
        return True
    if db.execute(_FIND_MESSAGE, (address[0], message.id)).fetchone():
        return False
    db.execute(INSERT_CONVERSATION, address)
    db.execute(_INSERT_MESSAGE, values)
    return True


def lease(db: Database, message: Message, seconds: float, now: float) -> Lease | None:
    """Take the work under the next attempt number; None when it has ended, is held, or was never accepted."""
    until = now + seconds
    rows = db.execute(_LEASE, (until, message.address.channel, message.id, now)).fetchall()
    return Lease(message=message, attempt=rows[0][0], until=until, withdrawn=bool(rows[0][1])) if rows else None


def withdraw(db: Database, channel: str, message_id: str) -> bool:
    return db.execute(_WITHDRAW, (channel, message_id)).rowcount == 1


def extend(db: Database, held: Lease, seconds: float, now: float) -> Lease:
    """Hold on. Allowed after `until` has passed as long as nobody else took the work."""
    until = now + seconds
    if db.execute(_EXTEND, (until, *key(held))).rowcount != 1:
        raise stale(held)
    return replace(held, until=until)


def release(db: Database, held: Lease) -> None:
    db.execute(_RELEASE, key(held))


def void_leases(db: Database) -> None:
    """Give back what a process held that is no more."""
    db.execute("UPDATE messages SET held_until = NULL WHERE ended_at IS NULL AND held_until IS NOT NULL")


def pending(db: Database, limit: int, now: float) -> Sequence[Message]:
    return [message_of(row) for row in db.execute(_PENDING, (now, limit)).fetchall()]


def exchange(db: Database, channel: str, message_id: str) -> Exchange | None:
    row = db.execute(_EXCHANGE, (channel, message_id)).fetchone()
    return exchange_of(row) if row else None


def key(held: Lease) -> tuple[str, str, int]:
    return held.message.address.channel, held.message.id, held.attempt


def stale(held: Lease) -> StaleLease:
    return StaleLease(
        f"Attempt {held.attempt} at a message is void: it was given back, was erased, has ended or belongs to a newer "
        "attempt. Drop this result."
    )
