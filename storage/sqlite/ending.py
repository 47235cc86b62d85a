"""The end of a message: what goes out, what is remembered, the case that it changes and how it came about, in one
transaction."""

# ruff: noqa: S608 - only constants of this package are put into SQL; every value is bound

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlite_utils.db import Database

from bot.events import Case, Failed, Post, Reply, Turn
from storage.base import Lease, Outgoing
from storage.sqlite import cases, conversations, explanations
from storage.sqlite.inbox import MINE, key, stale
from storage.sqlite.rows import citations_text, snapshot_of

_END = f"UPDATE messages SET held_until = NULL, ended_at = ? WHERE {MINE} RETURNING number, conversation"
_INSERT_END = """
    INSERT INTO outbox(
        message, conversation, channel, kind, attempt, seq, text, citations, finish_reason, language, reason, at)
    VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_FIND_POST = "SELECT 1 FROM outbox WHERE channel = ? AND id = ? AND kind IN ('said', 'notice')"
_INSERT_POST = """
    INSERT INTO outbox(message, conversation, channel, kind, text, at, about, id, name, snapshot)
    VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_INSERT_TURN = "INSERT INTO turns(message, conversation, role, text, language, at, name) VALUES(?, ?, ?, ?, ?, ?, ?)"


def complete(
    db: Database,
    held: Lease,
    event: Reply | Failed,
    turns: Sequence[Turn],
    posts: Sequence[Post],
    case: Case | None,
    seen: Case | None,
    forget: bool,
    explanation: Mapping[str, Any] | None,
    now: float,
) -> Outgoing:
    """End the message, with its turns and what goes out: all or nothing."""
    ended = db.execute(_END, (now, *key(held))).fetchall()
    if not ended:
        raise stale(held)
    message, conversation = ended[0]
    values = (message, conversation, event.address.channel, *_end_values(event, held.attempt), now)
    number = db.execute(_INSERT_END, values).lastrowid
    if forget:
        conversations.forget(db, event.address)
    if explanation is not None:
        explanations.keep(db, message, explanation, now)
    for turn in turns:
        _insert_turn(db, message, conversation, turn)
    if seen is not None:
        cases.check_unchanged(db, seen)
    if case is not None:
        cases.keep(db, case, cases.opener(case, held.message), now)
    sent = tuple(insert_post(db, message, post, now) for post in posts)
    return Outgoing(number=number or 0, event=event, at=now, posts=sent)


def check_end(held: Lease, event: Reply | Failed) -> None:
    """Raise `ValueError` when `event` cannot be the end of the message that is held: a mistake of the caller."""
    message = held.message
    if (event.message_id, event.address) != (message.id, message.address):
        raise ValueError("an end belongs to the message that is leased, at its address")
    if isinstance(event, Reply) and not (event.final and event.attempt == held.attempt):
        raise ValueError("a message ends with a final reply of the attempt that is leased")


def insert_post(db: Database, message: int, post: Post, now: float) -> Outgoing:
    """What a person said reaches the visitor like an answer, so the bot remembers it as one."""
    channel = post.address.channel
    if post.kind != "case" and db.execute(_FIND_POST, (channel, post.id)).fetchone():
        raise ValueError(f"there is a post {post.id} in {channel} already: a post's id is unique")
    about = cases.touch(db, post.case, now)
    conversation = cases.conversation(db, post.address)
    values = (message, conversation, channel, post.kind, post.text, now, about, post.id, post.name)
    number = db.execute(_INSERT_POST, (*values, snapshot_of(post.case))).lastrowid
    if post.kind == "said" and post.address == post.case.visitor:
        turn = Turn(role="assistant", text=post.text, language=post.case.language, at=now, name=post.name)
        _insert_turn(db, message, conversation, turn)
    return Outgoing(number=number or 0, event=post, at=now)


def _insert_turn(db: Database, message: int, conversation: int, turn: Turn) -> None:
    db.execute(_INSERT_TURN, (message, conversation, turn.role, turn.text, turn.language, turn.at, turn.name))


def _end_values(event: Reply | Failed, attempt: int) -> tuple[object, ...]:
    if isinstance(event, Failed):
        return "failed", attempt, 0, event.said, "[]", "", "", event.reason
    citations = citations_text(event.citations)
    return "reply", event.attempt, event.seq, event.text, citations, event.finish_reason, event.language, ""
