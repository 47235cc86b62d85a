"""What is known: documents, cut into passages, with a full-text index and vectors."""

# ruff: noqa: S608 - only constants of this package are put into SQL; every value is bound

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from sqlite_utils.db import Database

from bot.errors import StorageError
from storage.base import Document, StoredPassage
from storage.sqlite.record import raise_counter
from storage.sqlite.rows import DOCUMENT_COLUMNS, PASSAGE_COLUMNS, document_of, dump, passage_of

VERSION = "knowledge_version"
REMOVED = "passages_removed"
"""The counter of passages for everybody that were removed, ever."""

_FIND = "SELECT number FROM documents WHERE scope = ? AND location = ?"
_DOCUMENT = f"SELECT {DOCUMENT_COLUMNS} FROM documents WHERE scope = ? AND location = ?"
_INSERT_DOCUMENT = f"INSERT INTO documents({DOCUMENT_COLUMNS}) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)"
_INSERT_PASSAGE = """
    INSERT INTO passages(
        document, text, title, heading, language, position, updated, valid_until,
        title_terms, heading_terms, body_terms)
    VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_INDEX = "INSERT INTO {index}(rowid, title_terms, heading_terms, body_terms) VALUES(?, ?, ?, ?)"
_UNINDEX = """
    INSERT INTO {index}({index}, rowid, title_terms, heading_terms, body_terms)
    SELECT 'delete', number, title_terms, heading_terms, body_terms FROM passages WHERE document = ?"""
_PASSAGES = f"SELECT {PASSAGE_COLUMNS} FROM passages p JOIN documents d ON d.number = p.document"
_BY_NUMBER = f"{_PASSAGES} WHERE p.number = ?"
_OF_DOCUMENT = f"{_PASSAGES} WHERE d.scope = ? AND d.location = ? ORDER BY p.number"
_ALL = f"{_PASSAGES} WHERE ?1 IS NULL OR d.scope = ?1 ORDER BY d.scope, d.location, p.number"
# The rank is bm25(), the lower the better; a title weighs 3, a heading 2, the body 1.
_MATCH = """
    SELECT rowid, -rank FROM {index}
    WHERE {index} MATCH ?1 AND rank MATCH 'bm25(3.0, 2.0, 1.0)' AND rowid BETWEEN ?2 AND ?3 ORDER BY rank LIMIT ?4"""
# A document is stored in one transaction: no other's passages stand between its own.
_ATTACHED = """
    SELECT min(p.number), max(p.number) FROM documents d JOIN passages p ON p.document = d.number
    WHERE d.scope <> '' AND d.scope IN (SELECT value FROM json_each(?)) GROUP BY d.number"""
_LAST = 2**63 - 1
_INSERT_VECTOR = """
    INSERT INTO vectors(model, passage, vector) SELECT ?1, number, ?3 FROM passages WHERE number = ?2
    ON CONFLICT(model, passage) DO UPDATE SET vector = excluded.vector"""
_VECTORS = """
    SELECT v.passage, d.scope, v.vector FROM vectors v JOIN passages p ON p.number = v.passage
    JOIN documents d ON d.number = p.document WHERE v.model = ? ORDER BY v.passage"""


def put_document(
    db: Database, document: Document, passages: Sequence[StoredPassage], vectors: Sequence[bytes] | None, model: str
) -> None:
    """Replace the document at (scope, location)."""
    _delete_at(db, document.scope, document.location)
    values = (
        document.location,
        document.title,
        document.language,
        document.digest,
        len(passages),
        document.added_at,
        document.scope,
        document.url,
        dump(document.aliases),
    )
    number = db.execute(_INSERT_DOCUMENT, values).lastrowid or 0
    index = _index_of(document.scope)
    numbers = [_insert_passage(db, number, passage, index) for passage in passages]
    for passage_number, vector in zip(numbers, vectors or (), strict=False):
        db.execute(_INSERT_VECTOR, (model, passage_number, vector))
    raise_counter(db, VERSION)


def _index_of(scope: str) -> str:
    """What visitors attached is indexed apart, so that it changes no figure of what is for everybody."""
    return "attached_index" if scope else "passages_index"


def _insert_passage(db: Database, document: int, stored: StoredPassage, index: str) -> int:
    passage = stored.passage
    terms = (stored.title_terms, stored.heading_terms, stored.body_terms)
    values = (document, passage.text, passage.title, dump(passage.heading), passage.language, passage.position)
    held = (passage.updated, passage.valid_until)
    number = db.execute(_INSERT_PASSAGE, (*values, *held, *terms)).lastrowid or 0
    db.execute(_INDEX.format(index=index), (number, *terms))
    return number


def remove_document(db: Database, location: str, scope: str) -> bool:
    removed = _delete_at(db, scope, location)
    if removed:
        raise_counter(db, VERSION)
    return removed


def _delete_at(db: Database, scope: str, location: str) -> bool:
    found = db.execute(_FIND, (scope, location)).fetchone()
    if found:
        delete_document(db, found[0], scope)
    return found is not None


def delete_document(db: Database, number: int, scope: str) -> int:
    """Remove document `number` from every table; returns how many passages it had. The version is the caller's."""
    db.execute(_UNINDEX.format(index=_index_of(scope)), (number,))
    db.execute("DELETE FROM vectors WHERE passage IN (SELECT number FROM passages WHERE document = ?)", (number,))
    passages = db.execute("DELETE FROM passages WHERE document = ?", (number,)).rowcount
    db.execute("DELETE FROM documents WHERE number = ?", (number,))
    if not scope:
        raise_counter(db, REMOVED, passages)
    return passages


