"""What every `Store` owes about the outbox, conversations and the operators' record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from bot.events import Feedback, Turn
from storage.base import Outgoing, Recollection, Store
from tests.contracts.store import AWAY, HOME, Clock, Contract, answer, end, say, take, turns


class OutboxContract(Contract):
    async def test_delivery_is_recorded(self, store: Store, make: Callable[[], Store]) -> None:
        """What is delivered waits no longer, keeps the channel's id, also after a restart; unknown numbers are idle."""
        first, second = await end(store, say(1)), await end(store, say(2))
        await store.delivered(first.number, "remote-1")
        await store.delivered(10**9)
        assert list(await store.undelivered()) == [second]
        await store.close()
        again = make()
        await again.open()
        try:
            exchange = await again.exchange("web", "m1")
            assert exchange is not None
            assert exchange.outgoing == replace(first, remote="remote-1", delivered=True)
            assert list(await again.undelivered()) == [second]
        finally:
            await again.close()

    async def test_numbers_rise_and_never_return(self, store: Store, make: Callable[[], Store]) -> None:
        """A number names one outgoing for ever, also when the newest was erased and the process began anew."""
        numbers = [(await end(store, say(number))).number for number in range(3)]
        assert numbers == sorted(set(numbers))
        await store.erase("ada")
        await store.close()
        again = make()
        await again.open()
        try:
            assert (await end(again, say(9))).number > numbers[-1]
        finally:
            await again.close()

    async def test_replay_is_one_conversations(self, store: Store) -> None:
        """After number N come that conversation's later ends, oldest first, delivered or not, and no other's."""
        here = [await end(store, say(number)) for number in range(3)]
        await end(store, say("else", AWAY))
        await store.delivered(here[1].number)
        expected: list[Outgoing] = [replace(here[1], delivered=True), here[2]]
        assert list(await store.outgoing_since(HOME, here[0].number)) == expected
        assert list(await store.outgoing_since(HOME, here[0].number, limit=1)) == expected[:1]
        assert list(await store.outgoing_since(replace(HOME, thread="t"), 0)) == []

    async def test_undelivered_is_bounded(self, store: Store) -> None:
        """The oldest come first, and no more than asked for."""
        outgoing = [await end(store, say(number)) for number in range(3)]
        assert list(await store.undelivered(limit=2)) == outgoing[:2]

    async def test_undelivered_of_one_channel(self, store: Store) -> None:
        """What waits for one channel is found behind whatever waits for others."""
        outgoing = [await end(store, say(number)) for number in range(3)]
        assert list(await store.undelivered(channel=HOME.channel)) == outgoing
        assert list(await store.undelivered(channel="another")) == []


