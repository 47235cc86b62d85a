"""A person's turn, over a real store and desk: two channels, with the visitor and the colleagues at either end."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.config import Config, load
from bot.desk import Desk, at_desk
from bot.errors import ConfigError, UsageError
from bot.events import Address, Command, Failed, Message, Stop
from bot.handover import Handover
from bot.perceiving import Perceiving
from bot.phrases import said
from bot.turn import Turner
from bot.work import Answering
from tests.fakes.channel import Channel
from tests.fakes.handed_over import ANA, BEN, VISITOR, handed_over

JOINED, RESOLVED = "(Ana has joined.)", f"({said('case_resolved', 'en')})"
OPENED = said("case_opened", "en")


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries wait for nothing, so that tests do not sleep."""
    monkeypatch.setattr("bot.work._FIRST_PAUSE", 0.0)
    monkeypatch.setattr("bot.delivery._FIRST_PAUSE", 0.0)


@pytest.fixture(params=["support", "test"])
def channel(request: pytest.FixtureRequest) -> str:
    """Where the desk is: on a channel of its own, or on the visitor's."""
    return str(request.param)


async def test_a_conversation_goes_to_a_person_and_back(tmp_path: Path, channel: str) -> None:
    """From the first question to the bot's next answer, each side sees what it should, in order, and nothing else."""
    async with handed_over(tmp_path, channel=channel) as at:
        await at.answered("Where is my parcel?")
        case = await at.opens()
        await at.answered("It is urgent", name="Zoë")
        await at.takes(case)
        assert (await at.heard("Hello?")).text == ""
        assert (await at.desk_says(case, "One moment")).text == ""
        assert (await at.desk_says(case, "He is angry", by=BEN)).text == ""
        await at.desk_says(case, "It comes today")
        assert (await at.heard("Thank you")).finish_reason == "human"
        await at.desk_says(case, command="resolve")
        await at.answered("And the invoice?")
        await at.settled()
        assert at.visitor_sees() == [
            "answer to Where is my parcel?", OPENED, "answer to It is urgent", JOINED,
            "Ana: One moment", "Ana: It comes today", RESOLVED, "answer to And the invoice?",
        ]  # fmt: skip
        assert at.desk_sees(case) == [
            "[waiting]", "Zoë: It is urgent", "[taken Ana]", "Visitor: Hello?", "Visitor: Thank you", "[resolved Ana]",
        ]  # fmt: skip


async def test_the_card_shows_what_was_said_before(tmp_path: Path) -> None:
    """Colleagues read the talk so far and what the visitor asked for; the card keeps its id and its text."""
    async with handed_over(tmp_path) as at:
        await at.answered("Where is my parcel?")
        case = await at.opens()
        await at.answered("It is urgent")
        await at.takes(case)
        await at.desk_says(case, command="return")
        await at.settled()
        cards = [post for post in at.support.posted if post.kind == "case"]
        assert {(card.id, card.text) for card in cards} == {(f"case-{case.id}", "**Visitor**\n> Where is my parcel?")}
        assert [card.case.state for card in cards] == ["waiting", "taken", "returned"]
        assert cards[0].case.reason == "I want to talk to a human"


async def test_both_sides_are_remembered(tmp_path: Path) -> None:
    """When the bot answers again, it knows what the person said; what colleagues wrote among them it does not."""
    async with handed_over(tmp_path) as at:
        case = await at.opens()
        await at.takes(case)
        await at.heard("Hello?")
        await at.desk_says(case, "It comes today")
        await at.desk_says(case, "He is angry", by=BEN)
        turns = [(turn.role, turn.text) for _, turn in await at.store.turns(VISITOR)]
        assert turns == [
            ("user", "I want to talk to a human"), ("assistant", OPENED), ("user", "Hello?"),
            ("assistant", "It comes today"),
        ]  # fmt: skip
        assert await at.store.turns(case.desk) == []


async def test_a_restart_in_the_middle(tmp_path: Path, channel: str) -> None:
    """The house is closed and opened while a person has a conversation: they still have it, and the bot is silent."""
    async with handed_over(tmp_path, channel=channel) as at:
        case = await at.opens()
        await at.takes(case)
        await at.settled()
    async with handed_over(tmp_path, channel=channel) as at:
        assert (await at.now(case)).agent_name == "Ana"
        await at.heard("Still there?")
        await at.desk_says(case, "Yes")
        await at.desk_says(case, command="resolve")
        await at.settled()
        assert at.visitor_sees() == ["Ana: Yes", RESOLVED]
        assert at.desk_sees(case) == ["Visitor: Still there?", "[resolved Ana]"]


@pytest.mark.parametrize("taken", [True, False])
async def test_a_desk_that_was_moved_leaves_nobody_alone(tmp_path: Path, channel: str, taken: bool) -> None:
    """The operator names another place for cases: on what was posted at the old one nobody can act any more. The bot
    answers again, says so to whom it was silent with, and another wish for a person opens a case at the new desk."""
    async with handed_over(tmp_path, channel=channel) as at:
        case = await at.opens()
        if taken:
            await at.takes(case)
        await at.settled()
    async with handed_over(tmp_path, channel=channel, conversation="C0456") as at:
        await at.answered("Still there?")
        await at.settled()
        told = [f"({said('case_returned', 'en')})"] if taken else []
        assert at.visitor_sees() == ["answer to Still there?", *told]
        assert (await at.now(case)).state == "returned"
        again = await at.opens()
        assert again.desk.conversation == "C0456" and again.id != case.id


