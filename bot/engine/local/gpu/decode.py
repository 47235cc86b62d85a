"""Attention of one new token a sequence over the paged cache: flash-decoding, as two Triton kernels.

A program reads one split of one sequence's keys for one head of keys, for all the query heads that share it; a
second kernel joins the splits. How many splits there are is known before the lengths are, as a CUDA graph needs:
each sequence's own length, read on the device, decides what a split holds.
"""

# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-decorators
# A kernel's arguments are Triton's own values: Python's types have no names for them.

import triton
import triton.language as tl

from bot.engine.local.gpu.softmax import LOG2E, LOWEST, capped, join


@triton.jit(do_not_specialize=["table_stride"], do_not_specialize_on_alignment=["tables", "lengths"])
def decode_split(
    query,  # [B, heads, dim]
    keys,  # [blocks, kv_heads, block_tokens, dim]
    values,
    tables,  # [B, blocks of a sequence]
    lengths,  # [B]
    sinks,  # [heads], read where has_sinks
    output,  # [B, heads, dim]; written where there is one split
    partial,  # [B, heads, splits, dim] float32; this and the next two are written where there are more
    maxima,  # [B, heads, splits] float32
    totals,  # [B, heads, splits] float32
    query_stride,
    query_head_stride,
    block_stride,
    head_stride,
    token_stride,
    table_stride,
    scale,
    softcap,
    group: tl.constexpr,
    rows: tl.constexpr,
    dim: tl.constexpr,
    dim_tile: tl.constexpr,
    block_tokens: tl.constexpr,
    tile: tl.constexpr,
    splits: tl.constexpr,
    window: tl.constexpr,
    has_softcap: tl.constexpr,
    has_sinks: tl.constexpr,
):
    sequence = tl.program_id(0).to(tl.int64)
    kv_head = tl.program_id(1)
    split = tl.program_id(2)
    heads = tl.num_programs(1) * group
    length = tl.load(lengths + sequence)
    first = 0
    if window > 0:
        first = tl.maximum(length - window, 0)
    aligned = first // tile * tile
    share = tl.cdiv(tl.cdiv(length - aligned, splits), tile) * tile
    begin = aligned + split * share
    end = tl.minimum(begin + share, length)

    members = tl.arange(0, rows)
    dims = tl.arange(0, dim_tile)
    head = kv_head * group + members
    real = (members < group)[:, None] & (dims < dim)[None, :]
    asked = tl.load(
        query + sequence * query_stride + head[:, None] * query_head_stride + dims[None, :], mask=real, other=0.0
    )
    maximum = tl.full([rows], LOWEST, tl.float32)
    total = tl.zeros([rows], tl.float32)
    if has_sinks:  # a sink is a key that everybody sees, and it has no value; the first split counts it
        sink = tl.load(sinks + head, mask=members < group, other=0.0).to(tl.float32)
        maximum = tl.where(split == 0, sink * LOG2E, LOWEST)
        total += tl.where(split == 0, 1.0, 0.0)
    accumulated = tl.zeros([rows, dim_tile], tl.float32)

    for start in range(begin, end, tile):
        places = start + tl.arange(0, tile)
        seen = (places >= first) & (places < end)
        block = tl.load(tables + sequence * table_stride + places // block_tokens, mask=seen, other=0).to(tl.int64)
        offsets = block * block_stride + kv_head * head_stride + (places % block_tokens) * token_stride
        at = offsets[:, None] + dims[None, :]
        there = seen[:, None] & (dims < dim)[None, :]
        key = tl.load(keys + at, mask=there, other=0.0)
        scores = tl.dot(asked, tl.trans(key), input_precision="ieee") * scale
        if has_softcap:
            scores = capped(scores, softcap)
        scores = tl.where(seen[None, :], scores * LOG2E, float("-inf"))
        value = tl.load(values + at, mask=there, other=0.0)
        accumulated, maximum, total = join(accumulated, maximum, total, scores, value)

    place = sequence * heads + head
    if splits == 1:
        found = accumulated / tl.maximum(total, 1e-30)[:, None]
        tl.store(output + place[:, None] * dim + dims[None, :], found.to(output.dtype.element_ty), mask=real)
    else:
        place = place * splits + split
        tl.store(maxima + place, maximum, mask=members < group)
        tl.store(totals + place, total, mask=members < group)
        tl.store(partial + place[:, None] * dim + dims[None, :], accumulated, mask=real)


@triton.jit
def decode_join(
    partial,
    maxima,
    totals,
    output,
    dim: tl.constexpr,
    dim_tile: tl.constexpr,
    splits: tl.constexpr,
    splits_tile: tl.constexpr,
):
    place = tl.program_id(0).to(tl.int64)
    parts = tl.arange(0, splits_tile)
    dims = tl.arange(0, dim_tile)
    real = parts < splits
    maximum = tl.load(maxima + place * splits + parts, mask=real, other=LOWEST)
    total = tl.load(totals + place * splits + parts, mask=real, other=0.0)
    weights = tl.exp2(maximum - tl.max(maximum, 0))
    there = (real & (total > 0.0))[:, None] & (dims < dim)[None, :]
    part = tl.load(partial + (place * splits + parts)[:, None] * dim + dims[None, :], mask=there, other=0.0)
    found = tl.sum(part * weights[:, None], 0) / tl.maximum(tl.sum(total * weights, 0), 1e-30)
    tl.store(output + place * dim + dims, found.to(output.dtype.element_ty), mask=dims < dim)
