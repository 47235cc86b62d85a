"""Preparing a question: the event loop never waits for a long one, and nobody waits for another's form."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from bot.engine.base import EngineSlow
from bot.engine.local.model import Model
from bot.engine.local.prepare import Preparer, Question
from bot.events import Sampling
from tests.fakes.local_engine import FakeRunner, FakeTexts

HI: Any = {"role": "user", "content": "Hi"}
CALL = {"function": {"name": "look", "arguments": {"for": "something " * 500}}}
FORM = Sampling(regex="a+", max_tokens=4)


class Texts(FakeTexts):
    """Remembers the thread that asked."""

    thread: threading.Thread | None = None

    def chat(self, messages: Any, tools: Any = ()) -> list[int]:
        self.thread = threading.current_thread()
        return [1, 2, 3]


def preparer(texts: Texts, grammar: Callable[[Any], Any] = lambda _: None) -> Preparer:
    model = Model(runner=FakeRunner(), texts=texts, counting=texts, grammar=grammar)
    return Preparer(model, context_tokens=256)


@pytest.mark.parametrize(
    ("more", "aside"),
    [
        ({}, False),
        ({"messages": [{"role": "user", "content": "word " * 1_000}]}, True),
        ({"messages": [{"role": "user", "content": ""}] * 1_000}, True),
        ({"messages": [HI, {"role": "assistant", "content": "", "tool_calls": [CALL]}]}, True),
        ({"messages": [{**HI, "name": "Ann" * 2_000}]}, True),
        ({"tools": [CALL]}, True),
    ],
)
async def test_what_takes_long_is_read_beside_the_event_loop(more: dict[str, Any], aside: bool) -> None:
    """Whatever it is that makes it long: text, calls, tools, names, or how many messages there are."""
    texts = Texts()
    preparing = preparer(texts)
    await preparing.prepare(Question(**{"sampling": Sampling(max_tokens=4), "messages": [HI], **more}))
    assert (texts.thread is not threading.main_thread()) == aside
    preparing.close("over")


async def test_nobody_s_text_waits_for_a_form() -> None:
    """However many forms are worked on, and for however long."""
    release, texts = threading.Event(), Texts()
    preparing = preparer(texts, lambda _: release.wait(20) and None)
    bound = [asyncio.create_task(preparing.prepare(Question(sampling=FORM, messages=[HI]))) for _ in range(8)]
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await preparing.prepare(Question(sampling=Sampling(max_tokens=4), messages=[HI] * 1_000))
    assert not any(task.done() for task in bound)
    release.set()
    assert len(await asyncio.gather(*bound)) == 8
    preparing.close("over")


async def test_preparing_takes_no_longer_than_the_answer_may() -> None:
    """Who waits for a form that takes too long is told so, when the time is over."""
    release = threading.Event()
    preparing = preparer(Texts(), lambda _: release.wait(20) and None)
    with pytest.raises(EngineSlow, match="within the time"):
        await preparing.prepare(Question(sampling=FORM, messages=[HI], deadline=0.05))
    release.set()
    preparing.close("over")
