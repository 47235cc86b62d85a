"""Random steps over a random cache, and attention over them as its definition says, in float64 and key by key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bot.engine.local.batch import Batch


@dataclass(frozen=True)
class Scene:
    """A step, and the queries, keys and values of one layer in it. The cache holds what earlier steps wrote."""

    batch: Batch
    query: Tensor
    key: Tensor
    value: Tensor
    keys: Tensor
    values: Tensor


def scene(
    pieces: Sequence[tuple[int, int]],
    *,
    decodes: int,
    heads: int = 4,
    kv_heads: int = 2,
    key_dim: int = 8,
    value_dim: int = 8,
    block_tokens: int = 4,
    dtype: torch.dtype = torch.float32,
    seed: int = 0,
) -> Scene:
    """A step of `pieces`, each (tokens before, tokens now); the first `decodes` of them have one token now.

    Blocks are dealt out in no order, and what no sequence has written is NaN-free noise, as in a cache in use.
    """
    random = torch.Generator().manual_seed(seed)
    lengths = [before + now for before, now in pieces]
    needed = [-(-length // block_tokens) for length in lengths]
    blocks = sum(needed) + 3
    order = (torch.randperm(blocks - 1, generator=random) + 1).tolist()
    tables = torch.zeros(len(pieces), max(needed) + 1, dtype=torch.int32)
    for row, count in enumerate(needed):
        tables[row, :count] = torch.tensor([order.pop() for _ in range(count)], dtype=torch.int32)
    counts = [now for _, now in pieces]
    positions = torch.cat([torch.arange(before, before + now) for before, now in pieces])
    owner = torch.repeat_interleave(torch.arange(len(pieces)), torch.tensor(counts))
    starts = torch.tensor([0, *counts]).cumsum(0)
    total = int(starts[-1])

    def noise(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=random, dtype=torch.float64).to(dtype)

    batch = Batch(
        tokens=torch.zeros(total, dtype=torch.int64),
        positions=positions,
        write_at=tables[owner, positions // block_tokens].long() * block_tokens + positions % block_tokens,
        starts=starts.to(torch.int32),
        lengths=torch.tensor(lengths, dtype=torch.int32),
        tables=tables,
        rows=starts[1:] - 1,
        decodes=decodes,
        longest_query=max(counts),
        longest=max(lengths),
    )
    return Scene(
        batch,
        noise(total, heads, key_dim),
        noise(total, kv_heads, key_dim),
        noise(total, kv_heads, value_dim),
        noise(blocks, kv_heads, block_tokens, key_dim),
        noise(blocks, kv_heads, block_tokens, value_dim),
    )


def definition(
    scene: Scene, *, scale: float, window: int = 0, softcap: float = 0.0, sinks: Tensor | None = None
) -> Tensor:
    """[T, heads, value_dim] in float64, once the layer's keys and values are in the cache."""
    batch, block_tokens = scene.batch, scene.keys.shape[2]
    shared = scene.query.shape[1] // scene.keys.shape[1]
    output = torch.zeros(*scene.query.shape[:2], scene.values.shape[3], dtype=torch.float64)
    for sequence in range(len(batch.lengths)):
        for token in range(int(batch.starts[sequence]), int(batch.starts[sequence + 1])):
            place = int(batch.positions[token])
            seen = torch.arange(max(0, place - window + 1) if window else 0, place + 1)
            blocks = batch.tables[sequence].long()[seen // block_tokens]
            for head in range(scene.query.shape[1]):
                keys = scene.keys[blocks, head // shared, seen % block_tokens].double()
                values = scene.values[blocks, head // shared, seen % block_tokens].double()
                scores = keys @ scene.query[token, head].double() * scale
                if softcap:
                    scores = softcap * torch.tanh(scores / softcap)
                if sinks is not None:
                    scores = torch.cat([scores, sinks[head].double()[None]])
                weights = torch.softmax(scores, 0)[: len(seen)]
                output[token, head] = weights @ values
    return output
