"""Which models the native forward can compute: recognised by their exact modules and options, never by likeness."""

from __future__ import annotations

import importlib
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from bot.engine.local.loaded import Loaded

FAMILIES = {"llama": "Llama", "qwen2": "Qwen2", "qwen3": "Qwen3", "mistral": "Mistral"}
STATIC_POSITIONS = frozenset({"default", "linear", "llama3", "yarn"})
"""Rotary positions that do not depend on what else is in the batch."""
DTYPES = frozenset({torch.float32, torch.bfloat16})


class Unknown(Exception):
    """The native forward does not know this model; the message says what about it."""


def recognise(loaded: Loaded) -> None:
    """Raises `Unknown` unless every part of the model is what the native forward computes."""
    model: Any = loaded.model
    family = _family(model)
    if loaded.dtype not in DTYPES or loaded.device.type != "cpu":
        raise Unknown(f"{loaded.dtype} on {loaded.device}")
    if any(module._forward_hooks or module._forward_pre_hooks for module in model.modules()):
        raise Unknown("modules with hooks")
    if any(parameter.dtype != loaded.dtype or parameter.is_meta for parameter in model.parameters()):
        raise Unknown("parameters of several dtypes, or given away")
    body = model.model
    if type(body) is not getattr(family, f"{_prefix(model)}Model") or type(body.embed_tokens) is not nn.Embedding:
        raise Unknown("another body or embedding")
    if type(model.lm_head) is not nn.Linear or model.config.hidden_act != "silu":
        raise Unknown("another head or activation")
    if model.lm_head.out_features != body.embed_tokens.num_embeddings:
        raise Unknown("a head for other tokens than the embedding's")
    for layer in body.layers:
        _check_layer(layer, family, _prefix(model))
    _check_norm(body.norm, family, _prefix(model))
    norms = {getattr(module, "variance_epsilon", None) for module in body.modules()} - {None}
    if len(norms) != 1:
        raise Unknown("norms of several kinds")
    for layer in loaded.layers:
        if layer.softcap or layer.sinks or layer.key_dim != layer.value_dim or layer.key_dim % 2:
            raise Unknown("attention with soft-capping, sinks or uneven heads")


def rotary_tables(model: PreTrainedModel, positions: int, head_dim: int) -> tuple[Tensor, Tensor]:
    """Cosines and sines [positions, head_dim / 2] in float32, from the model's own rotary embedding."""
    rotary: Any = model.model.rotary_emb
    if rotary.rope_type not in STATIC_POSITIONS:
        raise Unknown(f"rotary positions of kind {rotary.rope_type}")
    cosines, sines = rotary(torch.zeros(1, dtype=torch.float32), torch.arange(positions)[None])
    half = head_dim // 2
    for table in (cosines, sines):
        if table.shape != (1, positions, head_dim) or not torch.equal(table[..., :half], table[..., half:]):
            raise Unknown("rotary positions for a part of a head")
    return cosines[0, :, :half].float().contiguous(), sines[0, :, :half].float().contiguous()


def _prefix(model: PreTrainedModel) -> str:
    return FAMILIES[model.config.model_type]


def _family(model: PreTrainedModel) -> Any:
    """The transformers module that defines the model's classes."""
    name = getattr(model.config, "model_type", "")
    if name not in FAMILIES:
        raise Unknown(f"models of type {name or type(model).__name__}")
    family = importlib.import_module(f"transformers.models.{name}.modeling_{name}")
    if type(model) is not getattr(family, f"{FAMILIES[name]}ForCausalLM"):
        raise Unknown(type(model).__name__)
    return family


def _check_layer(layer: Any, family: Any, prefix: str) -> None:
    parts = ((layer, "DecoderLayer"), (layer.self_attn, "Attention"), (layer.mlp, "MLP"))
    if any(type(part) is not getattr(family, prefix + name) for part, name in parts):
        raise Unknown("other layers")
    attention, product = layer.self_attn, layer.mlp
    linears: tuple[Any, ...] = (attention.q_proj, attention.k_proj, attention.v_proj, attention.o_proj)
    linears += (product.gate_proj, product.up_proj, product.down_proj)
    if any(type(linear) is not nn.Linear for linear in linears):
        raise Unknown("linear layers of another kind")
    for norm in (layer.input_layernorm, layer.post_attention_layernorm):
        _check_norm(norm, family, prefix)
    for name in ("q_norm", "k_norm"):
        norm = getattr(attention, name, None)
        if norm is not None:
            _check_norm(norm, family, prefix)
            if norm.weight.shape != (attention.head_dim,):
                raise Unknown("norms over more than a head")


def _check_norm(norm: Any, family: Any, prefix: str) -> None:
    if type(norm) is not getattr(family, f"{prefix}RMSNorm"):
        raise Unknown("other norms")
