"""Conversations that were handed over to people."""

# ruff: noqa: S608 - only constants of this package are put into SQL; every value is bound

from __future__ import annotations

from sqlite_utils.db import Database

from bot.errors import CaseConflict
from bot.events import Address, Case, Message
from storage.sqlite.rows import CASE_COLUMNS, CASE_TABLES, CONVERSATION, INSERT_CONVERSATION, address_values, case_of

_OPEN = "state IN ('waiting', 'taken')"
_OPEN_STATES = ("waiting", "taken")
_CASE = f"SELECT {CASE_COLUMNS} FROM {CASE_TABLES} WHERE k.visitor = {CONVERSATION} AND k.{_OPEN}"
_CASE_AT = f"""
    SELECT {CASE_COLUMNS} FROM {CASE_TABLES} WHERE k.desk = {CONVERSATION} ORDER BY k.number DESC LIMIT 1"""
_KNOWN = f"SELECT {CASE_COLUMNS} FROM {CASE_TABLES} WHERE k.id = ?"
_TOUCH = "UPDATE cases SET touched_at = ? WHERE id = ? RETURNING number"
_OTHER = f"SELECT id FROM cases WHERE visitor = ? AND {_OPEN} AND id <> ?"
_KEEP = """
    INSERT INTO cases(
        id, visitor, desk, state, opened_at, agent, agent_name, name, language, reason, opener, touched_at)
    VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT(id) DO UPDATE SET
        visitor = excluded.visitor, desk = excluded.desk, state = excluded.state, opened_at = excluded.opened_at,
        agent = excluded.agent, agent_name = excluded.agent_name, name = excluded.name,
        language = excluded.language, reason = excluded.reason, touched_at = excluded.touched_at
    RETURNING number"""


def case(db: Database, visitor: Address) -> Case | None:
    row = db.execute(_CASE, address_values(visitor)).fetchone()
    return case_of(row) if row else None


def case_at(db: Database, desk: Address) -> Case | None:
    row = db.execute(_CASE_AT, address_values(desk)).fetchone()
    return case_of(row) if row else None


def opener(case: Case, message: Message) -> str:
    """Whose case it is, when `message` brings it about: its sender's, unless that is somebody at the desk."""
    return message.sender if message.address == case.visitor else ""


def keep(db: Database, case: Case, opened_by: str, now: float) -> int:
    """Keep it in the place of what was known of it; its number. Raises `CaseConflict`."""
    visitor, desk = conversation(db, case.visitor), conversation(db, case.desk)
    _check(db, case, visitor)
    values = (case.id, visitor, desk, case.state, case.opened_at, case.agent, case.agent_name)
    said = (case.name, case.language, case.reason, opened_by, now)
    return int(db.execute(_KEEP, (*values, *said)).fetchall()[0][0])


def check_unchanged(db: Database, seen: Case) -> None:
    """Raises `CaseConflict` when it is no more what it was when somebody looked."""
    row = db.execute(_KNOWN, (seen.id,)).fetchone()
    if row is None or case_of(row) != seen:
        raise CaseConflict(f"Case {seen.id} has changed meanwhile. Look at it again, and decide anew.")


def touch(db: Database, case: Case, now: float) -> int:
    """Note that something was posted about it; its number. Raises `CaseConflict`, lest a post bring back the erased."""
    known = db.execute(_TOUCH, (now, case.id)).fetchall()
    if not known:
        raise CaseConflict(f"Case {case.id} is not known: it was erased, or has to be given with its first post.")
    return int(known[0][0])


def conversation(db: Database, address: Address) -> int:
    """The number of the conversation at `address`, which need not have begun."""
    values = address_values(address)
    row = db.execute(f"SELECT {CONVERSATION}", values).fetchone()
    return int(row[0]) if row[0] is not None else int(db.execute(INSERT_CONVERSATION, values).lastrowid or 0)


def _check(db: Database, case: Case, visitor: int) -> None:
    row = db.execute("SELECT state FROM cases WHERE id = ?", (case.id,)).fetchone()
    if row and row[0] not in _OPEN_STATES and row[0] != case.state:
        raise CaseConflict(f"Case {case.id} was {row[0]}, which is for good. Look at it again and open another one.")
    other = db.execute(_OTHER, (visitor, case.id)).fetchone()
    if other and case.state in _OPEN_STATES:
        raise CaseConflict(f"Case {other[0]} of the same conversation is open. Close it before opening {case.id}.")
