"""Which sizes of decode steps have a CUDA graph, and which of them a step uses. No torch here."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

_SMALL = (1, 2, 4, 8, 16, 24, 32, 48, 64)
_STRIDE = 32


def buckets(most: int) -> tuple[int, ...]:
    """Sizes up to `most`, which is the last: close together where a row too many costs a good part of the step."""
    if most < 1:
        raise ValueError(f"There is no step of {most} sequences")
    sizes = [size for size in _SMALL if size < most]
    sizes += range(_SMALL[-1] + _STRIDE, most, _STRIDE)
    return (*sizes, most)


def bucket_of(count: int, sizes: Sequence[int]) -> int:
    """The smallest of `sizes` (rising) that holds `count`, or 0 where none does."""
    place = bisect_left(sizes, count)
    return sizes[place] if count > 0 and place < len(sizes) else 0