def documents(db: Database, scope: str | None) -> Sequence[Document]:
    found = f"SELECT {DOCUMENT_COLUMNS} FROM documents WHERE ?1 IS NULL OR scope = ?1 ORDER BY location, scope"
    return [document_of(row) for row in db.execute(found, (scope,)).fetchall()]


def document(db: Database, location: str, scope: str) -> Document | None:
    row = db.execute(_DOCUMENT, (scope, location)).fetchone()
    return document_of(row) if row else None


def passages_of(db: Database, location: str, scope: str) -> Sequence[StoredPassage]:
    return [passage_of(row) for row in db.execute(_OF_DOCUMENT, (scope, location)).fetchall()]


def all_passages(db: Database, scope: str | None) -> Sequence[StoredPassage]:
    return [passage_of(row) for row in db.execute(_ALL, (scope,)).fetchall()]


def passages(db: Database, numbers: Sequence[int]) -> Sequence[StoredPassage]:
    found = (db.execute(_BY_NUMBER, (number,)).fetchone() for number in numbers)
    return [passage_of(row) for row in found if row is not None]


def match(db: Database, query: str, limit: int, scopes: Sequence[str]) -> Sequence[StoredPassage]:
    """The best passages, each with its BM25 as the score. Raises `StorageError` for a query that is not FTS5's."""
    if not query.strip():
        return []
    places = [("passages_index", 0, _LAST)] if "" in scopes else []
    places += [("attached_index", *span) for span in db.execute(_ATTACHED, (dump(list(scopes)),)).fetchall()]
    try:
        found = [row for place in places for row in _match_in(db, query, limit, *place)]
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_ERROR:
            raise
        raise StorageError("The search is no FTS5 query: put each term in double quotes.") from error
    found.sort(key=lambda row: (-row[1], row[0]))
    return [passage_of(db.execute(_BY_NUMBER, (number,)).fetchone(), score=score) for number, score in found]


def _match_in(db: Database, query: str, limit: int, index: str, first: int, last: int) -> Sequence[tuple[int, float]]:
    return db.execute(_MATCH.format(index=index), (query, first, last, limit)).fetchall()


def vectors(db: Database, model: str) -> Sequence[tuple[int, str, bytes]]:
    return [(number, scope, vector) for number, scope, vector in db.execute(_VECTORS, (model,)).fetchall()]


def put_vectors(db: Database, model: str, pairs: Sequence[tuple[int, bytes]]) -> None:
    """Keep or replace vectors; those of passages that are gone are left out."""
    for number, vector in pairs:
        db.execute(_INSERT_VECTOR, (model, number, vector))
    raise_counter(db, VERSION)
