"""How common words are, while documents come and go: counted once, and what is new after that."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from prompts.knowledge import Knowledge
from prompts.knowledge.vocabulary import Vocabulary, Words
from storage.base import TermCounts
from storage.sqlite import SqliteStore


class Counted:
    """The store's own counts, noting which were asked for."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self.asked: list[int] = []

    async def count_terms(self, *, after: int = 0) -> TermCounts:
        self.asked.append(after)
        return await self._store.count_terms(after=after)


async def now(words: Words, store: SqliteStore) -> Vocabulary:
    return await words.current(await store.knowledge_version())


def figures(vocabulary: Vocabulary) -> tuple[int, Mapping[str, int], float]:
    return vocabulary.passages, dict(vocabulary.frequency), vocabulary.length


async def test_what_is_added_is_counted_alone(knowledge: Knowledge, store: SqliteStore, project: Path) -> None:
    """After the first count only new passages are read, and the figures are those of a count of everything."""
    counted = Counted(store)
    words = Words(counted)
    for number in range(5):
        (project / f"{number}.md").write_text(f"# Lamp {number}\n\nIt shines {'brightly ' * number} 寄到.\n")
        await knowledge.add([str(project / f"{number}.md")])
        kept = await now(words, store)
        assert figures(kept) == figures(await now(Words(store), store))
    assert counted.asked[0] == 0
    assert 0 not in counted.asked[1:]
    assert kept.characters["寄"] == 5


async def test_what_is_removed_is_forgotten(knowledge: Knowledge, store: SqliteStore, project: Path) -> None:
    """In a small knowledge base at once."""
    words = Words(store)
    for name in ("lamp", "desk"):
        (project / f"{name}.md").write_text(f"The {name} is new.\n")
    await knowledge.add([str(project)])
    assert "desk" in (await now(words, store)).frequency
    await knowledge.remove("desk.md")
    assert "desk" not in (await now(words, store)).frequency
    await knowledge.remove("lamp.md")
    assert figures(await now(words, store)) == (0, {}, 0.0)


async def test_few_removals_count_nothing_anew(knowledge: Knowledge, store: SqliteStore, project: Path) -> None:
    """Up to a fiftieth of the passages may be gone before all are counted again."""
    for number in range(120):
        (project / f"{number}.md").write_text(f"Lamp number {number}.\n")
    await knowledge.add([str(project)])
    counted = Counted(store)
    words = Words(counted)
    await now(words, store)
    for number in range(4):
        await knowledge.remove(f"{number}.md")
        await now(words, store)
    assert [bool(after) for after in counted.asked] == [False, True, True, True, False, True]


async def test_visitors_files_are_not_counted(knowledge: Knowledge, store: SqliteStore) -> None:
    """What somebody attached tells nobody else anything, not even that a word exists."""
    words = Words(store)
    await knowledge.add_bytes("a.txt", b"My zeppelin is late.", location="m1/a.txt", scope="eve")
    assert figures(await now(words, store)) == (0, {}, 0.0)


async def test_searches_at_once_count_once(knowledge: Knowledge, store: SqliteStore, project: Path) -> None:
    """Those who come while the first count runs wait for it."""
    (project / "a.md").write_text("The lamp is new.\n")
    await knowledge.add([str(project)])
    counted = Counted(store)
    words = Words(counted)
    found = await asyncio.gather(*(now(words, store) for _ in range(8)))
    assert counted.asked == [0]
    assert all(figures(one) == figures(found[0]) for one in found)


@pytest.mark.parametrize("again", range(2))
async def test_the_first_count_of_nothing(knowledge: Knowledge, store: SqliteStore, again: int) -> None:
    """An empty store is counted, too, and what comes then is found."""
    words = Words(store)
    assert (await now(words, store)).passages == 0
    await knowledge.add_bytes("a.txt", b"A lamp.", location=f"{again}.txt", scope="")
    assert (await now(words, store)).frequency["lamp"] == 1
