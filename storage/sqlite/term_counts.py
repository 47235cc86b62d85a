"""How common terms are in the passages for everybody: from the full-text index, or from what is new."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from sqlite_utils.db import Database

from storage.base import TermCounts
from storage.sqlite.knowledge import REMOVED
from storage.sqlite.record import counter
from storage.sqlite.rows import aliases_of

_ALL = "SELECT term, doc, cnt FROM passages_terms"
_NEW = """
    SELECT p.title_terms || ' ' || p.heading_terms || ' ' || p.body_terms
    FROM passages p JOIN documents d ON d.number = p.document WHERE p.number > ? AND d.scope = ''"""
_PASSAGES = "SELECT coalesce(sum(passages), 0) FROM documents WHERE scope = ''"
_LANGUAGES = "SELECT DISTINCT language FROM documents WHERE scope = '' AND language <> ''"
_ALIASES = "SELECT DISTINCT aliases FROM documents WHERE scope = '' AND aliases <> '[]'"


def count_terms(db: Database, after: int) -> TermCounts:
    frequency, terms = _new(db, after) if after else _all(db)
    (passages,) = db.execute(_PASSAGES).fetchone()
    (newest,) = db.execute("SELECT coalesce(max(number), 0) FROM passages").fetchone()
    return TermCounts(
        passages=passages,
        terms=terms,
        frequency=frequency,
        languages=frozenset(language for (language,) in db.execute(_LANGUAGES).fetchall()),
        aliases=frozenset(pair for (pairs,) in db.execute(_ALIASES).fetchall() for pair in aliases_of(pairs)),
        newest=max(newest, after),
        removed=counter(db, REMOVED),
    )


def _all(db: Database) -> tuple[Mapping[str, int], int]:
    frequency: dict[str, int] = {}
    terms = 0
    for term, passages, times in db.execute(_ALL):
        frequency[term] = passages
        terms += times
    return frequency, terms


def _new(db: Database, after: int) -> tuple[Mapping[str, int], int]:
    frequency: Counter[str] = Counter()
    terms = 0
    for (joined,) in db.execute(_NEW, (after,)):
        found = joined.split()
        terms += len(found)
        frequency.update(set(found))
    return frequency, terms
