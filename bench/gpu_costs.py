"""What a model costs at least: bytes that a step reads, operations that a prompt takes."""

from __future__ import annotations

from typing import Any

from bot.engine.local.loaded import Loaded


def weight_bytes(loaded: Loaded) -> int:
    """What a step reads of the weights: all but the table of input embeddings, where that is not the output's too."""
    parameters = {parameter.data_ptr(): parameter for parameter in loaded.model.parameters()}
    model: Any = loaded.model
    embedding = model.get_input_embeddings().weight
    if model.get_output_embeddings().weight is not embedding:
        parameters.pop(embedding.data_ptr(), None)
    return sum(parameter.numel() * parameter.element_size() for parameter in parameters.values())


def token_bytes(loaded: Loaded) -> int:
    """Keys and values of one token in all layers."""
    return sum(layer.kv_heads * (layer.key_dim + layer.value_dim) for layer in loaded.layers) * loaded.dtype.itemsize


def prefill_work(loaded: Loaded, length: int) -> float:
    """Floating-point operations of a prompt of `length` tokens: the layers' products, and causal attention."""
    model: Any = loaded.model
    whole = sum(int(parameter.numel()) for parameter in model.model.layers.parameters())
    scores = sum(layer.heads * (layer.key_dim + layer.value_dim) for layer in loaded.layers)
    return 2.0 * whole * length + 2.0 * scores * length * (length + 1) / 2
