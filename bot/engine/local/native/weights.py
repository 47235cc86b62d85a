"""Weights in the order in which the kernels read them (see source/linear.hpp), one after the other in one memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bot.engine.local.native.library import Library, LinearCall

PANEL = 32
LANES = 16
LARGE_PAGE = 2 << 20
_TOGETHER = {torch.float32: 1, torch.bfloat16: 2}


@dataclass(frozen=True, slots=True)
class Dense:
    """One linear layer: `weight` [results, inputs], `bias` [results] or None."""

    weight: Tensor
    bias: Tensor | None = None


def joined(layers: Iterable[nn.Linear]) -> Dense:
    """Layers that read the same numbers, as one."""
    layers = list(layers)
    biases = None
    if any(layer.bias is not None for layer in layers):
        biases = torch.cat([_bias(layer) for layer in layers])
    return Dense(torch.cat([layer.weight.detach() for layer in layers]), biases)


def woven(gate: nn.Linear, up: nn.Linear) -> Dense:
    """The gate and what passes it: sixteen results of one, sixteen of the other, filled up to a multiple of 32 each."""
    weight = torch.cat((_sixteens(gate.weight.detach()), _sixteens(up.weight.detach())), 1).flatten(0, 1)
    bias = None
    if gate.bias is not None or up.bias is not None:
        bias = torch.cat((_sixteens(_bias(gate)), _sixteens(_bias(up))), 1).flatten()
    return Dense(weight, bias)


def _sixteens(numbers: Tensor) -> Tensor:
    return _filled(numbers, 0).view(-1, LANES, *numbers.shape[1:])


def _bias(layer: nn.Linear) -> Tensor:
    return layer.bias.detach() if layer.bias is not None else layer.weight.new_zeros(layer.out_features)


def _filled(numbers: Tensor, dimension: int) -> Tensor:
    """With zeros up to a multiple of 32."""
    missing = -numbers.shape[dimension] % PANEL
    if not missing:
        return numbers
    shape = list(numbers.shape)
    shape[dimension] = missing
    return torch.cat((numbers, numbers.new_zeros(shape)), dimension)


class Arena:
    """Memory for all weights of a model, in large pages where the system has them, filled from the front."""

    def __init__(self, size: int, library: Library) -> None:
        memory = torch.empty(size + LARGE_PAGE, dtype=torch.uint8)
        self._memory = memory[-memory.data_ptr() % LARGE_PAGE :][:size]
        self._used = 0
        library.advise(self._memory.data_ptr(), size)

    def keep(self, numbers: Tensor) -> Tensor:
        """A copy of `numbers` in this memory, flat."""
        flat = numbers.flatten()
        size = flat.numel() * flat.itemsize
        place = self._memory[self._used : self._used + size].view(flat.dtype)
        self._used += -(-size // 64) * 64
        return place.copy_(flat)


def size_of(results: int, inputs: int, dtype: torch.dtype, *, int8: bool) -> int:
    """Bytes of a packed layer with its scales and bias, at most."""
    panels = -(-results // PANEL)
    pieces = -(-inputs // PANEL)
    return panels * PANEL * (pieces * PANEL * (1 if int8 else dtype.itemsize) + 8) + 3 * 64


def quantized(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Whole numbers from -127 to 127, and for each result what one of them is worth: the largest weight / 127."""
    weight = weight.float()
    scale = weight.abs().amax(1).clamp(min=1e-30) / 127
    return torch.round(weight / scale[:, None]).to(torch.int8), scale


@dataclass(frozen=True, slots=True)
class Packed:
    """A packed layer; `call` points into the tensors."""

    call: LinearCall
    tensors: tuple[Tensor, ...]


def pack(dense: Dense, dtype: torch.dtype, arena: Arena, *, int8: bool) -> Packed:
    """Put a layer into `arena` in the kernels' order."""
    results, inputs = dense.weight.shape
    weight, scale = quantized(dense.weight) if int8 else (dense.weight.to(dtype), None)
    weight = _filled(_filled(weight, 0), 1)
    together = _TOGETHER[dtype]
    pieces = weight.view(-1, 2, LANES, weight.shape[1] // PANEL, PANEL // together, together)
    packed = pieces.permute(0, 3, 1, 4, 2, 5).contiguous()
    if int8 and together == 2:
        packed = packed.view(-1, 2, 4, 8).transpose(1, 2)  # two lines in turn, by eights: see source/linear_lanes.hpp
    kept = [arena.keep(packed)]
    extras = [None if one is None else arena.keep(_filled(one.float(), 0)) for one in (scale, dense.bias)]
    call = LinearCall(
        weight=kept[0].data_ptr(),
        scale=None if extras[0] is None else extras[0].data_ptr(),
        bias=None if extras[1] is None else extras[1].data_ptr(),
        results=results,
        inputs=inputs,
        format=int(int8),
    )
    return Packed(call, (*kept, *(one for one in extras if one is not None)))
