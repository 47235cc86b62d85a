"""What a device can do at best, measured, and how much of the time it did something."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable

import torch

COPIED = 1 << 32
SIDE = 8_192


def seconds(device: torch.device, work: Callable[[], object], *, rounds: int = 10) -> float:
    """The median time of `work`, after three runs that do not count."""
    for _ in range(3):
        work()
    found = []
    for _ in range(rounds):
        settle(device)
        began = time.perf_counter()
        work()
        settle(device)
        found.append(time.perf_counter() - began)
    return statistics.median(found)


def settle(device: torch.device) -> None:
    """Wait until the device has done all that it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def copy_bandwidth(device: torch.device, size: int = COPIED) -> float:
    """Bytes a second, read and written, of a copy of `size` bytes (which no cache holds)."""
    source = torch.randint(0, 255, (size,), dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    return 2 * size / seconds(device, lambda: target.copy_(source))


def matrix_rate(device: torch.device, side: int = SIDE, dtype: torch.dtype = torch.bfloat16) -> float:
    """Floating-point operations a second of a product of two square matrices of random numbers."""
    left, right = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    product = torch.empty_like(left)
    return 2 * side**3 / seconds(device, lambda: torch.mm(left, right, out=product))


def idle_share(intervals: Iterable[tuple[float, float]]) -> float:
    """Of the time from the first beginning to the last end of `intervals` (begin, end), the share that none covers."""
    ordered = sorted(intervals)
    if not ordered:
        return 1.0
    covered, until = 0.0, ordered[0][0]
    for begin, end in ordered:
        covered += max(0.0, end - max(begin, until))
        until = max(until, end)
    span = until - ordered[0][0]
    return 1 - covered / span if span else 0.0
