"""One turn, whole: a real store, real knowledge, and a strict model server over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from bot.config import load
from bot.desk import Desk, at_desk
from bot.events import Address, Failed, Message, Reply, Stop
from tests.fakes.channel import Channel
from tests.fakes.openai import Answer, FakeOpenAI, Hang, HangUp, Raw, Refuse

PAGE = """---
title: Returns
language: en
---
# Returns

You may return a kettle within 30 days of delivery. Opened tea cannot be returned.

The refund arrives within 5 working days after the kettle has reached us.
"""
QUESTION = "How long do I have to return a kettle?"


def message(ident: str, text: str, *, conversation: str = "c", language: str = "") -> Message:
    address = Address(channel="test", conversation=conversation)
    return Message(id=ident, address=address, sender="v", text=text, sent_at=1.0, language=language)


class Talk:
    """A desk with one visitor on a recording channel."""

    def __init__(self, desk: Desk, channel: Channel) -> None:
        self.desk, self.channel, self.count = desk, channel, 0

    async def say(self, text: str, **more: Any) -> Reply | Failed:
        ident = f"m{self.count}"
        self.count += 1
        await self.desk.publish(message(ident, text, **more))
        async with asyncio.timeout(20):
            return await self.channel.end(ident)

    def shown(self, ident: str) -> list[str]:
        """What the channel was shown of an answer, in order."""
        return [event.text for event in self.channel.sent if isinstance(event, Reply) and event.message_id == ident]


@asynccontextmanager
async def talk(folder: Path, *, page: str = PAGE, **sections: dict[str, Any]) -> AsyncIterator[Talk]:
    source = folder / "knowledge" / "returns.md"
    source.parent.mkdir(exist_ok=True)
    source.write_text(page, "utf-8")
    overrides: dict[str, Any] = {
        "data": str(folder / "data"),
        "knowledge": {"semantic": {"enabled": "no"}},
        "site": {"name": "Kettle House", "contact": "help@kettle.example"},
        **sections,
    }
    channel = Channel()
    async with at_desk(load(environ={}, overrides=overrides), [channel]) as desk:
        if page:
            await desk.knowledge.add([str(source)])
        await desk.start()
        yield Talk(desk, channel)
        await desk.close()


@asynccontextmanager
async def modelled(folder: Path, *acts: Any, **sections: Any) -> AsyncIterator[tuple[Talk, FakeOpenAI]]:
    """A talk with a model behind it that does `acts`."""
    async with FakeOpenAI().serving() as fake:
        fake.then(*acts)
        remote = {"base_url": fake.base_url, "retries": 0, "first_token_seconds": 5}
        async with talk(folder, engine={"kind": "openai", "openai": remote}, **sections) as talking:
            yield talking, fake


def ended(event: Reply | Failed) -> Reply:
    assert isinstance(event, Reply), event
    return event


# -- without a model ----------------------------------------------------------------------------------
async def test_a_quote_streams_and_cites(tmp_path: Path) -> None:
    """Without a model the answer comes piece by piece, from the knowledge, with its source."""
    async with talk(tmp_path) as talking:
        end = ended(await talking.say(QUESTION))
        assert "30 days" in end.text
        assert [citation.title for citation in end.citations] == ["Returns"]
        assert end.finish_reason == "stop"
        shown = talking.shown("m0")
        assert len(shown) > 3
        assert all(later.startswith(earlier) for earlier, later in pairwise(shown))


async def test_what_is_not_known_is_declined_with_a_person(tmp_path: Path) -> None:
    """A decline says so, offers a person and cites nothing."""
    async with talk(tmp_path) as talking:
        end = ended(await talking.say("Who painted the Mona Lisa?"))
        assert end.finish_reason == "declined"
        assert "help@kettle.example" in end.text
        assert end.citations == ()


async def test_a_follow_up_is_understood(tmp_path: Path) -> None:
    """The question before it completes one that means nothing alone."""
    async with talk(tmp_path) as talking:
        await talking.say("Can I return opened tea?")
        end = ended(await talking.say("and a kettle?"))
        assert "30 days" in end.text


async def test_the_conversation_keeps_its_language(tmp_path: Path) -> None:
    """A short message does not change the language; another one's conversation is another matter."""
    async with talk(tmp_path) as talking:
        first = ended(await talking.say("Wie lange kann ich einen Wasserkocher zurückgeben?"))
        second = ended(await talking.say("ok"))
        other = ended(await talking.say("ok", conversation="other"))
        assert (first.language, second.language, other.language) == ("de", "de", "en")


