"""The file at work: operations that write go to one thread (writer.py), questions to a few (readers.py).

The event loop never waits for the disk.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar, TypeVarTuple

from sqlite_utils.db import Database

from bot.errors import StorageError
from storage.sqlite import record
from storage.sqlite.backup import write_backup
from storage.sqlite.connection import Synchronous
from storage.sqlite.faults import explained
from storage.sqlite.file import DatabaseFile
from storage.sqlite.readers import Readers
from storage.sqlite.writer import Writer

ERASURE_SECONDS = 60.0
"""How long an erasure waits for whoever still reads what it removed."""

Result = TypeVar("Result")
Arguments = TypeVarTuple("Arguments")


class Operations:
    """Opens and closes the file, and runs on it what `SqliteStore` names."""

    def __init__(
        self,
        folder: Path,
        *,
        synchronous: Synchronous = "FULL",
        shared: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._file = DatabaseFile(folder, synchronous, shared=shared)
        self._clock = clock
        self._db: Database | None = None
        self._writer: Writer | None = None
        self._readers: Readers | None = None

    async def open(self) -> None:
        if self._db is not None:
            raise StorageError("The store is open already: close it before opening it again.")
        self._db = await asyncio.to_thread(self._file.open)
        self._writer = Writer(self._db, self._file.path, None if self._file.shared else self._file.chore)
        self._readers = Readers(self._file.path)

    async def close(self) -> None:
        db, self._db = self._db, None
        if db is None or self._writer is None or self._readers is None:
            return
        await self._writer.close()
        await self._readers.close()
        await asyncio.to_thread(self._file.close, db)

    async def backup(self, file: Path) -> None:
        self._opened(self._readers)
        await asyncio.to_thread(self._back_up, file)

    # -- behind the face ---------------------------------------------------------------------------
    def _write(self, operation: Callable[[Database, *Arguments], Result], *arguments: *Arguments) -> Awaitable[Result]:
        return self._opened(self._writer).submit(operation, *arguments)

    async def _ask(self, question: Callable[[Database, *Arguments], Result], *arguments: *Arguments) -> Result:
        return await self._opened(self._readers).ask(question, *arguments)

    def _opened(self, part: Result | None) -> Result:
        if self._db is None or part is None:
            raise StorageError("The store is not open: the process is starting or shutting down. Try again then.")
        return part

    async def _scrub(self) -> None:
        """Wait until no trace is left of what was removed up to now; at once when nothing was."""
        number = await self._ask(record.counter, "erasures_wanted")
        deadline = time.monotonic() + ERASURE_SECONDS
        while not await self._opened(self._writer).submit_alone(self._file.finish_erasure, number):
            if time.monotonic() > deadline:
                raise StorageError(
                    "The rows are removed, but a backup, or another process, still reads the file's old pages. "
                    "A running server removes them as soon as it can; without one, run the command again later."
                )
            await asyncio.sleep(0.05)

    def _back_up(self, file: Path) -> None:
        with explained(file):
            write_backup(self._file.path, file)
