"""How much memory the keys and values get, and the tensors that hold them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from bot.engine.base import EngineRefused
from bot.engine.local.batch import KvCache
from bot.engine.local.device import available_memory
from bot.engine.local.settings import LocalSettings

CPU_SHARE = 0.25
"""Of the memory that is available on a CPU, when the cache's size is left to the engine."""
CUDA_SHARE = 0.9
"""Of the memory that the weights and the largest step leave on a GPU."""
SHORTEST_CONTEXT = 256
"""Where memory is short, conversations are made shorter, but never below this."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """What one layer's attention asks for, as seen in a real call. `window` and `softcap` are 0 where there is none."""

    heads: int
    kv_heads: int
    key_dim: int
    value_dim: int
    scale: float
    window: int = 0
    softcap: float = 0.0
    sinks: bool = False


@dataclass(frozen=True, slots=True)
class Room:
    """How many blocks the cache has (block 0 included), and how long a conversation may be, in tokens."""

    blocks: int
    context_tokens: int


def block_bytes(layers: Sequence[Layer], block_tokens: int, dtype: torch.dtype) -> int:
    """What one block of all layers takes."""
    return sum(layer.kv_heads * (layer.key_dim + layer.value_dim) for layer in layers) * block_tokens * dtype.itemsize


def cpu_budget() -> int:
    """Bytes that the cache may take of this machine's memory."""
    return int(available_memory() * CPU_SHARE)


def cuda_budget(device: torch.device) -> int:
    """Bytes that are left on the GPU, to be asked after the largest step has run once."""
    torch.cuda.synchronize(device)
    free, _ = torch.cuda.mem_get_info(device)
    held = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    peak = torch.cuda.max_memory_allocated(device) - torch.cuda.memory_allocated(device)
    return int((free + held - peak) * CUDA_SHARE)


def room(settings: LocalSettings, *, one_block: int, context_tokens: int, budget: int) -> Room:
    """Fit the cache into `budget` bytes (`settings.cache_gb` where that is set), at `one_block` bytes a block.

    It is never larger than all requests together can fill. Where one whole conversation does not fit, a context that
    was left to the engine is lowered; one that was set raises `EngineRefused`, which names the numbers.
    """
    if settings.cache_gb:
        budget = int(settings.cache_gb * 2**30)
    block_tokens = settings.block_tokens
    needed = -(-context_tokens // block_tokens)
    blocks = min(budget // one_block, settings.max_requests * needed + 1)
    if blocks > needed:
        return Room(blocks, context_tokens)
    fits = max(0, blocks - 1) * block_tokens
    sizes = (
        f"A conversation of {context_tokens} tokens needs {needed * one_block / 2**30:.2f} GB for its keys and values; "
        f"{budget / 2**30:.2f} GB may be used, enough for {fits} tokens"
    )
    if settings.context_tokens or fits < min(SHORTEST_CONTEXT, context_tokens):
        advice = f"Set context_tokens to {fits} or less" if fits >= SHORTEST_CONTEXT else "Take a smaller model"
        raise EngineRefused(f"{sizes}. {advice}, or raise cache_gb where there is more memory.", field="cache_gb")
    logger.warning("%s: conversations are kept to that length. Raise cache_gb where there is more memory.", sizes)
    return Room(blocks, fits)


def create(
    layers: Sequence[Layer], *, blocks: int, block_tokens: int, dtype: torch.dtype, device: torch.device
) -> KvCache:
    """The tensors, zeroed: what a mask hides must still be a number."""

    def tensor(layer: Layer, dim: int) -> torch.Tensor:
        return torch.zeros(blocks, layer.kv_heads, block_tokens, dim, dtype=dtype, device=device)

    return KvCache(
        keys=tuple(tensor(layer, layer.key_dim) for layer in layers),
        values=tuple(tensor(layer, layer.value_dim) for layer in layers),
        block_tokens=block_tokens,
    )
