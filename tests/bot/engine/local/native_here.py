"""What the tests of the native path share: kernels or a clear reason why not, and caches in the kernels' own order."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
import torch
from torch import Tensor

from bot.engine.local.batch import Batch, Kernels
from bot.engine.local.loaded import Loaded, loaded_from
from bot.engine.local.native import NativeKernels, native_kernels
from bot.engine.local.settings import LocalSettings
from tests.bot.engine.local.attending import Scene
from tests.bot.engine.local.families import FAMILIES, tokenizer
from tests.conftest import need


@cache
def _found() -> NativeKernels | None:
    return native_kernels()


def kernels_here() -> NativeKernels:
    """The kernels of this machine. Skips where there is no compiler; fails where there is one and they are not."""
    found = _found()
    if found is None:
        need("c++")
        pytest.fail("there is a compiler, but no kernels")
    return found


def stored(kernels: Kernels, scene: Scene, *, rest: float | None = None) -> tuple[Tensor, Tensor]:
    """The scene's cache in the kernels' order, without this step; `rest` stands where no sequence has written."""
    blocks, kv_heads, block_tokens, dim = scene.keys.shape
    written = torch.ones(blocks, block_tokens, dtype=torch.bool)
    if rest is not None:
        written.zero_()
        for row, length in zip(scene.batch.tables, scene.batch.lengths.tolist(), strict=True):
            places = torch.arange(length)
            written[row[places // block_tokens].long(), places % block_tokens] = True
    keys, values = (
        torch.where(written[:, None, :, None], side, torch.tensor(rest or 0.0, dtype=side.dtype))
        .transpose(1, 2)
        .reshape(-1, kv_heads, dim)
        for side in (scene.keys, scene.values)
    )
    cached = torch.empty_like(scene.keys), torch.empty_like(scene.values)
    kernels.write(keys, values, *cached, torch.arange(blocks * block_tokens))
    return cached


def put(scene: Scene) -> None:
    """Write this step's keys and values into the scene's own cache, which is in the common order."""
    block_tokens = scene.keys.shape[2]
    at = scene.batch.write_at
    scene.keys[at // block_tokens, :, at % block_tokens] = scene.key
    scene.values[at // block_tokens, :, at % block_tokens] = scene.value


def loaded(family: str, dtype: torch.dtype = torch.float32) -> Loaded:
    """A small random model of the family, as `load` would give it."""
    return loaded_from(FAMILIES[family]().to(dtype), tokenizer(), LocalSettings(model=family, device="cpu"))


def pieces(tokens: Tensor, parts: list[tuple[int, int, int]], block_tokens: int, blocks_each: int) -> Batch:
    """A step of `parts` (sequence, start, count), decodes first; every token is sampled."""
    tables = torch.stack([1 + sequence * blocks_each + torch.arange(blocks_each) for sequence, _, _ in parts])
    positions = [torch.arange(start, start + count) for _, start, count in parts]
    starts = torch.tensor([0, *(count for _, _, count in parts)]).cumsum(0)
    return Batch(
        tokens=torch.cat([tokens[part[0], place] for part, place in zip(parts, positions, strict=True)]),
        positions=torch.cat(positions),
        write_at=torch.cat(
            [row[p // block_tokens] * block_tokens + p % block_tokens for row, p in zip(tables, positions, strict=True)]
        ),
        starts=starts.to(torch.int32),
        lengths=torch.tensor([start + count for _, start, count in parts], dtype=torch.int32),
        tables=tables.to(torch.int32),
        rows=torch.arange(int(starts[-1])),
        decodes=sum(1 for _, _, count in parts if count == 1),
        longest_query=max(count for _, _, count in parts),
        longest=max(start + count for _, start, count in parts),
    )


def sampling(batch: Batch, rows: list[int]) -> Batch:
    """The same step with other tokens sampled after."""
    return replace(batch, rows=torch.tensor(rows, dtype=torch.int64))
