"""The outbox was made anew once, for posts beside ends: nothing of it was lost, and no number comes again."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sqlite_utils.db import Database
from sqlite_utils.migrations import Migrations

from bot.events import Case, Failed, Feedback, Post
from storage.sqlite import SqliteStore
from storage.sqlite.migrations import migrate, steps
from storage.sqlite.rows import Row
from tests.contracts.store import AWAY, HOME, answer, say, take, turns
from tests.storage.test_migrations import longer

OUTBOX = (
    "number, message, conversation, kind, attempt, seq, text, citations, finish_reason, language, reason, at, remote, "
    "delivered"
)
BEFORE_POSTS = 5
"""Steps of the last release whose outbox knew nothing but ends."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "frontdesk.db"


def before_posts(file: Path, ends: int, erased: int) -> list[Row]:
    """A file of that release, in which the last `erased` of `ends` ends were erased; returns its outbox."""
    older = Migrations("frontdesk")
    older._migrations = steps._migrations[:BEFORE_POSTS]
    db = Database(file)
    migrate(db, file, older)
    for number in range(1, ends + 1):
        address = ("web", f"v{number}") if number % 2 else ("slack", f"C{number}")
        db.execute("INSERT INTO conversations(channel, account, conversation, thread) VALUES(?, '', ?, '')", address)
        db.execute(
            "INSERT INTO messages(channel, id, conversation, sender, text, sent_at, edited, attachments, language, "
            "accepted_at, ended_at) VALUES(?, ?, ?, 'ada', 'question', 5.0, 1, '[]', 'de', 5.0, 6.0)",
            (address[0], f"m{number}", number),
        )
        kind = "failed" if number % 3 == 0 else "reply"
        said = (
            number,
            number,
            kind,
            2,
            7,
            f"said {number} \x00\U0001f600",
            '[{"number":1,"title":"t","location":"l"}]',
        )
        more = ("stop", "de", "why" if kind == "failed" else "", 6.5, f"remote {number}", number % 2)
        db.execute(
            "INSERT INTO outbox(message, conversation, kind, attempt, seq, text, citations, finish_reason, language, "
            "reason, at, remote, delivered) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*said, *more),
        )
        db.execute(
            "INSERT INTO turns(message, conversation, role, text, language, at) VALUES(?, ?, 'user', 'q', 'de', 1.0)",
            (number, number),
        )
    db.execute("INSERT INTO feedback(message, value, comment, at) SELECT number, 1, 'good', 1.0 FROM messages")
    for table, key in (("outbox", "message"), ("turns", "message"), ("feedback", "message"), ("messages", "number")):
        db.execute(f"DELETE FROM {table} WHERE {key} > ?", (ends - erased,))
    rows = db.execute(f"SELECT {OUTBOX} FROM outbox ORDER BY number").fetchall()
    db.close()
    return list(rows)


async def test_the_outbox_is_made_anew_without_a_loss(file: Path) -> None:
    """Every end keeps its number and all that it said, is found as before, and a message still ends once."""
    rows = before_posts(file, ends=9, erased=2)
    store = SqliteStore(file.parent)
    await store.open()
    assert [item.number for item in await store.undelivered()] == [2, 4, 6]
    assert [item.number for item in await store.undelivered(channel="slack")] == [2, 4, 6]
    exchange = await store.exchange("web", "m3")
    assert exchange is not None
    assert exchange.outgoing is not None
    assert exchange.outgoing.event == Failed(
        message_id="m3", address=exchange.message.address, reason="why", said="said 3 \x00\U0001f600"
    )
    assert exchange.feedback == 1
    again = Feedback(address=exchange.message.address, message_id="m3", value=-1, sender="ada")
    assert await store.feedback(again), "whoever asked is taken for who judged: theirs replaces it"
    assert [item.feedback for item in await store.history(exchange.message.address)] == [-1]
    assert (exchange.outgoing.number, exchange.outgoing.remote, exchange.outgoing.delivered) == (3, "remote 3", True)
    assert (exchange.message.name, exchange.message.command, exchange.message.replaces) == ("", "", "")
    await store.close()
    db = Database(file)
    assert db.execute(f"SELECT {OUTBOX} FROM outbox ORDER BY number").fetchall() == rows
    channels = "SELECT count(*) FROM outbox o JOIN conversations c ON c.number = o.conversation"
    assert db.execute(f"{channels} WHERE c.channel = o.channel").fetchone() == (7,)
    assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert db.execute("PRAGMA foreign_key_check").fetchall() == []
    twice = "INSERT INTO outbox(message, conversation, channel, kind, text, at) VALUES(1, 1, 'web', 'reply', '', 1.0)"
    with pytest.raises(sqlite3.IntegrityError):
        db.execute(twice)
    db.close()


@pytest.mark.parametrize(("ends", "erased"), [(0, 0), (4, 0), (4, 3), (4, 4)])
async def test_numbers_go_on_where_they_were(file: Path, ends: int, erased: int) -> None:
    """A number that was given out before the outbox was made anew is not given out again, though its row is gone."""
    before_posts(file, ends, erased)
    store = SqliteStore(file.parent)
    await store.open()
    case = Case(id="k1", visitor=HOME, desk=AWAY, state="waiting", opened_at=1.0)
    lease = await take(store, say("after"))
    post = Post(id="p", address=AWAY, kind="said", text="text", case=case)
    outgoing = await store.complete(lease, answer(lease), turns(lease), posts=[post], case=case)
    await store.close()
    assert (outgoing.number, outgoing.posts[0].number) == (ends + 1, ends + 2)
    db = Database(file)
    counted = dict(db.execute("SELECT name, seq FROM sqlite_sequence WHERE name LIKE 'outbox%'").fetchall())
    db.close()
    assert counted == {"outbox": ends + 2}


async def test_a_file_from_before_posts_is_as_it_was_when_a_later_step_fails(file: Path) -> None:
    """Steps that were taken stay, whole; the one that failed can be put right and taken."""
    rows = before_posts(file, ends=5, erased=1)
    db = Database(file)
    with pytest.raises(sqlite3.OperationalError):
        migrate(db, file, longer(failing=True))
    assert db.execute(f"SELECT {OUTBOX} FROM outbox ORDER BY number").fetchall() == rows
    assert "outbox_before" not in db.table_names()
    db.close()
    store = SqliteStore(file.parent)
    await store.open()
    assert len(await store.undelivered()) == 2
    await store.close()


@pytest.mark.parametrize("statements", [1, 20, 25, 30, 40, 60])
async def test_dying_in_the_middle_of_a_step(file: Path, statements: int) -> None:
    """Whichever statement was the last before a kill, the file opens, and no end is lost or doubled."""
    rows = before_posts(file, ends=6, erased=1)
    program = (
        "import os, sys; from itertools import count; from pathlib import Path\n"
        "from sqlite_utils.db import Database; from storage.sqlite.migrations import migrate\n"
        "file, last, seen = Path(sys.argv[1]), int(sys.argv[2]), count(1)\n"
        "db = Database(file)\n"
        "db.conn.set_trace_callback(lambda _: next(seen) == last and os._exit(9))\n"
        "migrate(db, file)"
    )
    died = subprocess.run([sys.executable, "-c", program, str(file), str(statements)], cwd=Path(__file__).parents[2])
    assert died.returncode == 9
    store = SqliteStore(file.parent)
    await store.open()
    await store.close()
    db = Database(file)
    assert db.execute(f"SELECT {OUTBOX} FROM outbox ORDER BY number").fetchall() == rows
    assert db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'").fetchall() == [(6,)]
    assert "outbox_before" not in db.table_names()
    db.close()
