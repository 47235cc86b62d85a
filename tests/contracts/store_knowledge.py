"""What every `Store` owes about knowledge."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from bot.errors import StorageError
from bot.events import Passage
from storage.base import Document, Store, StoredPassage
from tests.contracts.store import Contract


def document(location: str, *, scope: str = "", digest: str = "d1") -> Document:
    return Document(
        location=location,
        title=f"On {location}",
        language="en",
        digest=digest,
        passages=1,
        added_at=3.5,
        scope=scope,
        url=f"https://shop.example/{location}",
        aliases=(("Fair Use Policy", "FUP"), (location, "另名")),
    )


def passage(text: str, *, title: str = "", heading: str = "", body: str = "", position: int = 0) -> StoredPassage:
    words = Passage(
        text=text,
        title="On it",
        location="",
        score=0.0,
        heading=("Top", "Below"),
        language="en",
        position=position,
        updated="2025-04-03",
        valid_until="2026-03-31",
    )
    return StoredPassage(passage=words, title_terms=title, heading_terms=heading, body_terms=body or text)


async def put(store: Store, location: str, *passages: StoredPassage, scope: str = "", digest: str = "d1") -> None:
    await store.put_document(document(location, scope=scope, digest=digest), passages)


async def found(store: Store, query: str, scopes: Sequence[str] = ("",)) -> list[str]:
    return [item.passage.text for item in await store.match(query, limit=10, scopes=scopes)]


class KnowledgeContract(Contract):
    async def test_a_document_comes_back(self, store: Store) -> None:
        """Every field of a document and of its passages survives, in their order, under new numbers."""
        await put(store, "b.md", passage("two", position=1), passage("one", title="t", heading="h", position=0))
        await put(store, "a.md", passage("other"))
        assert [item.location for item in await store.documents()] == ["a.md", "b.md"]
        listed = (await store.documents())[1]
        assert (listed.url, listed.aliases) == (
            "https://shop.example/b.md",
            (("Fair Use Policy", "FUP"), ("b.md", "另名")),
        )
        assert (listed.title, listed.digest, listed.passages, listed.added_at) == ("On b.md", "d1", 2, 3.5)
        first, second = await store.passages_of("b.md")
        assert (first.passage.text, second.passage.text) == ("two", "one")
        assert (second.title_terms, second.heading_terms, second.body_terms) == ("t", "h", "one")
        assert (second.passage.location, second.passage.url) == ("b.md", "https://shop.example/b.md")
        assert (second.passage.heading, second.passage.language, second.passage.title) == (
            ("Top", "Below"),
            "en",
            "On it",
        )
        assert (second.passage.updated, second.passage.valid_until) == ("2025-04-03", "2026-03-31")
        assert 0 < first.number < second.number
        assert list(await store.passages_of("c.md")) == []

    async def test_putting_again_replaces(self, store: Store) -> None:
        """There is one document at (scope, location); what it was before is found no more."""
        await put(store, "a.md", passage("old words"), passage("more old"))
        old = (await store.passages_of("a.md"))[0].number
        await put(store, "a.md", passage("new words"), digest="d2")
        assert [item.digest for item in await store.documents()] == ["d2"]
        assert await found(store, '"old"') == []
        assert await found(store, '"new"') == ["new words"]
        assert (await store.passages_of("a.md"))[0].number > old

    async def test_removing(self, store: Store) -> None:
        """What is removed is found no more; removing what is not there is False."""
        await put(store, "a.md", passage("desk"))
        await put(store, "a.md", passage("private desk"), scope="s")
        assert await store.remove_document("a.md")
        assert not await store.remove_document("a.md")
        assert await found(store, '"desk"', ("", "s")) == ["private desk"]
        assert [item.scope for item in await store.documents(scope=None)] == ["s"]

    async def test_a_scope_is_closed(self, store: Store) -> None:
        """A search sees the scopes that it names and no other."""
        await put(store, "a.md", passage("public desk"))
        await put(store, "a.md", passage("secret desk"), scope="eve")
        assert await found(store, '"desk"') == ["public desk"]
        assert await found(store, '"desk"', ("eve",)) == ["secret desk"]
        assert sorted(await found(store, '"desk"', ("", "eve"))) == ["public desk", "secret desk"]
        assert await found(store, '"desk"', ()) == []
        assert [item.passage.text for item in await store.all_passages(scope="eve")] == ["secret desk"]
        assert len(await store.all_passages()) == 2

    async def test_visitors_files_change_no_score(self, store: Store) -> None:
        """What visitors attach makes no word of what is for everybody more or less common."""
        await put(store, "a.md", passage("desk lamp"), passage("lamp"), passage("chair"))
        before = [item.passage.score for item in await store.match('"lamp" OR "desk"', limit=10)]
        for number in range(20):
            await put(store, f"{number}.md", passage("desk"), passage("other"), scope=f"visitor {number}")
        assert [item.passage.score for item in await store.match('"lamp" OR "desk"', limit=10)] == before
        assert await found(store, '"desk"', ("visitor 3", "visitor 4")) == ["desk", "desk"]

    async def test_counting_terms(self, store: Store) -> None:
        """Every term of what is for everybody, by passages; from a number on, what came after it."""
        empty = await store.count_terms()
        assert (empty.passages, empty.terms, empty.frequency, empty.languages) == (0, 0, {}, frozenset())
        await put(store, "a.md", passage("desk desk lamp", title="desk"), passage("lamp"))
        await put(store, "a.md", passage("secret lamp"), scope="eve")
        first = await store.count_terms()
        assert (first.passages, first.terms, dict(first.frequency)) == (2, 5, {"desk": 1, "lamp": 2})
        assert (first.languages, first.removed) == (frozenset(("en",)), 0)
        assert first.aliases == {("Fair Use Policy", "FUP"), ("a.md", "另名")}
        await put(store, "b.md", passage("desk chair"))
        await put(store, "b.md", passage("secret chair"), scope="eve")
        later = await store.count_terms(after=first.newest)
        assert (later.terms, dict(later.frequency)) == (2, {"desk": 1, "chair": 1})
        assert later.newest > first.newest
        assert dict((await store.count_terms()).frequency) == {"desk": 2, "lamp": 2, "chair": 1}

    async def test_counts_tell_of_what_was_removed(self, store: Store) -> None:
        """Passages for everybody that were replaced or removed are counted for ever, visitors' are not."""
        await put(store, "a.md", passage("desk"), passage("lamp"))
        await put(store, "a.md", passage("desk"), scope="eve")
        await put(store, "a.md", passage("chair"))
        await store.remove_document("a.md", scope="eve")
        counts = await store.count_terms()
        assert (dict(counts.frequency), counts.removed) == ({"chair": 1}, 2)
        await store.remove_document("a.md")
        gone = await store.count_terms(after=counts.newest)
        assert (gone.passages, dict(gone.frequency), gone.removed) == (0, {}, 3)

    async def test_one_document(self, store: Store) -> None:
        """A document is found by its location, in its scope alone."""
        await put(store, "a.md", passage("desk"), scope="eve")
        one = await store.document("a.md", scope="eve")
        assert one == (await store.documents(scope="eve"))[0]
        assert await store.document("a.md") is None

    async def test_titles_weigh_most(self, store: Store) -> None:
        """The same term counts more in a title than in a heading, and there more than in the body."""
        await put(store, "body.md", passage("b", body="desk x y"))
        await put(store, "heading.md", passage("h", heading="desk", body="x y"))
        await put(store, "title.md", passage("t", title="desk", body="x y"))
        await put(store, "none.md", passage("n", body="x y z"))
        matches = await store.match('"desk"', limit=10)
        assert [item.passage.text for item in matches] == ["t", "h", "b"]
        scores = [item.passage.score for item in matches]
        assert scores == sorted(scores, reverse=True)
        assert [item.passage.text for item in await store.match('"desk"', limit=1)] == ["t"]

    async def test_terms_stay_whole(self, store: Store) -> None:
        """Terms are parted by spaces alone: punctuation, signs and marks belong to them."""
        await put(store, "a.md", passage("cpp", body="c++ e-mail 3.5mm €5 退货 货物 x’y"))
        await put(store, "b.md", passage("c", body="c mail 5 3 货"))
        for term in ("c++", "e-mail", "3.5mm", "€5", "退货", "x’y"):
            assert await found(store, f'"{term}"') == ["cpp"], term
        for term in ("c", "mail", "5", "货"):
            assert await found(store, f'"{term}"') == ["c"], term

    async def test_what_is_no_query(self, store: Store) -> None:
        """An empty search finds nothing; a broken one is refused with a sentence, and does no harm."""
        await put(store, "a.md", passage("desk"))
        assert await found(store, " ") == []
        for query in ('"desk', "desk AND", "nocolumn:desk", "*"):
            with pytest.raises(StorageError, match="FTS5 query"):
                await found(store, query)
        assert await found(store, '"desk"') == ["desk"]

    async def test_passages_by_number(self, store: Store) -> None:
        """They come in the order asked; missing ones are left out, repeated ones repeated."""
        await put(store, "a.md", passage("one"), passage("two"))
        one, two = (item.number for item in await store.passages_of("a.md"))
        texts = [item.passage.text for item in await store.passages([two, 10**9, one, two])]
        assert texts == ["two", "one", "two"]

    async def test_vectors(self, store: Store) -> None:
        """Each passage has one vector for a model; those of passages that are gone are dropped."""
        with pytest.raises(ValueError, match="one vector for each"):
            await store.put_document(document("a.md"), [passage("one")], vectors=[], model="m")
        await store.put_document(
            document("a.md", scope="s"), [passage("one"), passage("two")], vectors=[b"1111", b"2222"], model="m"
        )
        one, two = (item.number for item in await store.passages_of("a.md", scope="s"))
        await store.put_vectors("m", [(one, b"9999"), (10**9, b"0000")])
        await store.put_vectors("n", [(one, b"nnnn")])
        assert list(await store.vectors("m")) == [(one, "s", b"9999"), (two, "s", b"2222")]
        assert list(await store.vectors("n")) == [(one, "s", b"nnnn")]
        await put(store, "a.md", passage("three"), scope="s")
        assert list(await store.vectors("m")) == []

    async def test_the_version_tells_of_every_change(self, store: Store) -> None:
        """It changes with a document or a vector, and with nothing else."""
        versions = [await store.knowledge_version()]
        await put(store, "a.md", passage("one"))
        versions.append(await store.knowledge_version())
        await store.put_vectors("m", [(1, b"1111")])
        versions.append(await store.knowledge_version())
        await store.remove_document("a.md")
        versions.append(await store.knowledge_version())
        assert len(set(versions)) == 4
        await store.remove_document("a.md")
        await store.audit("nothing", {})
        assert await store.knowledge_version() == versions[-1]
