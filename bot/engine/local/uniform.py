"""Random numbers without a state: the same seed and place give the same number, whatever was drawn before or beside.

A counter goes through splitmix64's finalizer (see `seeds`), once for the seed, once for the place in the answer and
once for the round, as Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (SC 2011) do with stronger ciphers.
"""

from __future__ import annotations

import torch
from torch import Tensor

from bot.engine.local.seeds import GOLDEN


def uniform(seeds: Tensor, places: Tensor, rounds: int = 0) -> Tensor:
    """[N] float64 in (0, 1), both ends left out, of `seeds` and `places` [N] int64.

    A place is the index of the token in its answer; `rounds` tells apart several numbers for one token.
    Multiples of 2**-52 plus a half of that. No host synchronization, so that it may be captured in a CUDA graph.
    """
    mixed = _mixed(_mixed(seeds) + (places + 1) * _signed(GOLDEN))
    mixed = _mixed(mixed + _signed(rounds * GOLDEN))
    return ((mixed >> 12 & (1 << 52) - 1).to(torch.float64) + 0.5) * 2.0**-52


def signed(values: list[int]) -> Tensor:
    """[N] int64 with the lowest 64 bits of `values`, which may be of any size."""
    return torch.tensor([_signed(value) for value in values], dtype=torch.int64)


def _mixed(value: Tensor) -> Tensor:
    """`seeds.mixed` for int64 tensors, whose multiplication wraps around."""
    value = (value ^ (value >> 30 & (1 << 34) - 1)) * _signed(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> 27 & (1 << 37) - 1)) * _signed(0x94D049BB133111EB)
    return value ^ (value >> 31 & (1 << 33) - 1)


def _signed(value: int) -> int:
    return (value + 2**63) % 2**64 - 2**63
