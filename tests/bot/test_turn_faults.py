"""The laws of one turn: it holds up nobody, ends when it is told to, and names its sources whole."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot import question as questions
from bot import turn as turns
from bot import writing
from bot.answer.quote import Quoter
from bot.attachments import Attachments
from bot.config import load
from bot.engine.base import ChatMessage, Delta, EngineFault
from bot.events import Address, Message, Reply, Sampling
from bot.language import Languages
from bot.privacy import Redactor
from bot.turn import Turner
from bot.work import Cancellation
from prompts.knowledge import Knowledge
from prompts.memory import Memory
from prompts.template import Library
from prompts.tokens import estimate_tokens
from storage.sqlite import SqliteStore

ARTICLE = (
    "---\nurl: https://shop.example/delivery\n---\n# Delivery\n\nDelivery to Austria costs 7 euros and takes 3 days.\n"
)


class Model:
    """An engine that writes `pieces`, then does `last`."""

    def __init__(self, pieces: Sequence[str], last: Callable[[], Awaitable[None]] | None = None) -> None:
        self.pieces, self.last, self.closed = pieces, last, False

    async def stream(
        self, messages: Sequence[ChatMessage], sampling: Sampling, *, owner: str = ""
    ) -> AsyncIterator[Delta]:
        try:
            for piece in self.pieces:
                yield Delta(text=piece)
            if self.last:
                await self.last()
            yield Delta(text="", finish_reason="stop")
        finally:
            self.closed = True


@dataclass
class At:
    turner: Turner
    knowledge: Knowledge
    shown: list[Reply]

    async def emit(self, reply: Reply) -> None:
        self.shown.append(reply)

    async def ask(self, text: str, cancellation: Cancellation | None = None) -> Any:
        said = Message(
            id="m", address=Address(channel="t", conversation="c"), sender="v", text=text, sent_at=1.0, language="en"
        )
        return (await self.turner.answer(said, 1, cancellation or Cancellation(), self.emit)).event


@asynccontextmanager
async def at_work(folder: Path, model: Model | None = None) -> AsyncIterator[At]:
    (folder / "delivery.md").write_text(ARTICLE)
    remote = {"kind": "openai", "openai": {"base_url": "http://127.0.0.1:9", "model": "m"}}
    settings = {"quote": {"delay_ms": 0}} | (remote if model else {})
    config = load(environ={}, overrides={"engine": settings})
    store = SqliteStore(folder / "data")
    await store.open()
    knowledge = Knowledge(store, config.knowledge, root=folder)
    try:
        await knowledge.add([str(folder / "delivery.md")])
        engine: Any = model
        turner = Turner(
            config=config,
            store=store,
            languages=Languages(config.language),
            redactor=Redactor(config.privacy),
            memory=Memory(store, config.memory),
            knowledge=knowledge,
            library=Library(),
            quoter=Quoter(config.site),
            engine=engine,
            count=estimate_tokens,
            attachments=Attachments(config, knowledge, {}),
        )
        yield At(turner, knowledge, [])
    finally:
        knowledge.close()
        await store.close()


async def test_a_models_citations_open_the_page_of_their_source(tmp_path: Path) -> None:
    """A checked answer keeps what is known of its sources, their pages too."""
    model = Model(["Delivery to Austria costs 7 euros ", "and takes 3 days. [1]"])
    async with at_work(tmp_path, model) as at:
        end = await at.ask("What does delivery to Austria cost?")
    assert [citation.url for citation in end.citations] == ["https://shop.example/delivery"]
    assert model.closed


async def test_a_stop_closes_the_stream_and_keeps_what_was_written(tmp_path: Path) -> None:
    """Stopped in the middle, an answer ends with its text so far, without citations of what does not exist."""
    cancellation = Cancellation()

    async def stopped() -> None:
        cancellation.cancel("cancelled")
        await asyncio.Event().wait()

    model = Model(["It costs 7 euros [1] and takes [9]", " three"], stopped)
    async with at_work(tmp_path, model) as at:
        end = await at.ask("What does delivery to Austria cost?", cancellation)
    assert model.closed
    assert (end.finish_reason, end.text) == ("cancelled", "It costs 7 euros [1] and takes three")
    assert [citation.number for citation in end.citations] == [1]


async def test_a_stop_is_not_answered_by_a_quote(tmp_path: Path) -> None:
    """The engine breaks just when it is stopped: what was written stays, nothing is put in its place."""
    cancellation = Cancellation()

    async def breaks() -> None:
        cancellation.cancel("cancelled")
        raise EngineFault("the connection broke")

    async with at_work(tmp_path, Model(["It costs"], breaks)) as at:
        end = await at.ask("What does delivery to Austria cost?", cancellation)
    assert (end.finish_reason, end.text) == ("cancelled", "It costs")


async def test_a_cancellation_that_nobody_asked_for_is_a_fault(tmp_path: Path) -> None:
    """Something inside was cancelled: that is worth another attempt, and no answer cut short."""

    async def cancelled() -> None:
        raise asyncio.CancelledError

    async with at_work(tmp_path, Model(["It costs"], cancelled)) as at:
        with pytest.raises(RuntimeError, match="cancelled"):
            await at.ask("What does delivery to Austria cost?")


async def test_long_texts_are_read_beside_the_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A question of 8,000 characters is understood, quoted for and checked in another thread than everybody's."""
    where: list[bool] = []

    def noting(function: Any) -> Any:
        def noted(*arguments: Any, **more: Any) -> Any:
            where.append(threading.current_thread() is threading.main_thread())
            return function(*arguments, **more)

        return noted

    for module, name in ((questions, "standalone"), (questions, "intent"), (turns, "ground"), (writing, "compose")):
        monkeypatch.setattr(module, name, noting(getattr(module, name)))
    monkeypatch.setattr(Redactor, "redact", noting(Redactor.redact))
    monkeypatch.setattr(Quoter, "candidates", noting(Quoter.candidates))
    monkeypatch.setattr(Quoter, "answer", noting(Quoter.answer))
    question = "What does delivery to Austria cost? " * 222
    async with at_work(tmp_path) as at:
        assert isinstance(await at.ask(question), Reply)
    async with at_work(tmp_path, Model(["The moon is made of cheese. " * 90])) as at:
        assert isinstance(await at.ask(question), Reply)
    assert len(where) > 8
    assert not any(where)
