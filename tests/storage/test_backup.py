"""A backup is whole, or it is not there."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from bot.errors import StorageError, StorageFull
from storage.sqlite import SqliteStore
from tests.contracts.store import end, say
from tests.contracts.store_knowledge import document, passage
from tests.storage.test_faults import file_size_limit


async def test_a_backup_under_load(tmp_path: Path) -> None:
    """While messages come and end, the copy is consistent, holds all that ended before, and opens as a store."""
    store = SqliteStore(tmp_path / "data")
    await store.open()
    await store.put_document(document("a.md"), [passage("desk")])
    for number in range(200):
        await end(store, say(number, text="words " * 200))
    going = True

    async def load(lane: int) -> int:
        count = 0
        while going:
            await end(store, say(f"{lane}-{count}"))
            count += 1
        return count

    lanes = [asyncio.create_task(load(lane)) for lane in range(8)]
    await store.backup(tmp_path / "first.db")
    going = False
    done = sum(await asyncio.gather(*lanes))
    assert len(await store.history(say(0).address, limit=100_000)) == 200 + done
    await store.close()

    restored = tmp_path / "restored"
    restored.mkdir()
    (tmp_path / "first.db").rename(restored / "frontdesk.db")
    copy = sqlite3.connect(restored / "frontdesk.db")
    assert copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert copy.execute("SELECT count(*) FROM outbox o JOIN messages m ON o.message = m.number").fetchone() >= (200,)
    assert copy.execute(
        "SELECT (SELECT count(*) FROM turns) = 2 * (SELECT count(*) FROM outbox), "
        "(SELECT count(*) FROM outbox) = (SELECT count(*) FROM messages WHERE ended_at IS NOT NULL)"
    ).fetchone() == (1, 1)
    copy.close()
    again = SqliteStore(restored)
    await again.open()
    assert [item.passage.text for item in await again.match('"desk"', limit=5)] == ["desk"]
    await end(again, say("after"))
    await again.close()


async def test_a_backup_never_overwrites(tmp_path: Path) -> None:
    """An existing file is refused and kept; a missing folder is named; nothing is left lying about."""
    store = SqliteStore(tmp_path / "data")
    await store.open()
    target = tmp_path / "copies" / "copy.db"
    with pytest.raises(StorageError, match="There is no folder"):
        await store.backup(target)
    target.parent.mkdir()
    await store.backup(target)
    target.write_text("precious")
    with pytest.raises(StorageError, match="already"):
        await store.backup(target)
    assert [file.name for file in target.parent.iterdir()] == ["copy.db"]
    assert target.read_text() == "precious"
    await store.close()


async def test_two_backups_to_one_name(tmp_path: Path) -> None:
    """Of backups that run at the same time to the same name, one is made and the others are refused."""
    store = SqliteStore(tmp_path / "data")
    await store.open()
    results = await asyncio.gather(*(store.backup(tmp_path / "c.db") for _ in range(4)), return_exceptions=True)
    assert results.count(None) == 1
    assert all(isinstance(result, StorageError) for result in results if result is not None)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["c.db", "data"]
    await store.close()


async def test_a_backup_that_does_not_fit(tmp_path: Path) -> None:
    """When the disk refuses, the caller is told, no half copy stays, and the store goes on."""
    store = SqliteStore(tmp_path / "data")
    await store.open()
    for number in range(100):
        await end(store, say(number, text="words " * 1000))
    with file_size_limit(200_000), pytest.raises(StorageFull):
        await store.backup(tmp_path / "copy.db")
    assert [file.name for file in tmp_path.iterdir()] == ["data"]
    await store.backup(tmp_path / "copy.db")
    await store.close()


async def test_a_guest_backs_up(tmp_path: Path) -> None:
    """`frontdesk backup` works beside a running server."""
    holder, guest = SqliteStore(tmp_path / "data"), SqliteStore(tmp_path / "data", shared=True)
    await holder.open()
    await holder.accept(say(1))
    await guest.open()
    await guest.backup(tmp_path / "copy.db")
    await guest.close()
    await holder.close()
    copy = sqlite3.connect(tmp_path / "copy.db")
    assert copy.execute("SELECT id FROM messages").fetchall() == [("m1",)]
    copy.close()
