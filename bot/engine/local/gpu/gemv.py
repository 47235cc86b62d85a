"""A matrix times one vector, with what comes before and after it: how a Llama-like layer reads its weights at batch 1.

At batch 1 a step is the reading of all weights, and each further kernel costs a launch and a drained memory pipe.
So the norm before a product and the residual or the gate after it are done by the product's own programs: a layer
is four of these and the attention. RMSNorm needs no pass of its own, since it scales all of a vector by one number:
W (g * x / r) = (W (g * x)) / r, and r is known when the row has been read.
"""

# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-decorators
# A kernel's arguments are Triton's own values: Python's types have no names for them.

import triton
import triton.language as tl


@triton.jit
def gemv(
    vector,  # [width]
    weight,  # [N, width]; gated: [2 N, width], the gates first
    scales,  # [N], or [2 N]: what a row of a quantised weight was divided by; read where has_scales
    bias,  # [N], or [2 N]; read where has_bias
    norm,  # [width], read where has_norm
    residual,  # [N], read where has_residual; may be the output itself
    output,  # [N]
    count,
    epsilon,
    width: tl.constexpr,
    row_tile: tl.constexpr,
    tile: tl.constexpr,
    gated: tl.constexpr,
    has_scales: tl.constexpr,
    has_bias: tl.constexpr,
    has_norm: tl.constexpr,
    has_residual: tl.constexpr,
):
    rows = tl.program_id(0) * row_tile + tl.arange(0, row_tile)
    inside = rows < count
    at = tl.where(inside, rows, 0).to(tl.int64)[:, None] * width
    products = tl.zeros([row_tile, tile], tl.float32)
    gate_products = tl.zeros([row_tile, tile], tl.float32)
    squares = tl.zeros([tile], tl.float32)
    for start in range(0, width, tile):
        dims = start + tl.arange(0, tile)
        if width % tile == 0:
            state = tl.load(vector + dims).to(tl.float32)
            read = tl.load(weight + at + dims[None, :], eviction_policy="evict_first")
        else:
            state = tl.load(vector + dims, mask=dims < width, other=0.0).to(tl.float32)
            read = tl.load(weight + at + dims[None, :], mask=(dims < width)[None, :], other=0.0)
        if has_norm:
            squares += state * state
            state *= tl.load(norm + dims, mask=dims < width, other=0.0).to(tl.float32)
        if gated:
            gate_products += read.to(tl.float32) * state[None, :]
            second = weight + count.to(tl.int64) * width + at + dims[None, :]
            read = tl.load(second, mask=(dims < width)[None, :], other=0.0)
        products += read.to(tl.float32) * state[None, :]

    shrink = 1.0
    if has_norm:
        shrink = 1.0 / tl.sqrt(tl.sum(squares, 0) / width + epsilon)
    found = tl.sum(products, 1) * shrink
    half = rows + count if gated else rows
    if has_scales:
        found *= tl.load(scales + half, mask=inside, other=0.0)
    if has_bias:
        found += tl.load(bias + half, mask=inside, other=0.0).to(tl.float32)
    if gated:
        gate = tl.sum(gate_products, 1) * shrink
        if has_scales:
            gate *= tl.load(scales + rows, mask=inside, other=0.0)
        if has_bias:
            gate += tl.load(bias + rows, mask=inside, other=0.0).to(tl.float32)
        found *= gate / (1.0 + tl.exp(-gate))
    if has_residual:
        found += tl.load(residual + rows, mask=inside, other=0.0).to(tl.float32)
    tl.store(output + rows, found.to(output.dtype.element_ty), mask=inside)
