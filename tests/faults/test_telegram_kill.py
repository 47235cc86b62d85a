"""Telegram's way through crashes, repetition, penalties and attacks: small forms of the measurements, with a real
process."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import telegram_budgets, telegram_events, telegram_hostile, telegram_kill, telegram_latency
from bench.telegram_house import MODES, Mode
from tests.fakes.telegram.server import Faults


@pytest.mark.parametrize("mode", MODES)
async def test_killed_at_random_points_every_question_has_one_answer(tmp_path: Path, mode: Mode) -> None:
    """kill -9 while it answers: nothing lost, no text twice, at most one beginning left for a question by a kill."""
    found = await telegram_kill.measure(tmp_path, mode, kills=2, people=6, seed=7)
    assert found.questions >= 6
    assert found.good, found


@pytest.mark.parametrize("mode", MODES)
async def test_whatever_is_repeated_and_shuffled_is_answered_once(tmp_path: Path, mode: Mode) -> None:
    """Each update one to five times in any order: one answer for each message, in the order of acceptance."""
    found = await telegram_events.measure(tmp_path, mode, updates=40, people=4, seed=7)
    assert found.deliveries > found.updates >= 40
    assert found.good, found


async def test_penalties_leave_every_answer_whole(tmp_path: Path) -> None:
    """429s for two fifths of the calls: each answer whole, once, no budget overrun, and no call before its time."""
    found = await telegram_budgets.measure(tmp_path, chats=4, faults=Faults(penalty=0.4, retry_after=1), delay=3)
    assert found.limited > 0
    assert found.good, found


async def test_forged_and_malformed_updates_are_refused(tmp_path: Path) -> None:
    """Forged: 401 or 403, unread. Malformed: 400 or 413. Never a 5xx, and it answers as before."""
    found = await telegram_hostile.measure(tmp_path, requests=150, seed=7, blank=["  "])
    assert not found.wrong, found.wrong
    assert found.alive and found.blank_refused


async def test_something_to_read_comes_before_the_whole_answer(tmp_path: Path) -> None:
    """Word by word, in private and in groups; how soon is measured elsewhere."""
    found = await telegram_latency.measure(tmp_path, "polling", questions=2, seed=7, delay=20, warm=0)
    assert len(found.private) == len(found.groups) == 1
