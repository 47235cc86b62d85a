"""Steps of several sequences as batches, with blocks that never change hands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedModel

from bot.engine.local.batch import Batch, Forward, KvCache
from bot.engine.local.cache import Layer, create


@dataclass(frozen=True)
class Part:
    """Tokens [start, start + count) of the sequence number `sequence`."""

    sequence: int
    start: int
    count: int


BLOCK_TOKENS = 8
BLOCKS_EACH = 8
"""Blocks of each sequence: 1 + number * this, and so on."""


def small_cache(layers: Sequence[Layer], sequences: int) -> KvCache:
    """A cache for `sequences` of up to 64 tokens."""
    return create(
        layers,
        blocks=1 + sequences * BLOCKS_EACH,
        block_tokens=BLOCK_TOKENS,
        dtype=torch.float32,
        device=torch.device("cpu"),
    )


def step(tokens: Tensor, parts: Sequence[Part]) -> Batch:
    """`parts` of the sequences `tokens` [sequences, length] as one step that samples after every token of a piece."""
    decodes = next((at for at, part in enumerate(parts) if part.count != 1), len(parts))
    positions = [torch.arange(part.start, part.start + part.count) for part in parts]
    lengths = [part.start + part.count for part in parts]
    wide = -(-max(lengths) // BLOCK_TOKENS)
    tables = [_blocks(part.sequence)[:wide] * (torch.arange(wide) * BLOCK_TOKENS < end)
              for part, end in zip(parts, lengths, strict=True)]  # fmt: skip
    write_at = [
        _blocks(part.sequence)[place // BLOCK_TOKENS] * BLOCK_TOKENS + place % BLOCK_TOKENS
        for part, place in zip(parts, positions, strict=True)
    ]
    counts = torch.tensor([0, *(part.count for part in parts)])
    return Batch(
        tokens=torch.cat([tokens[part.sequence, place] for part, place in zip(parts, positions, strict=True)]),
        positions=torch.cat(positions),
        write_at=torch.cat(write_at),
        starts=counts.cumsum(0).to(torch.int32),
        lengths=torch.tensor(lengths, dtype=torch.int32),
        tables=torch.stack(tables).to(torch.int32),
        rows=torch.arange(int(counts.sum())),
        decodes=decodes,
        longest_query=max(part.count for part in parts),
        longest=max(lengths),
    )


def _blocks(sequence: int) -> Tensor:
    return 1 + sequence * BLOCKS_EACH + torch.arange(BLOCKS_EACH)


def play(forward: Forward, tokens: Tensor, plan: Sequence[Sequence[Part]]) -> Tensor:
    """Run the steps of `plan`; the logits of all tokens, [sequences, length, vocabulary] (NaN where none were run)."""
    logits: Tensor | None = None
    for parts in plan:
        found = forward(step(tokens, parts))
        if logits is None:
            logits = torch.full((*tokens.shape, found.shape[1]), torch.nan)
        taken = 0
        for part in parts:
            logits[part.sequence, part.start : part.start + part.count] = found[taken : taken + part.count]
            taken += part.count
    assert logits is not None
    return logits


@torch.inference_mode()
def expected(model: PreTrainedModel, tokens: Tensor) -> Tensor:
    """What transformers' own code gives for `tokens` [sequences, length]."""
    model.set_attn_implementation("eager")
    logits: Tensor = model(input_ids=tokens).logits
    return logits
