"""kill -9 at any point: what was acknowledged is there, exactly once."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from bot.events import Post, Reply
from storage.base import Exchange
from storage.sqlite import SqliteStore
from tests.contracts.store import HOME
from tests.contracts.store_cases import case

ROUNDS = 20


@dataclass
class Acknowledged:
    accepted: set[str] = field(default_factory=set)
    completed: dict[str, tuple[int, int]] = field(default_factory=dict)
    delivered: set[str] = field(default_factory=set)
    sent: set[str] = field(default_factory=set)

    def take(self, line: str) -> None:
        kind, message_id, *rest = line.split()
        if kind == "accepted":
            self.accepted.add(message_id)
        elif kind == "delivered":
            self.delivered.add(message_id)
        elif kind == "sent":
            self.sent.add(message_id)
        else:
            assert message_id not in self.completed, "completed twice"
            number, attempt = map(int, rest)
            self.completed[message_id] = (number, attempt)

    def newest(self) -> int:
        return max((int(message_id[1:]) for message_id in self.accepted), default=0)


def run_until_killed(folder: Path, lines: int, told: Acknowledged) -> None:
    """Start the child, kill it when it has said `lines` lines, and take down everything that it said."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.storage.crash_child", str(folder), str(told.newest())],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    with child:
        assert child.stdout is not None
        for count, line in enumerate(child.stdout, start=1):
            if line.endswith("\n"):
                told.take(line)
            if count == lines:
                child.send_signal(signal.SIGKILL)
    assert child.returncode == -signal.SIGKILL


async def test_killed_at_any_point(tmp_path: Path) -> None:
    """Over 20 deaths: every acknowledged message, end, post and delivery is there once, whole, under its number."""
    chance = random.Random(20)
    told = Acknowledged()
    for _ in range(ROUNDS):
        run_until_killed(tmp_path, chance.randint(1, 150), told)
    store = SqliteStore(tmp_path)
    await store.open()
    history = await store.history(HOME, limit=1_000_000)
    outgoing = await store.outgoing_since(HOME, 0, limit=1_000_000)
    turns = await store.turns(HOME, limit=1_000_000)
    posts = await store.posts(case().desk, limit=1_000_000)
    kept = {message_id for message_id in told.sent if await store.sends("web", message_id)}
    held = await store.case(HOME)
    waiting = {message.id for message in await store.pending(limit=1_000_000)}
    await store.close()
    assert len(told.completed) > ROUNDS

    exchanges = {exchange.message.id: exchange for exchange in history}
    assert len(exchanges) == len(history)
    assert told.accepted <= exchanges.keys()
    for message_id, (number, attempt) in told.completed.items():
        end = exchanges[message_id].outgoing
        assert end is not None
        assert (end.number, end.event.attempt if isinstance(end.event, Reply) else 0) == (number, attempt)
        assert end.delivered >= (message_id in told.delivered)
    assert waiting == {message_id for message_id, exchange in exchanges.items() if exchange.outgoing is None}
    assert all(whole(exchange) for exchange in history)
    numbers = [item.number for item in outgoing]
    assert numbers == sorted(set(numbers))
    assert len(turns) == 2 * len(numbers)
    assert kept == told.sent
    assert held == case()
    # With each end came its post, under the number after it; no end without one, and none by itself.
    assert [post.number for post in posts] == [number + 1 for number in numbers]
    assert [post.event.text for post in posts if isinstance(post.event, Post)] == [
        item.event.text for item in outgoing if isinstance(item.event, Reply)
    ]


def whole(exchange: Exchange) -> bool:
    """Whether the texts are those that belong to this message, and to the attempt that ended it."""
    number = exchange.message.id[1:]
    if exchange.message.text != f"question {number} " * 40:
        return False
    end = exchange.outgoing
    if end is None:
        return True
    return isinstance(end.event, Reply) and end.event.text == f"answer {number} of attempt {end.event.attempt} " * 40
