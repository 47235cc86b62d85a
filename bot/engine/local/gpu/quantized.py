"""Weight-only quantisation: linear layers that hold int8 or fp8 and answer as before, a little less exactly.

Each row of a weight is divided by one number, so that its largest becomes the largest of the narrow type; the model
around it stays as it is. Embeddings, norms and the output layer stay whole: they are few, and errors there cost most.
"""

from __future__ import annotations

import logging
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from bot.engine.base import EngineRefused
from bot.engine.local.gpu.launch import on_triton

logger = logging.getLogger(__name__)

Kind = Literal["int8", "fp8"]
PACKED_TOKENS = 16
"""Beyond so many tokens a product of the widened weight is faster on a CPU."""
HOPPER = (9, 0)
FP8_MULTIPLE = 16
"""Sides of a matrix that the fp8 tensor cores take are multiples of this."""
NARROW: dict[str, tuple[torch.dtype, float]] = {"int8": (torch.int8, 127.0), "fp8": (torch.float8_e4m3fn, 448.0)}


class QuantizedLinear(nn.Module):
    """`nn.Linear` with its weight [out_features, in_features] stored in int8 or fp8 and a scale for each row."""

    weight: Tensor
    scales: Tensor
    bias: Tensor | None

    def __init__(self, linear: nn.Linear, kind: Kind) -> None:
        super().__init__()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        weight, scales = narrow(linear.weight.detach(), kind)
        self.register_buffer("weight", weight)
        self.register_buffer("scales", scales)
        self.register_buffer("bias", None if linear.bias is None else linear.bias.detach())

    def forward(self, states: Tensor) -> Tensor:
        """[..., out_features] in the dtype of `states` [..., in_features]."""
        flat = states.reshape(-1, self.in_features)
        return self._product(flat).view(*states.shape[:-1], self.out_features)

    def _product(self, states: Tensor) -> Tensor:
        if on_triton(states.device):
            from bot.engine.local.gpu.projection import Weights, product

            return product(states, Weights(self.weight, self.scales, self.bias))
        bias = None if self.bias is None else self.bias.to(states.dtype)
        if self._packs(states):
            found = torch._weight_int8pack_mm(states.contiguous(), self.weight, self.scales.to(states.dtype))
            return found if bias is None else found + bias
        whole = (self.weight.float() * self.scales[:, None]).to(states.dtype)
        return functional.linear(states, whole, bias)

    def _packs(self, states: Tensor) -> bool:
        """Whether torch's own kernel for int8 weights on a CPU is right and faster. It reads rows 16 numbers at a time,
        beyond the end where they do not come out even."""
        whole = states.dtype is torch.bfloat16 and states.device.type == "cpu" and self.weight.dtype is torch.int8
        return whole and len(states) <= PACKED_TOKENS and self.in_features % 32 == 0

    def extra_repr(self) -> str:
        return f"{self.in_features}, {self.out_features}, {self.weight.dtype}"


def narrow(weight: Tensor, kind: Kind) -> tuple[Tensor, Tensor]:
    """`weight` [N, K] in the narrow type, and the scales [N] float32 that multiply it back."""
    dtype, greatest = NARROW[kind]
    whole = weight.float()
    scales = whole.abs().amax(1).clamp(min=1e-12) / greatest
    scaled = whole / scales[:, None]
    return (scaled.round_() if kind == "int8" else scaled).to(dtype).contiguous(), scales


def quantize(model: nn.Module, kind: Kind) -> int:
    """Replace the linear layers of `model`, on whatever device it is, except its output layer. Returns how many.

    Raises `EngineRefused` where the device has no such arithmetic or the model has no such layers.
    """
    layers = [(parent, name, layer) for parent, name, layer in _linears(model) if layer is not _output(model)]
    if not layers:
        raise EngineRefused(
            f"The model ({type(model).__name__}) has no linear layers of the usual kind to quantise: "
            "set quantization to none.",
            field="quantization",
        )
    if kind == "fp8":
        _refuse_fp8(layers[0][2].weight.device)
    done = 0
    for parent, name, layer in layers:
        if kind == "fp8" and (layer.in_features % FP8_MULTIPLE or layer.out_features % FP8_MULTIPLE):
            logger.warning("%s stays as it is: fp8 needs sides that are multiples of %d", name, FP8_MULTIPLE)
            continue
        setattr(parent, name, QuantizedLinear(layer, kind))
        done += 1
    return done


def _linears(model: nn.Module) -> list[tuple[nn.Module, str, nn.Linear]]:
    return [
        (parent, name, layer)
        for parent in model.modules()
        for name, layer in parent.named_children()
        if type(layer) is nn.Linear
    ]


def _output(model: nn.Module) -> nn.Module | None:
    ask = getattr(model, "get_output_embeddings", None)
    found: nn.Module | None = ask() if ask else None
    return found


def _refuse_fp8(device: torch.device) -> None:
    """fp8 products with a scale for each row are Hopper's (and what came after it)."""
    if device.type == "cuda" and torch.cuda.get_device_capability(device) >= HOPPER:
        return
    what = "this GPU is older" if device.type == "cuda" else f"this is {device.type}"
    raise EngineRefused(
        f"fp8 weights need a GPU of NVIDIA's Hopper generation or newer, and {what}: set quantization to int8 or none.",
        field="quantization",
    )
