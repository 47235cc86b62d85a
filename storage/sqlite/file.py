"""Opening and closing the file: lock, create, migrate, make ready. Everything here blocks."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import structlog
from sqlite_utils.db import Database

from storage.sqlite import erasure, inbox
from storage.sqlite.connection import Synchronous, connect_writer
from storage.sqlite.faults import explained, translated
from storage.sqlite.lock import FolderLock
from storage.sqlite.migrations import migrate, outstanding

RETRY_CHORES = 60
"""Rounds to wait before an erasure that failed (for want of space, say) is tried again."""

FREED_PAGES = 2_000
"""How many empty pages the file gives back to the disk at closing, at most: more would make a restart slow."""

_log = structlog.get_logger(__name__)


class DatabaseFile:
    """`folder/frontdesk.db`, and the lock that says which process tends it.

    The holder checkpoints, voids the leases of the dead, and finishes erasures. A `shared` one leaves that to the
    holder, and steps in for a moment where there is none.
    """

    def __init__(self, folder: Path, synchronous: Synchronous, *, shared: bool) -> None:
        self.path = folder / "frontdesk.db"
        self.shared = shared
        self._synchronous = synchronous
        self._lock = FolderLock(folder)
        self._seen = -1
        self._rest = 0

    def open(self) -> Database:
        """Raises `NewerDatabase`, `StorageFull` or `StorageError`, and holds nothing then."""
        with explained(self.path):
            try:
                return self._open()
            except BaseException:
                self._lock.give()
                raise

    def close(self, db: Database) -> None:
        """Empty the log, if it is ours to do, and give the lock back."""
        try:
            if self._lock.held:
                db.execute(f"PRAGMA incremental_vacuum({FREED_PAGES})").fetchall()
                erasure.empty_log(db)
        except sqlite3.Error as error:
            # Nothing is lost: the log is read again at the next start.
            _log.warning("log_not_emptied", reason=str(translated(error, self.path)))
        finally:
            db.close()
            self._lock.give()

    def chore(self, db: Database) -> None:
        """The holder's: finish the erasures that other processes began. Never raises."""
        self._rest -= 1
        try:
            (version,) = db.execute("PRAGMA data_version").fetchone()  # changes when another connection writes
            if self._rest > 0 or version == self._seen:
                return
            if not erasure.due(db) or erasure.scrub(db):
                self._seen = version
        except Exception as error:
            _log.warning("erasure_unfinished", reason=str(translated(error, self.path)))
            self._rest = RETRY_CHORES

    def finish_erasure(self, db: Database, number: int) -> bool:
        """Whether the traces of erasure `number` are gone; in the holder's hand, or in nobody's, after trying."""
        if erasure.done(db) >= number:
            return True
        if not self.shared:
            self._seen = -1  # should this fail, `chore` goes on with it
            return erasure.scrub(db)
        if not self._lock.try_take():
            return False
        try:
            return erasure.scrub(db)
        finally:
            self._lock.give()

    def _open(self) -> Database:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not self.shared:
            self._lock.take()
        self._create()
        db = connect_writer(self.path, self._synchronous, checkpoints=not self.shared)
        try:
            self._prepare(db)
        except BaseException:
            db.close()
            raise
        return db

    def _create(self) -> None:
        """Make the file, if there is none, for this user's eyes only; SQLite gives its log the same rights."""
        if not self.path.exists():
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))

    def _prepare(self, db: Database) -> None:
        if self._unready(db):
            if self.shared:
                self._lock.take()
            db.execute("PRAGMA journal_mode=WAL")
            migrate(db, self.path)
            if self.shared:
                self._lock.give()
        if self.shared:
            return
        with db.atomic():
            inbox.void_leases(db)

    def _unready(self, db: Database) -> bool:
        (mode,) = db.execute("PRAGMA journal_mode").fetchone()
        return outstanding(db, self.path) or mode != "wal"
