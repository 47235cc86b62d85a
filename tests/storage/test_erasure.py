"""What was erased is in no byte of no file."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from bot.errors import StorageError
from bot.events import Address, Attachment, Case, Failed, Feedback, Message, Post, PostKind
from storage.base import Recollection, Send, conversation_scope
from storage.sqlite import SqliteStore, operations, visitors
from tests.contracts.store import HOME, Clock, answer, end, say, take, turns
from tests.contracts.store_knowledge import document, passage

VISITOR = "zz-visitor"
MARK = "quixotry"
"""Stands in everything that the visitor wrote or caused."""
ALONE = Address(channel="web", conversation=f"{VISITOR}:main")
SHARED = Address(channel="slack", account="T", conversation="C")
DESK = Address(channel="slack", account="T", conversation="D", thread="k1")
KINDS: tuple[PostKind, ...] = ("said", "notice", "case")


def traces(folder: Path) -> list[str]:
    """The files of `folder` in whose bytes anything of the visitor is left."""
    return [
        file.name
        for file in sorted(folder.iterdir())
        for content in [file.read_bytes().lower()]
        if any(needle in content for needle in (MARK.encode(), VISITOR.encode(), b"uixotr"))
    ]


async def others(store: SqliteStore, start: int, count: int = 60) -> None:
    """Life of others, so that pages fill, split and are shared."""
    for number in range(start, start + count):
        await end(store, say(number, sender="bob", text=f"bob {number} " * 50), text=f"to bob {number} " * 80)
        await store.put_document(document(f"{number}.md"), [passage(f"public words {number} " * 30)])


async def visit(store: SqliteStore) -> None:
    """Leave the visitor's mark wherever a mark can be left."""
    for number in range(40):
        for address in (ALONE, SHARED):
            file = Attachment(name=f"{MARK}{number}.pdf", media_type="text/plain", size=1, location=f"f/{MARK}{number}")
            message = Message(
                id=f"{MARK}-{address.channel}-{number}",
                address=address,
                sender=VISITOR,
                text=f"{MARK} {number} asks " * (1 + number * 8),
                sent_at=1.0,
                attachments=(file,),
            )
            lease = await take(store, message)
            text = f"{MARK} {number} answered " * (1 + number * 8)
            how = {"prompt": f"{MARK} as sent " * (1 + number * 8)}
            if number % 4 == 1:
                failed = Failed(message_id=message.id, address=address, reason=f"{MARK} failed", said=f"{MARK} said")
                await store.complete(lease, failed, turns(lease, text), explanation=how)
            elif number % 4 > 1:
                outgoing = await store.complete(lease, answer(lease, text), turns(lease, text), explanation=how)
                await store.delivered(outgoing.number, f"{MARK}-remote")
            await store.feedback(Feedback(address=address, message_id=message.id, value=-1, comment=f"{MARK}!"))
    for address in (ALONE, SHARED):
        memory = Recollection(summary=f"{MARK} summary " * 100, facts=(f"{MARK} fact",) * 9, language="en")
        await store.remember(address, memory)
        passages = [passage(f"{MARK}{n} document", title=MARK, heading=MARK) for n in range(30)]
        vectors = [MARK.encode()] * 30
        located = document(f"f/{MARK}1", scope=conversation_scope(address))
        await store.put_document(located, passages, vectors=vectors, model="m")


async def spoken(store: SqliteStore) -> None:
    """A folder in which the visitor lived among others."""
    await others(store, 0)
    await visit(store)
    await end(store, say("shared", SHARED, sender="bob"))
    await others(store, 1000)


async def test_nothing_is_left(tmp_path: Path) -> None:
    """After an erasure no file of the folder holds a byte of the visitor, and the others' words are untouched."""
    store = SqliteStore(tmp_path)
    await store.open()
    await spoken(store)
    before = await store.history(HOME, limit=1_000)
    documents = await store.documents(scope=None)
    assert traces(tmp_path) != []
    erased = await store.erase(VISITOR)
    assert erased.rows["messages"] == 80
    assert traces(tmp_path) == []
    assert await store.history(HOME, limit=1_000) == before
    assert [item for item in documents if not item.scope] == list(await store.documents(scope=None))
    assert len(await store.match('"public"', limit=1_000)) == 120
    await store.close()
    assert traces(tmp_path) == []


async def test_nothing_is_left_after_expiry(tmp_path: Path) -> None:
    """What grew old is removed as thoroughly as what was erased; only what never ended stays."""
    clock = Clock()
    store = SqliteStore(tmp_path, clock=clock)
    await store.open()
    message = Message(id=f"{MARK}-1", address=ALONE, sender=VISITOR, text=f"{MARK} asks " * 500, sent_at=1.0)
    await end(store, message, text=f"{MARK} answered " * 500)
    await store.remember(ALONE, Recollection(summary=MARK))
    await others(store, 0)
    await store.expire(clock.now + 1)
    assert traces(tmp_path) == []
    await store.close()


