"""Removing everything that is held about a sender; and what is old.

A conversation in which only that sender took part is theirs as a whole. In a shared one their messages, the
answers to them, the turns of both and the opinions on them are theirs, and so is what they think of other answers; its
summary and facts, which mix everybody's words, are cleared when somebody in it is erased. What was preferred there
stays: it is everybody's.

A case that they opened is theirs on both sides: what was posted about it, and its thread at the support desk with
whatever colleagues said there. Of somebody who worked at a desk, what they said goes, and their name from the cases.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

from sqlite_utils.db import Database

from storage.base import Erased
from storage.sqlite import explanations
from storage.sqlite.removal import finish, remove, remove_documents, remove_if_empty, remove_orphaned_sends
from storage.sqlite.rows import Row, dump

_SHARED = """
    SELECT 1 FROM messages WHERE conversation = :conversation AND sender <> :visitor
    UNION ALL SELECT 1 FROM cases WHERE desk = :conversation LIMIT 1"""
_CASES = """
    SELECT number FROM cases WHERE opener = ? AND opener <> ''
    UNION SELECT number FROM cases WHERE visitor IN (SELECT value FROM json_each(?)) ORDER BY 1"""
_MESSAGES = """
    SELECT number FROM messages WHERE sender = ?
    UNION SELECT m.number FROM messages m JOIN cases k ON k.desk = m.conversation
    WHERE k.number IN (SELECT value FROM json_each(?))"""
_QUIET = """
    SELECT number FROM cases k WHERE touched_at < ?
    AND NOT EXISTS (SELECT 1 FROM outbox WHERE about = k.number)
    AND NOT EXISTS (SELECT 1 FROM messages WHERE conversation = k.desk)"""
_CLEAR = """
    UPDATE conversations SET summary = '', summarised = 0, facts = '[]', version = random()
    WHERE number = ? AND (summary <> '' OR facts <> '[]')"""
_RENEW = "UPDATE conversations SET version = random() WHERE number = ?"
_FADED = "SELECT number FROM conversations WHERE remembered_at < ? AND (summary <> '' OR facts <> '[]')"
_ABANDONED = """
    SELECT number FROM conversations c WHERE remembered_at > 0 AND remembered_at < ?
    AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.conversation = c.number)"""
# Whoever had the case is nobody now, so it waits again: else its visitor would talk to no one.
_LEAVE = """
    UPDATE cases SET agent = '', agent_name = '', state = iif(state = 'taken', 'waiting', state)
    WHERE agent = ?"""
_FORGET = """
    UPDATE outbox SET snapshot = json_set(snapshot, '$.agent', '', '$.agent_name', '')
    WHERE about IS NOT NULL AND json_extract(snapshot, '$.agent') = ?"""


def conversations_of(db: Database, visitor: str) -> Sequence[int]:
    """Those in which they took part."""
    found = "SELECT DISTINCT conversation FROM messages WHERE sender = ? ORDER BY conversation"
    return _numbers(db.execute(found, (visitor,)).fetchall())


def is_shared(db: Database, conversation: int, visitor: str) -> bool:
    """Whether others took part, or it is somebody else's case at a support desk."""
    values = {"conversation": conversation, "visitor": visitor}
    return db.execute(_SHARED, values).fetchone() is not None


def cases_of(db: Database, visitor: str) -> Sequence[int]:
    """The cases that they opened, and those of the conversations that are theirs alone."""
    alone = [number for number in conversations_of(db, visitor) if not is_shared(db, number, visitor)]
    return _numbers(db.execute(_CASES, (visitor, dump(alone))).fetchall())


def messages_of(db: Database, visitor: str, cases: Sequence[int]) -> Sequence[int]:
    """What they said, and what was said about `cases` at the support desk."""
    return _numbers(db.execute(_MESSAGES, (visitor, dump(list(cases)))).fetchall())


def erase(db: Database, visitor: str) -> Erased:
    """Remove the rows of `visitor`."""
    removed: Counter[str] = Counter()
    conversations, attached = conversations_of(db, visitor), _attached(db, visitor)
    cases = cases_of(db, visitor)
    touched = remove(db, messages_of(db, visitor, cases), cases, removed)
    for conversation in dict.fromkeys([*conversations, *touched]):
        if not remove_if_empty(db, conversation, removed):
            db.execute(_RENEW, (conversation,))
            removed["memories"] += db.execute(_CLEAR, (conversation,)).rowcount
            remove_documents(db, conversation, removed, attached)
            explanations.remove_of(db, conversation, removed)
    if visitor:  # nobody has a case that waits, and opinions of nobody known go with their message
        removed["feedback"] += db.execute("DELETE FROM feedback WHERE sender = ?", (visitor,)).rowcount
        removed["mentions"] += db.execute(_LEAVE, (visitor,)).rowcount
        removed["mentions"] += db.execute(_FORGET, (visitor,)).rowcount
    return finish(db, removed)


def expire(db: Database, before: float) -> Erased:
    """Remove exchanges that ended, cases that were touched, and memories that were renewed last, before `before`."""
    removed: Counter[str] = Counter()
    old = _numbers(db.execute("SELECT number FROM messages WHERE ended_at < ?", (before,)).fetchall())
    touched = [*remove(db, old, (), removed)]
    quiet = _numbers(db.execute(_QUIET, (before,)).fetchall())
    touched += remove(db, (), quiet, removed)
    remove_orphaned_sends(db, before, removed)
    explanations.remove_old(db, before, removed)
    touched += _numbers(db.execute(_ABANDONED, (before,)).fetchall())
    for conversation in dict.fromkeys(touched):
        remove_if_empty(db, conversation, removed)
    for conversation in _numbers(db.execute(_FADED, (before,)).fetchall()):
        removed["memories"] += db.execute(_CLEAR, (conversation,)).rowcount
        explanations.remove_of(db, conversation, removed)
    return finish(db, removed)


def _attached(db: Database, visitor: str) -> set[str]:
    """Where the files lie that `visitor` sent."""
    rows = db.execute("SELECT attachments FROM messages WHERE sender = ? AND attachments <> '[]'", (visitor,))
    return {attachment["location"] for (attachments,) in rows.fetchall() for attachment in json.loads(attachments)}


def _numbers(rows: Sequence[Row]) -> list[int]:
    return [int(row[0]) for row in rows]
