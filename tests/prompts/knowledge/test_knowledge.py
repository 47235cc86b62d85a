"""Adding: only what changed is read, what is gone is removed, and nothing bad stops the rest."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from aiohttp import web

from bot.config import KnowledgeConfig
from bot.errors import SourceError, StorageError
from prompts.knowledge import Knowledge, Progress
from prompts.knowledge.fetch import Fetched
from storage.base import Document, StoredPassage
from storage.sqlite import SqliteStore


class Pages:
    """A web of our own."""

    def __init__(self, **pages: str) -> None:
        self.pages = {f"https://{name}.example/": text for name, text in pages.items()}

    async def fetch(self, url: str) -> Fetched:
        if url not in self.pages:
            raise SourceError("The server answered 404: check the address.")
        return Fetched(body=self.pages[url].encode(), url=url, kind="html", charset="")


def put(project: Path, **files: str) -> None:
    folder = project / "kb"
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.md").write_text(text, "utf-8")


async def test_a_folder_is_added_and_listed(knowledge: Knowledge, project: Path) -> None:
    """Each document with its title, language, number of passages and page."""
    put(
        project,
        a="---\nlanguage: de\nurl: https://s.example/a\n---\n# Versand\n\nText\n\n## Mehr\n\nMehr",
        b="English text here",
    )
    added = await knowledge.add([str(project / "kb")])
    assert (added.added, added.passages, added.failed) == (["kb/a.md", "kb/b.md"], 3, [])
    first, second = await knowledge.documents()
    assert (first.title, first.language, first.passages, first.url) == ("Versand", "de", 2, "https://s.example/a")
    assert (second.location, second.title, second.language) == ("kb/b.md", "B", "en")


async def test_only_changes_are_read_again(knowledge: Knowledge, store: SqliteStore, project: Path) -> None:
    """Unchanged documents keep their passages' numbers; changed ones are replaced; gone ones removed."""
    put(project, same="Same", changed="Old words", gone="Gone")
    await knowledge.add([str(project / "kb")])
    (before,) = await store.passages_of("kb/same.md")
    put(project, changed="New words", fresh="Fresh")
    (project / "kb/gone.md").unlink()
    added = await knowledge.add([str(project / "kb")])
    assert (added.added, added.updated, added.unchanged, added.removed) == (
        ["kb/fresh.md"], ["kb/changed.md"], ["kb/same.md"], ["kb/gone.md"],
    )  # fmt: skip
    assert (await store.passages_of("kb/same.md"))[0].number == before.number
    assert [found.passage.text for found in await store.passages_of("kb/changed.md")] == ["New words"]
    assert await store.passages_of("kb/gone.md") == []


async def test_another_way_of_cutting_renews_everything(store: SqliteStore, project: Path) -> None:
    """When passages would come out otherwise, the same bytes count as changed."""
    put(project, a="Text")
    await Knowledge(store, KnowledgeConfig(passage_tokens=400), root=project).add([str(project / "kb")])
    other = Knowledge(store, KnowledgeConfig(passage_tokens=100), root=project)
    assert (await other.add([str(project / "kb")])).updated == ["kb/a.md"]


async def test_a_bad_source_stops_no_other(knowledge: Knowledge, project: Path) -> None:
    """Every kind of trouble is a sentence in the report, and what was known of the source stays."""
    put(project, good="Good", turns_bad="It was good")
    await knowledge.add([str(project / "kb")])
    (project / "kb/turns_bad.md").write_bytes(bytes(range(256)) * 9)
    (project / "kb/image.txt").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\0")
    (project / "kb/scan.pdf").write_bytes(b"%PDF-1.4 nothing")
    put(project, better="Better")
    added = await knowledge.add([str(project / "kb"), str(project / "missing"), "ftp://x.example/"])
    assert added.added == ["kb/better.md"]
    reasons = {problem.location.rsplit("/", 1)[-1]: problem.reason for problem in added.failed}
    assert {name: reason.split(":")[0].split(" (")[0] for name, reason in reasons.items()} == {
        "missing": "There is no such file or folder",
        "turns_bad.md": "It is a binary file, not text.",
        "image.txt": "It is a binary file, not text.",
        "scan.pdf": "It is not a PDF that can be read",
        "": "Only http and https addresses are fetched.",
    }  # fmt: skip
    assert [document.location for document in await knowledge.documents()] == [
        "kb/better.md", "kb/good.md", "kb/turns_bad.md",
    ]  # fmt: skip


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
async def test_a_folder_that_cannot_be_listed_keeps_its_documents(knowledge: Knowledge, project: Path) -> None:
    """What cannot be seen is not gone."""
    put(project, a="Text")
    await knowledge.add([str(project)])
    (project / "kb").chmod(0)
    added = await knowledge.add([str(project)])
    (project / "kb").chmod(0o755)
    assert (added.removed, len(added.failed)) == ([], 1)


async def test_a_source_that_becomes_empty_is_forgotten(knowledge: Knowledge, project: Path) -> None:
    """It says nothing any more; one that never said anything is skipped with a reason."""
    put(project, a="Text", never="")
    await knowledge.add([str(project / "kb")])
    put(project, a="---\ntitle: A\n---\n")
    added = await knowledge.add([str(project / "kb")])
    assert (added.removed, [problem.location for problem in added.skipped]) == (["kb/a.md"], ["kb/never.md"])
    assert await knowledge.documents() == []