async def test_what_was_not_shown_before_a_restart_is_shown_after_it(tmp_path: Path) -> None:
    """A desk that cannot be reached loses nothing: cards and words wait in the outbox, in their order."""
    async with handed_over(tmp_path, server={"drain_seconds": 0}) as at:
        at.support.break_next = 1_000
        case = await at.opens()
        await at.answered("It is urgent")
        assert len(await at.store.undelivered(channel="support")) == 2
    async with handed_over(tmp_path) as at:
        await at.support.post(case.desk, 2)
        assert at.desk_sees(case) == ["[waiting]", "Visitor: It is urgent"]
        await at.settled()
        assert await at.store.undelivered() == []


async def test_two_people_take_over_at_once(tmp_path: Path) -> None:
    """Each is announced once, the case is with the later one, and who had it speaks to the visitor no more."""
    async with handed_over(tmp_path) as at:
        case = await at.opens()
        await at.takes(case)
        await at.takes(case)
        await at.takes(case, by=BEN)
        await at.desk_says(case, "Hello from Ana")
        await at.desk_says(case, "Hello from Ben", by=BEN)
        await at.settled()
        assert at.visitor_sees() == [OPENED, JOINED, "(Ben has joined.)", "Ben: Hello from Ben"]
        assert at.desk_sees(case) == ["[waiting]", "[taken Ana]", "[taken Ben]"]


async def test_what_comes_too_late_at_the_desk(tmp_path: Path) -> None:
    """On a case that is closed a button does nothing and words reach nobody, and whoever tried is told so."""
    async with handed_over(tmp_path) as at:
        case = await at.opens()
        early = await at.desk_says(case, "Hello")
        await at.takes(case)
        await at.desk_says(case, command="resolve")
        assert (await at.desk_says(case, command="resolve", by=BEN)).text == ""
        late = await at.desk_says(case, "One more thing")
        pressed = await at.desk_says(case, command="take", by=BEN)
        assert [early.text, late.text, pressed.text] == [
            said(key, "en") for key in ("case_take_first", "case_closed", "case_over")
        ]
        await at.settled()
        assert at.visitor_sees() == [OPENED, JOINED, RESOLVED]
        assert (await at.now(case)).state == "resolved"


async def test_asking_again(tmp_path: Path) -> None:
    """While a case is open there is no second one; after it was closed there is."""
    async with handed_over(tmp_path) as at:
        case = await at.opens()
        again = await at.heard("Give me a human please", command="human")
        assert again.text == said("case_known", "en") and again.finish_reason == "human"
        assert await at.store.case(VISITOR) == case
        await at.desk_says(case, command="return")
        other = await at.opens()
        assert other.id != case.id
        await at.settled()
        assert at.desk_sees(case) == ["[waiting]", "Visitor: Give me a human please", "[returned Ana]"]
        assert at.desk_sees(other) == ["[waiting]"]


async def test_a_button_needs_no_words(tmp_path: Path) -> None:
    """A person may be asked for without a sentence, in the language of the talk so far or of the channel."""
    async with handed_over(tmp_path) as at:
        end = await at.heard("", command="human", language="de")
        assert end.text == said("case_opened", "de")
        case = await at.store.case(VISITOR)
        assert case and case.language == "de"
        assert [turn.role for _, turn in await at.store.turns(VISITOR)] == ["assistant"]
        await at.heard("", command="human")
        await at.settled()
        assert at.desk_sees(case) == ["[waiting]"]


async def test_a_wish_that_the_bot_alone_understands(tmp_path: Path) -> None:
    """What is a wish for a person only together with what was said before, opens a case as well."""
    async with handed_over(tmp_path) as at:
        scripted = at.scripted
        reply = scripted.reply

        def offers(message: Message, attempt: int, text: str, **more: object) -> object:
            return reply(message, attempt, text, **{**more, "finish_reason": "human"} if more else {})

        scripted.reply = offers  # type: ignore[method-assign,assignment]  # a bot that offers a person every time
        assert (await at.answered("to one of you")).text == OPENED
        assert (await at.answered("to one of you, I said")).text == said("case_known", "en")
        assert await at.store.case(VISITOR)


async def test_the_team_can_talk_with_the_bot_too(tmp_path: Path) -> None:
    """Threads of no case are conversations like others; in a case's thread the bot does what it is told, for them."""
    async with handed_over(tmp_path, channel="test") as at:
        case = await at.opens()
        own = Address(channel="test", account="T0123", conversation="C0123", thread="no case")
        assert (await at.answered("What is our address?", at=own)).text == "answer to What is our address?"
        await at.takes(case)
        for command in ("summarize", "sentiment"):
            assert (await at.answered("this", at=case.desk, sender="T0123:ana", command=command)).text
        await at.settled()
        assert at.visitor_sees() == [OPENED, JOINED]


