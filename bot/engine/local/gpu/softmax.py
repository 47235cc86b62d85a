"""The step that all attention kernels share: a tile of scores joins a running softmax, in float32 and base 2."""

# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-decorators
# A kernel's arguments are Triton's own values: Python's types have no names for them.

import triton
import triton.language as tl

LOG2E = tl.constexpr(1.4426950408889634)
LOWEST = tl.constexpr(-1.0e30)
"""The maximum before any score: finite, so that a row that sees nothing of a tile stays a number."""


@triton.jit
def capped(scores, softcap):
    """softcap * tanh(scores / softcap), by way of an exp that cannot overflow."""
    small = tl.exp(-2.0 * tl.abs(scores) / softcap)
    bent = softcap * (1.0 - small) / (1.0 + small)
    return tl.where(scores < 0.0, -bent, bent)


@triton.jit
def join(accumulated, maximum, total, scores, value):
    """`scores` [M, N] in units of log2 (-inf where hidden) and `value` [N, D] join what was seen before.

    The online softmax of Milakov and Gimelshein (2018), as FlashAttention uses it.
    """
    highest = tl.maximum(maximum, tl.max(scores, 1))
    weights = tl.exp2(scores - highest[:, None])
    shrink = tl.exp2(maximum - highest)
    total = total * shrink + tl.sum(weights, 1)
    accumulated = accumulated * shrink[:, None]
    accumulated = tl.dot(weights.to(value.dtype), value, accumulated, input_precision="ieee")
    return accumulated, highest, total