async def test_pages_are_added_and_kept_when_they_fail(store: SqliteStore, project: Path) -> None:
    """A page is named by its address; adding a folder does not touch it, nor does a server that is down."""
    web = Pages(shop="<title>Shop</title><p>Open on Monday")
    knowledge = Knowledge(store, KnowledgeConfig(), root=project, fetcher=web)
    assert (await knowledge.add(["https://shop.example/"])).added == ["https://shop.example/"]
    assert (await knowledge.add(["https://shop.example/"])).unchanged == ["https://shop.example/"]
    put(project, a="Text")
    assert (await knowledge.add([str(project)])).removed == []
    web.pages.clear()
    assert [problem.reason for problem in (await knowledge.add(["https://shop.example/"])).failed] == [
        "The server answered 404: check the address."
    ]
    assert [document.title for document in await knowledge.documents()] == ["Shop", "A"]


async def test_the_default_reaches_nothing_inside(knowledge: Knowledge) -> None:
    """Without a fetcher of the tests' own, a server on this machine is out of reach."""
    hits: list[str] = []

    async def serve(request: web.Request) -> web.Response:
        hits.append(request.path)
        return web.Response(text="secret")

    app = web.Application()
    app.router.add_get("/{path:.*}", serve)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    added = await knowledge.add([f"http://127.0.0.1:{port}/", f"http://localhost:{port}/", "http://127.0.0.1/"])
    await runner.cleanup()
    assert (len(added.failed), hits) == (3, [])


async def test_progress_counts_to_the_end(knowledge: Knowledge, project: Path) -> None:
    """One step for each source, and the last one says that all are done."""
    put(project, a="A", b="B", gone="C")
    await knowledge.add([str(project / "kb")])
    (project / "kb/gone.md").unlink()
    put(project, b="B2")
    steps: list[Progress] = []
    await knowledge.add([str(project / "kb"), str(project / "no")], progress=steps.append)
    assert sorted((step.source.rsplit("/", 1)[-1], step.state) for step in steps) == [
        ("a.md", "unchanged"), ("b.md", "updated"), ("gone.md", "removed"), ("no", "failed"),
    ]  # fmt: skip
    assert [step.done for step in steps] == [1, 2, 3, 4]
    assert steps[-1].total == 4


async def test_removing_by_location_path_or_folder(
    knowledge: Knowledge, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `documents` shows and what was typed for `add` both name a document; False when nothing does."""
    put(project, a="A", b="B", c="C", d="D")
    await knowledge.add([str(project / "kb")])
    monkeypatch.chdir(project / "kb")
    assert await knowledge.remove("kb/a.md")
    assert await knowledge.remove(str(project / "kb/b.md"))
    assert await knowledge.remove("c.md")
    assert not await knowledge.remove("kb/a.md")
    assert [document.location for document in await knowledge.documents()] == ["kb/d.md"]
    assert await knowledge.remove(str(project / "kb"))
    assert await knowledge.documents() == []
    assert not await knowledge.remove("")


async def test_scopes_are_apart(knowledge: Knowledge, project: Path) -> None:
    """What is added for one conversation is found there alone, and adding or removing elsewhere leaves it."""
    put(project, a="The secret word is marmalade")
    await knowledge.add([str(project / "kb")], scope="chat:1")
    assert await knowledge.documents() == []
    assert not await knowledge.remove("kb/a.md")
    assert await knowledge.search("marmalade") == []
    assert await knowledge.search("marmalade", scopes=("", "chat:2")) == []
    assert len(await knowledge.search("marmalade", scopes=("", "chat:1"))) == 1
    (project / "kb/a.md").unlink()
    assert (await knowledge.add([str(project / "kb")])).removed == []


async def test_two_adds_at_once_do_not_disturb_each_other(knowledge: Knowledge, project: Path) -> None:
    """The second waits and finds everything unchanged."""
    put(project, **{f"d{number}": f"Text {number}" for number in range(12)})
    first, second = await asyncio.gather(*(knowledge.add([str(project / "kb")]) for _ in range(2)))
    assert (len(first.added), len(second.unchanged)) == (12, 12)


async def test_a_full_disk_is_told_as_itself(store: SqliteStore, project: Path) -> None:
    """The storage's own error comes through, not a group of them."""

    class Full(SqliteStore):
        async def put_document(self, document: Document, passages: object, **_: object) -> None:
            raise StorageError("The disk is full.")

    full = Full(project / "data")
    await full.open()
    put(project, a="A", b="B", c="C")
    with pytest.raises(StorageError, match="disk is full"):
        await Knowledge(full, KnowledgeConfig(), root=project).add([str(project / "kb")])
    await full.close()


async def test_a_thousand_rows_keep_their_header(knowledge: Knowledge, store: SqliteStore, project: Path) -> None:
    """A CSV becomes many passages, each a table whose rows can be understood alone."""
    lines = [f"Part {number},{number}.50" for number in range(1_000)]
    (project / "prices.csv").write_text("Part,Price\n" + "\n".join(lines))
    await knowledge.add([str(project / "prices.csv")])
    passages: list[StoredPassage] = list(await store.passages_of("prices.csv"))
    assert len(passages) > 10
    assert all(stored.passage.text.startswith("| Part | Price |\n| --- | --- |\n| Part ") for stored in passages)
    (found, *_) = await knowledge.search("What is the price of Part 777?", language="en")
    assert "| Part 777 | 777.50 |" in found.text