async def test_who_works_at_the_desk_may_need_a_person_too(tmp_path: Path) -> None:
    """A thread beside the cases may be handed over as any conversation is."""
    async with handed_over(tmp_path, channel="test") as at:
        own = Address(channel="test", account="T0123", conversation="C0123", thread="no case")
        case = await at.opens(at=own)
        await at.takes(case, by=BEN)
        await at.settled()
        assert at.visitor_sees(own) == [OPENED, "(Ben has joined.)"]


async def test_a_stop_stops_no_person(tmp_path: Path) -> None:
    """There is nothing to stop while the bot is silent, and what people said stands."""
    async with handed_over(tmp_path) as at:
        case = await at.opens()
        await at.takes(case)
        await at.heard("Hello?")
        await at.settled()
        assert not await at.desk.publish(Stop(address=VISITOR))
        assert (await at.now(case)).state == "taken"


@pytest.mark.parametrize("breaks", [False, True])
async def test_what_fails_is_read_at_the_desk(tmp_path: Path, breaks: bool) -> None:
    """While a visitor waits for a person, colleagues read what they said, also where the bot had no answer.

    Whether an engine is down or a template is wrong.
    """
    async with handed_over(tmp_path, storage={"attempts": 1}) as at:
        case = await at.opens()
        scripted = at.scripted
        answer = scripted.answer

        async def fails(message: Message, *rest: object) -> object:
            outcome = await answer(message, *rest)  # type: ignore[arg-type]  # handed on as it came
            if breaks:
                raise UsageError("a template is wrong")
            failed = Failed(message_id=message.id, address=message.address, reason="r", said="Sorry.")
            return type(outcome)(event=failed, turns=outcome.turns)

        scripted.answer = fails  # type: ignore[method-assign,assignment]
        ident = await at.says("It is urgent")
        (await scripted.wait_for(ident)).set_result("end")
        assert isinstance(await at.channel.end(ident), Failed)
        await at.settled()
        assert at.desk_sees(case) == ["[waiting]", "Visitor: It is urgent"]


@pytest.mark.parametrize("command", ["help", "language", "forget", "settings"])
async def test_what_is_asked_of_the_house_is_nobody_elses_business(tmp_path: Path, command: Command) -> None:
    """It is done while colleagues have the conversation, and they read nothing of it; of the other side neither."""
    async with handed_over(tmp_path, channel="test") as at:
        case = await at.opens()
        await at.answered("one", command=command)
        await at.takes(case)
        await at.answered("two", command=command)
        await at.answered("three", at=case.desk, sender=ANA, command=command)
        await at.settled()
        assert at.desk_sees(case) == ["[waiting]", "[taken Ana]", "answer to three"]
        assert at.visitor_sees() == [OPENED, "answer to one", JOINED, "answer to two"]


# -- wiring --------------------------------------------------------------------------------------------
def configured(folder: Path, **handover: str) -> Config:
    overrides = {"data": str(folder), "knowledge": {"semantic": {"enabled": "no"}}, "handover": handover}
    return load(environ={}, overrides=overrides)


def inside(desk: Desk) -> Answering:
    """What answers when all is said in writing."""
    assert isinstance(desk.answering, Perceiving)
    return desk.answering.inner


async def test_without_a_desk_it_is_not_in_the_way(tmp_path: Path) -> None:
    """What is not configured, or not among the channels of a command, takes no part in a turn."""
    async with at_desk(configured(tmp_path), [Channel()]) as desk:
        assert isinstance(inside(desk), Turner)
    async with at_desk(configured(tmp_path, channel="slack", conversation="C0123"), [Channel()]) as desk:
        assert isinstance(inside(desk), Turner)
    async with at_desk(configured(tmp_path, channel="test", conversation="C0123"), [Channel()]) as desk:
        assert isinstance(inside(desk), Handover)


@pytest.mark.parametrize(
    ("handover", "missing"),
    [({"channel": "web"}, "handover.conversation"), ({"channel": "slak", "conversation": "C0123"}, "'slak'")],
)
async def test_a_desk_that_cannot_be_is_refused(tmp_path: Path, handover: dict[str, str], missing: str) -> None:
    """A channel that is not turned on, or no place in it: said at the start, and not by visitors who wait."""
    with pytest.raises(ConfigError, match=missing):
        async with at_desk(configured(tmp_path, **handover)):
            pass


async def test_who_gets_no_answer_learns_of_the_person(tmp_path: Path) -> None:
    """With a desk, the bot's regret says how to ask for a person; what it says to write is understood."""
    async with at_desk(configured(tmp_path, channel="test", conversation="C0123"), [channel := Channel()]) as desk:
        await desk.start()
        try:
            for number, text in enumerate(["How tall is the moon?", "human"]):
                asked = Message(id=f"m{number}", address=VISITOR, sender="v", text=text, sent_at=1.0)
                await desk.publish(asked)
                end = await channel.end(asked.id)
                assert (said("person_asked", "en") if number == 0 else OPENED) in getattr(end, "text", "")
        finally:
            await desk.close()