class ConversationContract(Contract):
    async def test_turns_are_the_newest_in_order(self, store: Store) -> None:
        """The newest `limit` turns above `after` come oldest first, with rising numbers."""
        for number in range(3):
            await end(store, say(number), text=f"answer {number}")
        await end(store, say("else", AWAY))
        found = await store.turns(HOME)
        texts = [turn.text for _, turn in found]
        assert texts == ["question 0", "answer 0", "question 1", "answer 1", "question 2", "answer 2"]
        numbers = [number for number, _ in found]
        assert numbers == sorted(set(numbers))
        assert list(await store.turns(HOME, after=numbers[3])) == list(found[4:])
        assert list(await store.turns(HOME, limit=3)) == list(found[3:])
        assert list(await store.turns(HOME, after=numbers[0], limit=2)) == list(found[4:])

    async def test_history_pairs_each_message_with_its_end(self, store: Store) -> None:
        """The newest exchanges come oldest first; one that has not ended has no outgoing."""
        ends = [await end(store, say(number)) for number in range(2)]
        await store.accept(say(2))
        await store.accept(say(3, AWAY))
        history = await store.history(HOME)
        assert [(item.message.id, item.outgoing) for item in history] == [
            ("m0", ends[0]),
            ("m1", ends[1]),
            ("m2", None),
        ]
        assert list(await store.history(HOME, limit=2)) == list(history[1:])

    async def test_feedback_is_the_newest_opinion(self, store: Store) -> None:
        """A later opinion replaces an earlier one, 0 takes it back, and another conversation cannot give any."""
        await end(store, say(1))

        async def rated(value: int) -> int:
            assert await store.feedback(Feedback(address=HOME, message_id="m1", value=value, comment="so"))
            exchange = await store.exchange("web", "m1")
            assert exchange is not None
            return exchange.feedback

        assert [await rated(value) for value in (1, -1, 0, 1)] == [1, -1, 0, 1]
        elsewhere = replace(HOME, conversation="eve:main")
        assert not await store.feedback(Feedback(address=elsewhere, message_id="m1", value=-1))
        assert not await store.feedback(Feedback(address=HOME, message_id="m2", value=-1))
        assert [item.feedback for item in await store.history(HOME)] == [1]

    async def test_everybody_has_an_opinion_of_their_own(self, store: Store) -> None:
        """In a group nobody's replaces another's; what counts is the sum, and each message is there once."""
        await end(store, say(1, AWAY))
        await end(store, say(2, AWAY))

        async def rated(sender: str, value: int) -> list[int]:
            assert await store.feedback(Feedback(address=AWAY, message_id="m1", value=value, sender=sender))
            return [item.feedback for item in await store.history(AWAY)]

        votes = [("ada", 1), ("bob", 1), ("", -1), ("eve", 1), ("bob", -1), ("bob", 0), ("", 0), ("ada", 0)]
        assert [await rated(*vote) for vote in votes] == [
            [1, 0],
            [2, 0],
            [1, 0],
            [2, 0],
            [0, 0],
            [1, 0],
            [2, 0],
            [1, 0],
        ]

    async def test_what_is_remembered_comes_back(self, store: Store) -> None:
        """Nothing at first; then what was remembered last, for that conversation alone."""
        assert await store.recall(HOME) == Recollection()
        memory = Recollection(summary="Ada asks. 总结", summarised=4, facts=("is in Oslo", "likes oak"), language="en")
        await store.remember(HOME, Recollection(summary="before"))
        await store.remember(HOME, memory)
        assert await store.recall(HOME) == memory
        assert await store.recall(AWAY) == Recollection()

    async def test_an_erased_memory_does_not_return(self, store: Store) -> None:
        """What was recalled before an erasure is not remembered after it; what is recalled after it is."""
        for address, others in ((HOME, ()), (AWAY, (say("bob", AWAY, sender="bob"),))):
            await end(store, say(f"at-{address.channel}", address))
            for message in others:
                await end(store, message)
            await store.remember(address, Recollection(summary="Ada lives in Oslo."))
            stale = await store.recall(address)
            await store.erase("ada")
            await store.remember(address, replace(stale, summarised=9))
            assert await store.recall(address) == Recollection()
            await end(store, say(f"again-{address.channel}", address))
            await store.remember(address, replace(stale, summarised=9))
            fresh = await store.recall(address)
            assert fresh == Recollection()
            await store.remember(address, replace(fresh, summary="Somebody new."))
            assert (await store.recall(address)).summary == "Somebody new."

    async def test_a_first_memory_does_not_outlive_an_erasure(self, store: Store) -> None:
        """A recollection taken before anything was remembered is void as well, when somebody is erased meanwhile."""
        await end(store, say("ada", AWAY))
        await end(store, say("bob", AWAY, sender="bob"))
        stale = await store.recall(AWAY)
        await store.erase("ada")
        await store.remember(AWAY, replace(stale, summary="Ada lives in Oslo."))
        assert await store.recall(AWAY) == Recollection()

    async def test_turns_of_any_number(self, store: Store) -> None:
        """An end may carry no turn, or several."""
        lease = await take(store, say(1))
        named = Turn(role="user", text="so it is", language="en", at=8.4, name="Zoë")
        several = (*turns(lease), named, Turn(role="system", text="handed over", language="", at=8.5))
        await store.complete(lease, answer(lease), several)
        assert [turn for _, turn in await store.turns(HOME)] == list(several)


class RecordContract(Contract):
    async def test_the_record_is_in_order(self, store: Store, clock: Clock) -> None:
        """Every entry comes back once, in the order of its making, from any number on, however many there are."""
        for number in range(3):
            clock.now += 1
            await store.audit("erase", {"visitor": f"v{number}", "rows": {"messages": number}})
        entries = [entry async for entry in store.audited()]
        assert [detail["visitor"] for *_, detail in entries] == ["v0", "v1", "v2"]
        assert [at for _, at, *_ in entries] == [clock.now - 2, clock.now - 1, clock.now]
        assert [entry async for entry in store.audited(after=entries[0][0])] == entries[1:]
