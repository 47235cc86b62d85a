"""What lies between the matrix products of a Llama-like layer, each as one kernel."""

# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-decorators
# A kernel's arguments are Triton's own values: Python's types have no names for them.

import triton
import triton.language as tl


@triton.jit
def rms_norm(states, weight, output, stride, epsilon, width: tl.constexpr, width_tile: tl.constexpr):
    """output[t] = states[t] / sqrt(mean(states[t]^2) + epsilon) * weight, a program a token. Rounded once."""
    token = tl.program_id(0).to(tl.int64)
    dims = tl.arange(0, width_tile)
    real = dims < width
    state = tl.load(states + token * stride + dims, mask=real, other=0.0).to(tl.float32)
    shrink = 1.0 / tl.sqrt(tl.sum(state * state, 0) / width + epsilon)
    scaled = state * shrink * tl.load(weight + dims, mask=real, other=0.0).to(tl.float32)
    tl.store(output + token * width + dims, scaled.to(output.dtype.element_ty), mask=real)


@triton.jit
def silu_product(joined, output, width, tile: tl.constexpr):
    """output[t] = silu(gate) * up of `joined` [T, gate and up], both of `width`."""
    token = tl.program_id(0).to(tl.int64)
    dims = tl.program_id(1) * tile + tl.arange(0, tile)
    real = dims < width
    source = joined + token * 2 * width + dims
    gate = tl.load(source, mask=real, other=0.0).to(tl.float32)
    up = tl.load(source + width, mask=real, other=0.0).to(tl.float32)
    product = gate / (1.0 + tl.exp(-gate)) * up
    tl.store(output + token * width + dims, product.to(output.dtype.element_ty), mask=real)


@triton.jit
def quantize_rows(states, output, scales, greatest, width: tl.constexpr, width_tile: tl.constexpr):
    """output[t] = states[t] / scales[t], with scales[t] such that the largest becomes `greatest`; a program a token."""
    token = tl.program_id(0).to(tl.int64)
    dims = tl.arange(0, width_tile)
    real = dims < width
    state = tl.load(states + token * width + dims, mask=real, other=0.0).to(tl.float32)
    scale = tl.maximum(tl.max(tl.abs(state), 0), 1e-12) / greatest
    tl.store(scales + token, scale)
    tl.store(output + token * width + dims, (state / scale).to(output.dtype.element_ty), mask=real)


@triton.jit(
    do_not_specialize=["count", "table_width", "table_stride"],
    do_not_specialize_on_alignment=["tokens", "positions", "write_at", "lengths", "tables"],
)
def stage(
    tokens,  # [count] and the like: the step
    positions,
    write_at,
    lengths,
    tables,
    static_tokens,  # [bucket] and the like: what a graph reads
    static_positions,
    static_write_at,
    static_lengths,
    static_tables,
    count,
    table_width,
    table_stride,
    static_table_stride,
    tile: tl.constexpr,
):
    """Copy a step to where a graph reads it, a program a row. Rows beyond it use block 0, which is nobody's."""
    row = tl.program_id(0).to(tl.int64)
    if row < count:
        tl.store(static_tokens + row, tl.load(tokens + row))
        tl.store(static_positions + row, tl.load(positions + row))
        tl.store(static_write_at + row, tl.load(write_at + row))
        tl.store(static_lengths + row, tl.load(lengths + row))
        for start in range(0, table_width, tile):
            columns = start + tl.arange(0, tile)
            blocks = tl.load(tables + row * table_stride + columns, mask=columns < table_width)
            tl.store(static_tables + row * static_table_stride + columns, blocks, mask=columns < table_width)
    else:
        zero = tl.program_id(0) * 0
        tl.store(static_tokens + row, zero.to(tl.int64))
        tl.store(static_positions + row, zero.to(tl.int64))
        tl.store(static_write_at + row, zero.to(tl.int64))
        tl.store(static_lengths + row, zero + 1)
        tl.store(static_tables + row * static_table_stride, zero)
