"""How an unmodified transformers model comes to attend over our cache: through its attention interface.

A model that was switched to `NAME` calls `attend` in each layer with rotated queries, keys and values. What belongs
to the step is found through the layer itself: `adopt` leaves one `Desk` on the model's modules. (A keyword argument
would be simpler, but not all families hand those through.) Nothing is global, so that several engines work side by
side. No mask is registered for `NAME`, and transformers then builds none.
"""

from __future__ import annotations

from typing import Any, Protocol

from torch import Tensor, nn
from transformers import AttentionInterface, PreTrainedModel

from bot.engine.local.batch import Batch, Kernels, KvCache

NAME = "frontdesk"
ATTRIBUTE = "frontdesk_desk"


class Attending(Protocol):
    """What answers the layers of one forward pass, in order."""

    def attend(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        *,
        scale: float,
        window: int,
        softcap: float,
        sinks: Tensor | None,
    ) -> Tensor:
        """[T, heads, head_dim] for `query` [T, heads, head_dim], `key` and `value` [T, kv_heads, head_dim]."""


class Desk:
    """Where the layers of one model find what answers them. Used from one thread at a time."""

    __slots__ = ("attending",)

    def __init__(self) -> None:
        self.attending: Attending | None = None


class NotOurs(Exception):
    """A model does something in its attention that a packed step over a paged cache cannot follow."""


class CachedAttention:
    """The layers of one step, each over its own pair of tensors of the cache."""

    __slots__ = ("_batch", "_cache", "_kernels", "_layer")

    def __init__(self, batch: Batch, cache: KvCache, kernels: Kernels) -> None:
        self._batch = batch
        self._cache = cache
        self._kernels = kernels
        self._layer = 0

    def attend(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        *,
        scale: float,
        window: int,
        softcap: float,
        sinks: Tensor | None,
    ) -> Tensor:
        """Keep this layer's keys and values and attend over all that its sequences have."""
        keys, values = self._cache.keys[self._layer], self._cache.values[self._layer]
        self._layer += 1
        self._kernels.write(key, value, keys, values, self._batch.write_at)
        return self._kernels.attend(
            query, keys, values, self._batch, scale=scale, window=window, softcap=softcap, sinks=sinks
        )


def attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    _mask: Tensor | None,
    *,
    scaling: float | None = None,
    sliding_window: int | None = None,
    softcap: float | None = None,
    s_aux: Tensor | None = None,
    is_causal: bool | None = None,
    **others: Any,
) -> tuple[Tensor, None]:
    """What transformers calls: `query` [1, heads, T, head_dim], `key` and `value` [1, kv_heads, T, head_dim].

    Returns [1, T, heads, head_dim] and no weights. Arguments that would change scores in a way unknown here raise
    `NotOurs`, never pass unseen.
    """
    desk: Desk | None = getattr(module, ATTRIBUTE, None)
    if desk is None or desk.attending is None:
        raise NotOurs("calls its attention outside of a step")
    if query.shape[2] > 1 and not (getattr(module, "is_causal", True) if is_causal is None else is_causal):
        raise NotOurs("attends to what comes after a token")
    for name in ("position_bias", "alibi", "relative_position_bias", "head_mask"):
        if others.get(name) is not None:
            raise NotOurs(f"adds a {name.replace('_', ' ')} to its attention")
    attended = desk.attending.attend(
        query[0].transpose(0, 1),
        key[0].transpose(0, 1),
        value[0].transpose(0, 1),
        scale=query.shape[-1] ** -0.5 if scaling is None else float(scaling),
        window=sliding_window or 0,
        softcap=softcap or 0.0,
        sinks=s_aux,
    )
    return attended.unsqueeze(0), None


def adopt(model: PreTrainedModel) -> None:
    """Let `model` attend through `attend`, from now on. Its classes stay as they are."""
    AttentionInterface.register(NAME, attend)
    model.set_attn_implementation(NAME)
    desk = getattr(model, ATTRIBUTE, None) or Desk()
    for module in model.modules():
        setattr(module, ATTRIBUTE, desk)


def run(model: PreTrainedModel, batch: Batch, attending: Attending) -> Tensor:
    """One forward pass of an adopted `model`, its layers answered by `attending`: [R, vocabulary] logits."""
    desk: Desk = getattr(model, ATTRIBUTE)
    desk.attending = attending
    try:
        output = model(
            input_ids=batch.tokens[None],
            position_ids=batch.positions[None],
            use_cache=False,
            logits_to_keep=batch.rows,
        )
    finally:
        desk.attending = None
    logits: Tensor = output.logits[0]
    return logits


class TransformersForward:
    """`Forward` of any causal language model of transformers, by its own unmodified code."""

    def __init__(self, model: PreTrainedModel, cache: KvCache, kernels: Kernels) -> None:
        adopt(model)
        self._model = model
        self._cache = cache
        self._kernels = kernels

    def __call__(self, batch: Batch) -> Tensor:
        """[R, vocabulary] logits of `batch.rows`, in the model's dtype."""
        return run(self._model, batch, CachedAttention(batch, self._cache, self._kernels))
