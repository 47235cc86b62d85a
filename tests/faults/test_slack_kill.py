"""Slack's way through crashes, storms and repetition: small forms of the measurements, with a real process."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import slack_events, slack_hostile, slack_kill, slack_storm
from bench.slack_house import Mode


async def test_killed_at_random_points_every_question_has_one_answer(tmp_path: Path) -> None:
    """kill -9 while it answers: nothing lost, nothing twice, nothing left half written."""
    found = await slack_kill.measure(tmp_path, kills=5, people=6, seed=7)
    assert found.questions >= 6
    assert found.good, found


@pytest.mark.parametrize("mode", ["socket", "http"])
async def test_whatever_is_repeated_and_shuffled_is_answered_once(tmp_path: Path, mode: Mode) -> None:
    """Each event one to five times in any order: one answer for each message, in the order of acceptance."""
    found = await slack_events.measure(tmp_path, mode, events=200, seed=7)
    assert found.deliveries > found.events >= 200
    assert found.good, found


async def test_a_storm_leaves_every_answer_whole(tmp_path: Path) -> None:
    """429s, dropped answers and streams that end at every call: each answer whole, once, and no tier overrun."""
    found = await slack_storm.measure(tmp_path, conversations=8, seed=7, patience=120)
    assert found.limited > 0
    assert found.good, found


async def test_forged_and_malformed_requests_are_refused(tmp_path: Path) -> None:
    """Forged: 401, unread. Malformed: 400 or 403. Never a 5xx, and it answers as before."""
    found = await slack_hostile.measure(tmp_path, requests=250, seed=7)
    assert not found.wrong, found.wrong
    assert found.alive and found.blank_refused
