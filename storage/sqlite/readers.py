"""A few threads that read, each on a connection of its own; they neither wait for the writer nor hold it up."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar, TypeVarTuple

from sqlite_utils.db import Database

from bot.errors import StorageError
from storage.sqlite.connection import connect_reader
from storage.sqlite.faults import explained

THREADS = 4
WAITING = 1_024
"""Questions that may wait at once; whoever comes then waits for room, without blocking the loop."""

Result = TypeVar("Result")
Arguments = TypeVarTuple("Arguments")


class Readers:
    """Asks questions of `file`, each in one snapshot."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="frontdesk-reader")
        self._space = asyncio.Semaphore(WAITING)
        self._mine = threading.local()
        self._connections: list[Database] = []
        self._closed = False

    async def ask(self, question: Callable[[Database, *Arguments], Result], *arguments: *Arguments) -> Result:
        async with self._space:
            if self._closed:
                raise StorageError("The store is closed: the process is shutting down. Try again when it runs.")
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._pool, self._answer, question, arguments)

    async def close(self) -> None:
        """Finish what was asked, and close the connections."""
        self._closed = True
        await asyncio.to_thread(self._pool.shutdown)
        for connection in self._connections:
            connection.close()
        self._connections.clear()

    def _answer(self, question: Callable[..., Result], arguments: tuple[object, ...]) -> Result:
        with explained(self._file):
            db = self._connection()
            db.execute("BEGIN")
            try:
                return question(db, *arguments)
            finally:
                db.rollback()

    def _connection(self) -> Database:
        db: Database | None = getattr(self._mine, "db", None)
        if db is None:
            db = self._mine.db = connect_reader(self._file)
            self._connections.append(db)
        return db
