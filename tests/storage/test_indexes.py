"""What is asked on every turn is found, not looked for: however much the file holds, no table is read through."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_utils.db import Database

from bot.events import Feedback, Reply
from storage.base import Lease, Send
from storage.sqlite import SqliteStore, cases, conversations, ending, explanations, inbox, lapsing, outbox, sends
from tests.contracts.store import AWAY, HOME, answer, say, turns
from tests.contracts.store_cases import DESK, case, post


def finish(db: Database) -> None:
    """A message with all that its end may bring forth."""
    inbox.accept(db, say(1), 1.0)
    held = inbox.lease(db, say(1), 10.0, 1.0)
    assert isinstance(held, Lease)
    end: Reply = answer(held)
    posts = [post("card", DESK, "case"), post("words", HOME, "said")]
    ending.complete(db, held, end, turns(held), posts, case(), None, False, {"since": 1.0}, 2.0)
    inbox.accept(db, say(2), 3.0)
    later = inbox.lease(db, say(2), 10.0, 3.0)
    assert isinstance(later, Lease)
    ending.complete(db, later, answer(later), (), [], None, case(), True, None, 4.0)


OPINION = Feedback(address=HOME, message_id="m1", value=1, sender="ada")
QUESTIONS: dict[str, Callable[[Database], object]] = {
    "complete": finish,
    "case": lambda db: cases.case(db, HOME),
    "case_at": lambda db: cases.case_at(db, DESK),
    "idle_cases": lambda db: (finish(db), lapsing.idle(db, 9.0, 10)),
    "lapse": lambda db: (finish(db), lapsing.lapse(db, case(), [post("lapsed", HOME, "notice")], 9.0, 10.0)),
    "posts": lambda db: outbox.posts(db, HOME, 10),
    "undelivered": lambda db: outbox.undelivered(db, None, 10),
    "undelivered of a channel": lambda db: outbox.undelivered(db, "slack", 10),
    "outgoing_since": lambda db: outbox.outgoing_since(db, AWAY, 0, 10),
    "delivered": lambda db: outbox.delivered(db, 1, "remote"),
    "sends": lambda db: sends.sends(db, "slack", "m1"),
    "keep_send": lambda db: sends.keep(db, "slack", "m1", Send(part=0, state="begun"), 1.0),
    "sent_as": lambda db: sends.sent_as(db, "slack", "remote"),
    "exchange": lambda db: inbox.exchange(db, "web", "m1"),
    "history": lambda db: conversations.history(db, HOME, 10),
    "preferences": lambda db: conversations.preferences(db, HOME),
    "forget": lambda db: (finish(db), conversations.forget(db, HOME)),
    "explanation": lambda db: explanations.explanation(db, "web", "m1"),
    "withdraw": lambda db: inbox.withdraw(db, "web", "m1"),
    "feedback": lambda db: (finish(db), conversations.keep_feedback(db, OPINION, 5.0)),
    "turns": lambda db: conversations.turns(db, HOME, 0, 10),
}


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    store = SqliteStore(tmp_path)
    await store.open()
    await store.close()
    with closing(Database(sqlite3.connect(tmp_path / "frontdesk.db", isolation_level=None))) as opened:
        yield opened


@pytest.mark.parametrize("name", QUESTIONS)
async def test_no_table_is_read_through(db: Database, name: str) -> None:
    """SQLite's own plan for each statement names an index, or a number, for every table."""
    asked: list[str] = []
    db.conn.set_trace_callback(asked.append)
    QUESTIONS[name](db)
    db.conn.set_trace_callback(None)
    plans = {
        detail
        for statement in asked
        if statement.lstrip().startswith(("SELECT", "INSERT", "UPDATE"))
        for *_, detail in db.execute(f"EXPLAIN QUERY PLAN {statement}").fetchall()
    }
    # What is not delivered has an index of its own, short and in the right order.
    harmless = {"SCAN CONSTANT ROW", "SCAN o USING INDEX outbox_undelivered"}
    assert {plan for plan in plans if plan.startswith(("SCAN", "USE TEMP B-TREE"))} <= harmless
    assert any(plan.startswith("SEARCH") for plan in plans) or name == "undelivered"
