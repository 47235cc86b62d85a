"""Which rows of a batch are drawn together: each request pays for what it asks, and for nothing that others ask."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from bot.engine.base import SamplingSettings
from bot.engine.local.choosing import Rows
from bot.engine.local.uniform import signed

_GREEDY_BELOW = 1e-5
_SMALLEST_TOP_P = 1e-9
_FEWEST_AMONG = 8
_CACHED_SCORES = 1 << 18
"""Scores that a CPU works on at once: a megabyte of float32, which stays in its cache from one pass to the next."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Setting:
    """What the sampler keeps of one request's settings: all that does not change from token to token."""

    slot: int
    heat: float
    """1 / temperature, 0 for greedy. Below 1e-5 a temperature is greedy, as in vLLM."""
    top_k: int
    top_p: float
    min_p: float
    seed: int
    repetition: float
    frequency: float
    presence: float
    bias: tuple[tuple[int, float], ...]
    bound: bool
    logprobs: bool
    top_logprobs: int
    among: int
    """How many of the highest scores are looked at: top_k rounded up, 0 for all."""

    @classmethod
    def of(cls, sampling: SamplingSettings, *, slot: int, seed: int, bound: bool, vocabulary: int) -> Setting:
        random = sampling.temperature >= _GREEDY_BELOW
        narrow = random and 0 < sampling.top_k < vocabulary
        return cls(
            slot=slot,
            heat=1 / sampling.temperature if random else 0.0,
            top_k=sampling.top_k if narrow else 0,
            top_p=max(sampling.top_p, _SMALLEST_TOP_P),
            min_p=sampling.min_p,
            seed=seed,
            repetition=sampling.repetition_penalty,
            frequency=sampling.frequency_penalty,
            presence=sampling.presence_penalty,
            bias=tuple(sampling.logit_bias.items()),
            bound=bound,
            logprobs=sampling.logprobs,
            top_logprobs=sampling.top_logprobs,
            # A power of two: what a row is drawn with depends on its own settings, not on its neighbours'.
            among=min(max(_FEWEST_AMONG, 1 << (sampling.top_k - 1).bit_length()), vocabulary) if narrow else 0,
        )

    @property
    def random(self) -> bool:
        return self.heat > 0

    @property
    def repeated(self) -> bool:
        return self.repetition != 1

    @property
    def subtracted(self) -> bool:
        return self.frequency != 0 or self.presence != 0

    @property
    def edited(self) -> bool:
        return self.repeated or self.subtracted or bool(self.bias) or self.bound

    @property
    def cut(self) -> bool:
        return self.random and not self.among and (self.top_p < 1 or self.min_p > 0)

    @property
    def kind(self) -> tuple[object, ...]:
        """Rows of one kind are drawn together."""
        drawn = (self.random, self.among, self.cut)
        return *drawn, self.repeated, self.repetition < 1, self.subtracted, bool(self.bias), self.bound


@dataclass(frozen=True, slots=True)
class Group:
    """Rows of one kind. Tensors have a row for each member, in the order of `members`, and are on the device."""

    members: tuple[int, ...]
    """Their rows in the batch."""
    settings: tuple[Setting, ...]
    rows: Tensor
    """[N] int64, the same as `members`"""
    whole: bool
    """Whether that is the whole batch in order."""
    slots: Tensor
    """[N] int64"""
    heat: Tensor
    top_k: Tensor
    top_p: Tensor
    min_p: Tensor
    repetition: Tensor
    frequency: Tensor
    presence: Tensor
    biased: tuple[Tensor, Tensor, Tensor]
    """Rows of the group, ids and values, each [biases of all members]."""
    seeds: Tensor
    """[N] int64, on the host"""

    @property
    def kind(self) -> Setting:
        """A member that stands for all, where they are alike."""
        return self.settings[0]

    def of(self, batch: Tensor) -> Tensor:
        """The group's rows of a tensor that has one for each request."""
        return batch if self.whole else batch.index_select(0, self.rows)

    def with_uniform(self, uniform: Tensor) -> Rows:
        return Rows(heat=self.heat, top_k=self.top_k, top_p=self.top_p, min_p=self.min_p, uniform=uniform)


def groups(settings: Sequence[Setting], vocabulary: int, device: torch.device) -> list[Group]:
    """Sort the rows of a batch, row i of which has the i-th of `settings`, into groups."""
    kinds: dict[tuple[object, ...], list[int]] = {}
    for row, setting in enumerate(settings):
        kinds.setdefault(setting.kind, []).append(row)
    most = max(1, _CACHED_SCORES // vocabulary) if device.type == "cpu" else len(settings)
    return [
        _group(members, settings, device)
        for alike in kinds.values()
        for members in (_pieces(alike, most) if _worked(settings[alike[0]]) else [alike])
    ]


def sent(values: Sequence[T], dtype: torch.dtype, device: torch.device) -> Tensor:
    """`values` on the device, without waiting for it."""
    if device.type != "cuda":
        return torch.tensor(values, dtype=dtype, device=device)
    return torch.tensor(values, dtype=dtype, pin_memory=True).to(device, non_blocking=True)


def _worked(setting: Setting) -> bool:
    """Whether it takes more than one look at each score."""
    return setting.edited or (setting.random and not setting.among)


def _pieces(rows: list[int], most: int) -> Iterator[list[int]]:
    return (rows[start : start + most] for start in range(0, len(rows), most))


def _group(members: list[int], settings: Sequence[Setting], device: torch.device) -> Group:
    own = tuple(settings[row] for row in members)

    def column(read: Callable[[Setting], float], dtype: torch.dtype = torch.float32) -> Tensor:
        return sent([read(setting) for setting in own], dtype, device)

    biases = [(row, token, value) for row, setting in enumerate(own) for token, value in setting.bias]
    return Group(
        members=tuple(members),
        settings=own,
        rows=sent(members, torch.int64, device),
        whole=len(members) == len(settings),
        slots=column(lambda setting: setting.slot, torch.int64),
        heat=column(lambda setting: setting.heat),
        top_k=column(lambda setting: setting.top_k, torch.int64),
        top_p=column(lambda setting: setting.top_p),
        min_p=column(lambda setting: setting.min_p),
        repetition=column(lambda setting: setting.repetition),
        frequency=column(lambda setting: setting.frequency),
        presence=column(lambda setting: setting.presence),
        biased=(
            sent([row for row, _, _ in biases], torch.int64, device),
            sent([token for _, token, _ in biases], torch.int64, device),
            sent([value for _, _, value in biases], torch.float32, device),
        ),
        seeds=signed([setting.seed for setting in own]),
    )
