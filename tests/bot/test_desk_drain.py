"""What a stop that could not wait any longer says of what it leaves: as much as the next start takes up."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bot.errors import StorageError
from tests.fakes.desk import House, config, message

EVENT = "desk.drain_incomplete"


async def open_house(folder: Path) -> House:
    at = House(folder, config(server={"drain_seconds": 0}, knowledge={"semantic": {"enabled": "no"}}))
    await at.open()
    return at


async def closed(at: House) -> list[dict[str, object]]:
    """What it said of draining."""
    with capture_logs() as logs:
        await at.close()
    return [{name: value for name, value in line.items() if name != "log_level"} for line in logs
            if line["event"] == EVENT]  # fmt: skip


async def test_answers_that_were_cut_off_are_counted(tmp_path: Path) -> None:
    """Those that were being written, and those that waited behind them."""
    at = await open_house(tmp_path)
    for conversation, ident in (("a", "m"), ("a", "m2"), ("b", "m3")):
        await at.desk.publish(message(conversation, ident))
    for ident in ("m", "m3"):
        await at.scripted.wait_for(ident)
    assert await closed(at) == [{"event": EVENT, "unanswered": 3, "unsent": 0}]


async def test_ends_that_no_channel_took_are_counted(tmp_path: Path) -> None:
    """Everything was answered; what is left is on its way to a channel that does not take it."""
    at = await open_house(tmp_path)
    at.channel.break_next = 1_000
    await at.desk.publish(message("a", "m"))
    (await at.scripted.wait_for("m")).set_result("end")
    while not await at.store.undelivered():
        await asyncio.sleep(0.001)
    assert await closed(at) == [{"event": EVENT, "unanswered": 0, "unsent": 1}]


async def test_what_was_drained_is_not_told(tmp_path: Path) -> None:
    at = await open_house(tmp_path)
    assert await closed(at) == []


async def test_a_broken_disk_does_not_keep_it_from_closing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left cannot be counted then; the channels are closed all the same."""
    at = await open_house(tmp_path)
    await at.desk.publish(message("a", "m"))
    await at.scripted.wait_for("m")

    async def broken(**_: object) -> None:
        raise StorageError("the disk is broken")

    monkeypatch.setattr(at.store, "undelivered", broken)
    assert await closed(at) == [{"event": EVENT, "error": "the disk is broken"}]
    assert at.channel.closed
