"""The laws of the bus: order within a lane, bounds for each kind, every event handled exactly once."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bot.bus import Bound, Bus, Claim
from bot.errors import Overloaded
from bot.events import Address, Event, Failed, Message, Reply

LANES = [Address(channel="test", conversation=name) for name in "abc"]
BOUND = Bound(total=6, lane=3, running=2)


def message(lane: Address, number: int) -> Message:
    return Message(id=str(number), address=lane, sender="s", text="", sent_at=0)


def reply(lane: Address, ident: str, seq: int, *, final: bool = False) -> Reply:
    return Reply(message_id=ident, attempt=1, address=lane, text=str(seq), seq=seq, final=final)


class BusMachine(RuleBasedStateMachine):
    """Random publishing, claiming, releasing, finishing and failing against a model of three lanes."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.errors: list[Exception] = []
        self.bus = Bus({Message: BOUND}, on_error=lambda _, error: self.errors.append(error))
        self.bus.subscribe(Message, self.handle)
        self.gates: dict[str, asyncio.Future[None]] = {}
        self.running: list[Message] = []
        self.begun: list[Message] = []
        self.published: list[Message] = []
        self.finished: Counter[str] = Counter()
        self.claims: list[tuple[Claim[Message], Message]] = []
        self.failing = 0
        self.next = 0

    async def handle(self, event: Message) -> None:
        self.running.append(event)
        self.begun.append(event)
        gate = self.gates[event.id] = self.loop.create_future()
        try:
            await gate
        finally:
            self.running.remove(event)
            self.finished[event.id] += 1

    def settle(self) -> None:
        async def turns() -> None:
            for _ in range(20):
                await asyncio.sleep(0)

        self.loop.run_until_complete(turns())

    def held(self, lane: Address | None = None) -> int:
        events = [event for event in self.published if not self.finished[event.id]]
        events += [event for _, event in self.claims]
        return sum(lane in (None, event.address) for event in events)

    @rule(lane=st.sampled_from(LANES))
    def claim(self, lane: Address) -> None:
        event = message(lane, self.next)
        self.next += 1
        full = self.held() >= BOUND.total or self.held(lane) >= BOUND.lane

        async def take() -> Claim[Message] | None:
            try:
                return self.bus.claim(event)
            except Overloaded:
                return None

        taken = self.loop.run_until_complete(take())
        assert (taken is None) == full
        if taken:
            self.claims.append((taken, event))

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), publish=st.booleans())
    def fill(self, data: st.DataObject, publish: bool) -> None:
        claim, event = self.claims.pop(data.draw(st.integers(0, len(self.claims) - 1)))

        async def use() -> None:
            if publish:
                self.published.append(event)
                claim.publish()
            else:
                claim.release()
            with pytest.raises(RuntimeError):
                claim.publish()

        self.loop.run_until_complete(use())
        self.settle()

    @precondition(lambda self: self.running)
    @rule(data=st.data(), fails=st.booleans())
    def finish(self, data: st.DataObject, fails: bool) -> None:
        event = data.draw(st.sampled_from(self.running))
        if fails:
            self.failing += 1
            self.gates[event.id].set_exception(RuntimeError("broken"))
        else:
            self.gates[event.id].set_result(None)
        self.settle()

    @invariant()
    def bounds_hold(self) -> None:
        assert self.bus.held(Message) == self.held() <= BOUND.total
        assert all(self.held(lane) <= BOUND.lane for lane in LANES)
        assert len(self.running) <= BOUND.running
        assert max(Counter(event.address for event in self.running).values(), default=0) <= 1

    @invariant()
    def lanes_keep_order(self) -> None:
        for lane in LANES:
            begun = [event for event in self.begun if event.address == lane]
            published = [event for event in self.published if event.address == lane]
            assert begun == published[: len(begun)]

    @invariant()
    def no_slot_is_left_idle(self) -> None:
        ready = {event.address for event in self.published if not self.finished[event.id]}
        assert len(self.running) == min(BOUND.running, len(ready))

    def teardown(self) -> None:
        async def end() -> bool:
            for claim, _ in self.claims:
                claim.release()
            drain = asyncio.ensure_future(self.bus.drain(30))
            while not drain.done():
                for gate in self.gates.values():
                    if not gate.done():
                        gate.set_result(None)
                await asyncio.sleep(0)
            return drain.result()

        assert self.loop.run_until_complete(end())
        assert self.finished == Counter(event.id for event in self.published)
        assert len(self.errors) == self.failing
        self.loop.close()


