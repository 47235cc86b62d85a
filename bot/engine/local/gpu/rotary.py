"""Rotary positions as a table: what a model computes in every pass, computed once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

FIXED = frozenset({"default", "linear", "llama3", "yarn"})
"""Kinds whose frequencies do not depend on what is being read."""
_ROWS = 4_096


@dataclass(frozen=True, slots=True)
class Rotary:
    """Cosines and sines [positions, head_dim / 2], scaled and rounded as the model's own."""

    cosines: Tensor
    sines: Tensor


@torch.inference_mode()
def rotary(embedding: Any, *, positions: int, dim: int, like: Tensor) -> Rotary | None:
    """The table of a transformers model's `rotary_emb` for heads of `dim`, in the dtype of `like`.

    None where its positions are not of a fixed kind, or turn only a part of the head.
    """
    if getattr(embedding, "rope_type", None) not in FIXED:
        return None
    half = dim // 2
    cosines = torch.empty(positions, half, dtype=like.dtype, device=like.device)
    sines = torch.empty_like(cosines)
    for start in range(0, positions, _ROWS):
        places = torch.arange(start, min(start + _ROWS, positions), device=like.device)
        cosine, sine = embedding(like, places[None])
        if cosine.shape[-1] != dim:
            return None
        cosines[start : start + _ROWS], sines[start : start + _ROWS] = cosine[0, :, :half], sine[0, :, :half]
    return Rotary(cosines, sines)
