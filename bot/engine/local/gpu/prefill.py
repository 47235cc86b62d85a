"""Attention of packed pieces of prompts over the paged cache: FlashAttention's loop, as a Triton kernel.

A program holds a tile of one sequence's queries for one head and walks over the keys that they may see. The keys
of the piece itself are read from the cache like all others, so a piece that continues a prompt is nothing special.
torch's own `varlen_attn` takes a block table on Hopper with FlashAttention 3 alone, and only pages of certain
sizes; softcap and sinks it does not take. One kernel for all models is easier to trust.
"""

# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-decorators
# A kernel's arguments are Triton's own values: Python's types have no names for them.

import triton
import triton.language as tl

from bot.engine.local.gpu.softmax import LOG2E, LOWEST, capped, join


@triton.jit
def walk(
    accumulated,
    maximum,
    total,
    asked,
    positions,
    keys,
    values,
    table,
    begin,
    end,
    length,
    block_stride,
    token_stride,
    scale,
    softcap,
    dim: tl.constexpr,
    dim_tile: tl.constexpr,
    block_tokens: tl.constexpr,
    tile: tl.constexpr,
    window: tl.constexpr,
    has_softcap: tl.constexpr,
    masked: tl.constexpr,
):
    """The keys [`begin`, `end`), a tile at a time. Without `masked`, all queries see all of them."""
    dims = tl.arange(0, dim_tile)
    for start in range(begin, end, tile):
        places = start + tl.arange(0, tile)
        there = dims[None, :] < dim
        if masked:
            there = there & (places < length)[:, None]
            block = tl.load(table + places // block_tokens, mask=places < length, other=0).to(tl.int64)
        else:
            block = tl.load(table + places // block_tokens).to(tl.int64)
        at = (block * block_stride + (places % block_tokens) * token_stride)[:, None] + dims[None, :]
        key = tl.load(keys + at, mask=there, other=0.0)
        scores = tl.dot(asked, tl.trans(key), input_precision="ieee") * scale
        if has_softcap:
            scores = capped(scores, softcap)
        scores = scores * LOG2E
        if masked:
            seen = places[None, :] <= positions[:, None]
            if window > 0:
                seen = seen & (places[None, :] > positions[:, None] - window)
            scores = tl.where(seen, scores, float("-inf"))
        value = tl.load(values + at, mask=there, other=0.0)
        accumulated, maximum, total = join(accumulated, maximum, total, scores, value)
    return accumulated, maximum, total


@triton.jit(
    do_not_specialize=["decodes", "table_stride"], do_not_specialize_on_alignment=["tables", "starts", "lengths"]
)
def prefill(
    query,  # [T, heads, dim]
    keys,  # [blocks, kv_heads, block_tokens, dim]
    values,
    tables,  # [S, blocks of a sequence]
    starts,  # [S + 1]
    lengths,  # [S]
    sinks,  # [heads], read where has_sinks
    output,  # [T, heads, dim]
    decodes,
    query_stride,
    query_head_stride,
    block_stride,
    head_stride,
    token_stride,
    table_stride,
    output_stride,
    scale,
    softcap,
    group: tl.constexpr,
    dim: tl.constexpr,
    dim_tile: tl.constexpr,
    block_tokens: tl.constexpr,
    query_tile: tl.constexpr,
    tile: tl.constexpr,
    window: tl.constexpr,
    has_softcap: tl.constexpr,
    has_sinks: tl.constexpr,
):
    # The last queries see most keys: they go first, so that no long program begins when the others are done.
    first_row = (tl.num_programs(0) - 1 - tl.program_id(0)) * query_tile
    head = tl.program_id(1)
    sequence = (decodes + tl.program_id(2)).to(tl.int64)
    first_token = tl.load(starts + sequence).to(tl.int64)
    count = (tl.load(starts + sequence + 1) - first_token).to(tl.int32)
    if first_row >= count:
        return
    length = tl.load(lengths + sequence)
    first_place = length - count + first_row

    rows = first_row + tl.arange(0, query_tile)
    positions = first_place + tl.arange(0, query_tile)
    dims = tl.arange(0, dim_tile)
    real = (rows < count)[:, None] & (dims < dim)[None, :]
    tokens = first_token + rows
    asked = tl.load(
        query + tokens[:, None] * query_stride + head * query_head_stride + dims[None, :], mask=real, other=0.0
    )
    maximum = tl.full([query_tile], LOWEST, tl.float32)
    total = tl.zeros([query_tile], tl.float32)
    if has_sinks:  # a sink is a key that everybody sees, and it has no value
        maximum = tl.zeros([query_tile], tl.float32) + tl.load(sinks + head).to(tl.float32) * LOG2E
        total += 1.0
    accumulated = tl.zeros([query_tile, dim_tile], tl.float32)

    keys += (head // group) * head_stride
    values += (head // group) * head_stride
    table = tables + sequence * table_stride
    end = tl.minimum(length, first_place + query_tile)
    begin = 0
    if window > 0:
        begin = tl.maximum(first_place - window + 1, 0) // tile * tile
    else:
        whole = (first_place + 1) // tile * tile  # before it, every query sees every key
        accumulated, maximum, total = walk(
            accumulated, maximum, total, asked, positions, keys, values, table, 0, whole, length,
            block_stride, token_stride, scale, softcap,
            dim, dim_tile, block_tokens, tile, window, has_softcap, False,
        )  # fmt: skip
        begin = whole
    accumulated, maximum, total = walk(
        accumulated, maximum, total, asked, positions, keys, values, table, begin, end, length,
        block_stride, token_stride, scale, softcap,
        dim, dim_tile, block_tokens, tile, window, has_softcap, True,
    )  # fmt: skip
    found = accumulated / tl.maximum(total, 1e-30)[:, None]
    at = tokens[:, None] * output_stride + head * dim + dims[None, :]
    tl.store(output + at, found.to(output.dtype.element_ty), mask=real)
