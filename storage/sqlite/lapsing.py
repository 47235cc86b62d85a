"""Cases in which nobody says anything any more: they are found, and given back to the bot without a message."""

# ruff: noqa: S608 - only constants of this package are put into SQL; every value is bound

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlite_utils.db import Database

from bot.errors import CaseConflict
from bot.events import Case, Post
from storage.base import Outgoing
from storage.sqlite import cases
from storage.sqlite.ending import insert_post
from storage.sqlite.rows import CASE_COLUMNS, CASE_TABLES, case_of

_LAST = "coalesce((SELECT accepted_at FROM messages WHERE conversation = {} ORDER BY number DESC LIMIT 1), 0)"
_IDLE = f"""
    SELECT {CASE_COLUMNS} FROM {CASE_TABLES} WHERE k.state IN ('waiting', 'taken') AND k.touched_at < :before
    AND {_LAST.format("k.visitor")} < :before AND {_LAST.format("k.desk")} < :before"""
_ALL = f"{_IDLE} ORDER BY k.touched_at LIMIT :limit"
_ONE = f"{_IDLE} AND k.id = :id"
# What goes out hangs on a message: here on the last that the visitor has sent, or else on a colleague's.
_NEWEST = "(SELECT number FROM messages WHERE conversation = {} ORDER BY number DESC LIMIT 1)"
_MESSAGE = f"SELECT coalesce({_NEWEST.format('k.visitor')}, {_NEWEST.format('k.desk')}) FROM cases k WHERE k.id = ?"


def idle(db: Database, before: float, limit: int) -> Sequence[Case]:
    return [case_of(row) for row in db.execute(_ALL, {"before": before, "limit": limit}).fetchall()]


def lapse(db: Database, seen: Case, posts: Sequence[Post], before: float, now: float) -> Sequence[Outgoing]:
    """Give the case back, unless it is idle no more."""
    row = db.execute(_ONE, {"before": before, "id": seen.id}).fetchone()
    if row is None or case_of(row) != seen:
        raise CaseConflict(f"Case {seen.id} is idle no more. Leave it to those who work on it.")
    cases.keep(db, replace(seen, state="returned"), "", now)
    (message,) = db.execute(_MESSAGE, (seen.id,)).fetchone()
    return [insert_post(db, message, post, now) for post in posts] if message else []
