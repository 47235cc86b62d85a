"""Knowledge that was stored before keeps being found after a step changed its index."""

from __future__ import annotations

from pathlib import Path

from sqlite_utils.db import Database
from sqlite_utils.migrations import Migrations

from storage.sqlite import SqliteStore
from storage.sqlite.migrations import migrate, steps

_DOCUMENT = """
    INSERT INTO documents(number, scope, location, title, language, digest, passages, added_at, url)
    VALUES(?, ?, 'a.md', 'A', 'en', 'd', 1, 1.0, '')"""
_PASSAGE = """
    INSERT INTO passages(number, document, text, title, heading, language, position, title_terms, heading_terms,
    body_terms) VALUES(?, ?, ?, 'A', '[]', 'en', 0, 'a', '', ?)"""
_INDEX = "INSERT INTO passages_index(rowid, title_terms, heading_terms, body_terms) VALUES(?, 'a', '', ?)"


async def test_visitors_files_move_to_an_index_of_their_own(tmp_path: Path) -> None:
    """Both are found as before; only what is for everybody is counted; and what moved can be removed."""
    before = Migrations("frontdesk")
    before._migrations = [step for step in steps._migrations if step.name != "attached_files_apart"]
    file = tmp_path / "frontdesk.db"
    db = Database(file)
    migrate(db, file, before)
    for number, (scope, text) in enumerate((("", "public desk"), ("eve", "secret desk"), ("bob", "other desk")), 1):
        db.execute(_DOCUMENT, (number, scope))
        db.execute(_PASSAGE, (number, number, text, text))
        db.execute(_INDEX, (number, text))
    db.conn.commit()
    db.close()
    store = SqliteStore(tmp_path)
    await store.open()
    try:
        assert [one.passage.text for one in await store.match('"desk"', limit=9)] == ["public desk"]
        assert [one.passage.text for one in await store.match('"desk"', limit=9, scopes=["eve"])] == ["secret desk"]
        assert dict((await store.count_terms()).frequency) == {"a": 1, "desk": 1, "public": 1}
        assert await store.remove_document("a.md", scope="eve")
        assert await store.match('"desk"', limit=9, scopes=["eve"]) == []
        assert await store.remove_document("a.md")
        assert (await store.count_terms()).frequency == {}
    finally:
        await store.close()
