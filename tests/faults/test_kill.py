"""kill -9 of a real server under load: nothing accepted is lost, nothing is answered twice."""

from __future__ import annotations

from pathlib import Path

from bench.kill import measure


async def test_killed_at_random_points_every_message_has_one_end(tmp_path: Path) -> None:
    """Law 2, with a real process: exactly one end for each acknowledged message, identical to the byte."""
    found = await measure(tmp_path, kills=5, visitors=5, seed=7)
    assert found.messages >= 5
    assert (found.lost, found.twice_on_disk, found.twice_on_wire, found.wrong_text) == (0, 0, 0, 0)
