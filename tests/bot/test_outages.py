"""What the log says of a channel that takes nothing: little, in time, and the truth about what it left out."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from bot.bus import Bound, Bus
from bot.delivery import Delivery
from bot.events import Failed, Reply
from bot.metrics import Metrics
from bot.outages import LONGEST, QUIET, Outages
from storage.base import Outgoing
from tests.fakes.channel import Channel
from tests.fakes.desk import address

TELLS, HEALTHY = "delivery.failing", "delivery.healthy"


class Told:
    """Outages with a clock that is set by hand, and ends that wait."""

    def __init__(self) -> None:
        self.now, self.left = 0.0, 0
        self.outages = Outages(lambda _: self.left, clock=lambda: self.now)
        self.lines: list[tuple[float, EventDict]] = []

    def after(self, seconds: float, error: str = "", channel: str = "telegram") -> None:
        """So much later a send fails with `error`, or is taken."""
        self.now += seconds
        with capture_logs() as logs:
            self.outages.failed(channel, error) if error else self.outages.taken(channel)
        self.lines += [(self.now, line) for line in logs]

    @property
    def events(self) -> list[str]:
        return [line["event"] for _, line in self.lines]


def test_a_long_outage_is_told_at_once_then_more_and_more_seldom_and_when_it_is_over() -> None:
    """Thirty failures a second for two hours are some twenty lines, which count every failure that had none."""
    told = Told()
    count = 2 * 3_600 * 30
    for number in range(count):
        told.left = min(50, number)
        told.after(1 / 32, "TimedOut")
    told.after(1, "")
    told.after(1, "")
    *failing, (_, healthy) = told.lines
    assert {line["event"] for _, line in failing} == {TELLS} and healthy["event"] == HEALTHY
    assert healthy["failed"] == count and healthy["seconds"] == pytest.approx(told.now - 1, abs=2)
    assert sum(line["held_back"] + 1 for _, line in failing) + healthy["held_back"] == count
    pauses = [later - earlier for (earlier, _), (later, _) in pairwise(failing)]
    assert pauses[:4] == [10, 20, 40, 80] and pauses[-1] == LONGEST and len(failing) < 20
    assert [line["log_level"] for _, line in failing] == ["warning"] + ["error"] * (len(failing) - 1)  # some wait
    assert failing[-1][1]["left"] == 50


def test_a_single_failure_is_two_lines() -> None:
    """And what is taken by a channel that never failed is none."""
    told = Told()
    told.after(1, "")
    told.after(1, "TimedOut")
    told.after(1, "")
    told.after(1, "")
    assert told.events == [TELLS, HEALTHY] and told.lines[1][1]["failed"] == 1


def test_another_kind_of_failure_is_told_at_once() -> None:
    """It may be another trouble, and each channel has its own."""
    told = Told()
    for error, channel in (("TimedOut", "telegram"), ("KeyError", "telegram"), ("TimedOut", "slack")) * 50:
        told.after(0.01, error, channel)
    assert [(line["error"], line["channel"]) for _, line in told.lines] == [
        ("TimedOut", "telegram"), ("KeyError", "telegram"), ("TimedOut", "slack")
    ]  # fmt: skip


def test_a_channel_that_fails_now_and_then_fills_no_log() -> None:
    """One send in five fails for a day: as few lines as of an outage, in pairs; after a quiet time one is told anew."""
    told, chance = Told(), random.Random(7)
    for _ in range(86_400):
        told.after(1, "TimedOut" if chance.random() < 0.2 else "")
    assert told.events.count(TELLS) < 86_400 / LONGEST + 12
    assert told.events == [TELLS, HEALTHY] * (len(told.events) // 2)
    before = len(told.lines)
    told.after(QUIET, "")
    told.after(1, "TimedOut")
    assert told.events[before:] == [TELLS]


async def test_the_house_tells_of_a_channel_that_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Partial replies and ends alike, with kinds of errors alone, and nothing of what anybody wrote."""
    monkeypatch.setattr("bot.delivery._FIRST_PAUSE", 0.0)
    bound, channel = Bound(total=8, lane=8, running=8), Channel()
    bus = Bus({Reply: bound, Failed: bound}, lambda _, error: pytest.fail(str(error)))

    class Recorded:
        async def delivered(self, _number: int, _remote: str = "") -> None:
            return None

    sending = Delivery(bus, Recorded(), {"test": channel}, Metrics())  # type: ignore[arg-type]  # all that it uses
    channel.break_next = 5
    with capture_logs() as logs:
        await sending.partial(Reply(message_id="m", attempt=1, address=address("a"), text="secret", seq=0))
        failed = Failed(message_id="m", address=address("a"), reason="r", said="sorry")
        await sending.end(Outgoing(number=1, event=failed, at=0))
        assert await bus.drain(30)
    assert [line["event"] for line in logs] == [TELLS, HEALTHY] and logs[0]["error"] == "ConnectionError"
    assert channel.break_next == 0 and "secret" not in str(logs) and len(channel.sent) == 1
