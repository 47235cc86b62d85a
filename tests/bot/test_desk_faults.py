"""What the desk owes when parts of it break: nothing lost, nothing out of order, nobody held up by somebody else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from bot import desk as desks
from bot import work
from bot.bus import Bound, Bus
from bot.delivery import Delivery
from bot.errors import Overloaded, StorageError
from bot.events import Address, Failed, Message, Reply, Stop
from bot.metrics import Metrics
from storage.base import Outgoing
from storage.sqlite import SqliteStore
from tests.fakes.channel import Channel
from tests.fakes.desk import House, address, config, house, message

BOUND = Bound(total=8, lane=4, running=8)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries wait for nothing, so that tests do not sleep."""
    monkeypatch.setattr(work, "_FIRST_PAUSE", 0.0)
    monkeypatch.setattr("bot.delivery._FIRST_PAUSE", 0.0)


def failing(method: Callable[..., Awaitable[Any]], times: int) -> Callable[..., Awaitable[Any]]:
    """`method`, whose first `times` calls find the disk broken."""
    left = times

    async def guarded(*arguments: Any, **more: Any) -> Any:
        nonlocal left
        if left:
            left -= 1
            raise StorageError("the disk is broken")
        return await method(*arguments, **more)

    return guarded


def partial(ident: str, text: str) -> Reply:
    return Reply(message_id=ident, attempt=1, address=address("a"), text=text, seq=0)


def failed(ident: str, conversation: str = "a") -> Failed:
    return Failed(message_id=ident, address=address(conversation), reason="r", said="sorry")


class Recorded:
    """The part of a store that a delivery uses."""

    def __init__(self) -> None:
        self.numbers: list[int] = []

    async def delivered(self, number: int, remote: str = "") -> None:
        self.numbers.append(number)


def delivery(channel: Channel, store: Any, errors: list[Exception]) -> tuple[Bus, Delivery]:
    bus = Bus({Reply: BOUND, Failed: BOUND}, lambda _, error: errors.append(error))
    return bus, Delivery(bus, store, {"test": channel}, Metrics())


async def test_an_end_that_two_hand_over_is_sent_once() -> None:
    """The sweeper may find an end between its commit and its sending: it goes out once all the same."""
    errors: list[Exception] = []
    channel, store = Channel(), Recorded()
    bus, sending = delivery(channel, store, errors)
    outgoing = Outgoing(number=7, event=failed("m"), at=0)
    for _ in range(2):
        await sending.end(outgoing)
    assert await bus.drain(30)
    assert (len(channel.sent), store.numbers, errors) == (1, [7], [])


async def test_nothing_comes_after_a_failure() -> None:
    """What was still being written when a message failed does not reach the channel after its end, nor beside it."""
    channel = Channel()
    gate = asyncio.Event()
    send, seen = channel.send, list[str]()

    async def slowly(event: Reply | Failed) -> str:
        seen.append(type(event).__name__)
        await gate.wait()
        return await send(event)

    channel.send = slowly  # type: ignore[method-assign]  # a channel that takes its time
    bus, sending = delivery(channel, Recorded(), [])
    await sending.partial(partial("m", "one"))
    await asyncio.sleep(0)
    await sending.partial(partial("m", "one two"))
    await sending.end(Outgoing(number=1, event=failed("m"), at=0))
    await asyncio.sleep(0)
    assert seen == ["Reply"]
    gate.set()
    assert await bus.drain(30)
    assert seen == ["Reply", "Failed"]


async def test_what_arrived_is_not_sent_again_for_want_of_its_record() -> None:
    """A channel took an end, and the disk failed: only the record is made up for."""
    channel, store = Channel(), Recorded()
    recorded = store.delivered
    store.delivered = failing(recorded, 2)  # type: ignore[method-assign]  # a disk that breaks for a while
    bus, sending = delivery(channel, store, [])
    await sending.end(Outgoing(number=3, event=failed("m"), at=0))
    assert await bus.drain(30)
    assert (len(channel.sent), store.numbers) == (1, [3])


