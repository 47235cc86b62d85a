"""The parts of a Llama-like transformers model, taken out and joined: one product for queries, keys and values, one for
gate and up. The model keeps working: its own layers become views of what was joined, so nothing is held twice.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from bot.engine.local.cache import Layer
from bot.engine.local.gpu.projection import Norm, Weights, joined
from bot.engine.local.gpu.quantized import QuantizedLinear
from bot.engine.local.gpu.rotary import Rotary, rotary

logger = logging.getLogger(__name__)

FAMILIES = frozenset({"LlamaForCausalLM", "MistralForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM"})


@dataclass(frozen=True, slots=True)
class LlamaLayer:
    """One layer. `query_norm` and `key_norm` [head_dim] are Qwen3's, else None."""

    before: Norm
    queries_keys_values: Weights
    query_norm: Norm | None
    key_norm: Norm | None
    output: Weights
    between: Norm
    gate_up: Weights
    down: Weights
    attention: Layer


@dataclass(frozen=True, slots=True)
class Llama:
    """A whole model: token embedding [vocabulary, hidden], layers, the last norm, the output layer."""

    embedding: Tensor
    layers: tuple[LlamaLayer, ...]
    norm: Norm
    head: Weights
    rotary: Rotary


@torch.inference_mode()
def llama_of(model: PreTrainedModel, layers: Sequence[Layer], *, context_tokens: int) -> Llama | None:
    """The parts of `model`, or None where it is not of a family whose layers are known here to the last addition.

    `layers` say what each layer's attention asks for.
    """
    reason = _unlike(model, layers)
    if reason:
        logger.info("The model (%s) is run by its own code: %s", type(model).__name__, reason)
        return None
    inner: Any = model.model
    output: Any = model.get_output_embeddings()  # type: ignore[no-untyped-call]  # transformers' own
    table = rotary(inner.rotary_emb, positions=context_tokens, dim=layers[0].key_dim, like=inner.embed_tokens.weight)
    if table is None:
        logger.info("The model (%s) is run by its own code: its positions are not fixed", type(model).__name__)
        return None
    return Llama(
        embedding=inner.embed_tokens.weight,
        layers=tuple(_layer(own, asked) for own, asked in zip(inner.layers, layers, strict=True)),
        norm=_norm(inner.norm),
        head=_weights(output),
        rotary=table,
    )


def _unlike(model: PreTrainedModel, layers: Sequence[Layer]) -> str:
    """Why `model` cannot be taken apart; empty where it can."""
    config = model.config
    name = type(model).__name__
    if name not in FAMILIES or not type(model).__module__.startswith("transformers.models."):
        return "it is of another family"
    if config.hidden_act not in {"silu", "swish"}:
        return f"its activation is {config.hidden_act}"
    if any(layer.softcap or layer.sinks or layer.key_dim != layer.value_dim for layer in layers):
        return "its attention is not plain"
    known = {nn.Linear, QuantizedLinear}
    for layer in model.model.layers:
        attention, mlp = layer.self_attn, layer.mlp
        parts = (attention.q_proj, attention.k_proj, attention.v_proj, attention.o_proj)
        if any(type(part) not in known for part in (*parts, mlp.gate_proj, mlp.up_proj, mlp.down_proj)):
            return "its layers hold something other than linear layers"
    return ""


def _layer(layer: Any, asked: Layer) -> LlamaLayer:
    attention, mlp = layer.self_attn, layer.mlp
    query_norm, key_norm = getattr(attention, "q_norm", None), getattr(attention, "k_norm", None)
    return LlamaLayer(
        before=_norm(layer.input_layernorm),
        queries_keys_values=_join([attention.q_proj, attention.k_proj, attention.v_proj]),
        query_norm=None if query_norm is None else _norm(query_norm),
        key_norm=None if key_norm is None else _norm(key_norm),
        output=_weights(attention.o_proj),
        between=_norm(layer.post_attention_layernorm),
        gate_up=_join([mlp.gate_proj, mlp.up_proj]),
        down=_weights(mlp.down_proj),
        attention=asked,
    )


def _norm(norm: Any) -> Norm:
    return Norm(norm.weight.detach(), float(norm.variance_epsilon))


def _weights(layer: Any) -> Weights:
    bias = None if layer.bias is None else layer.bias.detach()
    return Weights(layer.weight.detach(), getattr(layer, "scales", None), bias)


def _join(layers: list[Any]) -> Weights:
    """The layers' weights in one, of which theirs become views. Layers stored in different ways are not joined so."""
    parts = [_weights(layer) for layer in layers]
    if len({part.weight.dtype for part in parts}) > 1:  # fp8 leaves odd shapes whole: widen them alike
        parts = [Weights(part.widened(layers[0].weight.dtype), None, part.bias) for part in parts]
        return joined(parts)
    whole = joined(parts)
    start = 0
    for layer, part in zip(layers, parts, strict=True):
        view = whole.weight[start : start + part.rows]
        if isinstance(layer, nn.Linear):
            layer.weight.data = view
        else:
            layer.weight = view
        start += part.rows
    return whole
