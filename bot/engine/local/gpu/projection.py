"""A linear layer's weights as they are stored (whole, int8 or fp8), and their product with a step's tokens."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from bot.engine.local.gpu.elementwise import quantize_rows
from bot.engine.local.gpu.gemv import gemv
from bot.engine.local.gpu.launch import power
from bot.engine.local.gpu.skinny import skinny

FEW_TOKENS = 64
"""Up to so many tokens, an int8 weight is read as it is; beyond, it is widened once and cuBLAS takes over."""


@dataclass(frozen=True, slots=True)
class Weights:
    """`weight` [N, K] in the model's dtype, or int8 or float8_e4m3fn with `scales` [N] float32: weight * scales.

    `bias` [N] or None.
    """

    weight: Tensor
    scales: Tensor | None = None
    bias: Tensor | None = None

    @property
    def rows(self) -> int:
        return self.weight.shape[0]

    def widened(self, dtype: torch.dtype) -> Tensor:
        """[N, K] in `dtype`, rounded once."""
        if self.scales is None:
            return self.weight.to(dtype)
        if self.weight.dtype is not torch.int8:
            return (self.weight.float() * self.scales[:, None]).to(dtype)
        whole = torch.empty(self.weight.shape, dtype=dtype, device=self.weight.device)
        return torch.mul(self.weight, self.scales[:, None], out=whole)


def joined(parts: list[Weights]) -> Weights:
    """The rows of all `parts`, which are stored alike, one after the other."""
    scales = [part.scales for part in parts if part.scales is not None]
    biases = [
        part.bias if part.bias is not None else torch.zeros(part.rows, dtype=dtype, device=part.weight.device)
        for dtype in {part.bias.dtype for part in parts if part.bias is not None}
        for part in parts
    ]
    return Weights(
        torch.cat([part.weight for part in parts]),
        torch.cat(scales) if scales else None,
        torch.cat(biases) if biases else None,
    )


def product(states: Tensor, weights: Weights) -> Tensor:
    """[T, N]: `states` [T, K] times the weights, and their bias."""
    if weights.scales is None:
        return functional.linear(states, weights.weight, weights.bias)
    if len(states) == 1:
        return times_vector(states, weights)
    if weights.weight.dtype is not torch.int8:
        return _fp8_product(states, weights)
    if len(states) > FEW_TOKENS:
        return functional.linear(states, weights.widened(states.dtype), weights.bias)
    output = torch.empty(len(states), weights.rows, dtype=states.dtype, device=states.device)
    return _skinny(states, weights, output, has_residual=False)


def add_product(residual: Tensor, states: Tensor, weights: Weights) -> Tensor:
    """`residual` [T, N] with the product of `states` [T, K] added in place (and in one rounding where that can be)."""
    if weights.scales is None:
        residual.addmm_(states, weights.weight.t())
        return residual if weights.bias is None else residual.add_(weights.bias)
    if weights.weight.dtype is torch.int8 and len(states) <= FEW_TOKENS:
        return _skinny(states, weights, residual, has_residual=True)
    return residual.add_(product(states, weights))


@dataclass(frozen=True, slots=True)
class Norm:
    """RMSNorm before a product."""

    weight: Tensor
    epsilon: float


@dataclass(frozen=True, slots=True)
class Shape:
    """How a program of the matrix-vector kernel reads: `rows` of the weight, `tile` numbers of each at a time."""

    rows: int
    tile: int
    warps: int


def vector_shape(rows: int, width: int, *, gated: bool) -> Shape:
    """16 KiB of bf16 weights a program and turn, so that the loads of a few programs keep a multiprocessor's share
    of the memory busy; fewer rows where the matrix has too few for all multiprocessors."""
    tile = min(2_048, power(width))
    wanted = 2 if gated or rows <= 2_048 else 4
    return Shape(rows=wanted, tile=tile, warps=8 if wanted * (2 if gated else 1) * tile >= 8_192 else 4)


def times_vector(
    vector: Tensor,
    weights: Weights,
    *,
    norm: Norm | None = None,
    residual: Tensor | None = None,
    gated: bool = False,
    shape: Shape | None = None,
) -> Tensor:
    """[1, N] for `vector` [1, K], by one kernel: norm before, then the product and bias, then what follows.

    With `gated`, the weights are two matrices, gates first, and silu(gate) * up comes out, N being a half's rows.
    With `residual` [1, N], the result is added to it in place.
    """
    many = weights.rows // 2 if gated else weights.rows
    output = torch.empty(1, many, dtype=vector.dtype, device=vector.device) if residual is None else residual
    width = vector.shape[1]
    how = shape or vector_shape(many, width, gated=gated)
    gemv[(-(-many // how.rows),)](
        vector, weights.weight,
        weights.scales if weights.scales is not None else vector,
        weights.bias if weights.bias is not None else vector,
        norm.weight if norm is not None else vector,
        output, output, many, norm.epsilon if norm is not None else 0.0,
        width=width, row_tile=how.rows, tile=how.tile, gated=gated, has_scales=weights.scales is not None,
        has_bias=weights.bias is not None, has_norm=norm is not None, has_residual=residual is not None,
        num_warps=how.warps,
    )  # fmt: skip
    return output


def _skinny(states: Tensor, weights: Weights, output: Tensor, *, has_residual: bool) -> Tensor:
    tokens, width = states.shape
    token_tile = max(16, power(tokens))
    row_tile = 32
    skinny[(-(-weights.rows // row_tile),)](
        states.contiguous(), weights.weight, weights.scales,
        weights.bias if weights.bias is not None else states, output, output, tokens, weights.rows,
        width=width, token_tile=token_tile, row_tile=row_tile, tile=128,
        has_bias=weights.bias is not None, has_residual=has_residual, num_warps=4, num_stages=4,
    )  # fmt: skip
    return output


def _fp8_product(states: Tensor, weights: Weights) -> Tensor:
    """Both sides in float8_e4m3fn on the tensor cores, each token and each row of the weights with a scale."""
    narrow, scales = narrowed(states)
    product: Tensor = torch._scaled_mm(
        narrow,
        weights.weight.t(),
        scale_a=scales[:, None],
        scale_b=weights.scales[None, :] if weights.scales is not None else scales,
        out_dtype=states.dtype,
    )
    return product if weights.bias is None else product.add_(weights.bias)


def narrowed(states: Tensor) -> tuple[Tensor, Tensor]:
    """`states` [T, K] in float8_e4m3fn and what each token was divided by, [T] float32."""
    states = states.contiguous()
    tokens, width = states.shape
    narrow = torch.empty(states.shape, dtype=torch.float8_e4m3fn, device=states.device)
    scales = torch.empty(tokens, dtype=torch.float32, device=states.device)
    quantize_rows[(tokens,)](
        states, narrow, scales, torch.finfo(torch.float8_e4m3fn).max,
        width=width, width_tile=power(width), num_warps=8 if width > 4_096 else 4,
    )  # fmt: skip
    return narrow, scales
