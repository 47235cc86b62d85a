"""From an accepted message to its committed end: leases, attempts, retries and the busy policies.

Every message that enters `handle` ends in exactly one committed Reply or Failed, or is given back for the
next process: work is leased with an attempt number, and a commit with an old number is refused by the store.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from bot.cases import at_support
from bot.config import Config
from bot.errors import CaseConflict, StaleLease, StorageError, UsageError
from bot.events import Case, Failed, FinishReason, Message, Passage, Post, Reply, Turn
from bot.house import SILENT, Cancellation, House, Job
from bot.metrics import Metrics
from bot.phrases import said
from storage.base import Lease, Outgoing, Store

__all__ = ["Answering", "Cancellation", "Outcome", "Work", "joins", "unusable"]

log = structlog.get_logger()

_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a turn ended, and what is to be remembered of it.

    `posts` are shown elsewhere, `case` is what became of a case; both are committed with the end. `seen` is the case as
    it was when this was decided: when it has changed since, nothing is committed, and the message is looked at again.
    With `forget` what was remembered of the conversation until now is gone with the end. `explanation` is how it came
    about, as `bot.explanation` tells it.
    """

    event: Reply | Failed
    turns: tuple[Turn, ...] = ()
    posts: tuple[Post, ...] = ()
    case: Case | None = None
    seen: Case | None = None
    forget: bool = False
    explanation: Mapping[str, Any] | None = None


class Answering(Protocol):
    """What `bot.turn.Turner` is to this module."""

    async def answer(
        self, message: Message, attempt: int, cancellation: Cancellation, emit: Callable[[Reply], Awaitable[None]]
    ) -> Outcome: ...

    async def settle(self, message: Message, outcome: Outcome) -> None: ...

    async def warm(self) -> None: ...

    async def consulted(self, message: Message) -> Sequence[Passage]: ...


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

    async def _debounce(self, job: Job) -> None:
        """Wait until nothing new has come for a while; what was followed by something newer ends as merged."""
        if self._config.bus.busy != "debounce" or not joins(job.message, self._config):
            return
        pause = self._config.bus.debounce_seconds
        while not job.cancellation.reason:
            quiet = self.house.newest(job).accepted + pause - time.monotonic()
            if quiet <= 0:
                break
            with suppress(TimeoutError):
                await asyncio.wait_for(job.cancellation.wait(), quiet)
        if self.house.newest(job) is not job:
            job.cancellation.cancel("merged")

    async def _until_ended(self, job: Job) -> None:
        """Try until the message has ended or is somebody else's; a fault of ours makes a new attempt."""
        pause = _FIRST_PAUSE
        while True:
            try:
                return await self._attempt(job)
            except StaleLease:
                log.warning("work.stale", message=job.message.id)
                return None
            except CaseConflict:  # a colleague took it, or closed it, just now: what follows from that is another thing
                log.info("work.case_changed", message=job.message.id)
                continue
            except StorageError as error:  # the disk may come back; the message must not be lost meanwhile
                log.error("work.storage", message=job.message.id, error=str(error))
            except Exception:
                log.exception("work.failed", message=job.message.id)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _attempt(self, job: Job) -> None:
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

    async def _outcome(self, job: Job, lease: Lease) -> Outcome:
        if lease.attempt > self._config.storage.attempts:
            return Outcome(event=_failed(job.message, f"gave up after {lease.attempt - 1} attempts", "failed"))
        first = True

        async def emit(reply: Reply) -> None:
            nonlocal first
            if first and reply.text:
                first = False
                self._metrics.first_delta.observe(time.monotonic() - job.accepted)
            await self._emit(reply)

        await self._look_at_forms(job, lease)
        outcome = None if job.cancellation.reason in SILENT else await self._answer(job, lease.attempt, emit)
        if outcome is None or job.cancellation.reason in SILENT:
            return Outcome(event=_nothing(job.message, lease.attempt, job.cancellation.reason))
        return outcome

    async def _answer(self, job: Job, attempt: int, emit: Callable[[Reply], Awaitable[None]]) -> Outcome:
        try:
            return await self._answering.answer(job.message, attempt, job.cancellation, emit)
        except UsageError as error:
            return unusable(job.message, error)

    async def _look_at_forms(self, job: Job, lease: Lease) -> None:
        """See whether a message is asked no more: it, or its original, was deleted, or a later form of it is known."""
        message = job.message
        if message.command == "withdrawn":
            job.cancellation.cancel("replaced" if message.edited and not message.replaces else "withdrawn")
        if lease.withdrawn:
            job.cancellation.cancel("withdrawn")
        if not message.replaces:
            return
        original = await self._store.exchange(message.address.channel, message.replaces)
        end = original.outgoing.event if original and original.outgoing else None
        if (original and original.withdrawn) or (isinstance(end, Reply) and end.finish_reason == "withdrawn"):
            job.cancellation.cancel("withdrawn")
        for exchange in await self._store.history(message.address):
            other = exchange.message
            if other.replaces == message.replaces and other.sent_at > message.sent_at:
                job.cancellation.cancel("replaced")

    async def _end(self, lease: Lease, outcome: Outcome) -> None:
        outgoing = await self._store.complete(
            lease,
            outcome.event,
            outcome.turns,
            posts=outcome.posts,
            case=outcome.case,
            seen=outcome.seen,
            forget=outcome.forget,
            explanation=outcome.explanation,
        )
        self.house.ended(lease.message)
        if outcome.case and outcome.case.state == "taken":  # before anybody is told of it
            self.house.stop(outcome.case.visitor, "", "human")
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


def unusable(message: Message, error: UsageError) -> Outcome:
    """The end of a message that a template or a setting spoils: trying again mends neither."""
    log.error("work.unusable", message=message.id, error=str(error))
    return Outcome(event=_failed(message, str(error), "failed"))


def _failed(message: Message, reason: str, phrase: str) -> Failed:
    return Failed(
        message_id=message.id,
        address=message.address,
        reason=reason,
        said=said(phrase, message.language or "en"),
    )


def _nothing(message: Message, attempt: int, reason: FinishReason) -> Reply:
    return Reply(
        message_id=message.id,
        attempt=attempt,
        address=message.address,
        text="",
        seq=0,
        final=True,
        finish_reason=reason,
        language=message.language,
    )


def joins(message: Message, config: Config) -> bool:
    """Whether a message is talk with the bot, to which the busy policies apply.

    What somebody does (asks for a person, presses a button) and what colleagues write at the support desk is taken as
    it comes, each for itself.
    """
    return message.command in ("", "ask") and not at_support(message.address, config.handover)
