"""Attention over the paged cache in torch's own operations: the reference of the other kernels, and their fallback."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from bot.engine.local.batch import Batch

SLACK_BLOCKS = 2
SLACK_RATIO = 1.25
"""Sequences share a call while the longest reads no more than so many blocks (or times) more than the shortest."""


@dataclass(frozen=True, slots=True)
class Group:
    """Sequences attended in one call, each with `queries` tokens and keys padded to the same number of blocks."""

    rows: Tensor | slice
    """The tokens of the step, [G * queries], sequence by sequence"""
    sequences: int
    queries: int
    blocks: Tensor
    """[G * kv_heads * B] int64: rows of the cache seen as [blocks * kv_heads, block_tokens * head_dim]"""
    mask: Tensor | None
    """[G, 1, queries, B * block_tokens], 0 where a query sees a key and -inf where not; None where it sees all"""
    causal: bool
    """The plain triangle: torch knows it without a mask."""
    unwritten: Tensor | None
    """[U] int64: rows of the keys read, seen as [G * kv_heads * B * block_tokens, head_dim], that their sequence did
    not write: another may have left there what is no number, and no mask makes that harmless"""


@dataclass(frozen=True, slots=True)
class Shape:
    """What decides how a step is cut into groups; layers that agree in it share the plan."""

    window: int
    kv_heads: int
    block_tokens: int
    dtype: torch.dtype
    triangle: bool
    """Whether a causal call without a mask may be made."""


class TorchKernels:
    """`Kernels` for any device and dtype. How a step is cut into groups is worked out at its first layer."""

    def __init__(self) -> None:
        self._batch: Batch | None = None
        self._plans: dict[Shape, tuple[Group, ...]] = {}
        self._written: Tensor | None = None
        self._places: tuple[Tensor, Tensor] | None = None

    def write(self, key: Tensor, value: Tensor, keys: Tensor, values: Tensor, write_at: Tensor) -> None:
        """Put `key` and `value` [T, kv_heads, head_dim] into the layer's cache at `write_at`."""
        if self._written is not write_at or self._places is None:
            block_tokens = keys.shape[2]
            self._written = write_at
            self._places = (torch.div(write_at, block_tokens, rounding_mode="floor"), write_at % block_tokens)
        keys.transpose(1, 2).index_put_(self._places, key)
        values.transpose(1, 2).index_put_(self._places, value)

    def attend(
        self,
        query: Tensor,
        keys: Tensor,
        values: Tensor,
        batch: Batch,
        *,
        scale: float,
        window: int = 0,
        softcap: float = 0.0,
        sinks: Tensor | None = None,
    ) -> Tensor:
        """Attention as `Kernels.attend` says; the heads of one group of keys are queries of the same call."""
        _, kv_heads, block_tokens, key_dim = keys.shape
        value_dim = values.shape[3]
        plain = softcap == 0 and sinks is None
        groups = self._plan(batch, Shape(window, kv_heads, block_tokens, query.dtype, plain))
        key_rows, value_rows = keys.view(-1, block_tokens * key_dim), values.view(-1, block_tokens * value_dim)
        shared = query.shape[1] // kv_heads
        output = query.new_empty(query.shape[0], query.shape[1], value_dim)
        for group in groups:
            many = (group.sequences, kv_heads, 1, -1)
            key = key_rows.index_select(0, group.blocks).view(*many, key_dim)
            value = value_rows.index_select(0, group.blocks).view(*many, value_dim)
            if group.unwritten is not None:
                key.view(-1, key_dim).index_fill_(0, group.unwritten, 0)
                value.view(-1, value_dim).index_fill_(0, group.unwritten, 0)
            asked = query[group.rows].view(group.sequences, group.queries, kv_heads, shared, key_dim)
            asked = asked.permute(0, 2, 3, 1, 4)
            if plain:
                seen = _scaled(asked, key, value, group, scale)
            else:
                seen = _explicit(asked, key, value, group.mask, scale=scale, softcap=softcap, sinks=sinks)
            output[group.rows] = seen.permute(0, 3, 1, 2, 4).reshape(-1, query.shape[1], value_dim)
        return output

    def _plan(self, batch: Batch, shape: Shape) -> tuple[Group, ...]:
        if self._batch is not batch:
            self._batch, self._plans = batch, {}
        plan = self._plans.get(shape)
        if plan is None:
            plan = self._plans[shape] = _groups(batch, shape)
        return plan


def _scaled(asked: Tensor, key: Tensor, value: Tensor, group: Group, scale: float) -> Tensor:
    """[G, kv_heads, shared, queries, dim] by torch's fused attention, without a copy of the keys for each head."""
    sequences, kv_heads, shared, queries, dim = asked.shape
    if queries == 1:  # the heads that share keys become the queries of one
        seen = functional.scaled_dot_product_attention(
            asked.reshape(sequences, kv_heads, shared, dim), key[:, :, 0], value[:, :, 0], group.mask, scale=scale
        )
        return seen.unsqueeze(3)
    seen = functional.scaled_dot_product_attention(
        asked.reshape(sequences * kv_heads, shared, queries, dim),
        key.expand(-1, -1, shared, -1, -1).flatten(0, 1)[..., : queries if group.causal else None, :],
        value.expand(-1, -1, shared, -1, -1).flatten(0, 1)[..., : queries if group.causal else None, :],
        None if group.mask is None else group.mask.expand(sequences * kv_heads, -1, -1, -1),
        is_causal=group.causal,
        scale=scale,
    )
    return seen.view(sequences, kv_heads, shared, queries, -1)


