"""Putting a step's keys and values into the paged cache, alone or together with what Llama's kin do to them first."""

# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-decorators
# A kernel's arguments are Triton's own values: Python's types have no names for them.

import triton
import triton.language as tl


@triton.jit(do_not_specialize_on_alignment=["write_at"])
def write(
    key,  # [T, heads, dim]
    value,
    keys,  # [blocks, heads, block_tokens, dim]
    values,
    write_at,  # [T]
    key_stride,
    key_head_stride,
    value_stride,
    value_head_stride,
    block_stride,
    head_stride,
    token_stride,
    heads: tl.constexpr,
    heads_tile: tl.constexpr,
    dim: tl.constexpr,
    dim_tile: tl.constexpr,
    block_tokens: tl.constexpr,
):
    token = tl.program_id(0).to(tl.int64)
    head = tl.arange(0, heads_tile)[:, None]
    dims = tl.arange(0, dim_tile)[None, :]
    real = (head < heads) & (dims < dim)
    place = tl.load(write_at + token).to(tl.int64)
    at = place // block_tokens * block_stride + head * head_stride + place % block_tokens * token_stride + dims
    new_key = tl.load(key + token * key_stride + head * key_head_stride + dims, mask=real)
    new_value = tl.load(value + token * value_stride + head * value_head_stride + dims, mask=real)
    tl.store(keys + at, new_key.to(keys.dtype.element_ty), mask=real)
    tl.store(values + at, new_value.to(values.dtype.element_ty), mask=real)


@triton.jit
def norm_weight(query_norm, key_norm, dims, half: tl.constexpr, is_query):
    """Half of the norm's weights: the queries' or the keys'."""
    queries = tl.load(query_norm + dims, mask=dims < half, other=0.0).to(tl.float32)
    keys = tl.load(key_norm + dims, mask=dims < half, other=0.0).to(tl.float32)
    return tl.where(is_query, queries, keys)


@triton.jit(do_not_specialize_on_alignment=["write_at", "positions"])
def rope_write(
    joined,  # [T, (heads + 2 * kv_heads) * dim]: queries, keys, values; the queries are turned in place
    keys,  # [blocks, kv_heads, block_tokens, dim]
    values,
    write_at,  # [T]
    positions,  # [T]
    cosines,  # [context, dim / 2]
    sines,
    query_norm,  # [dim], read where has_norm
    key_norm,
    joined_stride,
    block_stride,
    head_stride,
    token_stride,
    epsilon,
    heads: tl.constexpr,
    kv_heads: tl.constexpr,
    dim: tl.constexpr,
    half_tile: tl.constexpr,
    heads_tile: tl.constexpr,
    block_tokens: tl.constexpr,
    has_norm: tl.constexpr,
):
    """Rotary positions (Su and others, 2021), the two halves of a head as the coordinates, as Llama has them.

    A program's tile of heads lies within the queries, or the keys, or the values: each begins a tile anew.
    """
    token = tl.program_id(0).to(tl.int64)
    part = tl.program_id(1)
    query_parts = tl.cdiv(heads, heads_tile)
    kv_parts = tl.cdiv(kv_heads, heads_tile)
    is_query = part < query_parts
    is_value = part >= query_parts + kv_parts
    part = tl.where(is_query, part, tl.where(is_value, part - query_parts - kv_parts, part - query_parts))
    many = tl.where(is_query, heads, kv_heads)
    before = tl.where(is_query, 0, tl.where(is_value, heads + kv_heads, heads))

    half: tl.constexpr = dim // 2
    head = part * heads_tile + tl.arange(0, heads_tile)[:, None]
    dims = tl.arange(0, half_tile)
    real = (head < many) & (dims < half)[None, :]
    source = joined + token * joined_stride + (before + head) * dim + dims[None, :]
    low = tl.load(source, mask=real, other=0.0)
    high = tl.load(source + half, mask=real, other=0.0)
    place = tl.load(write_at + token).to(tl.int64)
    at = place // block_tokens * block_stride + head * head_stride + place % block_tokens * token_stride
    at += dims[None, :]
    if is_value:
        tl.store(values + at, low.to(values.dtype.element_ty), mask=real)
        tl.store(values + at + half, high.to(values.dtype.element_ty), mask=real)
    else:
        first = low.to(tl.float32)
        second = high.to(tl.float32)
        if has_norm:
            shrink = 1.0 / tl.sqrt((tl.sum(first * first, 1) + tl.sum(second * second, 1)) / dim + epsilon)
            first *= shrink[:, None] * norm_weight(query_norm, key_norm, dims, half, is_query)[None, :]
            second *= shrink[:, None] * norm_weight(query_norm + half, key_norm + half, dims, half, is_query)[None, :]
        angle = tl.load(positions + token).to(tl.int64) * half + dims
        cosine = tl.load(cosines + angle, mask=dims < half, other=0.0).to(tl.float32)[None, :]
        sine = tl.load(sines + angle, mask=dims < half, other=0.0).to(tl.float32)[None, :]
        turned_first = first * cosine - second * sine
        turned_second = second * cosine + first * sine
        if is_query:
            tl.store(source, turned_first.to(joined.dtype.element_ty), mask=real)
            tl.store(source + half, turned_second.to(joined.dtype.element_ty), mask=real)
        else:
            tl.store(keys + at, turned_first.to(keys.dtype.element_ty), mask=real)
            tl.store(keys + at + half, turned_second.to(keys.dtype.element_ty), mask=real)
