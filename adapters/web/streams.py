"""What is being written, and the open connections that follow it.

A connection holds no queue. It holds a position: the number of the last durable event that it was sent, and the
newest state of the live reply that it was shown. Whenever it is woken it sends what lies between there and now, so
that a slow reader skips to the newest text and costs no memory, and a fast one gets every delta.

Three laws:

1. The durable log alone says how a message ended, and what people of the support desk said. A connection joins before
   it reads the log, and reads it again after each event that is announced: nothing falls between replay and live, and
   nothing is sent twice.
2. A message that was seen to end is never shown as being written again.
3. No task, no timer and no buffer belongs to an idle connection beyond its own handler: one task for all of them
   (`Hub.tend`) sends heartbeats and finds the dead, the stuck and those whose token has run out.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Iterator
from typing import Protocol

from adapters.web import protocol
from bot.events import Address, Post, Reply
from storage.base import Store

STUCK_SECONDS = 30.0
PAGE = 16
RECENT_SAID = 32
REMEMBERED_ENDS = 16_384

Write = Callable[[bytes], Awaitable[None]]
Count = Callable[[str], None]


class Line(Protocol):
    """The connection below a stream."""

    def alive(self) -> bool: ...

    def abort(self) -> None:
        """Drop it at once, with all that waits to be sent."""


class Watched:
    """A conversation that at least one connection follows. `news` counts the durable events that were announced."""

    __slots__ = ("news", "said", "said_count", "streams")

    def __init__(self) -> None:
        self.streams: list[Stream] = []
        self.news = 0
        self.said: deque[bytes] | None = None
        self.said_count = 0

    def wake(self) -> None:
        for stream in self.streams:
            stream.wake()


class Hub:
    """Every live reply of this process, and every open stream."""

    def __init__(
        self, store: Store, *, live: int, heartbeat: float, root: str = "", count: Count | None = None
    ) -> None:
        self.store, self.root = store, root
        self.count = count or (lambda _: None)
        self._heartbeat = heartbeat
        self._most_live = live
        self._live: OrderedDict[Address, Reply] = OrderedDict()
        self._ended: OrderedDict[str, None] = OrderedDict()
        self._watched: dict[Address, Watched] = {}
        self._streams: dict[Stream, None] = {}
        self._spread = 0
        self._empty = asyncio.Event()
        self.closing = False

    # -- what the house tells ------------------------------------------------------------------------
    def show(self, reply: Reply) -> None:
        """A reply has grown, or begun again."""
        before = self._live.get(reply.address)
        if reply.message_id in self._ended or (before is not None and not _follows(reply, before)):
            return
        self._live[reply.address] = reply
        if len(self._live) > self._most_live:
            self._live.popitem(last=False)
        if watched := self._watched.get(reply.address):
            watched.wake()

    def end(self, address: Address, message_id: str) -> None:
        """A message has ended, and the log holds how."""
        self.ended(address, message_id)
        self.posted(address)

    def posted(self, address: Address) -> None:
        """The log holds something new of this conversation."""
        if watched := self._watched.get(address):
            watched.news += 1
            watched.wake()

    def ended(self, address: Address, message_id: str) -> None:
        """The log was seen to hold the end of a message."""
        self._ended[message_id] = None
        self._ended.move_to_end(message_id)
        if len(self._ended) > REMEMBERED_ENDS:
            self._ended.popitem(last=False)
        if (live := self._live.get(address)) and live.message_id == message_id:
            del self._live[address]

    def say(self, address: Address, frame: bytes) -> None:
        """A visitor's message was accepted: the other tabs show it too."""
        if watched := self._watched.get(address):
            watched.said = watched.said if watched.said is not None else deque(maxlen=RECENT_SAID)
            watched.said.append(frame)
            watched.said_count += 1
            watched.wake()

    def live(self, address: Address) -> Reply | None:
        return self._live.get(address)

    # -- streams -------------------------------------------------------------------------------------
    def join(self, address: Address, number: int, *, line: Line, until: float, now: float) -> Stream:
        """A new connection that has everything up to durable event `number`. `until`: when its token runs out."""
        watched = self._watched.setdefault(address, Watched())
        self._spread = (self._spread + 1) % 16
        due = now + self._heartbeat * (1 - self._spread / 24)  # beats of visitors who came together part
        stream = Stream(self, watched, address, number, line=line, until=until, due=due)
        watched.streams.append(stream)
        self._streams[stream] = None
        stream.closing = self.closing
        return stream

    def leave(self, stream: Stream) -> None:
        del self._streams[stream]
        stream.watched.streams.remove(stream)
        if not stream.watched.streams:
            del self._watched[stream.address]
        if not self._streams:
            self._empty.set()

    def tend(self, now: float, clock: float) -> None:
        """Look after every stream. `now` on the loop's clock, `clock` since the epoch, both in seconds."""
        for stream in self._streams:
            if stream.blocked_since and now - stream.blocked_since > STUCK_SECONDS:
                stream.line.abort()
            elif not stream.line.alive() or clock >= stream.until:
                stream.close()
            elif now >= stream.due:
                stream.due = now + self._heartbeat
                stream.beat = True
                stream.wake()

    def close(self) -> None:
        """Ask every stream to say that it closes, and to end."""
        self.closing = True
        for stream in self._streams:
            stream.close()

    async def emptied(self) -> None:
        """Wait until no stream is open."""
        while self._streams:
            self._empty.clear()
            await self._empty.wait()

    def abort(self) -> None:
        for stream in self._streams:
            stream.line.abort()
            stream.close()

    def __len__(self) -> int:
        return len(self._streams)


