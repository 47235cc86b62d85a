"""What people wrote so that a question is answered next time. It is the operator's, as knowledge is."""

# ruff: noqa: S608 - only constants of this package are put into SQL; every value is bound

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from sqlite_utils.db import Database

from storage.base import Document, StoredPassage
from storage.learning import CORRECTED, Correction
from storage.sqlite import knowledge
from storage.sqlite.rows import Row, dump

_COLUMNS = "number, state, question, also, answer, language, location, author, written_at, decided_by, decided_at"
_ALL = f"SELECT {_COLUMNS} FROM corrections ORDER BY number"
_FIND = f"SELECT {_COLUMNS} FROM corrections WHERE number = ?"
_ADD = """
    INSERT INTO corrections(
        state, question, also, answer, language, location, author, written_at, decided_by, decided_at)
    VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_KEEP = """
    UPDATE corrections SET state = ?, question = ?, also = ?, answer = ?, language = ?, location = ?, author = ?,
        written_at = ?, decided_by = ?, decided_at = ?
    WHERE number = ?"""


def every(db: Database) -> Sequence[Correction]:
    return [_of(row) for row in db.execute(_ALL).fetchall()]


def add(db: Database, correction: Correction) -> Correction:
    """Keep a new one; it gets its number."""
    return replace(correction, number=int(db.execute(_ADD, _values(correction)).lastrowid or 0))


def keep(
    db: Database, correction: Correction, seen: Correction, document: Document | None, passages: Sequence[StoredPassage]
) -> bool:
    """Put it in the place of `seen`, and its document in the place of that one's: all or nothing."""
    row = db.execute(_FIND, (seen.number,)).fetchone()
    if row is None or _of(row) != seen:
        return False
    db.execute(_KEEP, (*_values(correction), seen.number))
    if seen.location:
        _unfile(db, seen.location)
    if document is not None:
        knowledge.put_document(db, document, passages, None, "")
    return True


def check(correction: Correction, seen: Correction, document: Document | None) -> None:
    """Raise `ValueError` where what is approved and what is known would not be the same: a mistake of the caller."""
    if correction.number != seen.number:
        raise ValueError("a correction keeps its number")
    if (document is not None) != (correction.state == "approved"):
        raise ValueError("what is approved, and nothing else, has a document")
    if document and (document.location != correction.location or not document.digest.startswith(CORRECTED)):
        raise ValueError("a correction's document is marked as one, and filed where the correction says")


def _unfile(db: Database, location: str) -> None:
    """A file that somebody put in that very place since is theirs."""
    filed = knowledge.document(db, location, "")
    if filed and filed.digest.startswith(CORRECTED):
        knowledge.remove_document(db, location, "")


def _values(correction: Correction) -> tuple[object, ...]:
    said = (correction.question, dump(list(correction.also)), correction.answer, correction.language)
    decided = (correction.decided_by, correction.decided_at)
    return correction.state, *said, correction.location, correction.author, correction.written_at, *decided


def _of(row: Row) -> Correction:
    number, state, question, also, answer, language, location, author, written_at, decided_by, decided_at = row
    return Correction(
        number=number,
        state=state,
        question=question,
        also=tuple(json.loads(also)),
        answer=answer,
        language=language,
        location=location,
        author=author,
        written_at=written_at,
        decided_by=decided_by,
        decided_at=decided_at,
    )
