"""The hand-over while things happen at the same time, and while parts break: who speaks is never in doubt."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.events import Message, Outbound, Post, Reply
from bot.phrases import said
from tests.fakes.desk import address
from tests.fakes.handed_over import ANA, BEN, VISITOR, Handed, handed_over, support

OPENED = said("case_opened", "en")


@pytest.fixture(autouse=True, scope="module")
def at_once() -> Iterator[None]:
    """Retries wait for nothing, so that tests do not sleep."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bot.work._FIRST_PAUSE", 0.0)
        patch.setattr("bot.delivery._FIRST_PAUSE", 0.0)
        yield


def speaks(event: Outbound) -> bool:
    """Whether the bot says something by it."""
    return isinstance(event, Reply) and bool(event.text)


def after_joining(at: Handed) -> list[Outbound]:
    """What was shown to the visitor after they were told that Ana has joined."""
    shown = [event for event in at.channel.shown if event.address == VISITOR]
    joined = next(number for number, event in enumerate(shown) if isinstance(event, Post))
    return shown[joined + 1 :]


async def test_an_answer_is_taken_back_when_somebody_takes_over(tmp_path: Path) -> None:
    """What the bot is writing then is stopped, nothing of it is shown any more, and the desk reads the question."""
    async with handed_over(tmp_path) as at:
        case = await at.opens()
        ident = await at.says("It is urgent")
        await at.scripted.wait_for(ident)
        await at.takes(case)
        end = await at.channel.end(ident)
        assert isinstance(end, Reply) and (end.text, end.finish_reason) == ("", "human")
        await at.settled()
        assert not any(speaks(event) for event in after_joining(at))
        assert at.desk_sees(case) == ["[waiting]", "[taken Ana]", "Visitor: It is urgent"]


async def test_an_answer_that_is_just_being_committed_is_decided_anew(tmp_path: Path) -> None:
    """The bot had ended, and its commit comes after that of who takes over: it is void, and the person speaks."""
    async with handed_over(tmp_path) as at:
        case = await at.opens()
        store: Any = at.store
        complete, held, go_on = store.complete, asyncio.Event(), asyncio.Event()

        async def slow(lease: Any, *rest: Any, **more: Any) -> Any:
            if lease.message.address == VISITOR and not held.is_set():
                held.set()
                await go_on.wait()
            return await complete(lease, *rest, **more)

        store.complete = slow
        ident = await at.says("It is urgent")
        (await at.scripted.wait_for(ident)).set_result("end")
        await held.wait()
        await at.takes(case)
        go_on.set()
        end = await at.channel.end(ident)
        assert isinstance(end, Reply) and end.text == ""
        await at.settled()
        assert not any(speaks(event) for event in after_joining(at))
        assert at.desk_sees(case) == ["[waiting]", "[taken Ana]", "Visitor: It is urgent"]


async def test_words_that_cross_with_the_closing_are_answered(tmp_path: Path) -> None:
    """A visitor writes while a colleague closes: what would have gone to nobody is answered by the bot."""
    async with handed_over(tmp_path) as at:
        case = await at.opens()
        await at.takes(case)
        store: Any = at.store
        complete, held, go_on = store.complete, asyncio.Event(), asyncio.Event()

        async def slow(lease: Any, *rest: Any, **more: Any) -> Any:
            if lease.message.address == VISITOR and not held.is_set():
                held.set()
                await go_on.wait()
            return await complete(lease, *rest, **more)

        store.complete = slow
        ident = await at.says("One more thing")
        await held.wait()
        await at.desk_says(case, command="resolve")
        go_on.set()
        (await at.scripted.wait_for(ident)).set_result("end")
        end = await at.channel.end(ident)
        assert isinstance(end, Reply) and end.text == "answer to One more thing"
        assert at.desk_sees(case) == ["[waiting]", "[taken Ana]", "[resolved Ana]"]


@pytest.mark.parametrize("policy", ["interrupt", "debounce", "drop"])
async def test_busy_policies_are_about_talk_with_the_bot(tmp_path: Path, policy: str) -> None:
    """What people do and say to each other is never merged, interrupted or refused, however fast it comes."""
    async with handed_over(tmp_path, bus={"busy": policy, "debounce_seconds": 0.05}) as at:
        question = await at.says("Where is it?")
        await at.scripted.wait_for(question)
        pressed = await at.says("", command="human")
        (await at.scripted.wait_for(question)).set_result("end")
        assert getattr(await at.channel.end(question), "text", "") == "answer to Where is it?"
        assert getattr(await at.channel.end(pressed), "text", "") == OPENED
        case = await at.store.case(VISITOR)
        assert case
        await asyncio.gather(
            at.desk_says(case, command="take"), *(at.desk_says(case, f"{number}") for number in range(5))
        )
        await at.settled()
        assert [line for line in at.visitor_sees() if line.startswith("Ana")] == [f"Ana: {n}" for n in range(5)]


