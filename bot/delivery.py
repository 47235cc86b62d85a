"""From the outbox to the channel: partial replies as they come, ends and posts until they have arrived.

What was committed is tried again, in its conversation's order, until the adapter takes it; after `_TRIES` failures it
waits for the sweeper, so that one broken channel holds nobody else up. What comes after it in its conversation waits
with it: nothing overtakes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Mapping, Set
from dataclasses import replace

import structlog

from adapters.base import Adapter
from bot.bus import Bus
from bot.errors import Overloaded, StorageError
from bot.events import Address, Failed, Outbound, Post, Reply
from bot.metrics import Metrics
from bot.outages import Outages
from storage.base import Outgoing, Store

log = structlog.get_logger()

_TRIES = 6
_FIRST_PAUSE = 0.5
_SEND_SECONDS = 60.0
"""How long a channel may take over one send: one that hangs must not hold its conversation for ever."""


class Delivery:
    """Hands replies to the adapter of their channel, one at a time in each conversation."""

    def __init__(self, bus: Bus, store: Store, adapters: Mapping[str, Adapter], metrics: Metrics) -> None:
        self._bus, self._store, self._adapters = bus, store, adapters
        self._numbers: dict[Hashable, int] = {}
        self._left = _Left()
        self._outages = Outages(self._left.count)
        self._taken: set[int] = set()
        """What arrived since the outbox was looked at last."""
        self._failed = metrics.counter("deliveries_failed", "Sends that a channel did not take.", "channel")
        bus.subscribe(Reply, self._deliver, supersedes=_newer)
        for kind in (Failed, Post):  # in one lane: what was still being written must not come after the failure
            bus.join(kind, Reply)

    async def partial(self, reply: Reply) -> None:
        """Send a reply that is still being written; a newer one may take its place."""
        await self._bus.publish(reply)

    async def end(self, outgoing: Outgoing) -> None:
        """Send a committed end with its posts, and record that they arrived; nothing that is on its way already."""
        for one in (outgoing, *outgoing.posts):
            await self._hand_on(one)

    async def take_up(self, channel: str) -> None:
        """Send what the outbox still holds for `channel`, oldest first, but for what is on its way or finds no room."""
        taken = self._taken = set[int]()
        undelivered = await self._store.undelivered(channel=channel)
        self._left.keep(channel, {outgoing.number for outgoing in undelivered})
        for outgoing in undelivered:
            key = _key(outgoing.event)
            if key in self._numbers or outgoing.number in taken:
                continue
            try:
                claim = self._bus.claim(outgoing.event)
            except Overloaded:
                self._left.add(outgoing.event.address, outgoing.number)
                continue
            self._numbers[key] = outgoing.number
            claim.publish()

    async def _hand_on(self, outgoing: Outgoing) -> None:
        key = _key(outgoing.event)
        if key in self._numbers:
            return
        self._numbers[key] = outgoing.number
        try:
            await self._bus.publish(outgoing.event)
        except BaseException:
            del self._numbers[key]  # the sweeper finds it
            raise

    async def _deliver(self, event: Outbound) -> None:
        address = event.address
        if isinstance(event, Reply) and not event.final:
            return None if self._left.any(address) else await self._try_once(event)
        number = self._numbers[_key(event)]
        try:
            if self._left.before(address, number) or not await self._until_taken(event, number):
                self._left.add(address, number)
            else:
                self._left.discard(address, number)
                self._taken.add(number)
        finally:
            del self._numbers[_key(event)]
        return None

    async def _try_once(self, reply: Reply) -> None:
        adapter = self._adapters.get(reply.address.channel)
        if adapter is None:
            return
        try:
            async with asyncio.timeout(_SEND_SECONDS):
                await adapter.send(reply)
        except Exception as error:  # the next one, or the end, says it again
            self._not_taken(reply.address.channel, error)

    async def _until_taken(self, event: Outbound, number: int) -> bool:
        """Whether the channel took it, or there is none that could."""
        channel = event.address.channel
        adapter = self._adapters.get(channel)
        if adapter is None:
            log.warning("delivery.no_channel", channel=channel, message=_id(event))
            return True
        pause, remote = _FIRST_PAUSE, None
        for _ in range(_TRIES):
            try:
                if remote is None:  # what has arrived is only to be recorded
                    shown = await self._as_it_is(event)
                    async with asyncio.timeout(_SEND_SECONDS):
                        remote = await adapter.send(shown)
                    self._outages.taken(channel)
                await self._store.delivered(number, remote)
                return True
            except StorageError as error:
                log.error("delivery.storage", error=str(error))
            except Exception as error:
                self._not_taken(channel, error)
            await asyncio.sleep(pause)
            pause *= 2
        return False

    def _not_taken(self, channel: str, error: Exception) -> None:
        """Told by its kind alone, since an error's text may repeat what a visitor wrote, or a token."""
        self._failed.labels(channel).inc()
        self._outages.failed(channel, type(error).__name__)

    async def _as_it_is(self, event: Outbound) -> Outbound:
        """A card shows its case as it is by now: one that was put off must not undo a later one."""
        if not (isinstance(event, Post) and event.kind == "case"):
            return event
        return replace(event, case=await self._store.case_at(event.address) or event.case)


class _Left:
    """What the sweeper has to take up: nothing that was committed later in the same conversation is sent before."""

    def __init__(self) -> None:
        self._numbers: dict[Address, set[int]] = {}

    def add(self, address: Address, number: int) -> None:
        self._numbers.setdefault(address, set()).add(number)

    def discard(self, address: Address, number: int) -> None:
        left = self._numbers.get(address, set())
        left.discard(number)
        if not left:
            self._numbers.pop(address, None)

    def any(self, address: Address) -> bool:
        return address in self._numbers

    def before(self, address: Address, number: int) -> bool:
        return any(left < number for left in self._numbers.get(address, ()))

    def count(self, channel: str) -> int:
        return sum(len(numbers) for address, numbers in self._numbers.items() if address.channel == channel)

    def keep(self, channel: str, numbers: Set[int]) -> None:
        """Forget what is none of `numbers` any more: it was erased."""
        for address in [address for address in self._numbers if address.channel == channel]:
            self._numbers[address] &= numbers
            if not self._numbers[address]:
                del self._numbers[address]


def _newer(new: Outbound, old: Outbound) -> bool:
    """A reply says everything that an earlier one to the same message said, unless that one was its end."""
    if isinstance(new, Post) or isinstance(old, Post):
        return False
    return new.message_id == old.message_id and isinstance(old, Reply) and not old.final


def _key(event: Outbound) -> Hashable:
    """What is on its way once. A card may come again in another state, so that a post stands for itself."""
    return event if isinstance(event, Post) else (event.address.channel, event.message_id)


def _id(event: Outbound) -> str:
    return event.id if isinstance(event, Post) else event.message_id
