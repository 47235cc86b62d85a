"""Choosing tokens by scores, as pure functions of tensors.

All but `redrawn` have static shapes and never wait for the device, so that they can be captured in a CUDA graph.
N rows of scores [N, V] in any floating type; each row's result depends on that row and its settings alone.
A uniform number picks from the cumulated weights (inverse CDF): in the order of ids, or best first for `top_k`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad, threshold

_BLOCK = 128
_LOWEST = -60.0
_FAINT = 1e-26
"""Just above exp(_LOWEST). What weighs less beside the likeliest, or was masked, is never drawn: a double has no
number that would point there. Exponentials below that are an order of magnitude slower on CPUs."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Settings of N rows, on the scores' device."""

    heat: Tensor
    """[N] float32: 1 / temperature, 0 for greedy"""
    top_k: Tensor
    """[N] int64; read by `narrow` alone"""
    top_p: Tensor
    """[N] float32 in (0, 1]"""
    min_p: Tensor
    """[N] float32 in [0, 1]"""
    uniform: Tensor
    """[N] float64 in (0, 1)"""


def draw_rows(scores: Tensor, rows: Rows, *, among: int = 0, cut: bool = False) -> tuple[Tensor, Tensor]:
    """Draw a token for each row: its id [N] int64, and the row's highest score [N], which is not finite where the
    row has a NaN, an infinity or nothing but -inf (its token means nothing then, but is an id).

    With `among` > 0 only that many of the highest scores are looked at: for rows with 0 < top_k <= among.
    Else `cut` says whether any row has a top_p < 1 or min_p > 0; without it those are not looked at.
    """
    return narrow(scores, rows, among) if among else wide(scores, rows, cut=cut)


def greedy(scores: Tensor) -> tuple[Tensor, Tensor]:
    """The first of the highest: ids [N] and scores [N]. A NaN counts as the highest."""
    best, tokens = scores.max(dim=-1)
    return tokens, best


def narrow(scores: Tensor, rows: Rows, among: int) -> tuple[Tensor, Tensor]:
    """Exactly `top_k` of the highest `among` scores, then top_p, then min_p. Among equal scores at the border the
    lowest ids are kept on CUDA; on a CPU some, the same each time."""
    values, ids = _highest(scores, among)
    shifted = values.to(torch.float64) - values[:, :1]
    weights = (shifted * rows.heat[:, None]).exp_()
    kept = torch.arange(among, device=scores.device) < rows.top_k[:, None]
    weights = weights * kept
    likelier = weights.cumsum(dim=-1) - weights
    kept &= likelier < rows.top_p[:, None] * weights.sum(dim=-1, keepdim=True)
    kept &= (weights >= rows.min_p[:, None]) & (weights > 0)
    cumulated = (weights * kept).cumsum(dim=-1)
    target = cumulated[:, -1:] * rows.uniform[:, None]
    # What is kept is a beginning of the order, so its number bounds the place whatever was rounded.
    place = torch.minimum((cumulated <= target).sum(dim=-1), kept.sum(dim=-1) - 1).clamp_(min=0)
    place = torch.where(rows.heat > 0, place, 0)
    return ids.gather(1, place[:, None])[:, 0], values[:, 0]


def wide(scores: Tensor, rows: Rows, *, cut: bool) -> tuple[Tensor, Tensor]:
    """From all of the vocabulary: temperature, and with `cut` top_p and min_p by way of a sort."""
    likeliest, best = greedy(scores)
    weights = weighed(scores, best, rows.heat)
    if cut:
        weights = torch.where(weights >= _floor(weights, rows), weights, 0.0)
    tokens, _ = chosen(weights, rows.uniform, likeliest)
    return torch.where(rows.heat > 0, tokens, likeliest), best


