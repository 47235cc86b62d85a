"""From the outbox to the channel: partial replies as they come, ends until they have arrived.

A committed end is tried again, in its conversation's order, until the adapter takes it; after
`_TRIES` failures it waits for the sweeper, so that one broken channel holds nobody else up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import structlog

from adapters.base import Adapter
from bot.bus import Bus
from bot.errors import StorageError
from bot.events import Failed, Reply
from bot.metrics import Metrics
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
        self._numbers: dict[tuple[str, str], int] = {}
        self._failed = metrics.counter("deliveries_failed", "Sends that a channel did not take.", "channel")
        bus.subscribe(Reply, self._deliver, supersedes=_newer)
        bus.join(Failed, Reply)  # in one lane: what was still being written must not come after the failure

    async def partial(self, reply: Reply) -> None:
        """Send a reply that is still being written; a newer one may take its place."""
        await self._bus.publish(reply)

    async def end(self, outgoing: Outgoing) -> None:
        """Send a committed end, and record that it arrived. Nothing happens when it is on its way already."""
        key = _key(outgoing.event)
        if key in self._numbers:
            return
        self._numbers[key] = outgoing.number
        try:
            await self._bus.publish(outgoing.event)
        except BaseException:
            del self._numbers[key]  # the sweeper finds it
            raise

    def again(self, outgoing: Outgoing) -> None:
        """Send an end that the outbox still holds, unless it is on its way. Raises `Overloaded`: there is no room."""
        key = _key(outgoing.event)
        if key in self._numbers:
            return
        claim = self._bus.claim(outgoing.event)
        self._numbers[key] = outgoing.number
        claim.publish()

    async def _deliver(self, event: Reply | Failed) -> None:
        if isinstance(event, Reply) and not event.final:
            return await self._try_once(event)
        try:
            await self._until_taken(event, self._numbers[_key(event)])
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
            self._failed.labels(reply.address.channel).inc()
            log.warning("delivery.partial", channel=reply.address.channel, error=_name(error))

    async def _until_taken(self, event: Reply | Failed, number: int) -> None:
        adapter = self._adapters.get(event.address.channel)
        if adapter is None:
            log.warning("delivery.no_channel", channel=event.address.channel, message=event.message_id)
            return None
        pause, remote = _FIRST_PAUSE, None
        for _ in range(_TRIES):
            try:
                if remote is None:  # what has arrived is only to be recorded
                    async with asyncio.timeout(_SEND_SECONDS):
                        remote = await adapter.send(event)
                return await self._store.delivered(number, remote)
            except StorageError as error:
                log.error("delivery.storage", error=str(error))
            except Exception as error:
                self._failed.labels(event.address.channel).inc()
                log.warning("delivery.end", channel=event.address.channel, error=_name(error))
            await asyncio.sleep(pause)
            pause *= 2
        log.error("delivery.left_to_sweeper", channel=event.address.channel, message=event.message_id)
        return None


def _newer(new: Reply | Failed, old: Reply | Failed) -> bool:
    """A reply says everything that an earlier one to the same message said, unless that one was its end."""
    return new.message_id == old.message_id and isinstance(old, Reply) and not old.final


def _key(event: Reply | Failed) -> tuple[str, str]:
    return (event.address.channel, event.message_id)


def _name(error: Exception) -> str:
    """An error for the log: its kind alone, since its text may repeat what a visitor wrote or a token."""
    return type(error).__name__
