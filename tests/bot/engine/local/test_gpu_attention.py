"""The attention kernels against a plain one in float64, in Triton's interpreter (which multiplies no bfloat16)."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.bot.engine.local import triton_here  # noqa: F401 (for its effect)

# isort: split
import torch
from torch import Tensor

from bot.engine.local.batch import Batch
from bot.engine.local.gpu.attention import TritonKernels
from bot.engine.local.gpu.launch import splits_of

torch.set_num_threads(1)
CPU = torch.device("cpu")


@dataclass(frozen=True, kw_only=True)
class Case:
    """A step: `pieces` are (keys before, new tokens) of each sequence, decodes first."""

    pieces: tuple[tuple[int, int], ...]
    heads: int = 4
    kv_heads: int = 2
    dim: int = 32
    block_tokens: int = 8
    window: int = 0
    softcap: float = 0.0
    sinks: bool = False
    splits: int = 0
    dtype: torch.dtype = torch.float32

    @property
    def decodes(self) -> int:
        return next((at for at, piece in enumerate(self.pieces) if piece[1] != 1), len(self.pieces))


DECODES = ((0, 1), (5, 1), (63, 1), (130, 1))
MIXED = ((40, 1), (7, 1), (0, 37), (19, 3), (70, 45))
CASES = {
    "decode": Case(pieces=DECODES),
    "decode in one split": Case(pieces=DECODES, splits=1),
    "decode in many splits": Case(pieces=DECODES, splits=8, block_tokens=16),
    "multi-head": Case(pieces=DECODES, heads=3, kv_heads=3, dim=16),
    "multi-query": Case(pieces=DECODES, heads=8, kv_heads=1, dim=64),
    "head of 96": Case(pieces=(*DECODES, (3, 20)), dim=96),
    "head of 80, group of 3": Case(pieces=(*DECODES, (3, 20)), heads=6, dim=80),
    "head of 256": Case(pieces=((40, 1), (9, 18)), heads=2, kv_heads=1, dim=256),
    "big blocks": Case(pieces=MIXED, block_tokens=128),
    "blocks of 1": Case(pieces=((9, 1), (0, 5)), block_tokens=1),
    "prompts": Case(pieces=((0, 37), (0, 2), (64, 32), (31, 33))),
    "mixed": Case(pieces=MIXED),
    "window": Case(pieces=MIXED, window=16),
    "window, one split": Case(pieces=MIXED, window=9, splits=1),
    "window wider than all": Case(pieces=MIXED, window=4096),
    "softcap": Case(pieces=MIXED, softcap=2.0),
    "sinks": Case(pieces=MIXED, sinks=True),
    "sinks, one split": Case(pieces=MIXED, sinks=True, splits=1, window=20),
    "half": Case(pieces=MIXED, dtype=torch.float16),
    "half, with everything": Case(
        pieces=MIXED, dtype=torch.float16, dim=64, window=33, softcap=30.0, sinks=True, splits=4
    ),
}


@dataclass(frozen=True)
class Made:
    batch: Batch
    query: Tensor
    keys: Tensor
    values: Tensor
    sinks: Tensor | None
    history: list[tuple[Tensor, Tensor]]
    """Each sequence's keys and values in order, [length, kv_heads, dim]"""