class Stream:
    """One open connection: where it is in the log, and what it was shown of the live reply."""

    __slots__ = (
        "_replayed", "_said", "_shown", "_waiter", "_woken", "address", "beat", "blocked_since", "closing", "due",
        "hub", "line", "number", "until", "watched",
    )  # fmt: skip

    def __init__(
        self, hub: Hub, watched: Watched, address: Address, number: int, *, line: Line, until: float, due: float
    ) -> None:
        self.hub, self.watched, self.address, self.number = hub, watched, address, number
        self.line, self.until, self.due = line, until, due
        self.beat = self.closing = False
        self.blocked_since = 0.0
        self._said = watched.said_count
        self._replayed = -1
        self._shown: Reply | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._woken = False

    def wake(self) -> None:
        self._woken = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def close(self) -> None:
        self.closing = True
        self.wake()

    async def follow(self, write: Write) -> None:
        """Send what is new until the stream is closed. `write` returns when the reader can take more."""
        await write(protocol.OPENED)
        while not self.closing:
            self._woken = False
            if self._replayed != self.watched.news:
                await self._replay(write)
            elif news := b"".join(self._news()):
                await write(news)
            else:
                await self._wait()
        await write(protocol.CLOSING)

    async def _replay(self, write: Write) -> None:
        """The durable events that this reader lacks, in pages, so that a long history takes no more memory."""
        news = self.watched.news
        page = await self.hub.store.outgoing_since(self.address, self.number, limit=PAGE)
        for outgoing in page:
            if self.closing:
                return
            if isinstance(outgoing.event, Post):
                self.hub.count("post")
            else:
                self.hub.ended(self.address, outgoing.event.message_id)
                self.hub.count("end")
            if frame := protocol.durable_frame(outgoing, self.hub.root):
                await write(frame)
            self.number = outgoing.number
        if len(page) < PAGE:
            self._replayed = news

    def _news(self) -> Iterator[bytes]:
        if self.beat:
            self.beat = False
            yield protocol.HEARTBEAT
        if missed := self.watched.said_count - self._said:
            self._said = self.watched.said_count
            yield from list(self.watched.said or ())[-missed:]
        live = self.hub.live(self.address)
        if live is not None and live is not self._shown:
            self.hub.count("progress")
            yield protocol.progress_frame(live, self._shown)
        self._shown = live

    async def _wait(self) -> None:
        if self._woken:
            return
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None


def _follows(reply: Reply, before: Reply) -> bool:
    """Whether `reply` is news to who knows `before`."""
    return reply.message_id != before.message_id or (reply.attempt, reply.seq) > (before.attempt, before.seq)
