"""What operators did, in the order they did it; and the file's few counters."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlite_utils.db import Database

from storage.sqlite.rows import dump

Entry = tuple[int, float, str, Mapping[str, Any]]


def append(db: Database, action: str, detail: Mapping[str, Any], now: float) -> None:
    db.execute("INSERT INTO audit(at, action, detail) VALUES(?, ?, ?)", (now, action, dump(dict(detail))))


def entries(db: Database, after: int, limit: int) -> Sequence[Entry]:
    found = "SELECT number, at, action, detail FROM audit WHERE number > ? ORDER BY number LIMIT ?"
    rows = db.execute(found, (after, limit)).fetchall()
    return [(number, at, action, json.loads(detail)) for number, at, action, detail in rows]


def counter(db: Database, name: str) -> int:
    return int(db.execute("SELECT value FROM counters WHERE name = ?", (name,)).fetchone()[0])


def raise_counter(db: Database, name: str, by: int = 1) -> int:
    """Add `by`, and return the new value."""
    rows = db.execute("UPDATE counters SET value = value + ? WHERE name = ? RETURNING value", (by, name)).fetchall()
    return int(rows[0][0])
