"""How a connection to the file is opened, and what it may do."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Literal

from sqlite_utils.db import Database

Synchronous = Literal["FULL", "NORMAL"]

BUSY_SECONDS = 10.0
CHECKPOINT_PAGES = 4_000
"""Pages in the write-ahead log (16 MB) after which the writer carries them into the database."""
LOG_BYTES = 64_000_000
"""What the write-ahead log is cut back to after it grew beyond, as it does during a backup."""


def connect_writer(file: Path, synchronous: Synchronous, *, checkpoints: bool) -> Database:
    """A connection that writes.

    Only the holder of the folder's lock checkpoints: SQLite before 3.51.3 can damage the file when two
    connections do (https://sqlite.org/wal.html#walresetbug).
    """
    db = _connect(file)
    if db.execute("PRAGMA page_count").fetchone() == (0,):
        db.execute("PRAGMA auto_vacuum=INCREMENTAL")  # later it would change nothing, and yet write
    db.execute(f"PRAGMA synchronous={synchronous}")
    db.execute("PRAGMA secure_delete=ON")
    db.execute("PRAGMA foreign_keys=ON")
    db.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES if checkpoints else 0}")
    db.execute(f"PRAGMA journal_size_limit={LOG_BYTES}")
    db.execute("PRAGMA cache_size=-16000")
    return db


def connect_reader(file: Path) -> Database:
    """A connection that refuses to write and never checkpoints."""
    db = _connect(file)
    db.execute("PRAGMA query_only=ON")
    db.execute("PRAGMA wal_autocheckpoint=0")
    return db


def _connect(file: Path) -> Database:
    # Transactions are ours alone (no implicit BEGIN). A connection is used by one thread at a time, yet opened
    # and closed by another, hence check_same_thread. Plugins of sqlite-utils have no business in a server.
    connection = sqlite3.connect(
        file, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=256
    )
    return Database(connection, recursive_triggers=False, execute_plugins=False)
