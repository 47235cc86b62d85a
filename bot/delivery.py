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


class Delivery:
    """Hands replies to the adapter of their channel, one at a time in each conversation."""

    def __init__(self, bus: Bus, store: Store, adapters: Mapping[str, Adapter], metrics: Metrics) -> None:
        self._bus, self._store, self._adapters = bus, store, adapters
        self._numbers: dict[tuple[str, str], int] = {}
        self._failed = metrics.counter("deliveries_failed", "Sends that a channel did not take.", "channel")
        bus.subscribe(Reply, self._deliver, supersedes=_newer)
        bus.subscribe(Failed, self._deliver)

    def __contains__(self, outgoing: Outgoing) -> bool:
        """Whether this end is on its way in this process."""
        return _key(outgoing.event) in self._numbers

    async def partial(self, reply: Reply) -> None:
        """Send a reply that is still being written; a newer one may take its place."""
        await self._bus.publish(reply)

    async def end(self, outgoing: Outgoing) -> None:
        """Send a committed end, and record that it arrived."""
        self._numbers[_key(outgoing.event)] = outgoing.number
        await self._bus.publish(outgoing.event)

    async def _deliver(self, event: Reply | Failed) -> None:
        if isinstance(event, Reply) and not event.final:
            return await self._try_once(event)
        try:
            await self._until_taken(event)
        finally:
            del self._numbers[_key(event)]
        return None

    async def _try_once(self, reply: Reply) -> None:
        adapter = self._adapters.get(reply.address.channel)
        if adapter is None:
            return
        try:
            await adapter.send(reply)
        except Exception as error:  # the next one, or the end, says it again
            self._failed.labels(reply.address.channel).inc()
            log.warning("delivery.partial", channel=reply.address.channel, error=_name(error))

    async def _until_taken(self, event: Reply | Failed) -> None:
        adapter = self._adapters.get(event.address.channel)
        if adapter is None:
            log.warning("delivery.no_channel", channel=event.address.channel, message=event.message_id)
            return None
        pause = _FIRST_PAUSE
        for _ in range(_TRIES):
            try:
                remote = await adapter.send(event)
                return await self._store.delivered(self._numbers[_key(event)], remote)
            except StorageError as error:
                log.error("delivery.storage", error=str(error))
            except Exception as error:
                self._failed.labels(event.address.channel).inc()
                log.warning("delivery.end", channel=event.address.channel, error=_name(error))
            await asyncio.sleep(pause)
            pause *= 2
        log.error("delivery.left_to_sweeper", channel=event.address.channel, message=event.message_id)
        return None


def _newer(new: Reply, old: Reply) -> bool:
    """A reply says everything that an earlier one to the same message said, unless that one was its end."""
    return new.message_id == old.message_id and not old.final


def _key(event: Reply | Failed) -> tuple[str, str]:
    return (event.address.channel, event.message_id)


def _name(error: Exception) -> str:
    """An error for the log: its kind alone, since its text may repeat what a visitor wrote or a token."""
    return type(error).__name__
