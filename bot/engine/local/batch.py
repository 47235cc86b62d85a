"""The one shape in which hardware meets policy: a step as tensors, and what computes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A step of `T` tokens of `S` sequences, packed one after the other without padding, on the model's device.

    The first `decodes` sequences have one token each. `R` is the number of sequences that get a token.
    """

    tokens: Tensor
    """[T] int64"""
    positions: Tensor
    """[T] int64: the place of each token in its own sequence"""
    write_at: Tensor
    """[T] int64: block * block_tokens + place in the block, where its key and value go"""
    starts: Tensor
    """[S + 1] int32: where each sequence's tokens begin; the last is T"""
    lengths: Tensor
    """[S] int32: keys each sequence has after this step"""
    tables: Tensor
    """[S, blocks] int32: the blocks of each sequence in order, 0 where it has none"""
    rows: Tensor
    """[R] int64: the tokens after which one is to be sampled"""
    decodes: int
    longest_query: int
    longest: int
    """The greatest of `lengths`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KvCache:
    """Keys and values of all sequences, one pair of tensors a layer: [blocks, kv_heads, block_tokens, head_dim].

    Block 0 belongs to nobody: padding points there.
    """

    keys: tuple[Tensor, ...]
    values: tuple[Tensor, ...]
    block_tokens: int

    @property
    def blocks(self) -> int:
        return self.keys[0].shape[0]


class Forward(Protocol):
    """A model over the KV cache. It writes the step's keys and values and returns logits."""

    def __call__(self, batch: Batch) -> Tensor:
        """[R, vocabulary] logits of `batch.rows`, in float32 or the model's dtype."""


class Kernels(Protocol):
    """How attention is computed on one kind of device, over the paged cache of one layer."""

    def write(self, key: Tensor, value: Tensor, keys: Tensor, values: Tensor, write_at: Tensor) -> None:
        """Put `key` and `value` [T, kv_heads, head_dim] into the layer's cache at `write_at`."""

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
        """Causal attention of `query` [T, heads, head_dim] over each sequence's own keys, this step's included.

        The query of a token at position p sees the keys at positions j <= p, and with a `window` > 0 only those
        with p - j < window. Scores are q.k * `scale`, then softcap * tanh(score / softcap) where `softcap` > 0;
        `sinks` [heads] join each row's softmax without a value. Returns [T, heads, head_dim].
        """
