"""A disk that is full, read-only or damaged: a sentence that says what to do, and nothing lost."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlite_utils.db import Database

from bot.errors import NewerDatabase, StorageError, StorageFull
from storage.sqlite import SqliteStore
from tests.contracts.store import end, say

LONG = "a long question " * 500


async def fill(store: SqliteStore) -> list[str]:
    """Accept until the disk refuses; returns what was acknowledged."""
    accepted: list[str] = []
    with pytest.raises(StorageFull, match="Free some space"):
        for number in range(100_000):
            await store.accept(say(f"fill-{number}", text=LONG))
            accepted.append(f"mfill-{number}")
    return accepted


async def check_full(store: SqliteStore, accepted: list[str]) -> None:
    """While it is full: still refused, and everything acknowledged can be read."""
    with pytest.raises(StorageFull):
        await store.accept(say("refused", text=LONG))
    assert accepted
    assert [message.id for message in await store.pending(limit=100_000)] == accepted


async def check_space(store: SqliteStore, accepted: list[str]) -> None:
    """When there is space again: work goes on by itself, also after a restart."""
    assert await store.accept(say("refused", text=LONG))
    await end(store, say("after", text=LONG))
    await store.close()
    await store.open()
    assert [message.id for message in await store.pending(limit=100_000)] == [*accepted, "mrefused"]
    await store.close()


async def test_a_database_at_its_limit(tmp_path: Path) -> None:
    """SQLite's own limit refuses the accept that does not fit; nothing that was acknowledged is lost."""
    store = SqliteStore(tmp_path)
    await store.open()
    await limit_pages(store, 200)
    accepted = await fill(store)
    await check_full(store, accepted)
    await limit_pages(store, 2**30)
    await check_space(store, accepted)


async def limit_pages(store: SqliteStore, pages: int) -> None:
    def limit(db: Database) -> None:
        db.execute(f"PRAGMA max_page_count={pages}").fetchone()

    assert store._writer is not None
    await store._writer.submit_alone(limit)


@contextmanager
def file_size_limit(limit: int) -> Iterator[None]:
    """The system refuses to let any file of this process grow beyond `limit` bytes, as a quota does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_quota(tmp_path: Path) -> None:
    """The system refuses a write in the middle of a commit: that commit is refused, and nothing before it is lost."""
    store = SqliteStore(tmp_path)
    await store.open()
    with file_size_limit(3_000_000):
        accepted = await fill(store)
        await check_full(store, accepted)
    await check_space(store, accepted)


async def test_a_full_disk(tmp_path: Path) -> None:
    """A file system without a free byte."""
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", tmp_path]).returncode:
        pytest.skip("mounting a small file system is not permitted here")
    try:
        ballast = tmp_path / "ballast"
        ballast.write_bytes(bytes(1_000_000))
        store = SqliteStore(tmp_path / "data")
        await store.open()
        accepted = await fill(store)
        await check_full(store, accepted)
        ballast.unlink()
        await check_space(store, accepted)
    finally:
        subprocess.run(["umount", tmp_path], check=True)


@pytest.fixture
def plain_folder() -> Iterator[Path]:
    """A folder that other users may enter, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


OPEN = """
import asyncio, os, sys
from pathlib import Path
from bot.errors import StorageError
from storage.sqlite import SqliteStore
if os.geteuid() == 0:
    os.setuid(65534)
async def main():
    store = SqliteStore(Path(sys.argv[1]))
    try:
        await store.open()
    except StorageError as error:
        print(type(error).__name__, error)
asyncio.run(main())
"""


def open_unprivileged(folder: Path) -> str:
    """What opening `folder` says to a user who may not write there."""
    command = [sys.executable, "-c", OPEN, str(folder)]
    told = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert told.stderr == ""
    return told.stdout


async def test_a_read_only_folder(plain_folder: Path) -> None:
    """A folder that may not be written is named, with what to do."""
    plain_folder.chmod(0o555)
    told = open_unprivileged(plain_folder)
    assert told.startswith("StorageFull")
    assert str(plain_folder) in told
    assert "write permission" in told
    assert open_unprivileged(plain_folder / "below").startswith("StorageFull")


async def test_a_read_only_file(plain_folder: Path) -> None:
    """So is a file that may not be written in a folder that may."""
    store = SqliteStore(plain_folder)
    await store.open()
    await store.close()
    plain_folder.chmod(0o777)
    (plain_folder / "frontdesk.lock").chmod(0o666)
    (plain_folder / "frontdesk.db").chmod(0o444)
    told = open_unprivileged(plain_folder)
    assert told.startswith("StorageFull")
    assert "write permission" in told


@pytest.mark.parametrize("content", [b"not a database " * 1000, b"SQLite format 3\x00" + b"\xff" * 8000])
async def test_a_damaged_file(tmp_path: Path, content: bytes) -> None:
    """What is no database is refused, left as it is, and the lock given back."""
    file = tmp_path / "frontdesk.db"
    file.write_bytes(content)
    store = SqliteStore(tmp_path)
    for _ in range(2):
        with pytest.raises(StorageError, match="newest backup"):
            await store.open()
    assert file.read_bytes() == content


async def test_damage_within(tmp_path: Path) -> None:
    """Damage that shows later is told with the same sentence, not with SQLite's."""
    store = SqliteStore(tmp_path)
    await store.open()
    for number in range(50):
        await end(store, say(number, text=LONG))
    await store.close()
    file = tmp_path / "frontdesk.db"
    content = bytearray(file.read_bytes())
    content[40 * 4096 :] = b"\xff" * (len(content) - 40 * 4096)
    file.write_bytes(content)
    with pytest.raises(StorageError, match="newest backup"):
        await store.open()
        await store.history(say(0).address)
    await store.close()


async def test_somebody_elses_file(tmp_path: Path) -> None:
    """Another program's database is refused and not touched."""
    foreign = Database(tmp_path / "frontdesk.db")
    foreign.execute("CREATE TABLE recipes(name)")
    foreign.close()
    with pytest.raises(StorageError, match="is not Frontdesk's"):
        await SqliteStore(tmp_path).open()
    assert Database(tmp_path / "frontdesk.db").table_names() == ["recipes"]


async def test_a_newer_database(tmp_path: Path) -> None:
    """A file that knows a step which this code does not is refused, unchanged; older commands beside it as well."""
    store = SqliteStore(tmp_path)
    await store.open()
    await store.accept(say(1))
    await store.close()
    newer = Database(tmp_path / "frontdesk.db")
    newer.execute(
        "INSERT INTO _sqlite_migrations(migration_set, name, applied_at) VALUES('frontdesk', 'from_tomorrow', '')"
    )
    newer.close()
    before = (tmp_path / "frontdesk.db").read_bytes()
    for shared in (False, True):
        with pytest.raises(NewerDatabase, match=r"newer Frontdesk \(it knows from_tomorrow\)"):
            await SqliteStore(tmp_path, shared=shared).open()
    assert (tmp_path / "frontdesk.db").read_bytes() == before


async def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    """A file where the data folder should be is told as such."""
    (tmp_path / "data").write_text("")
    with pytest.raises(StorageError, match="Name another folder with --data"):
        await SqliteStore(tmp_path / "data").open()
