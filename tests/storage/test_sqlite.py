"""SqliteStore keeps the contracts of a store, and what it owes beside them: one holder, shared guests."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlite_utils.db import Database

from bot.errors import StorageError
from storage.sqlite import SqliteStore
from tests.contracts.store import Clock, InboxContract, end, say, take
from tests.contracts.store_case_rights import CaseRightsContract
from tests.contracts.store_cases import CaseContract
from tests.contracts.store_explanations import ExplanationContract, NameContract
from tests.contracts.store_idle import IdleContract
from tests.contracts.store_keys import KeyContract
from tests.contracts.store_knowledge import KnowledgeContract, document, passage
from tests.contracts.store_learning import CorrectionContract, UnsettledContract
from tests.contracts.store_lease import LeaseContract
from tests.contracts.store_memory import ConversationContract, OutboxContract, RecordContract
from tests.contracts.store_posts import PostContract
from tests.contracts.store_preferences import ForgetContract, PreferenceContract, WithdrawContract
from tests.contracts.store_sends import InstallationContract, SendContract
from tests.contracts.store_visitors import VisitorContract


class TestSqliteStore(
    InboxContract,
    LeaseContract,
    OutboxContract,
    ConversationContract,
    RecordContract,
    VisitorContract,
    KnowledgeContract,
    KeyContract,
    CaseContract,
    PostContract,
    CaseRightsContract,
    IdleContract,
    SendContract,
    InstallationContract,
    PreferenceContract,
    ForgetContract,
    WithdrawContract,
    ExplanationContract,
    NameContract,
    UnsettledContract,
    CorrectionContract,
):
    @pytest.fixture
    def make(self, tmp_path: Path, clock: Clock) -> Callable[[], SqliteStore]:
        return lambda: SqliteStore(tmp_path / "data", clock=clock)


async def test_one_process_holds_the_folder(tmp_path: Path) -> None:
    """A second process is refused with the first one's number and what to do; when that one dies, it gets in."""
    program = (
        "import asyncio, sys; from pathlib import Path; from storage.sqlite import SqliteStore\n"
        "async def main():\n"
        "    store = SqliteStore(Path(sys.argv[1])); await store.open(); print('open', flush=True)\n"
        "    sys.stdin.read()\n"
        "asyncio.run(main())"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"open\n"
        store = SqliteStore(tmp_path)
        with pytest.raises(StorageError, match=rf"process {holder.pid}\. Stop that process first"):
            await store.open()
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        await store.open()
        await store.close()


async def test_a_guest_works_beside_the_holder(tmp_path: Path) -> None:
    """A shared store takes no lock, leaves leases alone, and both see at once what the other wrote."""
    holder, guest = SqliteStore(tmp_path), SqliteStore(tmp_path, shared=True)
    await holder.open()
    lease = await take(holder, say(1))
    await guest.open()
    await guest.put_document(document("a.md"), [passage("desk")])
    assert [item.location for item in await holder.documents()] == ["a.md"]
    assert await guest.lease(say(1), 10) is None
    assert (await holder.extend(lease, 10)).attempt == 1
    await holder.accept(say(2))
    assert await guest.exchange("web", "m2") is not None
    await guest.close()
    await holder.accept(say(3))
    await holder.close()


async def test_a_guest_comes_first(tmp_path: Path) -> None:
    """A shared store makes the file where there is none, and stands in nobody's way afterwards."""
    guest, holder = SqliteStore(tmp_path / "new", shared=True), SqliteStore(tmp_path / "new")
    await guest.open()
    await guest.accept(say(1))
    await holder.open()
    assert list(await holder.pending()) == [say(1)]
    await guest.close()
    await holder.close()


async def test_only_the_holder_checkpoints(tmp_path: Path) -> None:
    """A guest's connections never checkpoint: two that do can damage the file (SQLite before 3.51.3)."""
    holder, guest = SqliteStore(tmp_path), SqliteStore(tmp_path, shared=True)
    await holder.open()
    await guest.open()

    async def limits(store: SqliteStore) -> tuple[int, int]:
        writer, readers = store._writer, store._readers
        assert writer is not None
        assert readers is not None
        wanted = "PRAGMA wal_autocheckpoint"
        written = await writer.submit_alone(lambda db: int(db.execute(wanted).fetchone()[0]))
        return written, await readers.ask(lambda db: int(db.execute(wanted).fetchone()[0]))

    holding, visiting = await limits(holder), await limits(guest)
    await guest.close()
    await holder.close()
    assert holding[0] > 0
    assert holding[1] == 0
    assert visiting == (0, 0)


async def test_the_file_is_private_and_durable(tmp_path: Path) -> None:
    """What visitors wrote is for this user's eyes only, and FULL is what a commit waits for."""
    store = SqliteStore(tmp_path / "data")
    await store.open()
    await end(store, say(1))
    modes = {file.name: oct(file.stat().st_mode & 0o777) for file in (tmp_path / "data").iterdir()}
    writer = store._writer
    assert writer is not None
    settings = ("synchronous", "journal_mode", "secure_delete", "auto_vacuum", "foreign_keys")

    def values(db: Database) -> list[object]:
        return [db.execute(f"PRAGMA {name}").fetchone()[0] for name in settings]

    held = await writer.submit_alone(values)
    await store.close()
    assert set(modes.values()) == {"0o600"}
    assert held == [2, "wal", 1, 2, 1]
    assert "frontdesk.db-wal" in modes


async def test_opening_twice_is_refused(tmp_path: Path) -> None:
    """An open store is not opened again; a closed one may be."""
    store = SqliteStore(tmp_path)
    await store.open()
    with pytest.raises(StorageError, match="open already"):
        await store.open()
    await store.close()
    await store.open()
    await store.close()