async def test_an_old_card_undoes_no_new_one(tmp_path: Path) -> None:
    """A card that could not be sent at once shows, when it is sent at last, what has become of its case."""
    async with handed_over(tmp_path) as at:
        at.support.break_next = 6
        case = await at.opens()
        await at.settled()
        await at.says("", at=case.desk, command="take", sender=ANA, name="Ana")
        await at.settled()
        assert at.desk_sees(case) == []  # behind the card, which waits for the sweeper
        await at.desk._take_up()
        await at.settled()
        assert at.desk_sees(case) == ["[taken Ana]", "[taken Ana]"]
        assert await at.store.undelivered() == []


async def test_a_case_survives_whatever_the_disk_does(tmp_path: Path) -> None:
    """Commits that fail are tried again: one case, one card, one announcement."""
    async with handed_over(tmp_path) as at:
        store: Any = at.store
        complete, calls = store.complete, 0

        async def every_other(*arguments: Any, **more: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls % 2:
                raise OSError("the disk is broken")
            return await complete(*arguments, **more)

        store.complete = every_other
        case = await at.opens()
        await at.takes(case)
        await at.heard("Hello?")
        await at.settled()
        assert at.visitor_sees() == [OPENED, "(Ana has joined.)"]
        assert at.desk_sees(case) == ["[waiting]", "[taken Ana]", "Visitor: Hello?"]


async def test_who_was_erased_is_gone_from_the_desk(tmp_path: Path) -> None:
    """After a visitor was erased there is no case: what is said below its card is talk with the bot."""
    async with handed_over(tmp_path) as at:
        case = await at.opens()
        await at.takes(case)
        await at.settled()
        await at.store.erase("v")
        assert await at.store.case_at(case.desk) is None
        ident = await at.says("Hello", at=case.desk, sender=ANA)
        (await at.scripted.wait_for(ident)).set_result("end")
        assert await at.support.end(ident)
        assert len(at.channel.posts(VISITOR)) == 1


# -- whatever happens ------------------------------------------------------------------------------------
PAUSES = st.integers(0, 8)
VISITORS = st.tuples(st.just("says"), st.sampled_from("ab"), st.sampled_from(["", "", "human"]), PAUSES)
COMMANDS = st.sampled_from(["take", "take", "resolve", "return", "", ""])
COLLEAGUES = st.tuples(st.sampled_from([ANA, BEN]), st.sampled_from("ab"), COMMANDS, PAUSES)
ANSWERS = st.tuples(st.just("answer"), st.just(""), st.sampled_from(["end", "end", "fail"]), PAUSES)
RESTARTS = st.tuples(st.just("restart"), st.just(""), st.just(""), PAUSES)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.one_of(VISITORS, VISITORS, COLLEAGUES, COLLEAGUES, ANSWERS, ANSWERS, RESTARTS), max_size=30))
def test_whatever_happens(happenings: list[tuple[str, str, str, int]]) -> None:
    """Two visitors and two colleagues do what they like at the same time, and the house is closed and opened.

    Every message ends once, whoever speaks to a visitor speaks alone, and nothing that they say is lost.
    """
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(asyncio.wait_for(_live(Path(folder), happenings), 60))


async def _live(folder: Path, happenings: list[tuple[str, str, str, int]]) -> None:
    house = Handed(folder, support(server={"drain_seconds": 0}))
    words: dict[str, list[str]] = {"a": [], "b": []}
    await house.open()
    try:
        for number, (what, who, more, pause) in enumerate(happenings):
            if what == "says":
                words[who].append(await house.says(f"words {number}", at=address(who), command=more, sender=who))
            elif what == "answer":
                for gate in [gate for gate in house.scripted.gates.values() if not gate.done()][:1]:
                    gate.set_result(more)
            elif what == "restart":
                await house.close()
                await house.open()
            elif case := await house.store.case(address(who)):
                await house.says("I am here", at=case.desk, command=more, sender=what, name=what[6:])
            for _ in range(pause):
                await asyncio.sleep(0)
        await _end_all(house)
        for who, said_by in words.items():
            await _check(house, who, said_by)
    finally:
        await house.close()


async def _end_all(house: Handed) -> None:
    while await house.store.pending() or house.desk.bus.held(Message) or house.desk.bus.held(Reply):
        for gate in [gate for gate in house.scripted.gates.values() if not gate.done()]:
            gate.set_result("end")
        await house.desk._take_up()
        await asyncio.sleep(0.001)


async def _check(house: Handed, who: str, words: list[str]) -> None:
    """Numbers of the outbox rise with the commits, and they are the order in which a channel is told."""
    log = [one.event for one in await house.store.outgoing_since(address(who), 0, limit=10_000)]
    shown = [event for event in house.channel.shown if event.address == address(who) and _stays(event)]
    assert list(dict.fromkeys(shown)) == log
    has = ""
    for event in log:
        if isinstance(event, Post):
            assert event.kind == "notice" or event.name == has
            has = event.case.agent_name if event.case.state == "taken" else ""
        else:
            assert not (has and speaks(event)), "the bot spoke while a person had the conversation"
    posted = [post.text for post in house.support.posted if post.kind == "said"]
    ends = {event.message_id: event for event in log if isinstance(event, Reply)}
    for ident in words:
        exchange = await house.store.exchange("test", ident)
        assert exchange and (speaks(ends[ident]) or exchange.message.text in posted)


def _stays(event: Outbound) -> bool:
    return not isinstance(event, Reply) or event.final
