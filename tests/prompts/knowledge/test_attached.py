"""Files that a person attached: read as bytes, for one conversation alone."""

from __future__ import annotations

import asyncio
import threading

import pytest

from bot.errors import SourceError
from bot.events import Address
from prompts.knowledge import Knowledge
from prompts.knowledge import knowledge as module
from storage.base import conversation_scope
from storage.sqlite import SqliteStore

MINE = conversation_scope(Address(channel="test", conversation="mine"))
THEIRS = conversation_scope(Address(channel="test", conversation="theirs"))
MEMO = (
    b"---\ntitle: Their title\nurl: https://elsewhere.example/\n---\n# Memo\n\nThe marmalade is kept in the cellar.\n"
)


async def test_a_file_is_found_in_its_conversation_alone(knowledge: Knowledge) -> None:
    """By its words, under its name and its location, as no page's; everybody else's search does not see it."""
    assert await knowledge.add_bytes("memo.md", MEMO, location="file:1", scope=MINE)
    [passage] = await knowledge.search("marmalade", scopes=("", MINE))
    assert (passage.title, passage.location, passage.url) == ("memo.md", "file:1", "")
    assert "cellar" in passage.text
    assert await knowledge.search("marmalade") == []
    assert await knowledge.search("marmalade", scopes=("", THEIRS)) == []
    assert await knowledge.documents() == []


async def test_what_has_not_changed_is_not_read_again(knowledge: Knowledge, store: SqliteStore) -> None:
    """The same bytes change nothing; others take the place of what was there."""
    assert not await knowledge.knows("file:1", scope=MINE)
    assert await knowledge.add_bytes("memo.md", MEMO, location="file:1", scope=MINE)
    version = await store.knowledge_version()
    assert not await knowledge.add_bytes("memo.md", MEMO, location="file:1", scope=MINE)
    assert await store.knowledge_version() == version
    assert await knowledge.add_bytes("memo.md", b"Jam is upstairs.", location="file:1", scope=MINE)
    assert await knowledge.text("file:1", scope=MINE) == "Jam is upstairs."
    assert await knowledge.knows("file:1", scope=MINE)
    assert not await knowledge.knows("file:1", scope=THEIRS)


@pytest.mark.parametrize(
    ("name", "media_type", "raw", "why"),
    [
        ("a.pdf", "application/pdf", b"no pdf", "damaged"),
        ("a.docx", "", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1old", "locked"),
        ("photo.png", "image/png", b"\x89PNG", "kind"),
        ("a.txt", "text/plain", bytes(range(32)) * 99, "kind"),
        ("a.txt", "text/plain", b" \n ", "empty"),
    ],
)
async def test_what_cannot_be_read_says_why(
    knowledge: Knowledge, store: SqliteStore, name: str, media_type: str, raw: bytes, why: str
) -> None:
    """The kind of the fault is there for whoever tells the person; nothing is stored."""
    with pytest.raises(SourceError) as caught:
        await knowledge.add_bytes(name, raw, location="file:1", scope=MINE, media_type=media_type)
    assert caught.value.why == why
    assert await store.documents(scope=None) == []


@pytest.mark.parametrize(
    ("name", "media_type"), [("notes", "text/plain; charset=utf-8"), ("notes.py", "text/x-python"), ("NOTES.TXT", "")]
)
async def test_the_kind_comes_from_the_name_or_the_media_type(knowledge: Knowledge, name: str, media_type: str) -> None:
    """Text of a kind that nobody knows is still text."""
    assert await knowledge.add_bytes(name, b"Plums are blue.", location="file:2", scope=MINE, media_type=media_type)


async def test_a_document_is_put_together_again(knowledge: Knowledge) -> None:
    """Its headings stand above what they headed, everything in its order."""
    text = b"# Jam\n\nBoil it.\n\n## Plums\n\nStone them.\n\n## Pears\n\nPeel them.\n"
    await knowledge.add_bytes("jam.md", text, location="file:3", scope=MINE)
    whole = await knowledge.text("file:3", scope=MINE)
    assert [line for line in whole.splitlines() if line] == [
        "## Jam", "Boil it.", "## Jam > Plums", "Stone them.", "## Jam > Pears", "Peel them.",
    ]  # fmt: skip
    assert [passage.text for passage in await knowledge.opening("file:3", scope=MINE, limit=2)] == [
        "Boil it.", "Stone them.",
    ]  # fmt: skip


async def test_a_file_that_takes_for_ever_is_given_up(knowledge: Knowledge, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever attached it is told; the threads that others need are not the ones that are held."""
    go_on = threading.Event()
    monkeypatch.setattr(module, "prepare", lambda *_, **__: go_on.wait(20))
    monkeypatch.setattr(module, "_READING_SECONDS", 0.01)
    try:
        files = range(8)
        found = await asyncio.gather(
            *(knowledge.add_bytes("a.txt", b"a", location=f"file:{number}", scope=MINE) for number in files),
            return_exceptions=True,
        )
        assert [getattr(error, "why", "") for error in found] == ["large"] * len(files)
        assert await asyncio.to_thread(lambda: "free") == "free"
    finally:
        go_on.set()
        knowledge.close()


async def test_names_are_shown_on_one_line(knowledge: Knowledge) -> None:
    """A name may hold anything; a title may not."""
    await knowledge.add_bytes("a\u202etxt.exe\nb.txt", b"Figs.", location="file:4", scope=MINE)
    [passage] = await knowledge.opening("file:4", scope=MINE, limit=1)
    assert passage.title == "a txt.exe b.txt"
