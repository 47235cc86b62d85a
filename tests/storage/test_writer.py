"""The writing thread: groups, errors that stay where they belong, bounds, cancelled callers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from sqlite_utils.db import Database

from bot.errors import StaleLease, StorageError
from storage.sqlite import writer as room
from storage.sqlite.connection import connect_writer
from storage.sqlite.writer import Writer

Operation = Callable[[Database, int], int]


class Told(Exception):
    """What an operation of a test raises."""


def insert(db: Database, value: int) -> int:
    db.execute("INSERT INTO numbers(value) VALUES(?)", [value])
    return value


def insert_and_raise(db: Database, value: int) -> int:
    raise Told(insert(db, value))


def insert_and_refuse(db: Database, value: int) -> int:
    raise StaleLease(str(insert(db, value)))


def refuse(db: Database, value: int) -> int:
    raise StaleLease(str(value))


def undo_everything(db: Database, value: int) -> int:
    """As SQLite does by itself when the disk is full."""
    db.execute("ROLLBACK")
    raise Told(value)


class Desk:
    """A writer whose thread can be held up, so that operations gather."""

    def __init__(self, file: Path) -> None:
        self.db = connect_writer(file, "NORMAL", checkpoints=True)
        self.db.execute("PRAGMA journal_mode=WAL")
        self.db.execute("CREATE TABLE numbers(value INTEGER)")
        self.commits = 0
        self.db.conn.set_trace_callback(self._count)
        self.writer = Writer(self.db, file)
        self.gate = threading.Event()
        self.began = threading.Event()

    def _count(self, statement: str) -> None:
        self.commits += statement == "COMMIT"

    def _wait(self, _db: Database) -> None:
        self.began.set()
        self.gate.wait()

    async def gathered(self, *work: tuple[Operation, int]) -> list[object]:
        """Submit while the thread is busy, then let it go: the operations come as one group."""
        held = asyncio.create_task(self.writer.submit_alone(self._wait))
        await asyncio.to_thread(self.began.wait)
        tasks = [asyncio.create_task(self.writer.submit(operation, value)) for operation, value in work]
        await asyncio.sleep(0)
        self.commits = 0
        self.gate.set()
        await held
        return list(await asyncio.gather(*tasks, return_exceptions=True))

    def numbers(self) -> list[int]:
        return [value for (value,) in self.db.execute("SELECT value FROM numbers ORDER BY rowid").fetchall()]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    desk = Desk(tmp_path / "frontdesk.db")
    yield desk
    desk.gate.set()
    await desk.writer.close()
    desk.db.close()


async def test_a_group_is_one_transaction(desk: Desk) -> None:
    """What gathered while the thread was busy is committed together, in order, each with its own result."""
    assert await desk.gathered(*((insert, number) for number in range(100))) == list(range(100))
    assert desk.numbers() == list(range(100))
    assert desk.commits == 1


async def test_a_refusal_costs_nothing(desk: Desk) -> None:
    """An operation that refuses without having written does not break the group's one transaction."""
    results = await desk.gathered((insert, 1), (refuse, 2), (insert, 3))
    assert [str(result) for result in results] == ["1", "2", "3"]
    assert isinstance(results[1], StaleLease)
    assert desk.numbers() == [1, 3]
    assert desk.commits == 1


@pytest.mark.parametrize("failing", [insert_and_raise, insert_and_refuse])
async def test_a_failure_undoes_its_own(desk: Desk, failing: Operation) -> None:
    """What an operation wrote before it failed is undone; its neighbours' writes stay, still in one transaction."""
    results = await desk.gathered((insert, 1), (failing, 2), (insert, 3), (failing, 4))
    assert [str(result) for result in results] == ["1", "2", "3", "4"]
    assert [isinstance(result, Exception) for result in results] == [False, True, False, True]
    assert desk.numbers() == [1, 3]
    assert desk.commits == 1


async def test_a_broken_transaction_is_done_again_one_by_one(desk: Desk) -> None:
    """When the whole transaction is lost, each operation gets one of its own, and its own result."""
    results = await desk.gathered((insert, 1), (undo_everything, 2), (insert, 3))
    assert [str(result) for result in results] == ["1", "2", "3"]
    assert isinstance(results[1], Told)
    assert desk.numbers() == [1, 3]


async def test_a_cancelled_caller_harms_nobody(desk: Desk) -> None:
    """What was submitted is done although its caller went; the others get their results."""
    held = asyncio.create_task(desk.writer.submit_alone(desk._wait))
    await asyncio.to_thread(desk.began.wait)
    gone, stays = (asyncio.create_task(desk.writer.submit(insert, number)) for number in (1, 2))
    await asyncio.sleep(0)
    gone.cancel()
    desk.gate.set()
    await held
    assert await stays == 2
    assert gone.cancelled() or gone.cancelling()
    assert desk.numbers() == [1, 2]


async def test_the_queue_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound callers wait outside, the loop stays free, and each is served in the end."""
    monkeypatch.setattr(room, "WAITING", 4)
    desk = Desk(tmp_path / "frontdesk.db")
    held = asyncio.create_task(desk.writer.submit_alone(desk._wait))
    await asyncio.to_thread(desk.began.wait)
    tasks = [asyncio.create_task(desk.writer.submit(insert, number)) for number in range(50)]
    await asyncio.sleep(0)
    assert desk.writer._queue.qsize() == 3
    desk.gate.set()
    await held
    assert await asyncio.gather(*tasks) == list(range(50))
    await desk.writer.close()
    assert desk.numbers() == list(range(50))
    desk.db.close()


async def test_closing_finishes_what_was_submitted(desk: Desk) -> None:
    """Closing waits for what is in the queue; what comes later is refused with a sentence."""
    held = asyncio.create_task(desk.writer.submit_alone(desk._wait))
    await asyncio.to_thread(desk.began.wait)
    tasks = [asyncio.create_task(desk.writer.submit(insert, number)) for number in range(5)]
    await asyncio.sleep(0)
    closing = asyncio.create_task(desk.writer.close())
    await asyncio.sleep(0)
    with pytest.raises(StorageError, match="shutting down"):
        await desk.writer.submit(insert, 9)
    desk.gate.set()
    await closing
    assert await asyncio.gather(held, *tasks) == [None, 0, 1, 2, 3, 4]
    assert desk.numbers() == [0, 1, 2, 3, 4]