def redrawn(scores: Tensor, rows: Rows, again: Callable[[int, int], Tensor]) -> tuple[Tensor, Tensor]:
    """`wide` with `cut` and without a sort, for devices that one may wait for: draws until a token is in the set.

    Sets that top_p and min_p leave are those above some weight. A token outside shows that everything up to its
    weight is outside too, so the next round draws from what is likelier. Whatever the rounds, a token inside is
    drawn in proportion to its weight. Mostly one or two rounds of linear cost. (The idea of rejection instead of
    sorting is FlashInfer's: Ye et al., "Sorting-free GPU kernels for LLM sampling", 2025.)
    `again(row, round)` gives the further uniform numbers [1].
    """
    likeliest, best = greedy(scores)
    weights = weighed(scores, best, rows.heat)
    tops, bottoms = rows.top_p.tolist(), torch.nextafter(rows.min_p, torch.zeros_like(rows.min_p)).tolist()
    for row, top in enumerate(tops):
        if top == 1:
            threshold(weights[row], bottoms[row], 0.0, inplace=True)
    tokens, totals = chosen(weights, rows.uniform, likeliest)
    sums = totals.tolist()
    for row, usable in enumerate(best.isfinite().tolist()):
        left, number = weights[row : row + 1], 0
        while usable and tops[row] < 1:
            weight = float(left[0, tokens[row]])
            likelier = threshold(left, weight, 0.0)
            if weight > bottoms[row] and float(likelier.sum()) < tops[row] * sums[row]:
                break
            left, number = likelier, number + 1
            tokens[row : row + 1] = chosen(left, again(row, number), likeliest[row : row + 1])[0]
    return tokens, best


def weighed(scores: Tensor, best: Tensor, heat: Tensor) -> Tensor:
    """exp((scores - best) * heat): weights [N, W] float32, 1 for the likeliest, W >= V a whole number of blocks."""
    rest = -scores.shape[1] % _BLOCK
    if rest:
        weights = pad(scores.to(torch.float32), (0, rest), value=-torch.inf)
    else:
        weights = scores.to(torch.float32, copy=True, memory_format=torch.contiguous_format)
    return weights.sub_(best[:, None]).mul_(heat[:, None]).clamp_(min=_LOWEST).exp_()


def chosen(weights: Tensor, uniform: Tensor, otherwise: Tensor) -> tuple[Tensor, Tensor]:
    """Ids [N] drawn in proportion to `weights` [N, W] with `uniform` [N] float64, and the rows' sums [N] float64.

    First a block, then a token in it: one pass of sums instead of a running sum of everything. `otherwise` [N]
    stands in where rounding would lead to a token of no weight.
    """
    blocks = weights.view(weights.shape[0], -1, _BLOCK)
    sums = blocks.sum(dim=-1).to(torch.float64)
    cumulated = sums.cumsum(dim=-1)
    target = cumulated[:, -1:] * uniform[:, None]
    block = (cumulated <= target).sum(dim=-1, keepdim=True).clamp_(max=blocks.shape[1] - 1)
    mass = sums.gather(1, block)
    share = (target - cumulated.gather(1, block) + mass) / mass
    inner = blocks.gather(1, block[:, :, None].expand(-1, -1, _BLOCK))[:, 0]
    reached = inner.to(torch.float64).cumsum(dim=-1)
    place = (reached <= reached[:, -1:] * share).sum(dim=-1, keepdim=True).clamp_(max=_BLOCK - 1)
    solid = inner.gather(1, place)[:, 0] > _FAINT
    return torch.where(solid, (block * _BLOCK + place)[:, 0], otherwise), cumulated[:, -1]


def _highest(scores: Tensor, among: int) -> tuple[Tensor, Tensor]:
    """Values and ids [N, among], best first."""
    values, ids = scores.topk(among, dim=-1)
    return by_id(values, ids) if scores.is_cuda else (values, ids)


def by_id(values: Tensor, ids: Tensor) -> tuple[Tensor, Tensor]:
    """Best first, and of equal ones the lowest id: CUDA leaves that to chance, or to how many rows there are."""
    ids, order = ids.sort(dim=-1)
    values, order = values.gather(1, order).sort(dim=-1, descending=True, stable=True)
    return values, ids.gather(1, order)


def _floor(weights: Tensor, rows: Rows) -> Tensor:
    """[N, 1] the least weight that top_p and min_p leave: tokens belong to top_p's set while those before them
    make up less than top_p of the sum (Holtzman et al., "The curious case of neural text degeneration", 2020),
    and to min_p's when they weigh that share of the likeliest (Nguyen et al., "Turning up the heat", 2024)."""
    ordered = weights.sort(dim=-1, descending=True).values
    cumulated = ordered.cumsum(dim=-1, dtype=torch.float64)
    inside = cumulated - ordered < rows.top_p[:, None] * cumulated[:, -1:]
    last = (inside.sum(dim=-1, keepdim=True) - 1).clamp_(min=0)
    return torch.maximum(ordered.gather(1, last), rows.min_p[:, None])