async def test_what_a_visitor_tells_is_acknowledged(tmp_path: Path) -> None:
    """A name is no question: it is noted, and the bot asks what it can do."""
    async with talk(tmp_path) as talking:
        end = ended(await talking.say("My name is Ada."))
        assert end.finish_reason == "remark"
        assert "noted" in end.text
        async with asyncio.timeout(20):  # memory is brought up to date after the end was sent
            while not (await talking.desk.store.recall(message("", "").address)).facts:
                await asyncio.sleep(0.005)


# -- with a model -------------------------------------------------------------------------------------
async def test_a_supported_answer_stands_with_its_citation(tmp_path: Path) -> None:
    """The model reads the passages, numbered; what it says and cites is kept."""
    told = ("You have ", "30 days ", "from delivery to return a kettle [1].")
    async with modelled(tmp_path, Answer(pieces=told)) as (talking, fake):
        end = ended(await talking.say(QUESTION))
        assert end.text == "".join(told)
        assert [citation.number for citation in end.citations] == [1]
        system = fake.requests[0]["messages"][0]["content"]
        assert "return a kettle within 30 days" in system
        assert fake.requests[0]["messages"][-1] == {"role": "user", "content": QUESTION}


async def test_an_answer_that_its_sources_do_not_support_is_replaced_by_the_quote(tmp_path: Path) -> None:
    """A number that no source holds never stands in an end."""
    async with modelled(tmp_path, Answer(pieces=("You have 90 days to return a kettle [1].",))) as (talking, _):
        end = ended(await talking.say(QUESTION))
        assert "90" not in end.text
        assert "30 days" in end.text


async def test_a_citation_that_does_not_exist_is_dropped(tmp_path: Path) -> None:
    """[7] of one passage is nobody's source."""
    async with modelled(tmp_path, Answer(pieces=("You have 30 days to return a kettle [1][7].",))) as (talking, _):
        end = ended(await talking.say(QUESTION))
        assert "[7]" not in end.text
        assert [citation.number for citation in end.citations] == [1]


async def test_grounding_can_be_switched_off(tmp_path: Path) -> None:
    """Whoever trusts the model alone gets its words."""
    async with FakeOpenAI().serving() as fake:
        fake.then(Answer(pieces=("You have 90 days.",)))
        engine = {"kind": "openai", "ground": False, "openai": {"base_url": fake.base_url}}
        async with talk(tmp_path, engine=engine) as talking:
            assert ended(await talking.say(QUESTION)).text == "You have 90 days."


async def test_without_any_knowledge_the_model_is_a_plain_assistant(tmp_path: Path) -> None:
    """Nobody gave it sources, so nobody holds it to them."""
    async with FakeOpenAI().serving() as fake:
        fake.then(Answer(pieces=("Paris has 105 km² of surface.",)))
        engine = {"kind": "openai", "openai": {"base_url": fake.base_url}}
        async with talk(tmp_path, page="", engine=engine) as talking:
            end = ended(await talking.say("How large is Paris?"))
            assert end.text == "Paris has 105 km² of surface."


BROKEN = [
    HangUp(),
    Refuse(status=500),
    Refuse(status=429),
    Raw(parts=(b"data: {garbage\n\n",), cut=True),
    Answer(finish=None, done=False),
]


@pytest.mark.parametrize("act", BROKEN)
async def test_when_the_model_fails_the_quote_answers(tmp_path: Path, act: Any) -> None:
    """A broken engine is the operator's problem, not the visitor's, as long as the knowledge answers."""
    async with modelled(tmp_path, act) as (talking, _):
        assert "30 days" in ended(await talking.say(QUESTION)).text


