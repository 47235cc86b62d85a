"""What every `Store` owes, whatever stands behind it.

An implementation is tested by a class that inherits the contracts (this file and its neighbours `store_*.py`) and
by one fixture, `make`: a callable that returns a store, not yet open, over the same data each time, which reads
its time from the fixture `clock`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from bot.errors import StaleLease, StorageError
from bot.events import Address, Attachment, Citation, Message, Reply, Turn
from storage.base import Lease, Outgoing, Store

HOME = Address(channel="web", conversation="ada:main")
AWAY = Address(channel="slack", account="T1", conversation="C1", thread="17.5")


class Clock:
    """A time that only the test moves."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


def say(number: int | str, address: Address = HOME, sender: str = "ada", text: str = "") -> Message:
    return Message(id=f"m{number}", address=address, sender=sender, text=text or f"question {number}", sent_at=5.0)


def answer(lease: Lease, text: str = "An answer.") -> Reply:
    message = lease.message
    return Reply(
        message_id=message.id,
        attempt=lease.attempt,
        address=message.address,
        text=text,
        seq=7,
        final=True,
        citations=(Citation(number=1, title="Shipping", location="en/shipping.md"),),
        finish_reason="stop",
        language="en",
    )


def turns(lease: Lease, text: str = "An answer.") -> tuple[Turn, Turn]:
    return (
        Turn(role="user", text=lease.message.text, language="en", at=6.0),
        Turn(role="assistant", text=text, language="en", at=7.0),
    )


async def take(store: Store, message: Message, seconds: float = 60) -> Lease:
    """Accept and lease."""
    await store.accept(message)
    lease = await store.lease(message, seconds)
    assert lease is not None
    return lease


async def end(store: Store, message: Message, text: str = "An answer.") -> Outgoing:
    """The whole life of a message."""
    lease = await take(store, message)
    return await store.complete(lease, answer(lease, text), turns(lease, text))


class Contract:
    @pytest.fixture
    def clock(self) -> Clock:
        return Clock()

    @pytest.fixture
    async def store(self, make: Callable[[], Store]) -> AsyncIterator[Store]:
        store = make()
        await store.open()
        yield store
        await store.close()


class InboxContract(Contract):
    async def test_what_was_accepted_is_there_after_a_restart(self, store: Store, make: Callable[[], Store]) -> None:
        """Every field of an accepted message survives, whatever characters stand in it."""
        message = Message(
            id="x-1",
            address=AWAY,
            sender="ü\x00\u202e",
            text="Grüße 退货 \U0001f600\n\x00 '\"; DROP TABLE messages; --",
            sent_at=1.25,
            edited=True,
            attachments=(Attachment(name="a.pdf", media_type="application/pdf", size=2**40, location="s3://x"),),
            language="zh",
            name="Ada \U0001f600\x00",
            command="ask",
            replaces="x-0",
        )
        assert await store.accept(message)
        await store.close()
        again = make()
        await again.open()
        try:
            assert list(await again.pending()) == [message]
        finally:
            await again.close()

    async def test_a_known_message_is_not_taken_twice(self, store: Store) -> None:
        """(channel, id) is unique: the second is False, and nothing changes; another channel is another message."""
        assert await store.accept(say(1, text="first"))
        assert not await store.accept(say(1, text="second"))
        assert await store.accept(say(1, AWAY, text="elsewhere"))
        assert [message.text for message in await store.pending()] == ["first", "elsewhere"]

    async def test_of_many_at_once_one_is_new(self, store: Store) -> None:
        """However many deliver the same message at the same moment, exactly one is told that it was new."""
        answers = await asyncio.gather(*(store.accept(say(1)) for _ in range(200)))
        assert answers.count(True) == 1

    async def test_one_bad_message_takes_no_other_with_it(self, store: Store) -> None:
        """What cannot be stored is refused with a sentence, alone; its neighbours are stored."""
        messages = [say(number, text="half \ud800" if number == 13 else "") for number in range(40)]
        results = await asyncio.gather(*map(store.accept, messages), return_exceptions=True)
        assert [number for number, result in enumerate(results) if result is not True] == [13]
        assert isinstance(results[13], StorageError)
        assert len(await store.pending()) == 39

    async def test_pending_keeps_the_order_of_acceptance(self, store: Store, clock: Clock) -> None:
        """What waits comes oldest first, without what is held or has ended, and no more than asked for."""
        for number in range(6):
            await store.accept(say(number))
        await end(store, say(1))
        await take(store, say(3), seconds=10)
        assert [message.id for message in await store.pending()] == ["m0", "m2", "m4", "m5"]
        assert [message.id for message in await store.pending(limit=2)] == ["m0", "m2"]
        clock.now += 11
        assert [message.id for message in await store.pending()] == ["m0", "m2", "m3", "m4", "m5"]

    async def test_a_restart_voids_the_leases_of_the_dead(self, store: Store, make: Callable[[], Store]) -> None:
        """After a restart unfinished work waits again at once; the attempt before it is void."""
        old = await take(store, say(1), seconds=10_000)
        await store.close()
        again = make()
        await again.open()
        try:
            assert list(await again.pending()) == [say(1)]
            with pytest.raises(StaleLease):
                await again.complete(old, answer(old), ())
            new = await again.lease(say(1), 10)
            assert new is not None
            assert new.attempt == 2
        finally:
            await again.close()

    async def test_a_closed_store_refuses(self, store: Store) -> None:
        """After closing, everything is refused with a sentence; closing again is idle."""
        await store.close()
        with pytest.raises(StorageError):
            await store.accept(say(1))
        with pytest.raises(StorageError):
            await store.pending()
        await store.close()
