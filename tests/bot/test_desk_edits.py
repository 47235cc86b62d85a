"""Questions that are changed or deleted: the newest form alone is answered, and what was deleted is not answered."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.events import Message, Reply, Stop
from storage.sqlite import SqliteStore
from tests.fakes.desk import House, address, house, message


def edited(conversation: str, ident: str, number: int, text: str = "") -> Message:
    """Form `number` of a message: its id, its time and its text tell which."""
    said = message(conversation, f"{ident}:{number}", text or f"{ident} as form {number}")
    return replace(said, replaces=ident, edited=True, sent_at=1.0 + number)


def deleted(conversation: str, ident: str) -> Message:
    """What a channel publishes of a message that it only knows to be deleted."""
    return replace(message(conversation, ident, ""), command="withdrawn")


async def answered(at: House, ident: str) -> Reply:
    (await asyncio.wait_for(at.scripted.wait_for(ident), 30)).set_result("end")
    return await ended(at, ident)


async def ended(at: House, ident: str) -> Reply:
    end = await asyncio.wait_for(at.channel.end(ident), 30)
    assert isinstance(end, Reply)
    return end


async def reasons(at: House, *idents: str) -> list[str]:
    return [(await ended(at, ident)).finish_reason for ident in idents]


async def test_an_edit_takes_the_place_of_what_is_being_answered(tmp_path: Path) -> None:
    """The answer to the old form ends with nothing and is not remembered; the new form is answered."""
    async with house(tmp_path) as at:
        await at.desk.publish(message("a", "m"))
        await at.scripted.wait_for("m")
        await at.desk.publish(edited("a", "m", 1))
        assert (await ended(at, "m")).text == ""
        assert (await answered(at, "m:1")).text == "answer to m as form 1"
        assert await reasons(at, "m", "m:1") == ["replaced", "stop"]
        assert [turn.text for _, turn in await at.store.turns(address("a"))] == ["m as form 1"]


async def test_an_edit_of_what_waits(tmp_path: Path) -> None:
    """What was changed before its turn came is answered once, in its new form, and others are not disturbed."""
    async with house(tmp_path) as at:
        for ident in ("m1", "m2"):
            await at.desk.publish(message("a", ident))
        await at.desk.publish(edited("a", "m2", 1))
        await answered(at, "m1")
        await answered(at, "m2:1")
        assert await reasons(at, "m1", "m2", "m2:1") == ["stop", "replaced", "stop"]
        assert [told.id for told in at.scripted.order] == ["m1", "m2:1"]


async def test_an_edit_of_what_was_answered_is_answered_anew(tmp_path: Path) -> None:
    """However often."""
    async with house(tmp_path) as at:
        await at.desk.publish(message("a", "m"))
        await answered(at, "m")
        for number in (1, 2):
            await at.desk.publish(edited("a", "m", number))
            assert (await answered(at, f"m:{number}")).text == f"answer to m as form {number}"


async def test_the_first_form_may_come_last(tmp_path: Path) -> None:
    """An edit that overtakes what it changes: the old text is known then, and answered by nobody."""
    async with house(tmp_path) as at:
        await at.desk.publish(edited("a", "m", 1))
        await answered(at, "m:1")
        assert not await at.desk.publish(message("a", "m"))
        assert await reasons(at, "m") == ["replaced"]
        assert [told.id for told in at.scripted.order] == ["m:1"]


async def test_an_older_form_may_come_later(tmp_path: Path) -> None:
    """It changes nothing, whether the newer one is answered already or still being answered."""
    async with house(tmp_path) as at:
        await at.desk.publish(message("a", "m"))
        await answered(at, "m")
        await at.desk.publish(edited("a", "m", 3))
        await at.scripted.wait_for("m:3")
        await at.desk.publish(edited("a", "m", 1))
        await answered(at, "m:3")
        await at.desk.publish(edited("a", "m", 2))
        assert await reasons(at, "m:1", "m:2", "m:3") == ["replaced", "replaced", "stop"]


async def test_a_deletion_leaves_nothing(tmp_path: Path) -> None:
    """What is being answered, what waits, and what was edited meanwhile end without a word and without a memory."""
    async with house(tmp_path) as at:
        for ident in ("m1", "m2", "m3"):
            await at.desk.publish(message("a", ident))
        await at.scripted.wait_for("m1")
        await at.desk.publish(edited("a", "m3", 1))
        for ident in ("m1", "m2", "m3"):
            assert await at.desk.publish(Stop(address=address("a"), message_id=ident, reason="withdrawn"))
        assert await reasons(at, "m1", "m2", "m3", "m3:1") == ["withdrawn"] * 4
        assert [(await ended(at, ident)).text for ident in ("m1", "m2", "m3:1")] == [""] * 3
        assert await at.store.turns(address("a")) == []
        assert not await at.desk.publish(Stop(address=address("a"), message_id="m1", reason="withdrawn"))


async def test_a_deletion_stands_above_a_stop(tmp_path: Path) -> None:
    """Who stopped an answer and then deleted the question sees nothing of it."""
    async with house(tmp_path) as at:
        for ident in ("m1", "m2"):
            await at.desk.publish(message("a", ident))
        for reason in ("cancelled", "withdrawn", "cancelled"):
            assert await at.desk.publish(Stop(address=address("a"), message_id="m2", reason=reason))
        await answered(at, "m1")
        assert await reasons(at, "m2") == ["withdrawn"]


async def test_a_deletion_outlives_the_process(tmp_path: Path) -> None:
    """Deleted while it, or a later form of it, was being answered: after a restart nothing of it is answered."""
    async with house(tmp_path, server={"drain_seconds": 0}) as at:
        await at.desk.publish(message("a", "m1"))
        await answered(at, "m1")
        for told in (edited("a", "m1", 1), message("a", "m2"), message("b", "m3")):
            await at.desk.publish(told)
        await at.scripted.wait_for("m1:1")
        at.desk.work.house.stop = lambda *_: False  # type: ignore[method-assign]
        for ident in ("m1", "m2"):
            await at.desk.publish(Stop(address=address("a"), message_id=ident, reason="withdrawn"))
    async with house(tmp_path) as at:
        await answered(at, "m3")
        assert await reasons(at, "m1:1", "m2", "m3") == ["withdrawn", "withdrawn", "stop"]
        assert [told.id for told in at.scripted.order] == ["m3"]


async def test_an_edit_of_what_was_answered_and_deleted(tmp_path: Path) -> None:
    """Who deleted a question asks nothing more, also when a change of it was on its way still."""
    async with house(tmp_path) as at:
        await at.desk.publish(message("a", "m"))
        await answered(at, "m")
        assert not await at.desk.publish(Stop(address=address("a"), message_id="m", reason="withdrawn"))
        await at.desk.publish(edited("a", "m", 1))
        assert await reasons(at, "m", "m:1") == ["stop", "withdrawn"]


async def test_a_deletion_may_come_first(tmp_path: Path) -> None:
    """A message that is known as deleted is never answered, nor any form of it that comes after that."""
    async with house(tmp_path) as at:
        await at.desk.publish(deleted("a", "m"))
        assert not await at.desk.publish(message("a", "m"))
        await at.desk.publish(edited("a", "m", 1))
        assert await reasons(at, "m", "m:1") == ["withdrawn", "withdrawn"]
        assert at.scripted.order == []


async def test_an_edit_outlives_the_process(tmp_path: Path) -> None:
    """Both forms were durable when the process died: after the start the newer one alone is answered."""
    store = SqliteStore(tmp_path)
    await store.open()
    for told in (message("a", "m"), edited("a", "m", 1)):
        await store.accept(told)
    await store.close()
    async with house(tmp_path) as at:
        await answered(at, "m:1")
        assert await reasons(at, "m") == ["replaced"]


# -- busy policies -------------------------------------------------------------------------------------
async def test_drop_lets_an_edit_in(tmp_path: Path) -> None:
    """The newer form of what is being answered is no newcomer, also where its first form was never heard of."""
    async with house(tmp_path, bus={"busy": "drop"}) as at:
        await at.desk.publish(message("a", "m"))
        await at.scripted.wait_for("m")
        await at.desk.publish(edited("a", "m", 1))
        await answered(at, "m:1")
        await at.desk.publish(edited("b", "n", 1))
        await answered(at, "n:1")
        assert await reasons(at, "m", "n") == ["replaced", "replaced"]


async def test_interrupt_knows_an_edit_from_a_second_message(tmp_path: Path) -> None:
    """What was changed is replaced; what else is being answered is interrupted."""
    async with house(tmp_path, bus={"busy": "interrupt"}) as at:
        await at.desk.publish(message("a", "m1"))
        await at.scripted.wait_for("m1")
        await at.desk.publish(message("a", "m2"))
        await at.scripted.wait_for("m2")
        await at.desk.publish(edited("a", "m2", 1))
        await answered(at, "m2:1")
        assert await reasons(at, "m1", "m2") == ["interrupted", "replaced"]


async def test_debounce_waits_for_nothing_that_was_deleted(tmp_path: Path) -> None:
    """A question is not merged into what was taken back: it is answered itself."""
    async with house(tmp_path, bus={"busy": "debounce", "debounce_seconds": 0.2}) as at:
        await at.desk.publish(message("a", "m1"))
        await at.desk.publish(message("a", "m2"))
        await at.desk.publish(deleted("a", "m3"))
        await at.desk.publish(Stop(address=address("a"), message_id="m2", reason="withdrawn"))
        await answered(at, "m1")
        assert await reasons(at, "m1", "m2", "m3") == ["stop", "withdrawn", "withdrawn"]


# -- whatever the order --------------------------------------------------------------------------------
FORMS = st.permutations(["first", "1", "2", "3"])


@settings(max_examples=30, deadline=None)
@given(order=FORMS, again=st.lists(st.integers(0, 3), max_size=4), pauses=st.lists(st.integers(0, 30), min_size=8),
       policy=st.sampled_from(["queue", "interrupt", "drop"]))  # fmt: skip
def test_the_newest_form_is_answered_whatever_comes_first(
    tmp_path_factory: pytest.TempPathFactory, order: list[str], again: list[int], pauses: list[int], policy: str
) -> None:
    """Forms of one message in any order, some of them twice: all end once, the newest is answered, and nothing after.

    An older form may be answered before a newer one is known, never after.
    """
    forms = [order[number] for number in (*range(4), *again)]
    asyncio.run(asyncio.wait_for(_tell(tmp_path_factory.mktemp("forms"), forms, pauses, policy), 60))


async def _tell(folder: Path, forms: list[str], pauses: list[int], policy: str) -> None:
    async with house(folder, bus={"busy": policy}) as at:
        idents = {"first": "m", **{str(number): f"m:{number}" for number in range(1, 4)}}
        for form, pause in zip(forms, itertools.cycle(pauses), strict=False):
            await at.desk.publish(message("a", "m") if form == "first" else edited("a", "m", int(form)))
            for _ in range(pause):
                await asyncio.sleep(0)
        while not all(at.channel.ends(ident) for ident in idents.values()):
            for gate in [gate for gate in at.scripted.gates.values() if not gate.done()]:
                gate.set_result("end")
            await asyncio.sleep(0.001)
        ends = [event for event in at.channel.sent if isinstance(event, Reply) and event.final]
        answers = [end.message_id for end in ends if end.text]
        assert answers[-1] == "m:3"
        assert answers == sorted(set(answers))
