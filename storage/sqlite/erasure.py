"""Really removing: rows first, then every trace that SQLite keeps of them.

Deleted rows live on in the full-text index (until its segments are merged), in the write-ahead log, and, although
secure_delete blanks them, as copies that moved between pages left behind. So after the rows are gone the index is
merged, the file written anew, and the log emptied. The counters tell how far that came, through crashes and over
processes: `wanted` rises with every erasure, `rewritten` and `done` follow.
"""

from __future__ import annotations

from sqlite_utils.db import Database

from storage.sqlite.record import counter, raise_counter

_SET_COUNTER = "UPDATE counters SET value = ? WHERE name = ?"


def want(db: Database) -> int:
    """Note, in the transaction that removes rows, that their traces have to go; returns the erasure's number."""
    return raise_counter(db, "erasures_wanted")


def done(db: Database) -> int:
    """The number of the newest erasure of which no trace is left."""
    return counter(db, "erasures_done")


def due(db: Database) -> bool:
    return done(db) < counter(db, "erasures_wanted")


def scrub(db: Database) -> bool:
    """Remove the traces; False when a reader still needs the log and it has to be tried again.

    Runs outside a transaction, in the process that holds the folder's lock. Needs free space of twice the file.
    """
    wanted = counter(db, "erasures_wanted")
    if counter(db, "erasures_rewritten") < wanted:
        for index in ("passages_index", "attached_index"):
            db.execute(f"INSERT INTO {index}({index}) VALUES('optimize')")
        db.execute("VACUUM")
        db.execute(_SET_COUNTER, (wanted, "erasures_rewritten"))
    if not empty_log(db):
        return False
    db.execute(_SET_COUNTER, (wanted, "erasures_done"))
    return True


def empty_log(db: Database, milliseconds: int = 200) -> bool:
    """Carry the write-ahead log into the file and cut it to nothing; False when a reader is in the way."""
    (before,) = db.execute("PRAGMA busy_timeout").fetchone()
    db.execute(f"PRAGMA busy_timeout={milliseconds}")
    try:
        busy, _, _ = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        db.execute(f"PRAGMA busy_timeout={before}")
    return not busy
