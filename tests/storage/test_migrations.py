"""The file's steps: append-only, each whole or not at all."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlite_utils.db import Database
from sqlite_utils.migrations import Migrations

from bot.errors import NewerDatabase
from storage.sqlite import SqliteStore
from storage.sqlite.migrations import migrate, names, outstanding, steps
from tests.contracts.store import say

RELEASED = {
    "inbox_outbox_and_conversations",
    "knowledge",
    "record_and_counters",
    "pages_of_documents",
    "keys_of_the_api",
    "posts_beside_ends",
    "what_messages_ask_for",
    "sends_and_installations",
    "preferences_and_withdrawals",
    "explanations",
    "opinions_of_each_person",
    "attached_files_apart",
    "how_long_passages_hold",
    "corrections",
    "what_documents_call_by_two_names",
    "who_said_it",
    "idle_cases",
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "frontdesk.db"


def longer(failing: bool) -> Migrations:
    """Our steps and one more, which does half its work and fails, or does it all."""
    known = Migrations("frontdesk")
    known._migrations = list(steps._migrations)

    @known()
    def colours(db: Database) -> None:
        db.execute("CREATE TABLE colours(name TEXT)")
        db.execute("UPDATE messages SET text = 'painted'")
        if failing:
            db.execute("INSERT INTO colours(nonsense) VALUES(1)")

    return known


def content(file: Path) -> list[str]:
    with sqlite3.connect(file) as connection:
        found = list(connection.iterdump())
    connection.close()
    return found


async def filled(file: Path) -> None:
    store = SqliteStore(file.parent)
    await store.open()
    await store.accept(say(1))
    await store.close()


def test_released_steps_stay() -> None:
    """A step that was released is there for ever, under its name: files that took it say so."""
    assert names() >= RELEASED


async def test_a_step_that_fails_leaves_the_file_as_it_was(file: Path) -> None:
    """No change of it stays and no record; put right, it is taken."""
    await filled(file)
    before = content(file)
    db = Database(file)
    with pytest.raises(sqlite3.OperationalError):
        migrate(db, file, longer(failing=True))
    assert content(file) == before
    migrate(db, file, longer(failing=False))
    assert db["colours"].exists()
    assert not outstanding(db, file, longer(failing=False))
    db.close()


async def test_an_older_file_is_brought_up_to_date(file: Path) -> None:
    """A file that stopped after the first step takes the others and keeps its rows."""
    older = Migrations("frontdesk")
    older._migrations = steps._migrations[:1]
    db = Database(file)
    migrate(db, file, older)
    db.execute("INSERT INTO conversations(channel, account, conversation, thread) VALUES('web', '', 'ada:main', '')")
    db.execute(
        "INSERT INTO messages(channel, id, conversation, sender, text, sent_at, edited, attachments, language, "
        "accepted_at) VALUES('web', 'm1', 1, 'ada', 'question 1', 5.0, 0, '[]', '', 5.0)"
    )
    db.close()
    store = SqliteStore(file.parent)
    await store.open()
    assert list(await store.pending()) == [say(1)]
    assert await store.knowledge_version() == 0
    await store.close()


async def test_a_newer_file_is_refused(file: Path) -> None:
    """What a longer list of steps made, a shorter one does not touch."""
    await filled(file)
    db = Database(file)
    migrate(db, file, longer(failing=False))
    db.close()
    before = content(file)
    with pytest.raises(NewerDatabase, match="colours"):
        await SqliteStore(file.parent).open()
    assert content(file) == before


async def test_dying_before_the_first_step(file: Path) -> None:
    """An empty file, or one that holds nothing but the empty list of steps, is as good as none."""
    file.touch()
    await filled(file)
    file.unlink()
    db = Database(file)
    steps.ensure_migrations_table(db)
    db.close()
    await filled(file)
    assert not {"colours"} & set(Database(file).table_names())
