"""Whoever waits for room on the bus is served in the order of their coming, whatever comes between."""

from __future__ import annotations

import asyncio
from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bot.bus import Bound, Bus
from bot.errors import Overloaded
from bot.events import Address, Event, Message, Reply

LANES = [Address(channel="test", conversation=name) for name in "abc"]
BOUND = Bound(total=3, lane=2, running=2)
_SETTLED = 20


def message(lane: Address, number: int) -> Message:
    return Message(id=str(number), address=lane, sender="s", text="", sent_at=0)


def nothing_fails(_: Event, error: Exception) -> None:
    raise AssertionError from error


class WaitingMachine(RuleBasedStateMachine):
    """Publishers that come, wait and give up, claims, and handlers that end, at any turn of the event loop."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.bus = Bus({Message: BOUND}, nothing_fails)
        self.bus.subscribe(Message, self.handle)
        self.gates: dict[str, asyncio.Future[None]] = {}
        self.called: list[Message] = []
        self.begun: list[Message] = []
        self.publishing: dict[str, asyncio.Task[None]] = {}
        self.given_up: set[str] = set()

    async def handle(self, event: Message) -> None:
        self.begun.append(event)
        await self.gates.setdefault(event.id, self.loop.create_future())

    def turn(self, turns: int) -> None:
        async def turned() -> None:
            for _ in range(turns):
                await asyncio.sleep(0)

        if turns:
            self.loop.run_until_complete(turned())

    def made(self, lane: Address) -> Message:
        self.called.append(message(lane, len(self.called)))
        return self.called[-1]

    @rule(lane=st.sampled_from(LANES), turns=st.integers(0, 3))
    def publish(self, lane: Address, turns: int) -> None:
        self.publish_one(lane)
        self.turn(turns)

    def publish_one(self, lane: Address) -> None:
        event = self.made(lane)
        self.publishing[event.id] = self.loop.create_task(self.bus.publish(event))

    @rule(lane=st.sampled_from(LANES), turns=st.integers(0, 3))
    def claim(self, lane: Address, turns: int) -> None:
        """What finds no room at once is refused, and so never comes before those who wait."""

        async def claimed() -> None:
            event = self.made(lane)
            try:
                self.bus.claim(event).publish()
            except Overloaded:
                self.called.remove(event)
                self.called.append(message(Address(channel="none", conversation=""), 0))

        self.loop.run_until_complete(claimed())
        self.turn(turns)

    @precondition(lambda self: any(not gate.done() for gate in self.gates.values()))
    @rule(data=st.data(), turns=st.integers(0, 3))
    def finish(self, data: st.DataObject, turns: int) -> None:
        self.end_one(data)
        self.turn(turns)

    def end_one(self, data: st.DataObject) -> None:
        running = sorted(ident for ident, gate in self.gates.items() if not gate.done())
        self.gates[data.draw(st.sampled_from(running))].set_result(None)

    @precondition(lambda self: any(not gate.done() for gate in self.gates.values()))
    @rule(data=st.data(), lane=st.sampled_from(LANES), between=st.integers(0, 3))
    def finish_and_publish(self, data: st.DataObject, lane: Address, between: int) -> None:
        """Somebody comes in the very moment in which room is freed."""
        self.end_one(data)
        self.turn(between)
        self.publish_one(lane)

    @precondition(lambda self: any(not task.done() for task in self.publishing.values()))
    @rule(data=st.data(), turns=st.integers(0, 3))
    def give_up(self, data: st.DataObject, turns: int) -> None:
        waiting = sorted(ident for ident, task in self.publishing.items() if not task.done())
        ident = data.draw(st.sampled_from(waiting))
        self.publishing[ident].cancel()
        self.given_up.add(ident)
        self.turn(turns)

    @invariant()
    def lanes_keep_order(self) -> None:
        for lane in LANES:
            begun = [int(event.id) for event in self.begun if event.address == lane]
            assert begun == sorted(begun)

    @invariant()
    def nobody_is_passed_over(self) -> None:
        """What has begun in a lane came before everybody who waits there."""
        for lane in LANES:
            last = max((int(event.id) for event in self.begun if event.address == lane), default=-1)
            came = [event for event in self.called if event.address == lane and int(event.id) < last]
            assert {event.id for event in came} - self.given_up <= {event.id for event in self.begun}

    @invariant()
    def bounds_hold(self) -> None:
        assert self.bus.held(Message) <= BOUND.total

    def teardown(self) -> None:
        async def end() -> None:
            while not all(task.done() for task in self.publishing.values()) or self.bus.held(Message):
                for gate in self.gates.values():
                    if not gate.done():
                        gate.set_result(None)
                await asyncio.sleep(0)

        self.loop.run_until_complete(asyncio.wait_for(end(), 30))
        self.lanes_keep_order()
        self.nobody_is_passed_over()
        handled = Counter(event.id for event in self.begun)
        assert max(handled.values(), default=1) == 1
        wanted = {event.id for event in self.called if event.address in LANES}
        assert wanted - self.given_up <= set(handled) <= wanted
        self.loop.close()


TestWaiting = WaitingMachine.TestCase
TestWaiting.settings = settings(max_examples=200, stateful_step_count=30, deadline=None)


async def test_a_newcomer_takes_no_freed_room_before_who_waits() -> None:
    """The kind is full; somebody waits; room is freed, and in the same moment another comes to the same lane."""
    gates = {str(number): asyncio.Event() for number in range(6)}
    begun: list[str] = []

    async def handle(event: Message) -> None:
        begun.append(event.id)
        await gates[event.id].wait()

    bus = Bus({Message: Bound(total=2, lane=2, running=2)}, nothing_fails)
    bus.subscribe(Message, handle)
    for number, lane in enumerate(LANES[:2]):
        await bus.publish(message(lane, number))
    waiter = asyncio.create_task(bus.publish(message(LANES[2], 2)))
    for _ in range(_SETTLED):
        await asyncio.sleep(0)
    gates["0"].set()
    newcomer = asyncio.create_task(bus.publish(message(LANES[2], 3)))
    await asyncio.sleep(0)
    for gate in gates.values():
        gate.set()
    await asyncio.gather(waiter, newcomer)
    assert await bus.drain(30)
    assert begun == ["0", "1", "2", "3"]


async def test_a_newer_reply_stays_behind_what_waits_before_it() -> None:
    """It may take the place of an older text of its own, and not the one before somebody who waits for room."""
    sent: list[tuple[str, int]] = []
    gate = asyncio.Event()

    def reply(ident: str, seq: int) -> Reply:
        return Reply(message_id=ident, attempt=1, address=LANES[0], text="", seq=seq)

    async def send(event: Reply) -> None:
        await gate.wait()
        sent.append((event.message_id, event.seq))

    bus = Bus({Reply: Bound(total=9, lane=2, running=1)}, nothing_fails)
    bus.subscribe(Reply, send, supersedes=lambda new, old: new.message_id == old.message_id)
    tasks = []
    for event in (reply("a", 0), reply("b", 0), reply("c", 0), reply("b", 1), reply("b", 2)):
        tasks.append(asyncio.create_task(bus.publish(event)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(*tasks)
    assert await bus.drain(30)
    assert sent == [("a", 0), ("b", 0), ("c", 0), ("b", 2)]