TestBus = BusMachine.TestCase
TestBus.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


def nothing_fails(_: Event, error: Exception) -> None:
    raise AssertionError from error


async def test_a_newer_reply_takes_the_place_of_a_waiting_one() -> None:
    """A slow channel skips to the newest text; an end is never skipped."""
    sent: list[Reply] = []
    gate = asyncio.Event()

    async def send(event: Reply) -> None:
        sent.append(event)
        await gate.wait()

    bus = Bus({Reply: BOUND}, nothing_fails)
    bus.subscribe(Reply, send, supersedes=lambda new, old: new.message_id == old.message_id and not old.final)
    for seq in range(100):
        await bus.publish(reply(LANES[0], "1", seq))
        await asyncio.sleep(0)
    await bus.publish(reply(LANES[0], "1", 100, final=True))
    await bus.publish(reply(LANES[0], "2", 0))
    gate.set()
    assert await bus.drain(30)
    assert [(event.message_id, event.seq) for event in sent] == [("1", 0), ("1", 100), ("2", 0)]


async def test_publishing_waits_for_room() -> None:
    """What the house itself publishes is not refused: it waits until there is room."""
    gate = asyncio.Event()
    handled: list[str] = []

    async def handle(event: Message) -> None:
        await gate.wait()
        handled.append(event.id)

    bus = Bus({Message: BOUND}, nothing_fails)
    bus.subscribe(Message, handle)
    tasks = [asyncio.create_task(bus.publish(message(LANES[0], number))) for number in range(9)]
    await asyncio.sleep(0)
    assert sum(task.done() for task in tasks) == BOUND.lane
    gate.set()
    await asyncio.gather(*tasks)
    assert await bus.drain(30)
    assert sorted(handled) == [str(number) for number in range(9)]


async def test_draining_takes_nothing_new_and_cancels_what_does_not_end() -> None:
    """After the time for draining is over, handlers are cancelled and their clean-up runs."""
    cancelled = asyncio.Event()

    async def hang(_: Message) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    bus = Bus({Message: BOUND}, nothing_fails)
    bus.subscribe(Message, hang)
    await bus.publish(message(LANES[0], 1))
    await asyncio.sleep(0)
    assert not await bus.drain(0)
    assert cancelled.is_set()
    with pytest.raises(Overloaded):
        bus.claim(message(LANES[1], 2))


async def test_a_kind_has_one_handler() -> None:
    """Subscribing twice is a mistake in the wiring and is said so at once."""

    async def handle(_: Message) -> None: ...

    bus = Bus({Message: BOUND}, nothing_fails)
    bus.subscribe(Message, handle)
    with pytest.raises(ValueError, match="Message"):
        bus.subscribe(Message, handle)


async def test_a_cancellation_from_within_ends_one_event_alone() -> None:
    """A handler that awaited something cancelled fails like any other: the rest of its lane is still handled."""
    errors: list[Exception] = []
    handled: list[str] = []

    async def handle(event: Message) -> None:
        if event.id == "0":
            raise asyncio.CancelledError
        handled.append(event.id)

    bus = Bus({Message: BOUND}, lambda _, error: errors.append(error))
    bus.subscribe(Message, handle)
    for number in range(3):
        await bus.publish(message(LANES[0], number))
    assert await bus.drain(1)
    assert (handled, len(errors)) == (["1", "2"], 1)


async def test_nothing_begins_after_closing() -> None:
    """A place that was claimed before draining and is filled after it starts no task: nobody would await it."""
    handled: list[str] = []

    async def handle(event: Message) -> None:
        handled.append(event.id)

    bus = Bus({Message: BOUND}, nothing_fails)
    bus.subscribe(Message, handle)
    claim = bus.claim(message(LANES[0], 1))
    assert not await bus.drain(0)
    claim.publish()
    for _ in range(5):
        await asyncio.sleep(0)
    assert handled == []


async def test_kinds_that_are_joined_share_a_lane() -> None:
    """Two kinds in one lane are handled in one order, one after another."""
    sent: list[Event] = []

    async def send(event: Reply) -> None:
        await asyncio.sleep(0)
        sent.append(event)

    bus = Bus({Reply: BOUND}, nothing_fails)
    bus.subscribe(Reply, send)
    bus.join(Failed, Reply)
    events: list[Event] = [
        reply(LANES[0], "1", 0),
        Failed(message_id="1", address=LANES[0], reason="", said=""),
        reply(LANES[0], "2", 0),
    ]
    for event in events:
        await bus.publish(event)
    assert await bus.drain(30)
    assert sent == events