async def handed_over(store: SqliteStore) -> None:
    """The visitor's words in a case: what they and colleagues said on both sides, and what shows it remotely."""
    opened = Case(
        id="k1", visitor=ALONE, desk=DESK, state="waiting", opened_at=1.0, name=VISITOR, reason=f"{MARK} reason " * 99
    )
    for number in range(20):
        here = Message(id=f"{MARK}-ask-{number}", address=ALONE, sender=VISITOR, text=f"{MARK} asks " * 99, sent_at=1.0)
        there = replace(here, id=f"{MARK}-say-{number}", address=DESK, sender="ana", name="Ana")
        for message, to in ((here, DESK), (there, ALONE)):
            posts = [
                Post(id=f"{message.id}-{kind}", address=to, kind=kind, text=f"{MARK} {kind} " * 99, case=opened)
                for kind in (KINDS if to == DESK else KINDS[:2])
            ]
            lease = await take(store, message)
            outgoing = await store.complete(lease, answer(lease, MARK), turns(lease), posts=posts, case=opened)
            for item in outgoing.posts:
                await store.delivered(item.number, f"{MARK}-remote")
            shown = [(message.address.channel, message.id), *((to.channel, post.id) for post in posts)]
            for channel, key in shown:
                placed = Send(part=0, state="placed", remote=f"{MARK}-{key}", detail={"text": MARK})
                await store.keep_send(channel, key, placed)
    await store.remember(DESK, Recollection(summary=f"{MARK} at the desk"))


async def test_nothing_is_left_of_a_case(tmp_path: Path) -> None:
    """A case goes with its visitor, on both sides; another's, at the same desk, loses nothing."""
    store = SqliteStore(tmp_path)
    await store.open()
    await others(store, 0)
    other = Case(id="k2", visitor=HOME, desk=replace(DESK, thread="k2"), state="taken", opened_at=1.0, agent="ana")
    lease = await take(store, say("other"))
    words = Post(id="other", address=other.desk, kind="said", text="words", case=other)
    await store.complete(lease, answer(lease), turns(lease), posts=[words], case=other)
    await handed_over(store)
    await others(store, 1000)
    erased = await store.erase(VISITOR)
    assert erased.rows["posts"] == 100
    assert traces(tmp_path) == []
    assert await store.case(HOME) == other
    assert [item.event for item in await store.posts(other.desk)] == [words]
    await store.close()
    assert traces(tmp_path) == []


async def test_nothing_is_left_of_an_old_case(tmp_path: Path) -> None:
    """A case in which nothing happened for long enough expires as thoroughly, though nobody closed it."""
    clock = Clock()
    store = SqliteStore(tmp_path, clock=clock)
    await store.open()
    await handed_over(store)
    await others(store, 0)
    assert traces(tmp_path) != []
    await store.expire(clock.now + 1)
    assert traces(tmp_path) == []
    await store.close()


async def test_a_reader_in_the_way_is_waited_for(tmp_path: Path) -> None:
    """While somebody reads the old pages the erasure is not done; it is when that one goes. Work goes on meanwhile."""
    store = SqliteStore(tmp_path)
    await store.open()
    await visit(store)
    reader = sqlite3.connect(tmp_path / "frontdesk.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM messages").fetchone()
    erasing = asyncio.create_task(store.erase(VISITOR))
    while await store.exchange("web", f"{MARK}-web-1"):
        await asyncio.sleep(0)
    for number in range(10):
        await store.accept(say(number))
    assert not erasing.done()
    assert traces(tmp_path) != []
    reader.execute("ROLLBACK")
    reader.close()
    await erasing
    assert traces(tmp_path) == []
    await store.close()


async def test_an_erasure_that_cannot_finish_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a reader does not go, the caller is told what to do, and the work is done once the reader has gone."""
    monkeypatch.setattr(operations, "ERASURE_SECONDS", 0.0)
    store = SqliteStore(tmp_path)
    await store.open()
    await visit(store)
    reader = sqlite3.connect(tmp_path / "frontdesk.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM messages").fetchone()
    with pytest.raises(StorageError, match="rows are removed"):
        await store.erase(VISITOR)
    reader.close()
    assert (await store.erase(VISITOR)).rows == {}
    assert traces(tmp_path) == []
    await store.close()


@pytest.mark.parametrize("serving", [True, False])
async def test_a_guest_erases(tmp_path: Path, *, serving: bool) -> None:
    """`frontdesk erase` beside a running server, and without one, returns when nothing is left."""
    holder, guest = SqliteStore(tmp_path), SqliteStore(tmp_path, shared=True)
    await holder.open()
    await visit(holder)
    if not serving:
        await holder.close()
    await guest.open()
    assert (await guest.erase(VISITOR)).rows["messages"] == 80
    assert traces(tmp_path) == []
    await guest.close()
    await holder.close()
    assert traces(tmp_path) == []


async def test_an_erasure_survives_a_crash(tmp_path: Path) -> None:
    """When the process dies after the rows went and before their traces did, the next one removes those."""
    store = SqliteStore(tmp_path)
    await store.open()
    await visit(store)
    await store.close()
    guest = SqliteStore(tmp_path, shared=True)
    await guest.open()
    await guest._write(visitors.erase, VISITOR)
    await guest.close()
    assert traces(tmp_path) != []
    store = SqliteStore(tmp_path)
    await store.open()
    while traces(tmp_path):
        await asyncio.sleep(0.05)
    await store.close()
