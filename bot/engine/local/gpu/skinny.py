"""A few rows times a quantised matrix, which is read as it is stored and widened on its way to the tensor cores."""

# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-decorators
# A kernel's arguments are Triton's own values: Python's types have no names for them.

import triton
import triton.language as tl


@triton.jit(do_not_specialize=["tokens"])
def skinny(
    states,  # [T, width]
    weight,  # [N, width] int8
    scales,  # [N] float32
    bias,  # [N], read where has_bias
    residual,  # [T, N], read where has_residual; may be the output itself
    output,  # [T, N]
    tokens,
    count,
    width: tl.constexpr,
    token_tile: tl.constexpr,
    row_tile: tl.constexpr,
    tile: tl.constexpr,
    has_bias: tl.constexpr,
    has_residual: tl.constexpr,
):
    token = tl.arange(0, token_tile)
    rows = tl.program_id(0) * row_tile + tl.arange(0, row_tile)
    real = (token < tokens)[:, None]
    inside = rows < count
    at = tl.where(inside, rows, 0).to(tl.int64)[:, None] * width
    found = tl.zeros([token_tile, row_tile], tl.float32)
    for start in range(0, width, tile):
        dims = start + tl.arange(0, tile)
        there = (dims < width)[None, :]
        state = tl.load(states + token[:, None] * width + dims[None, :], mask=real & there, other=0.0)
        read = tl.load(weight + at + dims[None, :], mask=there, other=0)
        found = tl.dot(state, tl.trans(read.to(state.dtype)), found, input_precision="ieee")
    found *= tl.load(scales + rows, mask=inside, other=0.0)[None, :]
    if has_bias:
        found += tl.load(bias + rows, mask=inside, other=0.0).to(tl.float32)[None, :]
    there = real & inside[None, :]
    place = token.to(tl.int64)[:, None] * count + rows[None, :]
    if has_residual:
        found += tl.load(residual + place, mask=there, other=0.0).to(tl.float32)
    tl.store(output + place, found.to(output.dtype.element_ty), mask=there)
