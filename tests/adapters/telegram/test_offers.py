"""Inline mode: what is offered to somebody who types the bot's name and a question in any chat."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.telegram.commands import link, topic
from bot.errors import Overloaded
from bot.events import Address, Citation, Reply
from tests.adapters.telegram.bureau import ANNA, FRAME, bureau
from tests.adapters.telegram.inlet import Inlet, inlet
from tests.adapters.telegram.updates import ANNA as PERSON


def reply(text: str, **more: Any) -> Reply:
    nowhere = Address(channel="", conversation="")
    return Reply(message_id="", attempt=1, address=nowhere, text=text, seq=0, final=True, language="en", **more)


async def offered(made: Inlet, query: str, ident: str = "5") -> Any:
    """What is answered to an inline query, as it was given to Telegram."""
    before = len(made.telegram.calls_of("answerInlineQuery"))
    made.telegram.world.inline[ident] = made.telegram._button(7)
    await made.take("inline_query", {"id": ident, "from": PERSON, "query": query, "offset": ""})
    await made.telegram.until(lambda: len(made.telegram.calls_of("answerInlineQuery")) > before)
    return made.telegram.calls_of("answerInlineQuery")[-1].given


async def test_an_answer_from_the_knowledge(tmp_path: Path) -> None:
    """Through the whole house: quoted with its source, and nothing of it is stored."""
    async with bureau(tmp_path) as made:
        asked = await made.telegram.inline(ANNA, FRAME)
        answer = await made.telegram.until(lambda: asked.answer)
        (result,) = answer["results"]
        assert "five years" in result["input_message_content"]["message_text"] and FRAME in result["title"]
        await made.telegram.start(ANNA, answer["button"]["start_parameter"])
        assert "five years" in (await made.answer(ANNA)).text
        nothing = await made.telegram.inline(ANNA, "Who won the football match yesterday?")
        answer = await made.telegram.until(lambda: nothing.answer)
        assert answer["results"] == [] and answer["button"]["text"]


async def test_what_is_offered(tmp_path: Path) -> None:
    """One article: the question, the beginning of the answer, and the answer with its source as it will stand there."""
    source = Citation(number=1, title="Warranty", location="https://example.org/warranty")

    async def quick(question: str, language: str) -> Reply:
        assert (question, language) == ("how long?", "de")
        return reply("**Five** years. [1]", citations=(source,), finish_reason="stop")

    async with inlet(tmp_path, quick=quick) as made:
        given_results = await offered(made, " how   long? ")
        (result,) = given_results["results"]
        content = result["input_message_content"]
        assert result["title"] == "how long?" and "Five years" in result["description"]
        assert "Five years" in content["message_text"] and "**" not in content["message_text"]
        assert {entity["type"] for entity in content["entities"]} >= {"bold", "text_link"}
        assert given_results["is_personal"] and len(result["id"].encode()) <= 64


@pytest.mark.parametrize("query", ["", "ab"])
async def test_too_little_is_asked(tmp_path: Path, query: str) -> None:
    """Nothing is looked up for it."""

    async def never(_: str, __: str) -> Reply:
        raise AssertionError

    async with inlet(tmp_path, quick=never) as made:
        assert (await offered(made, query))["results"] == []


async def test_nothing_is_known(tmp_path: Path) -> None:
    """What says that nothing is known is not offered: nobody would send that to a friend."""

    async def declines(_: str, __: str) -> Reply:
        return reply("I am sorry.", finish_reason="declined")

    async with inlet(tmp_path / "1", quick=declines) as made:
        assert (await offered(made, "how long?"))["results"] == []
    async with inlet(tmp_path / "2") as made:
        assert (await offered(made, "how long?"))["results"] == []


async def test_too_many_ask_at_once(tmp_path: Path) -> None:
    """Nothing is offered then, and nothing is kept that others would get."""

    async def overloaded(_: str, __: str) -> Reply:
        raise Overloaded("full")

    async with inlet(tmp_path, quick=overloaded) as made:
        answered = await offered(made, "how long?")
        assert answered["results"] == [] and answered["cache_time"] == 0


async def test_who_is_not_answered_is_offered_nothing(tmp_path: Path) -> None:
    """Neither an answer nor the way to one; and nobody where inline mode is off."""

    async def never(_: str, __: str) -> Reply:
        raise AssertionError

    for number, closed in enumerate(({"users": [8]}, {"chats": [-5]}, {"inline": False})):
        async with inlet(tmp_path / str(number), quick=never, telegram=closed) as made:
            answered = await offered(made, "how long?")
            assert answered["results"] == [] and "button" not in answered


async def test_who_types_on(tmp_path: Path) -> None:
    """Only the newest question of theirs is answered."""
    slow = asyncio.Event()

    async def quick(question: str, _: str) -> Reply:
        if question == "how":
            await slow.wait()
        return reply(f"About {question}", finish_reason="stop")

    async with inlet(tmp_path, quick=quick) as made:
        made.telegram.world.inline["4"] = made.telegram._button(7)
        await made.take("inline_query", {"id": "4", "from": PERSON, "query": "how", "offset": ""})
        answered = await offered(made, "how long?")
        slow.set()
        assert answered["results"][0]["title"] == "how long?"
        await made.courtesies.close()
        assert [asked.given["inline_query_id"] for asked in made.telegram.calls_of("answerInlineQuery")] == ["5"]


@given(st.text(max_size=200))
def test_deep_links_of_questions(text: str) -> None:
    """A link's payload is what Telegram takes, and is about the question or its beginning, or about nothing."""
    payload = link(text.encode("utf-8", "ignore").decode())
    assert 1 <= len(payload) <= 64 and payload.replace("-", "").replace("_", "").isalnum() and payload.isascii()
    assert topic(payload) == "" or text.strip().startswith(topic(payload))