def make(case: Case, kernels: TritonKernels) -> Made:
    """A step over a poisoned cache: what was never written, and what nobody may read, is not a number."""
    torch.manual_seed(7)
    lengths = [before + new for before, new in case.pieces]
    counts = [new for _, new in case.pieces]
    needed = [-(-length // case.block_tokens) for length in lengths]
    blocks = torch.randperm(sum(needed)) + 1
    tables = torch.zeros(len(lengths), max(needed) + 1, dtype=torch.int32)
    shape = (sum(needed) + 1, case.kv_heads, case.block_tokens, case.dim)
    keys = torch.full(shape, torch.nan, dtype=case.dtype)
    values = torch.full(shape, torch.nan, dtype=case.dtype)
    history, new_keys, new_values, write_at, positions = [], [], [], [], []
    taken = 0
    for row, (length, count, many) in enumerate(zip(lengths, counts, needed, strict=True)):
        own = blocks[taken : taken + many]
        taken += many
        tables[row, :many] = own.int()
        key, value = (torch.randn(length, case.kv_heads, case.dim).to(case.dtype) for _ in range(2))
        places = torch.arange(length)
        at = own[places // case.block_tokens] * case.block_tokens + places % case.block_tokens
        before = length - count
        for cache, states in ((keys, key), (values, value)):
            cache.transpose(1, 2)[at[:before] // case.block_tokens, at[:before] % case.block_tokens] = states[:before]
        history.append((key, value))
        new_keys.append(key[before:])
        new_values.append(value[before:])
        write_at.append(at[before:])
        positions.append(places[before:])
    starts = torch.tensor([0, *torch.tensor(counts).cumsum(0).tolist()], dtype=torch.int32)
    batch = Batch(
        tokens=torch.zeros(sum(counts), dtype=torch.int64),
        positions=torch.cat(positions),
        write_at=torch.cat(write_at),
        starts=starts,
        lengths=torch.tensor(lengths, dtype=torch.int32),
        tables=tables,
        rows=starts[1:].long() - 1,
        decodes=case.decodes,
        longest_query=max(counts),
        longest=max(lengths),
    )
    # As the projections of a model give them: slices of something wider.
    joined = torch.cat((torch.cat(new_keys), torch.cat(new_values)), 1)
    kernels.write(joined[:, : case.kv_heads], joined[:, case.kv_heads :], keys, values, batch.write_at)
    query = torch.randn(case.heads, sum(counts), case.dim).to(case.dtype).transpose(0, 1)
    sinks = torch.randn(case.heads).to(case.dtype) if case.sinks else None
    return Made(batch, query, keys, values, sinks, history)


def plain(case: Case, made: Made) -> Tensor:
    """`Kernels.attend`'s definition, written out in float64."""
    output = []
    for row, (key, value) in enumerate(made.history):
        begin, end = made.batch.starts[row], made.batch.starts[row + 1]
        query = made.query[begin:end].double()
        group = case.heads // case.kv_heads
        key, value = (states.double().repeat_interleave(group, 1) for states in (key, value))
        scores = torch.einsum("qhd,khd->hqk", query, key) * SCALE
        if case.softcap:
            scores = torch.tanh(scores / case.softcap) * case.softcap
        place, keys = torch.arange(len(key) - len(query), len(key))[:, None], torch.arange(len(key))[None]
        hidden = keys > place
        if case.window:
            hidden |= keys <= place - case.window
        scores = scores.masked_fill(hidden, -torch.inf)
        if made.sinks is not None:
            sink = made.sinks.double()[:, None, None].expand(-1, len(query), 1)
            scores = torch.cat((scores, sink), -1)
        weights = scores.softmax(-1)[..., : len(key)]
        output.append(torch.einsum("hqk,khd->qhd", weights, value))
    return torch.cat(output)


SCALE = 0.21


@pytest.mark.parametrize("name", CASES)
def test_equals_plain_attention_in_float64(name: str) -> None:
    """Whatever the shape of the step and of the model, what comes out is the definition's, to the dtype's precision."""
    case = CASES[name]
    kernels = TritonKernels(CPU, splits=case.splits)
    made = make(case, kernels)
    found = kernels.attend(
        made.query, made.keys, made.values, made.batch,
        scale=SCALE, window=case.window, softcap=case.softcap, sinks=made.sinks,
    )  # fmt: skip
    expected = plain(case, made)
    assert found.shape == expected.shape and found.dtype == case.dtype
    error = ((found.double() - expected).norm() / expected.norm()).item()
    assert error < (2e-6 if case.dtype is torch.float32 else 2e-3)


def test_write_puts_each_token_where_it_belongs_and_nothing_else() -> None:
    """A write changes the places it was given, in every head, and leaves the rest of the cache alone."""
    torch.manual_seed(1)
    keys, values = torch.zeros(5, 3, 4, 24), torch.zeros(5, 3, 4, 24)
    key, value = torch.randn(6, 3, 24), torch.randn(6, 3, 24)
    write_at = torch.tensor([4, 19, 7, 8, 13, 0])
    TritonKernels(CPU).write(key, value, keys, values, write_at)
    for cache, states in ((keys, key), (values, value)):
        flat = cache.transpose(1, 2).reshape(20, 3, 24)
        assert torch.equal(flat[write_at], states)
        untouched = torch.ones(20, dtype=torch.bool).index_fill_(0, write_at, False)
        assert not flat[untouched].any()


def test_caches_of_different_layout_are_refused() -> None:
    """The kernels read keys and values by the same strides: another layout is an error, never wrong numbers."""
    keys, values = torch.zeros(2, 1, 4, 16), torch.zeros(2, 4, 1, 16).transpose(1, 2)
    key = torch.zeros(1, 1, 16)
    with pytest.raises(ValueError, match="one layout"):
        TritonKernels(CPU).write(key, key, keys, values.expand(2, 1, 4, 16), torch.tensor([4]))


@pytest.mark.parametrize(("sequences", "expected"), [(1, 32), (8, 8), (64, 1), (1024, 1)])
def test_few_sequences_are_split_and_many_are_not(sequences: int, expected: int) -> None:
    """With 8 heads of keys on 132 multiprocessors: as many programs as the device can hold, whatever the batch."""
    assert splits_of(sequences, 8, 4096, 132) == expected


def test_long_contexts_are_split_even_in_large_batches() -> None:
    """One sequence of 100,000 tokens among 63 short ones must not hold up their step."""
    assert splits_of(64, 8, 131_072, 132) == 8
