"""The one thread that writes, and why many waiters cost one fsync.

While a transaction is being made durable, others gather in the queue; the next transaction takes them all. Each
operation gets its own result or error: an operation that fails takes nothing else with it.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar, TypeVarTuple

from sqlite_utils.db import Database

from bot.errors import FrontdeskError, StorageError
from storage.sqlite.faults import is_busy, translated

GROUP = 512
"""Operations in one transaction at most."""
WAITING = 8_192
"""Operations that may wait at once; whoever comes then waits for room, without blocking the loop."""
CHORE_SECONDS = 1.0

Result = TypeVar("Result")
Arguments = TypeVarTuple("Arguments")


@dataclass(slots=True)
class _Job:
    operation: Callable[..., Any]
    arguments: tuple[Any, ...]
    future: asyncio.Future[Any]
    alone: bool

    def outcome(self, db: Database) -> _Outcome:
        return self.future, self.operation(db, *self.arguments), None


_Outcome = tuple[asyncio.Future[Any], Any, Exception | None]


class Writer:
    """Runs operations on `db`, in the order they were submitted from the running loop.

    An operation is a function of the database that keeps no state of its own: after a failure nearby it may be
    rolled back and run again. `chore` is run between transactions, about once a second.
    """

    def __init__(self, db: Database, file: Path, chore: Callable[[Database], None] | None = None) -> None:
        self._db = db
        self._file = file
        self._chore = chore
        self._chore_at = time.monotonic() + CHORE_SECONDS
        self._loop = asyncio.get_running_loop()
        self._space = asyncio.Semaphore(WAITING)
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="frontdesk-writer", daemon=True)
        self._thread.start()

    async def submit(self, operation: Callable[[Database, *Arguments], Result], *arguments: *Arguments) -> Result:
        """Run `operation` in a transaction; when this returns it is on the disk.

        A caller that is cancelled meanwhile does not call the operation back: it may have been committed.
        """
        return await self._enqueue(operation, arguments, alone=False)

    async def submit_alone(self, operation: Callable[[Database, *Arguments], Result], *arguments: *Arguments) -> Result:
        """Run `operation` between transactions, for what cannot be part of one (VACUUM, checkpoints)."""
        return await self._enqueue(operation, arguments, alone=True)

    async def close(self) -> None:
        """Finish what was submitted. The database stays open."""
        if not self._closing:
            self._closing = True
            self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    async def _enqueue(self, operation: Callable[..., Result], arguments: tuple[Any, ...], *, alone: bool) -> Result:
        await self._space.acquire()
        if self._closing:
            self._space.release()
            raise StorageError("The store is closed: the process is shutting down. Try again when it runs.")
        future: asyncio.Future[Result] = self._loop.create_future()
        self._queue.put(_Job(operation, arguments, future, alone))
        return await future

    def _work(self) -> None:
        while True:
            taken = self._take()
            jobs = [job for job in taken if job is not None]
            for alone, group in groupby(jobs, key=lambda job: job.alone):
                together = list(group)
                self._report([self._alone(job) for job in together] if alone else self._together(together))
            if len(jobs) < len(taken):
                return
            self._do_chore()

    def _take(self) -> list[_Job | None]:
        """Wait for a job, and take along what has gathered behind it."""
        try:
            jobs = [self._queue.get(timeout=CHORE_SECONDS)]
        except queue.Empty:
            return []
        waiting = min(self._queue.qsize(), GROUP - 1)
        jobs += [self._queue.get_nowait() for _ in range(waiting)]
        return jobs

    def _together(self, jobs: Sequence[_Job]) -> list[_Outcome]:
        """One transaction for all; if it breaks, with a savepoint each; if it still does, one for each."""
        if len(jobs) == 1:
            return [self._single(jobs[0])]
        try:
            return self._commit(jobs, self._plainly)
        except Exception as error:
            if is_busy(error):
                return [self._failure(job, error) for job in jobs]
        try:
            return self._commit(jobs, self._guarded)
        except Exception:
            return [self._single(job) for job in jobs]

    def _commit(self, jobs: Sequence[_Job], attempt: Callable[[_Job], _Outcome]) -> list[_Outcome]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            outcomes = [attempt(job) for job in jobs]
            self._db.execute("COMMIT")
        except BaseException:
            self._db.rollback()
            raise
        return outcomes

    def _plainly(self, job: _Job) -> _Outcome:
        before = self._db.conn.total_changes
        try:
            return job.outcome(self._db)
        except FrontdeskError as error:
            if self._db.conn.total_changes != before:
                raise
            return job.future, None, error

    def _guarded(self, job: _Job) -> _Outcome:
        try:
            with self._db.atomic():
                return job.outcome(self._db)
        except Exception as error:
            if not self._db.conn.in_transaction:  # a full disk may undo the whole of it
                raise
            return self._failure(job, error)

    def _single(self, job: _Job) -> _Outcome:
        try:
            return self._commit([job], lambda only: only.outcome(self._db))[0]
        except Exception as error:
            return self._failure(job, error)

    def _alone(self, job: _Job) -> _Outcome:
        try:
            return job.outcome(self._db)
        except Exception as error:
            return self._failure(job, error)

    def _failure(self, job: _Job, error: Exception) -> _Outcome:
        return job.future, None, translated(error, self._file)

    def _report(self, outcomes: Sequence[_Outcome]) -> None:
        with suppress(RuntimeError):  # the loop was closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._settle, outcomes)

    def _settle(self, outcomes: Sequence[_Outcome]) -> None:
        for future, result, error in outcomes:
            self._space.release()
            if future.done():
                continue  # its caller was cancelled
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)

    def _do_chore(self) -> None:
        if self._chore and time.monotonic() >= self._chore_at:
            self._chore(self._db)
            self._chore_at = time.monotonic() + CHORE_SECONDS
