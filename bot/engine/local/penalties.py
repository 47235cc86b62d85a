"""What each request's own tokens do to its next scores, kept on the device.

Repetition, of all tokens of prompt and answer: positive scores are divided by it, others multiplied (Keskar et al.,
"CTRL", 2019, and transformers' RepetitionPenaltyLogitsProcessor). Then frequency, for each time that a token is in
the answer, and presence, once for those that are in it at all: subtracted (OpenAI's API reference).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


class Repetition:
    """The factor of every token for each slot: [slots, vocabulary] float32, made for the first who needs it."""

    def __init__(self, slots: int, vocabulary: int, device: torch.device) -> None:
        self._factors = _Lazy(slots, vocabulary, torch.float32, device)

    def place(self, slot: int, penalty: float, tokens: Sequence[int]) -> None:
        """Start anew with a request that has read and written `tokens`."""
        factors = self._factors()
        row = torch.ones(factors.shape[1])
        factors[slot] = row.index_fill_(0, torch.tensor(tokens, dtype=torch.int64), penalty).to(factors)

    def add(self, slots: Tensor, tokens: Tensor, penalties: Tensor) -> None:
        """`tokens` [N] were drawn in `slots` [N] int64 with `penalties` [N] float32."""
        self._factors().index_put_((slots, tokens), penalties)

    def apply(self, scores: Tensor, slots: Tensor, *, rising: bool) -> None:
        """Change `scores` [N, V] float32 of the requests in `slots` [N], whose penalties are all below 1 or none."""
        factors = self._factors().index_select(0, slots)
        divided = scores / factors
        scores.mul_(factors)
        # Division makes positive scores smaller and others larger, so the smaller of both is the one that is meant;
        # below 1 it is the other way round. This is three times as fast as asking each score for its sign.
        if rising:
            torch.maximum(scores, divided, out=scores)
        else:
            torch.minimum(scores, divided, out=scores)


class Subtraction:
    """What frequency and presence take from every token for each slot: [slots, vocabulary], made when needed."""

    def __init__(self, slots: int, vocabulary: int, device: torch.device) -> None:
        self._taken = _Lazy(slots, vocabulary, torch.float32, device)
        self._written = _Lazy(slots, vocabulary, torch.bool, device)

    def place(self, slot: int, frequency: float, presence: float, answer: Sequence[int]) -> None:
        """Start anew with a request that has written `answer`."""
        taken, written = self._taken(), self._written()
        counts = torch.bincount(torch.tensor(answer, dtype=torch.int64), minlength=taken.shape[1])
        taken[slot] = (counts * frequency + (counts > 0) * presence).to(taken)
        written[slot] = (counts > 0).to(written)

    def add(self, slots: Tensor, tokens: Tensor, frequency: Tensor, presence: Tensor) -> None:
        """`tokens` [N] were drawn in `slots` [N] int64 with these penalties [N] float32."""
        taken, written = self._taken(), self._written()
        first = ~written[slots, tokens]
        taken.index_put_((slots, tokens), frequency + presence * first, accumulate=True)
        written.index_put_((slots, tokens), torch.ones_like(first))

    def apply(self, scores: Tensor, slots: Tensor) -> None:
        """Change `scores` [N, V] float32 of the requests in `slots` [N]."""
        scores.sub_(self._taken().index_select(0, slots))


class _Lazy:
    """A tensor of zeros that takes no memory before it is used."""

    def __init__(self, slots: int, vocabulary: int, dtype: torch.dtype, device: torch.device) -> None:
        self._shape, self._dtype, self._device = (slots, vocabulary), dtype, device
        self._tensor: Tensor | None = None

    def __call__(self) -> Tensor:
        if self._tensor is None:
            # Outside of inference mode, so that it may be written to inside and outside of it.
            with torch.inference_mode(False):
                self._tensor = torch.zeros(self._shape, dtype=self._dtype, device=self._device)
        return self._tensor
