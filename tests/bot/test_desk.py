"""The laws of the desk, over a real store on disk: durable, exactly one end, in order, stopped at once."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from bot import work
from bot.errors import Overloaded, TemplateError
from bot.events import Failed, Feedback, Message, Reply, Stop
from tests.fakes.desk import House, address, config, house, message


class DeskMachine(RuleBasedStateMachine):
    """Random messages, duplicates, ends, faults, stops and restarts; at the end everything has ended once."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.accepted: dict[str, Message] = {}
        self.next = 0

    def run(self, work: Awaitable[Any]) -> Any:
        return self.loop.run_until_complete(asyncio.wait_for(work, 30))

    def act(self, work: Awaitable[Any]) -> Any:
        """Run `work`, then wait until the first of every lane waits for the test: what follows hangs on no timing."""
        try:
            return self.run(work)
        finally:
            self.run(self._rest())

    async def _rest(self) -> None:
        desk, gates = self.house.desk, self.house.scripted.gates

        def waits(job: Any) -> bool:
            gate = gates.get(job.message.id)
            return gate is not None and not gate.done() and not job.cancellation.reason

        while desk.bus.held(Reply) or not all(waits(talk[0]) for talk in desk.work.house._talks.values()):
            await asyncio.sleep(0.001)

    @initialize(policy=st.sampled_from(["queue", "interrupt", "drop"]))
    def begin(self, policy: str) -> None:
        self.house = House(
            Path(self.folder.name),
            config(bus={"busy": policy, "messages": 6, "per_conversation": 3}, server={"drain_seconds": 0}),
        )
        self.run(self.house.open())

    @rule(conversation=st.sampled_from("ab"))
    def say(self, conversation: str) -> None:
        new = message(conversation, f"m{self.next}", f"text {self.next}")
        self.next += 1
        try:
            assert self.act(self.house.desk.publish(new))
        except Overloaded:
            assert self.run(self.house.store.exchange("test", new.id)) is None
        else:
            self.accepted[new.id] = new

    @precondition(lambda self: self.accepted)
    @rule(data=st.data())
    def say_again(self, data: st.DataObject) -> None:
        known = data.draw(st.sampled_from(list(self.accepted.values())))
        with suppress(Overloaded):
            assert not self.act(self.house.desk.publish(known))

    @precondition(lambda self: self.house.scripted.gates)
    @rule(data=st.data(), verdict=st.sampled_from(["end", "end", "fail"]))
    def decide(self, data: st.DataObject, verdict: str) -> None:
        gate = data.draw(st.sampled_from(sorted(self.house.scripted.gates)))

        async def settle() -> None:
            waiting = self.house.scripted.gates[gate]
            waiting.set_result(verdict)

        self.act(settle())

    @precondition(lambda self: self.accepted)
    @rule(data=st.data())
    def stop(self, data: st.DataObject) -> None:
        known = data.draw(st.sampled_from(list(self.accepted.values())))
        self.act(self.house.desk.publish(Stop(address=known.address, message_id=known.id)))

    @rule()
    def restart(self) -> None:
        self.run(self.house.close())
        self.house.scripted.gates.clear()
        self.act(self.house.open())

    def teardown(self) -> None:
        self.run(self._finish())
        for ident in self.accepted:
            ends = self.house.channel.ends(ident)
            assert ends, f"{ident} has no end"
            assert all(end == ends[0] for end in ends), f"{ident} has different ends"
        self.loop.close()
        self.folder.cleanup()

    async def _finish(self) -> None:
        while not all(self.house.channel.ends(ident) for ident in self.accepted):
            for gate in list(self.house.scripted.gates.values()):
                if not gate.done():
                    gate.set_result("end")
            await self.house.desk._take_up()
            await asyncio.sleep(0.001)
        for ident, said in self.accepted.items():
            exchange = await self.house.store.exchange("test", ident)
            assert exchange and exchange.outgoing, f"{ident} has no end on disk"
            assert exchange.message == said
        await self.house.close()