async def test_a_send_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A channel that never answers must not hold its conversation for ever."""
    monkeypatch.setattr("bot.delivery._SEND_SECONDS", 0.01)
    channel = Channel()
    send, calls = channel.send, list[str]()

    async def hangs_at_first(event: Reply | Failed) -> str:
        calls.append(event.message_id)
        if len(calls) < 3:
            await asyncio.Event().wait()
        return await send(event)

    channel.send = hangs_at_first  # type: ignore[method-assign]  # a channel that hangs
    bus, sending = delivery(channel, Recorded(), [])
    await sending.partial(partial("m", "so far"))
    await asyncio.sleep(0)
    await sending.end(Outgoing(number=1, event=failed("m"), at=0))
    assert await bus.drain(30)
    assert channel.ends("m")


async def end_all(store: SqliteStore, channel: str, conversation: str, count: int) -> None:
    for number in range(count):
        where = Address(channel=channel, conversation=conversation)
        said = Message(id=f"{channel}-{conversation}-{number}", address=where, sender="v", text="t", sent_at=1.0)
        await store.accept(said)
        lease = await store.lease(said, 60)
        assert lease
        await store.complete(lease, Failed(message_id=said.id, address=where, reason="r", said="s"), ())


async def test_what_cannot_be_delivered_holds_nothing_up(tmp_path: Path) -> None:
    """Ends of a channel that is gone, or of a conversation that takes none, neither stop the start nor hide others."""
    store = SqliteStore(tmp_path)
    await store.open()
    await end_all(store, "gone", "x", 1_100)
    await end_all(store, "test", "broken", 30)
    await end_all(store, "test", "b", 1)
    await store.close()

    async def send(event: Reply | Failed) -> str:
        if event.address.conversation == "broken":
            await asyncio.Event().wait()
        return await Channel.send(channel, event)

    at = House(tmp_path, config(bus={"per_conversation": 2}, server={"drain_seconds": 0}))
    channel = at.channel
    channel.send = send  # type: ignore[method-assign]  # a channel with one dead conversation
    await asyncio.wait_for(at.open(), 30)
    try:
        assert await asyncio.wait_for(channel.end("test-b-0"), 30)
    finally:
        await at.close()


async def test_a_full_lane_hides_no_other_and_is_not_overtaken(tmp_path: Path) -> None:
    """After a restart with more than a lane holds: other conversations go on, and newcomers do not overtake."""
    store = SqliteStore(tmp_path)
    await store.open()
    for number in range(4):
        await store.accept(message("a", f"a{number}"))
    await store.accept(message("b", "b0"))
    await store.close()
    async with house(tmp_path, bus={"per_conversation": 2}) as at:
        (await asyncio.wait_for(at.scripted.wait_for("b0"), 30)).set_result("end")
        for number in range(2):
            (await at.scripted.wait_for(f"a{number}")).set_result("end")
            await at.channel.end(f"a{number}")
        with pytest.raises(Overloaded):
            await at.desk.publish(message("a", "new"))
        await at.desk._take_up()
        for number in range(2, 4):
            (await at.scripted.wait_for(f"a{number}")).set_result("end")
            await at.channel.end(f"a{number}")
        assert [told.id for told in at.scripted.order if told.id[0] == "a"] == ["a0", "a1", "a2", "a3"]


async def test_work_that_could_not_be_given_back_keeps_its_place(tmp_path: Path) -> None:
    """The commit fails, and giving the lease back too: the message is still answered before the next one."""
    async with house(tmp_path) as at:
        store: Any = at.store
        store.complete, store.release = failing(store.complete, 1), failing(store.release, 2)
        for ident in ("m1", "m2"):
            await at.desk.publish(message("a", ident))
        for ident in ("m1", "m1", "m2"):
            gate = await asyncio.wait_for(at.scripted.wait_for(ident), 30)
            gate.set_result("end")
            while at.scripted.gates.get(ident) is gate:
                await asyncio.sleep(0)
        await at.channel.end("m2")
        assert [event.message_id for event in at.channel.sent if getattr(event, "final", False)] == ["m1", "m2"]


async def test_a_beat_that_ends_hides_no_cancellation(tmp_path: Path) -> None:
    """A task that is cancelled while its heartbeat ends is cancelled, or draining would wait for the next turn."""
    store: Any = Recorded()
    lease: Any = None

    async def turn() -> None:
        async with work._heartbeat(store, lease, 60):
            await asyncio.sleep(0)
        await asyncio.Event().wait()

    task = asyncio.create_task(turn())
    for _ in range(2):
        await asyncio.sleep(0)
    task.cancel()
    for _ in range(5):
        await asyncio.sleep(0)
    cancelled = task.done()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert cancelled


async def test_the_sweeper_outlives_any_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a sweep stumbles over, there is a next one: without it messages would be forgotten."""
    monkeypatch.setattr(desks, "_SWEEP_SECONDS", 0.001)
    async with house(tmp_path) as at:
        store: Any = at.store
        pending = store.pending
        calls = 0

        async def broken(**more: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == 1:
                raise KeyError("a row that nobody expected")
            return await pending(**more)

        store.pending = broken
        async with asyncio.timeout(30):
            while calls < 3:
                await asyncio.sleep(0.001)


async def test_what_has_ended_is_no_longer_busy(tmp_path: Path) -> None:
    """While only the memory of an answer is brought up to date, a newcomer is not dropped, and a Stop finds nothing."""
    async with house(tmp_path, bus={"busy": "drop"}) as at:
        remembered = asyncio.Event()

        async def settle(*_: Any) -> None:
            await remembered.wait()

        scripted: Any = at.scripted
        scripted.settle = settle
        await at.desk.publish(message("a", "m1"))
        (await at.scripted.wait_for("m1")).set_result("end")
        await at.channel.end("m1")
        assert not await at.desk.publish(Stop(address=address("a")))
        await at.desk.publish(message("a", "m2"))
        remembered.set()
        (await asyncio.wait_for(at.scripted.wait_for("m2"), 30)).set_result("end")
        assert isinstance(await at.channel.end("m2"), Reply)


async def test_nothing_overtakes_what_was_left(tmp_path: Path) -> None:
    """A channel that fails for a while is told everything in the order of its commits, whoever sends it in the end."""
    async with house(tmp_path, bus={"per_conversation": 1}) as at:  # four ends find room at once
        at.channel.break_next = 7  # one end is given up; the next breaks once more
        for number in range(9):
            await at.desk.publish(message("a", f"m{number}"))
            (await at.scripted.wait_for(f"m{number}")).set_result("end")
            while at.desk.bus.held(Message):
                await asyncio.sleep(0.001)
        while at.desk.bus.held(Reply):
            await asyncio.sleep(0.001)
        assert not any(at.channel.ends(f"m{number}") for number in range(9))
        while await at.store.undelivered():
            await at.desk._take_up()
            await asyncio.sleep(0.001)
        assert [end.message_id for end in at.channel.sent] == [f"m{number}" for number in range(9)]


async def test_what_was_left_and_erased_holds_nothing_up(tmp_path: Path) -> None:
    """An end that could not be sent and is no more: the conversation goes on after the next sweep."""
    async with house(tmp_path) as at:
        await at.desk.publish(message("a", "m1"))
        gate = await at.scripted.wait_for("m1")
        at.channel.break_next = 6
        gate.set_result("end")
        while at.desk.bus.held(Message) or at.desk.bus.held(Reply):
            await asyncio.sleep(0.001)
        await at.store.erase("visitor")
        await at.desk._take_up()
        await at.desk.publish(message("a", "m2"))
        (await at.scripted.wait_for("m2")).set_result("end")
        assert await asyncio.wait_for(at.channel.end("m2"), 30)
