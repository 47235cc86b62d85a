"""A consistent copy while work goes on, under its name only when it is whole and on the disk."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from bot.errors import StorageError
from storage.sqlite.connection import connect_reader


def write_backup(database: Path, file: Path) -> None:
    """Copy `database` to `file`, which must not exist. Raises `StorageError` or what SQLite and the system raise."""
    _refuse_overwriting(file)
    descriptor, name = tempfile.mkstemp(prefix=f".{file.name}.", suffix=".part", dir=file.parent)
    os.close(descriptor)
    part = Path(name)
    try:
        _copy(database, part)
        _sync(part)
        _publish(part, file)
        _sync(file.parent)
    finally:
        part.unlink(missing_ok=True)


def _refuse_overwriting(file: Path) -> None:
    if file.exists():
        raise StorageError(f"There is a file {file} already. Name another one for the backup; nothing was written.")
    if not file.parent.is_dir():
        raise StorageError(f"There is no folder {file.parent}. Make it, or name another one for the backup.")


def _copy(database: Path, part: Path) -> None:
    source = connect_reader(database)
    try:
        # VACUUM INTO only reads from the source, yet counts as writing.
        source.execute("PRAGMA query_only=OFF")
        source.execute("VACUUM INTO ?", [str(part)])
    finally:
        source.close()


def _publish(part: Path, file: Path) -> None:
    """Give the copy its name. A link, unlike a renaming, fails when somebody made `file` meanwhile."""
    try:
        file.hardlink_to(part)
    except FileExistsError:
        _refuse_overwriting(file)
    except OSError:  # a file system without hard links
        _refuse_overwriting(file)
        part.rename(file)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
