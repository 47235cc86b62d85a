"""The bench measures what it says."""

from __future__ import annotations

from pathlib import Path

from bench.acknowledge import measure


async def test_the_bench_runs(tmp_path: Path) -> None:
    """It yields figures that fit together, whatever the machine, and leaves nothing in flight."""
    found = await measure(tmp_path, seconds=0.2, waiting=16)
    assert found.rate > 0
    assert 0 < found.p50 <= found.p99
    assert found.sync > 0
