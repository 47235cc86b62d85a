"""What is being written, and the connections that follow it: without sockets, with a log that keeps its promises."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import cast

from hypothesis import given, settings
from hypothesis import strategies as some

from adapters.web import protocol
from adapters.web.streams import RECENT_SAID, REMEMBERED_ENDS, STUCK_SECONDS, Hub, Stream
from bot.events import Address, Case, Post, PostKind, Reply
from storage.base import Outgoing, Store
from tests.adapters.web.widget import Page

HERE = protocol.address("v1", "main")
KINDS: tuple[PostKind, ...] = ("said", "notice", "case")
TEXT = "Grüße 你好, two lines\n\nand more. " * 3


class Log:
    """The part of a store that streams read. It answers late, as a disk does."""

    def __init__(self) -> None:
        self.rows: list[Outgoing] = []

    def commit(self, event: Reply | Post) -> None:
        self.rows.append(Outgoing(number=3 * len(self.rows) + 3, event=event, at=0.0))

    async def outgoing_since(self, address: Address, number: int, *, limit: int) -> Sequence[Outgoing]:
        await asyncio.sleep(0)
        found = [row for row in self.rows if row.number > number and row.event.address == address][:limit]
        await asyncio.sleep(0)
        return found


class Line:
    def __init__(self) -> None:
        self.lives, self.aborted = True, False

    def alive(self) -> bool:
        return self.lives

    def abort(self) -> None:
        self.aborted, self.lives = True, False


def hub(log: Log | None = None) -> Hub:
    return Hub(cast(Store, log or Log()), live=100, heartbeat=15)


def reply(text: str, *, message: str = "v1:question-1", attempt: int = 1, seq: int = 0, final: bool = False) -> Reply:
    return Reply(message_id=message, attempt=attempt, address=HERE, text=text, seq=seq, final=final)


def post(text: str, *, kind: PostKind = "said") -> Post:
    desk = Address(channel="desk", conversation="C0123", thread="case1")
    case = Case(id="case1", visitor=HERE, desk=desk, state="taken", opened_at=0.0, agent="U0123", agent_name="Ana")
    return Post(id=f"case1-{text}", address=HERE, kind=kind, text=text, case=case, name="Ana")


@dataclass
class Reader:
    """A page with one connection at a time; `open_` false makes it a slow one. Cuts may fall inside an event."""

    hub: Hub
    page: Page = field(default_factory=Page)
    task: asyncio.Task[None] | None = None
    stream: Stream | None = None
    most: int = 0

    def __post_init__(self) -> None:
        self.may_read = asyncio.Event()
        self.may_read.set()

    def connect(self, *, number: int | None = None) -> None:
        self.page.connect()
        start = self.page.number if number is None else number
        self.task = asyncio.create_task(self._follow(start))

    async def _follow(self, start: int) -> None:
        self.stream = stream = self.hub.join(HERE, start, line=Line(), until=1e12, now=0)
        try:
            await stream.follow(self._write)
        finally:
            self.hub.leave(stream)

    async def _write(self, events: bytes) -> None:
        self.most = max(self.most, len(events))
        self.page.feed(events)
        await self.may_read.wait()

    async def cut(self, *, half: bytes = b"") -> None:
        if self.task is not None:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)
            self.page.feed(half)
            self.task = self.stream = None


def tell(there: Hub, event: Reply | Post) -> None:
    if isinstance(event, Post):
        there.posted(event.address)
    else:
        there.end(event.address, event.message_id)


async def settle() -> None:
    for _ in range(12):
        await asyncio.sleep(0)


STEPS = some.one_of(
    some.tuples(some.just("write"), some.integers(1, 40)),
    some.tuples(some.just("again"), some.just(0)),
    some.tuples(some.just("commit"), some.integers(0, 1)),
    some.tuples(some.just("post"), some.integers(0, 2)),
    some.tuples(some.just("tell"), some.just(0)),
    some.tuples(some.just("connect"), some.just(0)),
    some.tuples(some.just("cut"), some.integers(0, 30)),
    some.tuples(some.just("slow"), some.just(0)),
    some.tuples(some.just("fast"), some.just(0)),
    some.tuples(some.just("late"), some.just(0)),
    some.tuples(some.just("turn"), some.integers(0, 12)),
)


@settings(max_examples=400, deadline=None)
@given(some.lists(STEPS, max_size=60))
def test_whatever_happens_a_page_ends_with_the_final_text(steps: list[tuple[str, int]]) -> None:
    """Replies, posts, restarts, commits that are told late, cuts inside events, reconnects and slow readers in any
    order: the page breaks no rule on the way and ends with every final text, byte for byte, and every post, once."""
    asyncio.run(_act(steps))


async def _act(steps: list[tuple[str, int]]) -> None:
    log = Log()
    there = hub(log)
    reader, other = Reader(there), Reader(there)
    other.connect()
    number, attempt, seq, length = 1, 1, 0, 0
    newest: Reply | None = None
    untold: list[Reply | Post] = []
    posted = 0
    for step, amount in steps:
        match step:
            case "write":
                length, seq = length + amount, seq + 1
                newest = reply(TEXT[:length], message=f"v1:question-{number}", attempt=attempt, seq=seq)
                there.show(newest)
            case "again":
                attempt, seq, length = attempt + 1, 0, 0
            case "commit":
                end = reply(f"{number}: " + TEXT[amount:], message=f"v1:question-{number}", attempt=attempt, final=True)
                log.commit(end)
                untold.append(end)
                number, attempt, seq, length = number + 1, 1, 0, 0
            case "post":
                posted += 1
                said = post(f"post {posted}", kind=KINDS[amount])
                log.commit(said)
                untold.append(said)
            case "tell" if untold:
                tell(there, untold.pop(0))
            case "late" if newest:
                there.show(newest)
            case "connect" if reader.task is None:
                reader.connect()
            case "cut":
                await reader.cut(half=b"event: delta\ndata: {..."[:amount])
            case "slow":
                reader.may_read.clear()
            case "fast":
                reader.may_read.set()
            case "turn":
                for _ in range(amount):
                    await asyncio.sleep(0)
    for event in untold:
        tell(there, event)
    reader.may_read.set()
    if reader.task is None:
        reader.connect()
    await settle()
    for one in (reader, other):
        assert one.task is not None
        if one.task.done():
            await one.task
        assert {f"v1:{name}": one.page.shown[name] for name in one.page.ends} == {
            row.event.message_id: row.event.text for row in log.rows if isinstance(row.event, Reply)
        }
        seen = [row for row in log.rows if isinstance(row.event, Reply) or row.event.kind != "case"]
        assert [said["text"] for said in one.page.posts] == [
            row.event.text for row in seen if isinstance(row.event, Post)
        ]
        assert one.page.number == (seen[-1].number if seen else 0)
        live = there.live(HERE)
        assert live is None or one.page.shown[protocol.outer_id(live.message_id)] == live.text
        await one.cut()
    assert len(there) == 0


async def test_a_slow_reader_skips_to_the_newest_text() -> None:
    """A reader who is stuck while a thousand states pass gets one event for all of them, not a queue."""
    there = hub()
    reader = Reader(there)
    reader.connect()
    await settle()
    reader.may_read.clear()
    for length in range(1_000):
        there.show(reply("x" * length, seq=length))
        if length % 100 == 0:
            await settle()
    reader.may_read.set()
    await settle()
    assert reader.page.shown["question-1"] == "x" * 999
    assert len(reader.page.events) == 2
    await reader.cut()


async def test_every_durable_event_comes_before_what_is_being_written() -> None:
    """After a reconnect: the ends that were missed, in order, then one snapshot, then deltas."""
    log = Log()
    there = hub(log)
    for number in range(40):
        log.commit(reply(f"answer {number}", message=f"v1:question-{number}", final=True))
    there.show(reply("Being wr", message="v1:question-40"))
    reader = Reader(there)
    reader.connect(number=log.rows[4].number)
    await asyncio.sleep(0)
    for _ in range(100):
        await asyncio.sleep(0)
    there.show(reply("Being written", message="v1:question-40", seq=1))
    await settle()
    kinds = [kind for kind, _ in reader.page.events]
    assert kinds == ["final"] * 35 + ["reply", "delta"]
    assert reader.page.ends.keys() == {f"question-{number}" for number in range(5, 40)}
    await reader.cut()


async def test_nobody_hears_another_conversation() -> None:
    """What is written, said and ended elsewhere does not reach a stream."""
    log = Log()
    there = hub(log)
    reader = Reader(there)
    reader.connect()
    await settle()
    elsewhere = protocol.address("v2", "main")
    strange = Reply(message_id="v2:question-1", attempt=1, address=elsewhere, text="secret", seq=0)
    there.show(strange)
    there.say(elsewhere, protocol.said_frame("v2:question-1", "secret", 0))
    log.commit(strange)
    there.end(elsewhere, "v2:question-1")
    await settle()
    assert reader.page.events == []
    await reader.cut()


async def test_other_tabs_hear_what_was_said() -> None:
    """Each open tab hears a message once; one that opens later does not; the room for it is bounded."""
    there = hub()
    first, second = Reader(there), Reader(there)
    first.connect()
    await settle()
    there.say(HERE, protocol.said_frame("v1:question-1", "Hello?", 1.5))
    await settle()
    second.connect()
    await settle()
    assert first.page.said == [{"id": "question-1", "text": "Hello?", "at": 1.5}]
    assert second.page.said == []
    first.may_read.clear()
    for number in range(10 * RECENT_SAID):
        there.say(HERE, protocol.said_frame(f"v1:question-{number}", "more", 2))
    first.may_read.set()
    await settle()
    assert len(second.page.said) == RECENT_SAID
    await first.cut()
    await second.cut()


async def test_one_task_looks_after_all_streams() -> None:
    """Heartbeats come in time and spread out; the dead, the stuck and the expired are ended."""
    there = hub()
    readers = [Reader(there) for _ in range(32)]
    for reader in readers:
        reader.connect()
    await settle()
    beats = []
    for tenth in range(151):
        there.tend(tenth / 10, 0)
        await settle()
        beats.append(sum(reader.page.comments for reader in readers) - len(readers))
    assert beats[-1] >= len(readers), "everybody within one period"
    assert max(later - sooner for sooner, later in pairwise(beats)) <= 4, "not all at once"

    dead, stuck, expired = readers[:3]
    assert dead.stream and stuck.stream and expired.stream
    cast(Line, dead.stream.line).lives = False
    stuck.stream.blocked_since = 20.0
    expired.stream.until = 500.0
    there.tend(20.0 + STUCK_SECONDS - 1, 499)
    await settle()
    assert dead.task and dead.task.done()
    assert not cast(Line, stuck.stream.line).aborted
    there.tend(21.0 + STUCK_SECONDS, 500)
    await settle()
    assert cast(Line, stuck.stream.line).aborted
    assert expired.page.closing
    assert not readers[3].page.closing
    for reader in readers:
        await reader.cut()


async def test_closing_is_said_and_ends_every_stream() -> None:
    """A page hears that the server closes, then the stream ends; whoever comes too late hears it at once."""
    there = hub()
    readers = [Reader(there) for _ in range(3)]
    for reader in readers[:2]:
        reader.connect()
    await settle()
    there.close()
    readers[2].connect()
    await settle()
    await there.emptied()
    assert all(reader.page.closing for reader in readers)


async def test_what_is_remembered_is_bounded() -> None:
    """Neither replies that nobody ends nor ends that nobody hears take ever more room."""
    there = hub()
    for number in range(2 * REMEMBERED_ENDS):
        address = protocol.address(f"v{number}", "main")
        there.show(Reply(message_id=f"v{number}:q", attempt=1, address=address, text="x", seq=0))
        there.end(protocol.address("v", "main"), f"other{number}:q")
    assert len(there._live) == 100
    assert len(there._ended) == REMEMBERED_ENDS
    assert not there._watched
