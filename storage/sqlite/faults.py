"""Nobody outside sees a raw sqlite3 error: each becomes one of ours, with a sentence that says what to do."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bot.errors import StorageError, StorageFull

NEARLY_FULL_BYTES = 1_000_000

# https://sqlite.org/rescode.html. A write that the system refuses for another reason than a full disk (a quota,
# a limit on a file's size, a fault of the device) is reported as an I/O error, but calls for the same remedy.
_UNWRITABLE = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR_WRITE,
    sqlite3.SQLITE_IOERR_FSYNC,
    sqlite3.SQLITE_IOERR_TRUNCATE,
    sqlite3.SQLITE_IOERR_SHMSIZE,
}
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_READ_ONLY = "{file} cannot be written: it, or its folder, is read-only. Give it write permission."
_DAMAGED = "{file} is damaged or no database ({error}). Move it away, and put the newest backup in its place."
_UNREACHABLE = "{file} cannot be opened. Check that its folder exists and may be written by this user."
_OCCUPIED = "Another process keeps {file} busy. Wait until it is done, and try again."
_SENTENCES: Mapping[int, tuple[type[StorageError], str]] = {
    sqlite3.SQLITE_READONLY: (StorageFull, _READ_ONLY),
    sqlite3.SQLITE_CORRUPT: (StorageError, _DAMAGED),
    sqlite3.SQLITE_NOTADB: (StorageError, _DAMAGED),
    sqlite3.SQLITE_CANTOPEN: (StorageError, _UNREACHABLE),
    sqlite3.SQLITE_BUSY: (StorageError, _OCCUPIED),
    sqlite3.SQLITE_LOCKED: (StorageError, _OCCUPIED),
}


@contextmanager
def explained(file: Path) -> Iterator[None]:
    """Raise what `translated` makes of the errors inside."""
    try:
        yield
    except Exception as error:
        ours = translated(error, file)
        if ours is error:
            raise
        raise ours from ours.__cause__


def translated(error: Exception, file: Path) -> Exception:
    """What SQLite or the system raised about `file` as a `StorageError`; any other error as it is."""
    if isinstance(error, sqlite3.Error | OSError):
        ours = explain(error, file)
        ours.__cause__ = error
        return ours
    if isinstance(error, UnicodeError | OverflowError):
        # Without its cause, which holds the text itself.
        return StorageError(
            "Nothing was stored: a text holds half a character (a lone surrogate) or a number is beyond 64 bits. "
            "Clean the input and send it again."
        )
    return error


def is_busy(error: Exception) -> bool:
    """Whether somebody else's transaction was in the way for longer than we wait."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _BUSY


def explain(error: sqlite3.Error | OSError, file: Path) -> StorageError:
    """The error of ours that says what happened to `file` and what to do."""
    if isinstance(error, OSError):
        return _of_the_system(error, file)
    code = getattr(error, "sqlite_errorcode", 0)
    if code in _UNWRITABLE or (code & 0xFF == sqlite3.SQLITE_IOERR and _nearly_full(file)):
        return StorageFull(
            f"The disk that holds {file} takes no more ({error}); nothing was stored. Free some space or raise the "
            "limit; work goes on by itself then."
        )
    kind, sentence = _SENTENCES.get(code & 0xFF, (StorageError, "{file} could not do what was asked: {error}."))
    return kind(sentence.format(file=file, error=error))


def _of_the_system(error: OSError, file: Path) -> StorageError:
    reason = error.strerror or str(error)
    if isinstance(error, PermissionError) or reason in ("Read-only file system", "No space left on device"):
        return StorageFull(f"{file.parent} cannot be written ({reason}). Free space or give it write permission.")
    return StorageError(f"{file.parent} cannot be used ({reason}). Name another folder with --data.")


def _nearly_full(file: Path) -> bool:
    try:
        return shutil.disk_usage(file.parent).free < NEARLY_FULL_BYTES
    except OSError:
        return False