def _explicit(
    asked: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    *,
    scale: float,
    softcap: float,
    sinks: Tensor | None,
) -> Tensor:
    """The same with the softmax written out (in float32), where scores are capped or sinks join them."""
    scores = torch.matmul(asked, key.transpose(-1, -2)).float() * scale
    if softcap:
        scores = torch.tanh(scores / softcap) * softcap
    if mask is not None:
        scores = scores + mask.unsqueeze(2)
    if sinks is not None:
        sink = sinks.float().view(1, scores.shape[1], scores.shape[2], 1, 1).expand(*scores.shape[:-1], 1)
        scores = torch.cat((scores, sink), -1)
    weights = torch.softmax(scores, -1).to(value.dtype)
    return torch.matmul(weights[..., : key.shape[-2]], value)


def _groups(batch: Batch, shape: Shape) -> tuple[Group, ...]:
    """Decodes of similar length together, every piece of a prompt by itself."""
    lengths = batch.lengths.tolist()
    starts = batch.starts.tolist()
    groups = [_decodes(batch, members, lengths, shape) for members in _similar(lengths[: batch.decodes], shape)]
    groups += [
        _piece(batch, sequence, starts[sequence], starts[sequence + 1], lengths[sequence], shape)
        for sequence in range(batch.decodes, len(lengths))
    ]
    return tuple(groups)


def _similar(lengths: Sequence[int], shape: Shape) -> list[list[int]]:
    """Indices of `lengths` in groups whose members read a similar number of blocks."""
    blocks = [_span(length, 1, shape)[1] for length in lengths]
    groups: list[list[int]] = []
    most = 0.0
    for index in sorted(range(len(lengths)), key=blocks.__getitem__):
        if not groups or blocks[index] > most:
            groups.append([])
            most = max(blocks[index] + SLACK_BLOCKS, blocks[index] * SLACK_RATIO)
        groups[-1].append(index)
    return groups


def _span(length: int, queries: int, shape: Shape) -> tuple[int, int]:
    """The first block that the last `queries` of `length` tokens see, and how many blocks from there."""
    first = max(0, length - queries - shape.window + 1) // shape.block_tokens if shape.window else 0
    return first, -(-length // shape.block_tokens) - first


def _decodes(batch: Batch, members: list[int], lengths: Sequence[int], shape: Shape) -> Group:
    spans = [_span(lengths[member], 1, shape) for member in members]
    many = max(blocks for _, blocks in spans)
    device = batch.tables.device
    rows = torch.tensor(members, device=device)
    first = torch.tensor([first for first, _ in spans], device=device)
    columns = first[:, None] + torch.arange(many, device=device)
    padded = columns.clamp(max=batch.tables.shape[1] - 1)
    last = batch.lengths[rows].to(columns.dtype)[:, None]
    tables = batch.tables[rows[:, None], padded].masked_fill_(columns * shape.block_tokens >= last, 0)
    places = first[:, None] * shape.block_tokens + torch.arange(many * shape.block_tokens, device=device)
    hidden = places >= last
    unwritten = _unwritten(hidden & (places // shape.block_tokens * shape.block_tokens < last), shape)
    if shape.window:
        hidden |= places < last - shape.window
    mask = _additive(hidden, shape.dtype)[:, None, None]
    together = batch.decodes == len(members) and members == list(range(len(members)))
    return Group(
        rows=slice(0, batch.decodes) if together else rows,
        sequences=len(members),
        queries=1,
        blocks=_cache_rows(tables, shape),
        mask=mask,
        causal=False,
        unwritten=unwritten,
    )


def _piece(batch: Batch, sequence: int, begin: int, end: int, length: int, shape: Shape) -> Group:
    queries = end - begin
    first, many = _span(length, queries, shape)
    tables = batch.tables[sequence : sequence + 1, first : first + many]
    triangle = shape.triangle and queries == length and queries > 1 and not (0 < shape.window < length)
    mask = unwritten = None
    if not triangle:
        device = batch.tables.device
        place = torch.arange(length - queries, length, device=device)[:, None]
        keys = first * shape.block_tokens + torch.arange(many * shape.block_tokens, device=device)
        hidden = keys > place
        unwritten = _unwritten(keys[None] >= length, shape)
        if shape.window:
            hidden |= keys <= place - shape.window
        mask = _additive(hidden, shape.dtype)[None, None]
    return Group(slice(begin, end), 1, queries, _cache_rows(tables, shape), mask, causal=triangle, unwritten=unwritten)


def _unwritten(places: Tensor, shape: Shape) -> Tensor:
    """`Group.unwritten` for `places` [G, B * block_tokens] bool."""
    return places[:, None].expand(-1, shape.kv_heads, -1).flatten().nonzero()[:, 0]


def _cache_rows(tables: Tensor, shape: Shape) -> Tensor:
    heads = torch.arange(shape.kv_heads, device=tables.device)
    return (tables.to(torch.int64)[:, None, :] * shape.kv_heads + heads[None, :, None]).flatten()


def _additive(hidden: Tensor, dtype: torch.dtype) -> Tensor:
    return torch.zeros(hidden.shape, dtype=dtype, device=hidden.device).masked_fill_(hidden, float("-inf"))