async def test_when_nothing_can_answer_the_person_is_told(tmp_path: Path) -> None:
    """No model, no quote: Failed, with a sentence in the visitor's language and the reason for the operator."""
    async with modelled(tmp_path, Refuse(status=503)) as (talking, _):
        end = await talking.say("Wer hat die Mona Lisa gemalt und wann war das?")
        assert isinstance(end, Failed)
        assert "leid" in end.said
        assert end.reason


async def test_a_stop_frees_the_servers_slot_at_once(tmp_path: Path) -> None:
    """The connection is closed while the server is still writing, and the end holds what was written."""
    gate = asyncio.Event()
    told = ("You have ", "30 days ", "and more")
    async with modelled(tmp_path, Answer(pieces=told, gate=gate, gate_at=2)) as (talking, fake):
        await talking.desk.publish(message("m0", QUESTION))
        async with talking.channel.changed:
            await talking.channel.changed.wait_for(lambda: talking.shown("m0")[-1:] == ["You have 30 days "])
        assert await talking.desk.publish(Stop(address=message("m0", "").address, message_id="m0"))
        end = ended(await talking.channel.end("m0"))
        assert (end.text, end.finish_reason) == ("You have 30 days ", "cancelled")
        await fake.until(lambda fake: fake.running == 0)
        assert fake.hung_up == 1


async def test_a_stop_before_the_first_word_ends_empty(tmp_path: Path) -> None:
    """Nothing was written, so nothing is shown; the message has ended all the same."""
    async with modelled(tmp_path, Hang()) as (talking, fake):
        await talking.desk.publish(message("m0", QUESTION))
        await fake.until(lambda fake: fake.running == 1)
        await talking.desk.publish(Stop(address=message("m0", "").address))
        end = ended(await talking.channel.end("m0"))
        assert (end.text, end.finish_reason) == ("", "cancelled")
        await fake.until(lambda fake: fake.running == 0)


async def test_an_interrupted_question_is_answered_with_the_next(tmp_path: Path) -> None:
    """Policy `interrupt`: the model is asked both questions at once."""
    gate = asyncio.Event()
    acts = (Answer(pieces=("You ", "have"), gate=gate, gate_at=1), Answer(pieces=("30 days to return a kettle [1].",)))
    async with modelled(tmp_path, *acts, bus={"busy": "interrupt"}) as (talking, fake):
        await talking.desk.publish(message("m0", QUESTION))
        await fake.until(lambda fake: fake.running == 1)
        await talking.desk.publish(message("m1", "And when is the refund paid?"))
        first = ended(await talking.channel.end("m0"))
        assert first.finish_reason == "interrupted"
        await talking.channel.end("m1")
        asked = fake.requests[-1]["messages"][-1]["content"]
        assert QUESTION in asked
        assert "refund" in asked


async def test_personal_data_does_not_reach_the_model_where_that_is_asked_for(tmp_path: Path) -> None:
    """`privacy.redact_before_model`: neither this message nor what is remembered holds an address or a card."""
    async with modelled(tmp_path, Answer(), Answer(), privacy={"redact_before_model": True}) as (talking, fake):
        await talking.say("I am jane@example.org, how long may I return a kettle?")
        await talking.say("My card is 4111 1111 1111 1111, when is the refund paid?")
        sent = str([request["messages"] for request in fake.requests])
        assert "jane@example.org" not in sent
        assert "4111" not in sent
        assert "[email]" in sent
        assert "[card]" in sent


async def test_a_very_long_message_is_answered_and_said_to_be_shortened(tmp_path: Path) -> None:
    """Over-long input is never dropped."""
    told = Answer(pieces=("You have 30 days to return a kettle [1].",))
    story = "I bought it in spring and my aunt likes tea very much. " * 400
    async with modelled(tmp_path, told) as (talking, fake):
        end = ended(await talking.say(story + QUESTION))
        assert end.text.startswith("You have 30 days")
        assert "very long" in end.text
        assert len(fake.requests[0]["messages"][-1]["content"]) < len(story) / 2
