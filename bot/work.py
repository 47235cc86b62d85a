"""From an accepted message to its committed end: leases, attempts, retries and the busy policies.

Every message that enters `handle` ends in exactly one committed Reply or Failed, or is given back for the
next process: work is leased with an attempt number, and a commit with an old number is refused by the store.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from bot.config import Config
from bot.errors import StaleLease, StorageError, UsageError
from bot.events import Address, Failed, FinishReason, Message, Passage, Reply, Turn
from bot.metrics import Metrics
from bot.phrases import said
from storage.base import Lease, Outgoing, Store

log = structlog.get_logger()

_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 15.0


@dataclass(slots=True)
class Cancellation:
    """A request to end a turn early. `reason` is "" until somebody asked; the first asker's reason stays."""

    reason: FinishReason = ""
    _asked: asyncio.Event = field(default_factory=asyncio.Event)

    def cancel(self, reason: FinishReason) -> None:
        self.reason = self.reason or reason
        self._asked.set()

    async def wait(self) -> None:
        await self._asked.wait()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a turn ended, and what is to be remembered of it."""

    event: Reply | Failed
    turns: tuple[Turn, ...] = ()


class Answering(Protocol):
    """What `bot.turn.Turner` is to this module."""

    async def answer(
        self, message: Message, attempt: int, cancellation: Cancellation, emit: Callable[[Reply], Awaitable[None]]
    ) -> Outcome: ...

    async def settle(self, message: Message, outcome: Outcome) -> None: ...

    async def warm(self) -> None: ...

    async def consulted(self, message: Message) -> Sequence[Passage]: ...


@dataclass(slots=True)
class _Job:
    message: Message
    cancellation: Cancellation = field(default_factory=Cancellation)
    accepted: float = field(default_factory=time.monotonic)
    begun: bool = False
    ended: bool = False
    lease: Lease | None = None


class House:
    """The messages that wait or are being answered in this process, so that a Stop finds them."""

    def __init__(self, metrics: Metrics) -> None:
        self._jobs: dict[tuple[str, str], _Job] = {}
        self._talks: dict[Address, list[_Job]] = {}
        self._metrics = metrics

    def __contains__(self, message: Message) -> bool:
        return _key(message) in self._jobs

    def admit(self, message: Message) -> None:
        job = self._jobs[_key(message)] = _Job(message)
        self._talks.setdefault(message.address, []).append(job)
        self._metrics.waiting.inc()

    def job(self, message: Message) -> _Job:
        return self._jobs[_key(message)]

    def dismiss(self, message: Message) -> None:
        job = self._jobs.pop(_key(message), None)
        if job is None:
            return
        talk = self._talks[message.address]
        talk.remove(job)
        if not talk:
            del self._talks[message.address]
        self._metrics.waiting.dec()

    def ended(self, message: Message) -> None:
        """The end of a message is committed: there is nothing left to stop."""
        if job := self._jobs.get(_key(message)):
            job.ended = True

    def talk(self, address: Address) -> list[_Job]:
        """What this conversation has in the house, oldest first."""
        return self._talks.get(address, [])

    def answers(self, address: Address) -> bool:
        """Whether something of this conversation has not ended yet."""
        return any(not job.ended for job in self.talk(address))

    def stop(self, address: Address, message_id: str, reason: FinishReason = "cancelled") -> bool:
        """End the answer to one message, or (with "") to whatever is being answered in this conversation."""
        open_ = [job for job in self.talk(address) if not job.ended]
        chosen = [job for job in open_ if message_id == job.message.id or (not message_id and job.begun)]
        for job in chosen:
            job.cancellation.cancel(reason)
        return bool(chosen)


class Work:
    """Answers messages; the bus calls `handle` for one at a time in each conversation."""

    def __init__(
        self,
        store: Store,
        answering: Answering,
        config: Config,
        metrics: Metrics,
        *,
        emit: Callable[[Reply], Awaitable[None]],
        deliver: Callable[[Outgoing], Awaitable[None]],
    ) -> None:
        self._store, self._answering, self._config, self._metrics = store, answering, config, metrics
        self._emit, self._deliver = emit, deliver
        self.house = House(metrics)

    async def handle(self, message: Message) -> None:
        """Bring one accepted message to its end. Cancelled (at shutdown), the work goes back to the inbox."""
        job = self.house.job(message)
        job.begun = True
        self._metrics.running.inc()
        try:
            await self._debounce(job)
            await self._until_ended(job)
        finally:
            self._metrics.running.dec()
            self.house.dismiss(message)

    async def refuse_busy(self, message: Message) -> None:
        """End a message at once because its conversation is busy (policy `drop`)."""
        lease = await self._store.lease(message, self._config.storage.lease_seconds)
        if lease:
            await self._end(lease, Outcome(event=_failed(message, "busy", "busy")))

    async def _debounce(self, job: _Job) -> None:
        """Wait until nothing new has come for a while; what was followed by something newer ends as merged."""
        if self._config.bus.busy != "debounce":
            return
        pause = self._config.bus.debounce_seconds
        while not job.cancellation.reason:
            newest = self.house.talk(job.message.address)[-1]
            quiet = newest.accepted + pause - time.monotonic()
            if quiet <= 0:
                break
            with suppress(TimeoutError):
                await asyncio.wait_for(job.cancellation.wait(), quiet)
        if self.house.talk(job.message.address)[-1] is not job:
            job.cancellation.cancel("merged")

    async def _until_ended(self, job: _Job) -> None:
        """Try until the message has ended or is somebody else's; a fault of ours makes a new attempt."""
        pause = _FIRST_PAUSE
        while True:
            try:
                return await self._attempt(job)
            except StaleLease:
                log.warning("work.stale", message=job.message.id)
                return None
            except StorageError as error:  # the disk may come back; the message must not be lost meanwhile
                log.error("work.storage", message=job.message.id, error=str(error))
            except Exception:
                log.exception("work.failed", message=job.message.id)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _attempt(self, job: _Job) -> None:
        message, seconds = job.message, self._config.storage.lease_seconds
        if job.lease:  # could not be given back when the last attempt failed
            await self._store.release(job.lease)
        lease = job.lease = await self._store.lease(message, seconds)
        if lease is None:
            return
        try:
            async with _heartbeat(self._store, lease, seconds):
                outcome = await self._outcome(job, lease)
                await self._end(lease, outcome)
        except BaseException:
            with suppress(StorageError):
                await asyncio.shield(self._store.release(lease))
                job.lease = None
            raise
        self._metrics.turn.observe(time.monotonic() - job.accepted)
        try:
            await self._answering.settle(message, outcome)
        except Exception:  # the answer stands; what is remembered of it is made up for after the next one
            log.exception("work.settle", message=message.id)

    async def _outcome(self, job: _Job, lease: Lease) -> Outcome:
        if lease.attempt > self._config.storage.attempts:
            return Outcome(event=_failed(job.message, f"gave up after {lease.attempt - 1} attempts", "failed"))
        first = True

        async def emit(reply: Reply) -> None:
            nonlocal first
            if first and reply.text:
                first = False
                self._metrics.first_delta.observe(time.monotonic() - job.accepted)
            await self._emit(reply)

        try:
            return await self._answering.answer(job.message, lease.attempt, job.cancellation, emit)
        except UsageError as error:  # a template or a setting is wrong: trying again mends neither
            log.error("work.unusable", message=job.message.id, error=str(error))
            return Outcome(event=_failed(job.message, str(error), "failed"))

    async def _end(self, lease: Lease, outcome: Outcome) -> None:
        outgoing = await self._store.complete(lease, outcome.event, outcome.turns)
        self.house.ended(lease.message)
        how = outcome.event.finish_reason if isinstance(outcome.event, Reply) else "failed"
        self._metrics.ended.labels(outcome.event.address.channel, how).inc()
        await self._deliver(outgoing)


@asynccontextmanager
async def _heartbeat(store: Store, lease: Lease, seconds: float) -> AsyncIterator[None]:
    """Keep the lease while the body runs."""

    async def beat() -> None:
        while True:
            await asyncio.sleep(seconds / 3)
            with suppress(Exception):  # a lease that was lost shows itself when the end is committed
                await store.extend(lease, seconds)

    task = asyncio.create_task(beat())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})  # unlike awaiting it, this never mistakes our own cancellation for its


def _failed(message: Message, reason: str, phrase: str) -> Failed:
    return Failed(
        message_id=message.id,
        address=message.address,
        reason=reason,
        said=said(phrase, message.language or "en"),
    )


def _key(message: Message) -> tuple[str, str]:
    return (message.address.channel, message.id)
