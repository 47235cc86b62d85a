"""The bus: events go to the handlers of their kind, in lanes, within bounds.

Two laws (trio's design document argues for both: every queue bounded, every task owned):

1. In one lane (a conversation) events of one kind are handled one after another, in the order of their
   publication; lanes run side by side, at most `Bound.running` of them at once.
2. No kind holds more than `Bound.total` events, no lane more than `Bound.lane`. Each kind has a bound of its
   own, because a shared one deadlocks: a turn that holds a Message's place waits for a Reply's.

A place is claimed before the event is made durable and filled afterwards, so that what has been accepted always fits.
Who publishes waits for a place; a freed one goes at once to whoever has waited longest and fits. This bus is asyncio
in one process; the same three verbs can stand before a broker.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from bot.errors import Overloaded
from bot.events import Event

E = TypeVar("E", bound=Event)
Handler = Callable[[E], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """How much of one kind there may be: `total` held, `lane` held in one lane, `running` handled at once."""

    total: int
    lane: int
    running: int


@dataclass(slots=True)
class _Lane(Generic[E]):
    waiting: deque[E] = field(default_factory=deque)
    claimed: int = 0
    held: int = 0
    task: asyncio.Task[None] | None = None


class Claim(Generic[E]):
    """A place on the bus. Exactly one of `publish` and `release` has to be called."""

    __slots__ = ("_event", "_lane", "_open", "_stream")

    def __init__(self, stream: _Stream[E], lane: _Lane[E], event: E) -> None:
        self._stream, self._lane, self._event, self._open = stream, lane, event, True

    def publish(self) -> None:
        """Put the event into its lane."""
        self._close()
        self._stream.enqueue(self._lane, self._event)

    def release(self) -> None:
        """Give the place back unused."""
        self._close()
        self._stream.leave(self._event, self._lane)

    def _close(self) -> None:
        if not self._open:
            raise RuntimeError("this place on the bus was used already")
        self._open = False
        self._lane.claimed -= 1


class _Stream(Generic[E]):
    """All lanes of one kind."""

    def __init__(self, handler: Handler[E], bound: Bound, supersedes: Callable[[E, E], bool] | None) -> None:
        self._handler, self._bound, self._supersedes = handler, bound, supersedes
        self._lanes: dict[Hashable, _Lane[E]] = {}
        self._slots = asyncio.Semaphore(bound.running)
        self._queue: dict[asyncio.Future[None], E] = {}  # who waits for room, in the order of their coming
        self._changed = asyncio.Event()
        self._closed = False
        self.held = 0

    def claim(self, event: E) -> Claim[E]:
        if not self._fits(event):
            raise Overloaded("Too many messages are waiting. Please try again in a moment.")
        lane = self._lanes.setdefault(event.address, _Lane())
        self.held += 1
        lane.held += 1
        lane.claimed += 1
        return Claim(self, lane, event)

    async def publish(self, event: E) -> None:
        if self._replace(event):
            return None
        if self._fits(event):  # then nobody waits for this lane: they would have been served
            return self.claim(event).publish()
        served: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue[served] = event
        try:
            return await served
        finally:
            if self._queue.get(served) is event:  # what took its place is somebody else's, and stays
                del self._queue[served]

    def _fits(self, event: E) -> bool:
        lane = self._lanes.get(event.address)
        return self.held < self._bound.total and (lane is None or lane.held < self._bound.lane)

    def _serve(self) -> None:
        """Give freed places to those who wait."""
        for served, event in list(self._queue.items()):
            if self.held >= self._bound.total:
                return
            if self._fits(event):
                del self._queue[served]
                self.claim(event).publish()
                if not served.done():  # else whoever waited was cancelled just now
                    served.set_result(None)

    def _replace(self, event: E) -> bool:
        """Let `event` take the place of the last one before it in its lane, where it says everything that one did."""
        if self._supersedes is None:
            return False
        for served, other in reversed(self._queue.items()):
            if other.address == event.address:
                replaced = self._supersedes(event, other)
                self._queue[served] = event if replaced else other
                return replaced
        lane = self._lanes.get(event.address)
        if not (lane and lane.waiting and self._supersedes(event, lane.waiting[-1])):
            return False
        lane.waiting[-1] = event
        return True

    def enqueue(self, lane: _Lane[E], event: E) -> None:
        lane.waiting.append(event)
        if lane.task is None and not self._closed:  # after closing nobody would await it
            lane.task = asyncio.create_task(self._work(lane))

    def leave(self, event: E, lane: _Lane[E]) -> None:
        self.held -= 1
        lane.held -= 1
        self._forget(event.address, lane)
        self._serve()
        self._changed.set()

    def _forget(self, key: Hashable, lane: _Lane[E]) -> None:
        if lane.held == 0 and self._lanes.get(key) is lane:
            del self._lanes[key]

    async def _work(self, lane: _Lane[E]) -> None:
        try:
            while lane.waiting:
                async with self._slots:
                    event = lane.waiting.popleft()
                    try:
                        await self._handler(event)
                    finally:
                        self.leave(event, lane)
        finally:
            lane.task = None

    def waiting(self, key: Hashable) -> int:
        lane = self._lanes.get(key)
        return len(lane.waiting) + lane.claimed if lane else 0

    async def idle(self) -> None:
        while self.held:
            self._changed.clear()
            await self._changed.wait()

    async def close(self) -> None:
        self._closed = True
        tasks = [lane.task for lane in self._lanes.values() if lane.task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Bus:
    """Carries events to the handlers of their kind. `bounds` names every kind that may travel.

    A handler must not raise: it owns its event's fate. What it raises all the same ends that event alone
    and reaches `on_error`.
    """

    def __init__(self, bounds: Mapping[type, Bound], on_error: Callable[[Event, Exception], None]) -> None:
        self._bounds, self._on_error = bounds, on_error
        self._streams: dict[type, _Stream[Any]] = {}
        self._closed = False

    def subscribe(
        self, kind: type[E], handler: Handler[E], *, supersedes: Callable[[E, E], bool] | None = None
    ) -> None:
        """Hand every event of `kind` to `handler`; `supersedes(new, old)`: `new` may take a waiting `old`'s place."""
        if kind in self._streams:
            raise ValueError(f"{kind.__name__} has a handler already")

        async def guarded(event: E) -> None:
            try:
                await handler(event)
            except Exception as error:  # one event's failure must not end its lane
                self._on_error(event, error)
            except asyncio.CancelledError:
                if _told_to_end():
                    raise
                self._on_error(event, RuntimeError("something that the handler awaited was cancelled"))

        self._streams[kind] = _Stream(guarded, self._bounds[kind], supersedes)

    def join(self, kind: type[Event], other: type[Event]) -> None:
        """Let events of `kind` travel in the lanes of `other`, in one order, to its handler, within its bounds."""
        self._streams[kind] = self._streams[other]

    def claim(self, event: E) -> Claim[E]:
        """Take a place for `event`, or raise `Overloaded` when its kind or its lane is full, or the bus drains."""
        if self._closed:
            raise Overloaded("The service is restarting. Please try again in a moment.")
        stream: _Stream[E] = self._streams[type(event)]
        return stream.claim(event)

    async def publish(self, event: Event) -> None:
        """Put `event` on the bus, waiting for room."""
        await self._streams[type(event)].publish(event)

    def waiting(self, event: Event) -> int:
        """How many events of this kind wait in this event's lane, the one being handled not counted."""
        return self._streams[type(event)].waiting(event.address)

    def held(self, kind: type) -> int:
        """How many events of `kind` are on the bus."""
        return self._streams[kind].held

    async def drain(self, seconds: float) -> bool:
        """Take no new claims and wait until everything was handled; after `seconds` cancel what is left.

        True when all was handled. What handlers publish meanwhile still travels.
        """
        self._closed = True
        try:
            async with asyncio.timeout(seconds):
                while any(stream.held for stream in self._streams.values()):
                    for stream in self._streams.values():
                        await stream.idle()
        except TimeoutError:
            for stream in self._streams.values():
                await stream.close()
            return False
        return True


def _told_to_end() -> bool:
    """Whether the running task itself was cancelled, and not merely something that it awaited."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
