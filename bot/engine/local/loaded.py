"""A model in memory, and all that is known about it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

from bot.engine.local.cache import Layer
from bot.engine.local.probe import layers_of
from bot.engine.local.settings import LocalSettings

UNKNOWN_CONTEXT = 2_048
"""Where a configuration does not say how long its positions go."""
STRETCHED = frozenset({"dynamic", "longrope"})
"""Rotary positions whose frequencies depend on the longest sequence of the whole call."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A model that attends through `attention.attend`, on its device, and all that is known about it."""

    name: str
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    config: PretrainedConfig
    """Of the text part, where a model has several."""
    device: torch.device
    dtype: torch.dtype
    context_tokens: int
    """The longest prompt and answer together that the model can do and the settings allow."""
    vocabulary: int
    """Ids below this are tokens; logits may be wider, for no token."""
    end_tokens: frozenset[int]
    """The ids that end an answer, by the model's and the tokenizer's configuration."""
    layers: tuple[Layer, ...]


def loaded_from(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, settings: LocalSettings, *, name: str = ""
) -> Loaded:
    """What `load` gives, for a model that is in memory already, on the device and in the dtype that it has.

    Raises `EngineRefused` for a model that this engine cannot run.
    """
    model.requires_grad_(False).train(False)
    config = model.config.get_text_config()
    output: nn.Linear | None = model.get_output_embeddings()  # type: ignore[no-untyped-call]  # transformers' own
    width = int(config.vocab_size if output is None else output.weight.shape[0])
    return Loaded(
        name=name or settings.model,
        model=model,
        tokenizer=tokenizer,
        config=config,
        device=model.device,
        dtype=model.dtype,
        context_tokens=_context(config, settings),
        vocabulary=min(width, max(tokenizer.get_vocab().values()) + 1),
        end_tokens=_end_tokens(model, tokenizer),
        layers=layers_of(model),
    )


def _context(config: PretrainedConfig, settings: LocalSettings) -> int:
    """How long a conversation may be, in tokens."""
    most = getattr(config, "max_position_embeddings", None)
    if not most:
        logger.warning("The model does not say how long its context is: %d tokens are assumed", UNKNOWN_CONTEXT)
        most = UNKNOWN_CONTEXT
    for rope in _ropes(config):
        original = rope.get("original_max_position_embeddings")
        original = original or getattr(config, "original_max_position_embeddings", None) or most
        if rope.get("rope_type", rope.get("type")) in STRETCHED and original < most:
            logger.warning(
                "The model stretches its positions by the longest conversation of a batch: "
                "conversations are kept to the %d tokens that it does without",
                original,
            )
            most = int(original)
    if settings.context_tokens > most:
        logger.warning("context_tokens is %d, but the model goes to %d tokens", settings.context_tokens, most)
    return min(settings.context_tokens or most, int(most))


def _ropes(config: PretrainedConfig) -> list[dict[str, Any]]:
    """What the configuration says about rotary positions: once, or for each kind of layer."""
    rope = getattr(config, "rope_parameters", None) or getattr(config, "rope_scaling", None) or {}
    if any(isinstance(part, dict) for part in rope.values()):
        return [part for part in rope.values() if isinstance(part, dict)]
    return [rope]


def _end_tokens(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> frozenset[int]:
    found: set[int] = set()
    for source in (model.generation_config, model.config, tokenizer):
        ends = getattr(source, "eos_token_id", None)
        found.update([ends] if isinstance(ends, int) else ends or ())
    return frozenset(found)
