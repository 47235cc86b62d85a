"""Quick answers: of no conversation, quoted, and never more than a few at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp.web import AbstractRouteDef

from adapters.base import Context, Publish
from adapters.base import Quick as Asking
from bot.answer.quote import Quoter
from bot.config import load
from bot.desk import adapters_of, at_desk
from bot.errors import Overloaded
from bot.events import Passage
from bot.language import Languages
from bot.phrases import said
from bot.quick import CHARACTERS, RUNNING, WAITING, Quick
from bot.quoting import Quotes
from prompts.knowledge import Knowledge
from storage.base import conversation_scope
from storage.sqlite import SqliteStore
from tests.bot.filed import PAGE
from tests.bot.test_settings import HERE

CONFIG = load(environ={}, overrides={"site": {"name": "Kettle House"}, "knowledge": {"semantic": {"enabled": "no"}}})
LANGUAGES = Languages(CONFIG.language)
ASKED = "How long do I have to return a kettle after delivery?"


def quick(knowledge: Any) -> Quick:
    return Quick(Quotes(knowledge, Quoter(CONFIG.site), most=8, remembers=False), LANGUAGES)


@asynccontextmanager
async def knowing(folder: Path) -> AsyncIterator[tuple[Knowledge, SqliteStore]]:
    store = SqliteStore(folder / "data")
    await store.open()
    knowledge = Knowledge(store, CONFIG.knowledge)
    (folder / "returns.md").write_text(PAGE, "utf-8")
    await knowledge.add([str(folder / "returns.md")])
    yield knowledge, store
    knowledge.close()
    await store.close()


async def test_a_quick_answer_is_quoted_with_its_source(tmp_path: Path) -> None:
    """In the language that was asked in; the sender's is only a hint. It is whole, and of no conversation."""
    async with knowing(tmp_path) as (knowledge, _):
        for _ in range(2):
            reply = await quick(knowledge)(ASKED, "de")
            assert "30 days" in reply.text
            assert (reply.final, reply.finish_reason, reply.language) == (True, "stop", "en")
            assert [citation.title for citation in reply.citations] == ["Returns"]
            assert (reply.message_id, reply.address.conversation) == ("", "")


@pytest.mark.parametrize(
    ("text", "language", "key", "reason"),
    [
        ("Do you sell bananas?", "", "decline", "declined"),
        ("", "de", "greeting", "stop"),
        ("My name is Bob.", "", "decline", "declined"),
        ("I want to talk to a human", "", "human", "human"),
        ("谢谢", "en", "thanks", "stop"),
    ],
)
async def test_what_is_no_question_or_not_known(
    tmp_path: Path, text: str, language: str, key: str, reason: str
) -> None:
    """It is said as it is anywhere; but nothing is noted of what somebody tells."""
    async with knowing(tmp_path) as (knowledge, _):
        reply = await quick(knowledge)(text, language)
        person = said("person_unknown", reply.language, name="Kettle House")
        assert reply.text == said(key, reply.language, name="Kettle House", person=person)
        assert reply.finish_reason == reason


async def test_nothing_is_stored_and_nobodys_own_is_shown(tmp_path: Path) -> None:
    """The file of a conversation answers nobody who asks from outside."""
    async with knowing(tmp_path) as (knowledge, store):
        await knowledge.add_bytes("figs.txt", b"Figs cost 3 euros.", location="f", scope=conversation_scope(HERE))
        assert "3 euros" not in (await quick(knowledge)("What do figs cost?", "")).text
        assert await store.pending() == []
        assert await store.history(HERE) == []


class Slow:
    """Knowledge that is looked into only when the test says so."""

    def __init__(self) -> None:
        self.gate, self.inside, self.most, self.asked = asyncio.Event(), 0, 0, 0

    async def explained(self, question: str, **_: Any) -> Sequence[Passage]:
        assert len(question) <= CHARACTERS
        self.asked += 1
        self.inside += 1
        self.most = max(self.most, self.inside)
        try:
            await self.gate.wait()
        finally:
            self.inside -= 1
        return ()

    async def alike(self, *_: Any) -> list[float]:
        return []


async def test_of_many_at_once_few_are_looked_up_and_the_rest_refused() -> None:
    """Those who wait come in turn; who gave up, or asked too much, leaves the place to others."""
    slow = Slow()
    ask = quick(slow)
    asking = [asyncio.create_task(ask("bananas " * 900, "")) for _ in range(RUNNING + WAITING)]
    async with asyncio.timeout(30):
        while slow.inside < RUNNING:
            await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await ask("figs?", "")
        for task in (asking[0], asking[-1]):
            task.cancel()
        await asyncio.wait({asking[0], asking[-1]})
        last = asyncio.create_task(ask("figs?", ""))
        slow.gate.set()
        replies = await asyncio.gather(last, *asking[1:-1])
    assert {reply.finish_reason for reply in replies} == {"declined"}
    assert slow.most == RUNNING
    assert slow.asked <= RUNNING + WAITING


class Given:
    """An adapter that shows what it was given."""

    name = "given"

    def __init__(self, context: Context) -> None:
        self.quick: Asking | None = context.quick

    def routes(self) -> Sequence[AbstractRouteDef]:
        return ()

    async def run(self, publish: Publish) -> None: ...

    async def send(self, event: Any) -> str:
        return ""

    async def close(self) -> None: ...


async def test_adapters_are_given_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of a desk that runs, which needs no model for it; who only looks at them gives none."""

    class Point:
        name = "given"

        def load(self) -> type[Given]:
            return Given

    monkeypatch.setattr("bot.desk.entry_points", lambda **_: (Point(),))
    given = {"data": str(tmp_path), "adapters": {"given": {}}, "web": {"enabled": False}, "api": {"enabled": False}}
    config = load(environ={}, overrides={**given, "knowledge": {"semantic": {"enabled": "no"}}})
    async with at_desk(config) as desk:
        adapter = desk.adapters["given"]
        assert isinstance(adapter, Given) and adapter.quick is not None
        assert (await adapter.quick("Hello", "")).text == said("greeting", "en", name=config.site.name)
        assert adapters_of(config, desk.store, desk.metrics, None)[0].quick is None  # type: ignore[attr-defined]
