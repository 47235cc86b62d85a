"""The messages that wait or are being answered in this process, so that a Stop, an edit or a busy policy finds them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.events import Address, FinishReason, Message
from bot.metrics import Metrics
from storage.base import Lease

SILENT: Mapping[FinishReason, int] = {"replaced": 1, "withdrawn": 2}
"""Reasons to end a message without a word, since nobody asks it any more, and how much they weigh; others weigh 0."""


@dataclass(slots=True)
class Cancellation:
    """A request to end a turn early. `reason` is "" until somebody asked.

    The first asker's reason stays, unless a later one leaves less of the answer.
    """

    reason: FinishReason = ""
    _asked: asyncio.Event = field(default_factory=asyncio.Event)

    def cancel(self, reason: FinishReason) -> None:
        if not self.reason or SILENT.get(reason, 0) > SILENT.get(self.reason, 0):
            self.reason = reason
        self._asked.set()

    async def wait(self) -> None:
        await self._asked.wait()


@dataclass(slots=True)
class Job:
    """One message on its way to its end."""

    message: Message
    cancellation: Cancellation = field(default_factory=Cancellation)
    accepted: float = field(default_factory=time.monotonic)
    begun: bool = False
    ended: bool = False
    lease: Lease | None = None

    @property
    def talks(self) -> bool:
        """Whether it says something that can be answered together with what comes after it."""
        return self.message.command in ("", "ask") and self.cancellation.reason not in SILENT


class House:
    """Every job of this process, by its message and by its conversation."""

    def __init__(self, metrics: Metrics) -> None:
        self._jobs: dict[tuple[str, str], Job] = {}
        self._talks: dict[Address, list[Job]] = {}
        self._metrics = metrics

    def __contains__(self, message: Message) -> bool:
        return _key(message) in self._jobs

    def admit(self, message: Message, *, interrupt: bool = False) -> None:
        """Take a message in. It replaces the forms of itself that came before, and may interrupt what else runs."""
        for job in self.talk(message.address):
            if _earlier_form(job.message, message):
                job.cancellation.cancel("replaced")
            elif interrupt:
                job.cancellation.cancel("interrupted")
        job = self._jobs[_key(message)] = Job(message)
        self._talks.setdefault(message.address, []).append(job)
        self._metrics.waiting.inc()

    def job(self, message: Message) -> Job:
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

    def talk(self, address: Address) -> list[Job]:
        """What this conversation has in the house, oldest first."""
        return self._talks.get(address, [])

    def newest(self, job: Job) -> Job:
        """The last of a conversation that says something: the one with which `job` would be answered."""
        return next((other for other in reversed(self.talk(job.message.address)) if other.talks), job)

    def busy(self, message: Message) -> bool:
        """Whether something of this conversation has not ended yet, but for earlier forms of `message`."""
        return any(not job.ended and not _same_question(job.message, message) for job in self.talk(message.address))

    def stop(self, address: Address, message_id: str, reason: FinishReason = "cancelled") -> bool:
        """End the answer to one message or to a later form of it, or (with "") to what is being answered there."""
        chosen = [job for job in self.talk(address) if not job.ended and _meant(job, message_id)]
        for job in chosen:
            job.cancellation.cancel(reason)
        return bool(chosen)


def _meant(job: Job, message_id: str) -> bool:
    return message_id in (job.message.id, job.message.replaces) if message_id else job.begun


def _earlier_form(one: Message, other: Message) -> bool:
    """Whether `other` says what `one` said, as it was changed since; what was deleted is not changed by that."""
    return one.command != "withdrawn" and _same_question(one, other) and one.sent_at <= other.sent_at


def _same_question(one: Message, other: Message) -> bool:
    return (one.replaces or one.id) == (other.replaces or other.id) and one.id != other.id


def _key(message: Message) -> tuple[str, str]:
    return (message.address.channel, message.id)
