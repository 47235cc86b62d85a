"""The life of messages, by hypothesis: whatever order things happen in, the store does what a small model does."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from bot.errors import StaleLease
from bot.events import Post, Reply
from storage.base import Lease
from storage.sqlite import SqliteStore
from tests.contracts.store import AWAY, HOME, Clock, answer, say, turns
from tests.contracts.store_cases import case, post

Result = TypeVar("Result")
NUMBERS = st.integers(0, 4)
ADDRESSES = st.sampled_from([HOME, AWAY])
Key = tuple[str, str]


@dataclass
class Known:
    """What the model knows of a message. `until` is None while nobody holds it."""

    attempt: int = 0
    until: float | None = None
    ended: bool = False
    delivered: bool = False
    number: int = 0
    text: str = field(default="")
    posts: list[tuple[int, str]] = field(default_factory=list)


class LifeOfMessages(RuleBasedStateMachine):
    leases = Bundle("leases")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.clock = Clock()
        self.runner = asyncio.Runner()
        self.known: dict[Key, Known] = {}
        self.highest = 0
        self.begin()

    def begin(self) -> None:
        self.store = SqliteStore(self.folder, synchronous="NORMAL", clock=self.clock)
        self.run(self.store.open())

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return self.runner.run(work)

    def teardown(self) -> None:
        self.run(self.store.close())
        self.runner.close()
        shutil.rmtree(self.folder)

    def of(self, lease: Lease) -> Known:
        return self.known[lease.message.address.channel, lease.message.id]

    def mine(self, lease: Lease) -> bool:
        known = self.of(lease)
        return not known.ended and known.until is not None and known.attempt == lease.attempt

    def free(self, known: Known) -> bool:
        return not known.ended and (known.until is None or known.until <= self.clock.now)

    @rule(number=NUMBERS, address=ADDRESSES)
    def accept(self, number: int, address: Any) -> None:
        key = (address.channel, f"m{number}")
        assert self.run(self.store.accept(say(number, address))) == (key not in self.known)
        self.known.setdefault(key, Known())

    @rule(target=leases, number=NUMBERS, address=ADDRESSES, seconds=st.sampled_from([1, 10]))
    def lease(self, number: int, address: Any, seconds: float) -> Any:
        known = self.known.get((address.channel, f"m{number}"))
        lease = self.run(self.store.lease(say(number, address), seconds))
        assert (lease is not None) == (known is not None and self.free(known))
        if lease is not None and known is not None:
            known.attempt, known.until = known.attempt + 1, self.clock.now + seconds
            assert (lease.attempt, lease.until) == (known.attempt, known.until)
        return lease

    @rule(lease=leases)
    def extend(self, lease: Lease | None) -> None:
        if lease is None:
            return
        if self.mine(lease):
            self.of(lease).until = self.run(self.store.extend(lease, 5)).until
            assert self.of(lease).until == self.clock.now + 5
        else:
            self.refused(self.store.extend(lease, 5))

    @rule(lease=leases)
    def release(self, lease: Lease | None) -> None:
        if lease is None:
            return
        self.run(self.store.release(lease))
        if self.mine(lease):
            self.of(lease).until = None

    @rule(lease=leases, text=st.sampled_from(["one", "two"]), posts=st.integers(0, 2))
    def complete(self, lease: Lease | None, text: str, posts: int) -> None:
        if lease is None:
            return
        ids = [f"{lease.message.address.channel}-{lease.message.id}-{number}" for number in range(posts)]
        about = case(visitor=lease.message.address, number=len(lease.message.address.channel))
        more: Any = {"posts": [post(name, about.desk, "said", about) for name in ids], "case": about}
        more["explanation"] = {"text": text, "attempt": lease.attempt}
        if not self.mine(lease):
            self.refused(self.store.complete(lease, answer(lease, text), turns(lease, text), **more))
            return
        outgoing = self.run(self.store.complete(lease, answer(lease, text), turns(lease, text), **more))
        numbers = [outgoing.number, *(item.number for item in outgoing.posts)]
        assert numbers == sorted(set(numbers))
        assert numbers[0] > self.highest
        self.highest = numbers[-1]
        known = self.of(lease)
        known.posts = list(zip(numbers[1:], ids, strict=True))
        known.ended, known.text, known.number, known.until = True, text, outgoing.number, None

    @rule(number=NUMBERS, address=ADDRESSES)
    def deliver(self, number: int, address: Any) -> None:
        known = self.known.get((address.channel, f"m{number}"))
        if known is not None and known.ended:
            self.run(self.store.delivered(known.number, "remote"))
            known.delivered = True

    @rule(seconds=st.sampled_from([1, 6]))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule()
    def reopen(self) -> None:
        self.run(self.store.close())
        self.begin()
        for known in self.known.values():
            known.until = None

    def refused(self, work: Coroutine[Any, Any, Any]) -> None:
        try:
            self.run(work)
        except StaleLease:
            return
        raise AssertionError("a stale lease was good for something")

    @invariant()
    def pending_is_what_nobody_does(self) -> None:
        pending = [(message.address.channel, message.id) for message in self.run(self.store.pending())]
        assert pending == [key for key, known in self.known.items() if self.free(known)]

    @invariant()
    def an_end_is_explained_by_the_attempt_that_made_it(self) -> None:
        for (channel, message), known in self.known.items():
            found = self.run(self.store.explanation(channel, message))
            assert found == ({"text": known.text, "attempt": known.attempt} if known.ended else None)

    @invariant()
    def each_end_is_there_once(self) -> None:
        ended = sorted((known for known in self.known.values() if known.ended), key=lambda known: known.number)
        waiting = self.run(self.store.undelivered())
        ends = [(item.number, item.event.text) for item in waiting if isinstance(item.event, Reply)]
        assert ends == [(known.number, known.text) for known in ended if not known.delivered]
        posts = [(item.number, item.event.id) for item in waiting if isinstance(item.event, Post)]
        assert posts == [each for known in ended for each in known.posts]
        said = [turn.text for address in (HOME, AWAY) for _, turn in self.run(self.store.turns(address))]
        assert sorted(said[1::2]) == sorted(known.text for known in ended)


LifeOfMessages.TestCase.settings = settings(
    max_examples=25, stateful_step_count=30, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
TestLifeOfMessages = LifeOfMessages.TestCase
