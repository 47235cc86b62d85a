"""A forward pass of Llama's kin in as few kernels as it takes: what makes batch 1 follow the memory's speed.

At 3 TB/s a layer of a 1B model is read in 40 microseconds, and every kernel of a CUDA graph costs about two between
its neighbours: transformers' own code takes thirty kernels a layer. Here it is seven for one token (four products,
positions with the cache's write, attention in splits and their joining) and ten for more. `torch.compile` is left
out on purpose: it would do some of this joining, but it takes minutes at every start and each new shape, and could
not be tested where there is no GPU.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from bot.engine.local.batch import Batch, Kernels, KvCache
from bot.engine.local.gpu.elementwise import rms_norm, silu_product
from bot.engine.local.gpu.launch import power
from bot.engine.local.gpu.llama import Llama, LlamaLayer
from bot.engine.local.gpu.projection import Norm, add_product, product, times_vector
from bot.engine.local.gpu.write import rope_write

if TYPE_CHECKING:
    from collections.abc import Iterable

FEW = 256
"""Tokens up to which each head's positions are a program of its own, so that few tokens keep many processors busy."""


class FusedForward:
    """`Forward` over a `Llama`, on CUDA (and in Triton's interpreter). Nothing in it waits for the device."""

    def __init__(self, llama: Llama, cache: KvCache, kernels: Kernels) -> None:
        self._llama = llama
        self._cache = cache
        self._kernels = kernels

    @torch.inference_mode()
    def __call__(self, batch: Batch) -> Tensor:
        """[R, vocabulary] logits of `batch.rows`, in the model's dtype."""
        llama = self._llama
        states = functional.embedding(batch.tokens, llama.embedding)
        for layer, keys, values in self._layers():
            if len(states) == 1:
                self._one(states, layer, keys, values, batch)
            else:
                self._many(states, layer, keys, values, batch)
        states = states.index_select(0, batch.rows)
        if len(states) == 1:
            return times_vector(states, llama.head, norm=llama.norm)
        return product(normed(states, llama.norm), llama.head)

    def _layers(self) -> Iterable[tuple[LlamaLayer, Tensor, Tensor]]:
        return zip(self._llama.layers, self._cache.keys, self._cache.values, strict=True)

    def _one(self, states: Tensor, layer: LlamaLayer, keys: Tensor, values: Tensor, batch: Batch) -> None:
        """One layer on `states` [1, hidden], in place."""
        mixed = times_vector(states, layer.queries_keys_values, norm=layer.before)
        attended = self._attend(mixed, layer, keys, values, batch)
        times_vector(attended, layer.output, residual=states)
        gated = times_vector(states, layer.gate_up, norm=layer.between, gated=True)
        times_vector(gated, layer.down, residual=states)

    def _many(self, states: Tensor, layer: LlamaLayer, keys: Tensor, values: Tensor, batch: Batch) -> None:
        """One layer on `states` [T, hidden], in place."""
        mixed = product(normed(states, layer.before), layer.queries_keys_values)
        attended = self._attend(mixed, layer, keys, values, batch)
        add_product(states, attended, layer.output)
        gated = silu_gated(product(normed(states, layer.between), layer.gate_up))
        add_product(states, gated, layer.down)

    def _attend(self, mixed: Tensor, layer: LlamaLayer, keys: Tensor, values: Tensor, batch: Batch) -> Tensor:
        """[T, heads * dim] for the queries, keys and values `mixed` [T, (heads + 2 * kv_heads) * dim]."""
        asked = layer.attention
        heads, kv_heads, dim = asked.heads, asked.kv_heads, asked.key_dim
        tile = 1 if len(mixed) <= FEW else min(8, power(kv_heads))
        query_norm, key_norm = layer.query_norm, layer.key_norm
        rotary = self._llama.rotary
        rope_write[(len(mixed), -(-heads // tile) + 2 * -(-kv_heads // tile))](
            mixed, keys, values, batch.write_at, batch.positions, rotary.cosines, rotary.sines,
            query_norm.weight if query_norm is not None else mixed, key_norm.weight if key_norm is not None else mixed,
            mixed.stride(0), keys.stride(0), keys.stride(1), keys.stride(2),
            query_norm.epsilon if query_norm is not None else 0.0,
            heads=heads, kv_heads=kv_heads, dim=dim, half_tile=power(dim // 2), heads_tile=tile,
            block_tokens=keys.shape[2], has_norm=query_norm is not None, num_warps=1 if tile == 1 else 4,
        )  # fmt: skip
        query = mixed[:, : heads * dim].view(-1, heads, dim)
        attended = self._kernels.attend(query, keys, values, batch, scale=asked.scale, window=asked.window)
        return attended.view(-1, heads * dim)


def normed(states: Tensor, norm: Norm) -> Tensor:
    """RMSNorm of `states` [T, hidden], each a row of its own."""
    tokens, width = states.shape
    output = torch.empty(tokens, width, dtype=states.dtype, device=states.device)
    rms_norm[(tokens,)](
        states, norm.weight, output, states.stride(0), norm.epsilon,
        width=width, width_tile=power(width), num_warps=8 if width > 2_048 else 4,
    )  # fmt: skip
    return output


def silu_gated(joined: Tensor) -> Tensor:
    """silu(gate) * up [T, width] of `joined` [T, gate and up]."""
    tokens, width = joined.shape[0], joined.shape[1] // 2
    output = torch.empty(tokens, width, dtype=joined.dtype, device=joined.device)
    tile = min(1_024, power(width))
    silu_product[(tokens, -(-width // tile))](joined, output, width, tile=tile, num_warps=4)
    return output
