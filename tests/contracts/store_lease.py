"""What every `Store` owes about leases: one worker at a time, and one end for each message."""

from __future__ import annotations

import asyncio

import pytest

from bot.errors import StaleLease
from bot.events import Failed, Reply
from storage.base import Store
from tests.contracts.store import AWAY, HOME, Clock, Contract, answer, end, say, take, turns


class LeaseContract(Contract):
    async def test_a_lease_is_one_workers(self, store: Store, clock: Clock) -> None:
        """While it runs nobody else gets the work; when it has run out the next attempt does."""
        lease = await take(store, say(1), seconds=10)
        assert (lease.attempt, lease.until) == (1, clock.now + 10)
        assert await store.lease(say(1), 10) is None
        clock.now += 10
        again = await store.lease(say(1), 10)
        assert again is not None
        assert again.attempt == 2

    async def test_of_many_workers_one_gets_the_lease(self, store: Store) -> None:
        """However many ask at the same moment, exactly one gets it."""
        await store.accept(say(1))
        leases = await asyncio.gather(*(store.lease(say(1), 10) for _ in range(50)))
        assert [lease.attempt for lease in leases if lease] == [1]

    async def test_nothing_to_lease(self, store: Store) -> None:
        """A message that has ended, or that is not there, gives no lease."""
        await end(store, say(1))
        assert await store.lease(say(1), 10) is None
        assert await store.lease(say(2), 10) is None

    async def test_extending(self, store: Store, clock: Clock) -> None:
        """A lease is held longer, even when it ran out, as long as nobody took the work; then it is stale."""
        lease = await take(store, say(1), seconds=10)
        clock.now += 11
        lease = await store.extend(lease, 10)
        assert lease.until == clock.now + 10
        assert await store.lease(say(1), 10) is None
        clock.now += 11
        newer = await store.lease(say(1), 10)
        with pytest.raises(StaleLease):
            await store.extend(lease, 10)
        assert newer is not None
        assert (await store.extend(newer, 20)).until == clock.now + 20

    async def test_releasing(self, store: Store) -> None:
        """Work given back waits again, under a higher attempt; the old lease is void, and giving back twice is idle."""
        old = await take(store, say(1))
        assert list(await store.pending()) == []
        await store.release(old)
        assert list(await store.pending()) == [say(1)]
        with pytest.raises(StaleLease):
            await store.complete(old, answer(old), turns(old))
        new = await store.lease(say(1), 10)
        assert new is not None
        assert new.attempt == 2
        await store.release(old)
        assert await store.lease(say(1), 10) is None

    async def test_completing_is_all_or_nothing(self, store: Store) -> None:
        """The end, its turns and what goes out are there together, and only the newest attempt may bring them."""
        lease = await take(store, say(1))
        outgoing = await store.complete(lease, answer(lease), turns(lease))
        assert outgoing.event == answer(lease)
        assert not outgoing.delivered
        exchange = await store.exchange("web", "m1")
        assert exchange is not None
        assert (exchange.message, exchange.outgoing, exchange.feedback) == (say(1), outgoing, 0)
        assert [turn for _, turn in await store.turns(HOME)] == list(turns(lease))
        assert list(await store.pending()) == []

    async def test_a_stale_attempt_leaves_nothing(self, store: Store, clock: Clock) -> None:
        """A result of an old attempt, or a second one of the same, is refused and changes nothing."""
        old = await take(store, say(1), seconds=1)
        clock.now += 2
        new = await store.lease(say(1), 10)
        assert new is not None
        with pytest.raises(StaleLease):
            await store.complete(old, answer(old, "old"), turns(old, "old"))
        await store.complete(new, answer(new, "new"), turns(new, "new"))
        for lease in (old, new):
            with pytest.raises(StaleLease):
                await store.complete(lease, answer(lease, "late"), turns(lease, "late"))
        assert [item.event.text for item in await store.undelivered() if isinstance(item.event, Reply)] == ["new"]
        assert len(await store.turns(HOME)) == 2

    async def test_a_stale_result_takes_no_other_with_it(self, store: Store) -> None:
        """Refusing one result, among many that are committed at the same moment, harms none of them."""
        leases = [await take(store, say(number)) for number in range(20)]
        await store.release(leases[7])
        results = await asyncio.gather(
            *(store.complete(lease, answer(lease), turns(lease)) for lease in leases), return_exceptions=True
        )
        assert [number for number, result in enumerate(results) if isinstance(result, StaleLease)] == [7]
        assert len(await store.undelivered()) == 19

    async def test_a_message_may_fail(self, store: Store) -> None:
        """A Failed is an end like a Reply, and comes back as it was."""
        lease = await take(store, say(1, AWAY))
        failed = Failed(message_id="m1", address=AWAY, reason="engine: out of memory", said="Sorry.")
        outgoing = await store.complete(lease, failed, ())
        assert list(await store.undelivered()) == [outgoing]
        assert outgoing.event == failed

    async def test_an_end_belongs_to_its_message(self, store: Store) -> None:
        """An end of another message, one that is not final, or one of another attempt is the caller's mistake."""
        lease = await take(store, say(1))
        other = await take(store, say(2, AWAY))
        unfinished = Reply(message_id="m1", attempt=1, address=HOME, text="…", seq=1)
        for event in (answer(other), unfinished):
            with pytest.raises(ValueError, match=r"belongs|final"):
                await store.complete(lease, event, ())
