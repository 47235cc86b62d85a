"""The attention kernels, launched: which tiles and how many splits for which shape."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bot.engine.local.batch import Batch
from bot.engine.local.gpu.decode import decode_join, decode_split
from bot.engine.local.gpu.launch import innermost, multiprocessors, power, same_layout, shared_memory, splits_of
from bot.engine.local.gpu.prefill import prefill
from bot.engine.local.gpu.write import write

ROOMY = 160 * 1_024
"""Bytes of shared memory from which large tiles are taken."""
LEAST_ROWS = 16
"""What a tensor core takes at least; a group of fewer query heads is padded to it, which costs no memory traffic."""


@dataclass(frozen=True, slots=True)
class Tiles:
    """Keys (and queries) of one program's tile, and how Triton is to build it."""

    keys: int
    queries: int
    warps: int
    stages: int


def decode_tiles(dim: int, itemsize: int) -> Tiles:
    """For reading the cache as fast as memory gives it: two tiles of keys and of values on their way in each program.

    A tile is 16 KiB, so that three programs' tiles fit in a Hopper multiprocessor's 228 KiB. Reading the block table
    before the keys halves what Triton makes of its stages: five of them give two tiles ahead (three give none).
    """
    keys = max(16, min(128, 16_384 // (power(dim) * itemsize)))
    return Tiles(keys=keys, queries=1, warps=4, stages=5)


def prefill_tiles(dim: int, itemsize: int, shared: int) -> Tiles:
    """For filling the tensor cores: as many queries as registers hold accumulators for, where `shared` bytes of shared
    memory hold them and three tiles of keys and values (132 KiB for heads of 128); else tiles that fit everywhere."""
    if itemsize > 2:
        return Tiles(keys=32, queries=16, warps=4, stages=3)
    if shared < ROOMY:
        small = power(dim) <= 128
        return Tiles(keys=32, queries=64, warps=4 if small else 8, stages=5 if small else 3)
    if power(dim) <= 64:
        return Tiles(keys=64, queries=128, warps=4, stages=5)
    if power(dim) <= 128:
        return Tiles(keys=64, queries=128, warps=8, stages=5)
    return Tiles(keys=32, queries=64, warps=8, stages=5)


class TritonKernels:
    """`Kernels` in Triton, for CUDA (and for the CPU in Triton's interpreter, where tests run it).

    No call waits for the device or looks at a length on the host, so a decode step can be captured in a CUDA graph.
    `context` is the longest that a sequence may become. Heads of any size are taken; those that are no power of
    two are padded with masks.
    """

    def __init__(self, device: torch.device, *, context: int = 0, splits: int = 0) -> None:
        self._processors = multiprocessors(device)
        self._shared = shared_memory(device)
        self._context = context
        self._splits = splits

    def write(self, key: Tensor, value: Tensor, keys: Tensor, values: Tensor, write_at: Tensor) -> None:
        """Put `key` and `value` [T, kv_heads, head_dim] into the layer's cache at `write_at`."""
        same_layout(keys, values)
        key, value = innermost(key), innermost(value)
        tokens, heads, dim = key.shape
        if tokens == 0:
            return
        write[(tokens,)](
            key, value, keys, values, write_at,
            key.stride(0), key.stride(1), value.stride(0), value.stride(1),
            keys.stride(0), keys.stride(1), keys.stride(2),
            heads=heads, heads_tile=power(heads), dim=dim, dim_tile=power(dim), block_tokens=keys.shape[2],
            num_warps=4 if heads * dim > 256 else 1,
        )  # fmt: skip

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
        """Attention as `Kernels.attend` says: the decoding sequences by one kernel, pieces of prompts by another."""
        same_layout(keys, values)
        query = innermost(query)
        output = torch.empty(query.shape, dtype=query.dtype, device=query.device)
        options = Options(scale=scale, window=window, softcap=softcap, sinks=sinks)
        if batch.decodes:
            self._decode(query, keys, values, batch, options, output)
        if batch.lengths.shape[0] > batch.decodes:
            tiles = prefill_tiles(query.shape[2], keys.element_size(), self._shared)
            _prefill(query, keys, values, batch, options, output, tiles)
        return output

    def _decode(
        self, query: Tensor, keys: Tensor, values: Tensor, batch: Batch, options: Options, output: Tensor
    ) -> None:
        many = batch.decodes
        heads, dim = query.shape[1:]
        kv_heads = keys.shape[1]
        group = heads // kv_heads
        context = self._context or batch.tables.shape[1] * keys.shape[2]
        splits = self._splits or splits_of(many, kv_heads, context, self._processors)
        tiles = decode_tiles(dim, keys.element_size())
        partial, maxima, totals = _parts(many * heads, splits, dim, output)
        decode_split[(many, kv_heads, splits)](
            query, keys, values, batch.tables, batch.lengths, options.sink_pointer(query), output,
            partial, maxima, totals,
            query.stride(0), query.stride(1), keys.stride(0), keys.stride(1), keys.stride(2), batch.tables.stride(0),
            options.scale, options.softcap,
            group=group, rows=max(LEAST_ROWS, power(group)), dim=dim, dim_tile=max(16, power(dim)),
            block_tokens=keys.shape[2], tile=tiles.keys, splits=splits, window=options.window,
            has_softcap=options.softcap > 0, has_sinks=options.sinks is not None,
            num_warps=tiles.warps, num_stages=tiles.stages,
        )  # fmt: skip
        if splits > 1:
            decode_join[(many * heads,)](
                partial, maxima, totals, output,
                dim=dim, dim_tile=power(dim), splits=splits, splits_tile=splits, num_warps=4,
            )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Options:
    """What a model wants of its attention beside the causal softmax."""

    scale: float
    window: int
    softcap: float
    sinks: Tensor | None

    def sink_pointer(self, other: Tensor) -> Tensor:
        """Something that a kernel may be given as a pointer: without sinks it is not read."""
        return other if self.sinks is None else self.sinks.contiguous()


def _parts(rows: int, splits: int, dim: int, output: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Where splits leave what they found; with one split nothing is left and nothing is taken."""
    if splits == 1:
        return output, output, output
    partial = torch.empty(rows, splits, dim, dtype=torch.float32, device=output.device)
    maxima = torch.empty(rows, splits, dtype=torch.float32, device=output.device)
    return partial, maxima, torch.empty_like(maxima)


def _prefill(
    query: Tensor, keys: Tensor, values: Tensor, batch: Batch, options: Options, output: Tensor, tiles: Tiles
) -> None:
    heads, dim = query.shape[1:]
    pieces = batch.lengths.shape[0] - batch.decodes
    prefill[(-(-batch.longest_query // tiles.queries), heads, pieces)](
        query, keys, values, batch.tables, batch.starts, batch.lengths, options.sink_pointer(query), output,
        batch.decodes,
        query.stride(0), query.stride(1), keys.stride(0), keys.stride(1), keys.stride(2), batch.tables.stride(0),
        output.stride(0),
        options.scale, options.softcap,
        group=heads // keys.shape[1], dim=dim, dim_tile=max(16, power(dim)), block_tokens=keys.shape[2],
        query_tile=tiles.queries, tile=tiles.keys, window=options.window,
        has_softcap=options.softcap > 0, has_sinks=options.sinks is not None,
        num_warps=tiles.warps, num_stages=tiles.stages,
    )  # fmt: skip