DeskMachine.TestCase.settings = settings(
    max_examples=30, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries wait for nothing, so that tests do not sleep."""
    monkeypatch.setattr(work, "_FIRST_PAUSE", 0.0)
    monkeypatch.setattr("bot.delivery._FIRST_PAUSE", 0.0)


class TestDesk(DeskMachine.TestCase):
    """Every accepted message has exactly one end, whatever happens to it on the way."""

    @pytest.fixture(autouse=True)
    def _at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(work, "_FIRST_PAUSE", 0.0)


async def test_messages_of_a_conversation_are_answered_in_order(tmp_path: Path) -> None:
    """One conversation, one lane: the second is not begun before the first has ended."""
    async with house(tmp_path) as at:
        for number in range(3):
            await at.desk.publish(message("a", f"m{number}"))
        for number in range(3):
            gate = await at.scripted.wait_for(f"m{number}")
            assert set(at.scripted.gates) == {f"m{number}"}
            gate.set_result("end")
            await at.channel.end(f"m{number}")
        assert [told.id for told in at.scripted.order] == ["m0", "m1", "m2"]


async def test_a_fault_makes_a_new_attempt(tmp_path: Path) -> None:
    """An exception in a turn is tried again with a higher attempt number; the end carries it."""
    async with house(tmp_path) as at:
        await at.desk.publish(message("a", "m"))
        (await at.scripted.wait_for("m")).set_result("fail")
        while at.scripted.attempts["m"] != [1, 2]:
            await asyncio.sleep(0.001)
        (await at.scripted.wait_for("m")).set_result("end")
        end = await at.channel.end("m")
        assert isinstance(end, Reply)
        assert end.attempt == 2


async def test_what_trying_again_cannot_mend_ends_at_once(tmp_path: Path) -> None:
    """A template that is wrong is wrong for every attempt: the person is told after the first."""
    async with house(tmp_path) as at:
        await at.desk.publish(message("a", "m"))
        (await at.scripted.wait_for("m")).set_exception(TemplateError("The template `answer` needs 900 tokens."))
        end = await at.channel.end("m")
        assert isinstance(end, Failed)
        assert end.reason == "The template `answer` needs 900 tokens." and "template" not in end.said
        assert at.scripted.attempts["m"] == [1]


async def test_a_message_that_always_fails_ends_in_failed(tmp_path: Path) -> None:
    """After `storage.attempts` attempts the person is told, and the lane goes on."""
    async with house(tmp_path, storage={"attempts": 2}) as at:
        await at.desk.publish(message("a", "poison"))
        await at.desk.publish(message("a", "next"))
        for _ in range(2):
            (await at.scripted.wait_for("poison")).set_result("fail")
            while "poison" in at.scripted.gates:
                await asyncio.sleep(0.001)
        end = await at.channel.end("poison")
        assert isinstance(end, Failed)
        assert end.said
        (await at.scripted.wait_for("next")).set_result("end")
        await at.channel.end("next")


async def test_stop_ends_the_answer_with_what_was_written(tmp_path: Path) -> None:
    """A Stop reaches the running turn, and one that waits in its lane."""
    async with house(tmp_path) as at:
        await at.desk.publish(message("a", "m1"))
        await at.desk.publish(message("a", "m2"))
        await at.scripted.wait_for("m1")
        assert await at.desk.publish(Stop(address=address("a"), message_id="m2"))
        assert await at.desk.publish(Stop(address=address("a")))
        for ident in ("m1", "m2"):
            end = await at.channel.end(ident)
            assert isinstance(end, Reply)
            assert end.finish_reason == "cancelled"


async def test_stop_does_not_reach_another_conversation(tmp_path: Path) -> None:
    """Whoever names somebody else's message stops nothing."""
    async with house(tmp_path) as at:
        await at.desk.publish(message("a", "m1"))
        gate = await at.scripted.wait_for("m1")
        assert not await at.desk.publish(Stop(address=address("b"), message_id="m1"))
        gate.set_result("end")
        end = await at.channel.end("m1")
        assert isinstance(end, Reply)
        assert end.finish_reason == "stop"


async def test_interrupt_ends_the_running_answer(tmp_path: Path) -> None:
    """With `interrupt`, a new message ends the running answer and is answered itself."""
    async with house(tmp_path, bus={"busy": "interrupt"}) as at:
        await at.desk.publish(message("a", "m1"))
        await at.scripted.wait_for("m1")
        await at.desk.publish(message("a", "m2"))
        first = await at.channel.end("m1")
        assert isinstance(first, Reply)
        assert first.finish_reason == "interrupted"
        (await at.scripted.wait_for("m2")).set_result("end")
        await at.channel.end("m2")


async def test_debounce_answers_the_last_of_several(tmp_path: Path) -> None:
    """With `debounce`, what is followed at once by something newer ends as merged."""
    async with house(tmp_path, bus={"busy": "debounce", "debounce_seconds": 1.0}) as at:
        await asyncio.gather(*(at.desk.publish(message("a", f"m{number}")) for number in range(3)))
        reasons = []
        for number in range(2):
            end = await at.channel.end(f"m{number}")
            assert isinstance(end, Reply)
            reasons.append(end.finish_reason)
        (await at.scripted.wait_for("m2")).set_result("end")
        last = await at.channel.end("m2")
        assert isinstance(last, Reply)
        assert [*reasons, last.finish_reason] == ["merged", "merged", "stop"]


async def test_drop_tells_the_newcomer_at_once(tmp_path: Path) -> None:
    """With `drop`, a message that comes while the bot answers ends in Failed with a polite sentence."""
    async with house(tmp_path, bus={"busy": "drop"}) as at:
        await at.desk.publish(message("a", "m1"))
        gate = await at.scripted.wait_for("m1")
        await at.desk.publish(message("a", "m2"))
        end = await at.channel.end("m2")
        assert isinstance(end, Failed)
        assert end.reason == "busy"
        gate.set_result("end")
        await at.channel.end("m1")


async def test_an_end_is_sent_until_the_channel_takes_it(tmp_path: Path) -> None:
    """A broken channel loses nothing: the end is repeated, and recorded only when it arrived."""
    async with house(tmp_path) as at:
        await at.desk.publish(message("a", "m"))
        gate = await at.scripted.wait_for("m")
        at.channel.break_next = 3
        gate.set_result("end")
        await at.channel.end("m")
    async with house(tmp_path) as at:
        assert await at.store.undelivered() == []


async def test_what_could_not_be_delivered_waits_for_the_next_start(tmp_path: Path) -> None:
    """After the tries are used up the end stays in the outbox and is delivered later."""
    async with house(tmp_path) as at:
        await at.desk.publish(message("a", "m"))
        gate = await at.scripted.wait_for("m")
        at.channel.break_next = 1_000
        gate.set_result("end")
        while at.desk.bus.held(Reply) or at.desk.bus.held(Message):
            await asyncio.sleep(0.001)
        assert len(await at.store.undelivered()) == 1
    async with house(tmp_path) as at:
        end = await at.channel.end("m")
        assert isinstance(end, Reply)
        assert end.text == "answer to hello"


async def test_closing_gives_unfinished_work_back(tmp_path: Path) -> None:
    """What does not end while draining is answered after the next start, with a higher attempt."""
    async with house(tmp_path, server={"drain_seconds": 0}) as at:
        await at.desk.publish(message("a", "m"))
        await at.scripted.wait_for("m")
    assert at.channel.closed
    async with house(tmp_path) as at:
        (await at.scripted.wait_for("m")).set_result("end")
        end = await at.channel.end("m")
        assert isinstance(end, Reply)
        assert end.attempt == 2


async def test_draining_lets_running_answers_finish(tmp_path: Path) -> None:
    """A graceful stop takes nothing new and ends what runs."""
    async with house(tmp_path, server={"drain_seconds": 30}) as at:
        await at.desk.publish(message("a", "m"))
        gate = await at.scripted.wait_for("m")
        closing = asyncio.create_task(at.desk.close())
        while at.desk.ready:
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await at.desk.publish(message("a", "late"))
        gate.set_result("end")
        await closing
        assert at.channel.ends("m")


async def test_feedback_needs_a_message(tmp_path: Path) -> None:
    """An opinion on a message of this conversation is kept; on another's it is refused."""
    async with house(tmp_path) as at:
        await at.desk.publish(message("a", "m"))
        (await at.scripted.wait_for("m")).set_result("end")
        await at.channel.end("m")
        assert await at.desk.publish(Feedback(address=address("a"), message_id="m", value=1))
        assert not await at.desk.publish(Feedback(address=address("b"), message_id="m", value=1))
