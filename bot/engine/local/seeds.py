"""Where the randomness of an answer comes from: one number, asked for or made up. No torch here."""

from __future__ import annotations

import secrets

GOLDEN = 0x9E3779B97F4A7C15
_MASK = 2**64 - 1


def seed_of(asked: int | None, answer: int = 0) -> int:
    """The seed of one of `n` answers: `asked` for the first, others derived from it; random where none was asked.

    In [0, 2**64) or `asked` itself, which may be negative. Give all answers of a request the same `asked`, or None.
    """
    if asked is None:
        return secrets.randbits(64)
    return asked if answer == 0 else mixed((asked + answer * GOLDEN) & _MASK)


def mixed(value: int) -> int:
    """A bijection of 64 bits that spreads neighbours apart: the finalizer of splitmix64.

    Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014; constants of
    Stafford's variant 13, as in java.util.SplittableRandom.
    """
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)
