"""Tokens on their way from the device to the host."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from bot.engine.local.runner import Drawn

_MOST_LIKELY = 20


@dataclass(frozen=True, slots=True)
class Likely:
    """Log-probabilities [N] of the tokens drawn for some rows, and ids and log-probabilities [N, K] of the likeliest.

    `asked` has for each of the N rows of the batch, in order, how many of the likeliest it wants.
    """

    drawn: Tensor
    ids: Tensor
    values: Tensor
    asked: Mapping[int, int]

    @classmethod
    def of(cls, logits: Tensor, tokens: Tensor, asked: Mapping[int, int]) -> Likely:
        """From the untouched `logits` [N, V] of those rows and the `tokens` [N] drawn for them."""
        every = torch.log_softmax(logits, dim=-1, dtype=torch.float32)
        # Always as many, however many are wanted, so that nobody's neighbours decide between equal ones.
        ranked = every if any(asked.values()) else every[:, :0]
        values, ids = ranked.topk(min(_MOST_LIKELY, ranked.shape[-1]), dim=-1)
        return cls(every.gather(1, tokens[:, None])[:, 0], ids, values, asked)


class Draws:
    """One token for each row of a batch. `tokens` [R] int64 are on the device; `wait` brings them to the host.

    All that the host is to know travels in one transfer, which starts at once and which nothing waits for but `wait`.
    """

    def __init__(self, tokens: Tensor, finite: Tensor, likely: Likely | None = None) -> None:
        """`finite` [R] bool: whether the row's scores were numbers."""
        self.tokens = tokens
        self._likely = likely
        report = torch.where(finite, tokens, -1)
        if likely is not None:
            # Ids are exact in float64 up to 2**53.
            parts = (report, likely.drawn, likely.ids.flatten(), likely.values.flatten())
            report = torch.cat([part.to(torch.float64) for part in parts])
        self._arrived: torch.cuda.Event | None = None
        self._report = report
        if report.is_cuda:
            self._report = torch.empty_like(report, device="cpu", pin_memory=True)
            self._report.copy_(report, non_blocking=True)
            self._arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]  # torch has no types for it
            self._arrived.record()

    def wait(self) -> list[Drawn]:
        """The tokens in the order of the rows. Raises what the device raised."""
        if self._arrived is not None:
            self._arrived.synchronize()
        report = self._report.tolist()
        size = self.tokens.shape[0]
        drawn = [Drawn(int(token)) if token >= 0 else Drawn(0, finite=False) for token in report[:size]]
        if self._likely is not None:
            self._explain(drawn, self._likely, report[size:])
        return drawn

    @staticmethod
    def _explain(drawn: list[Drawn], likely: Likely, report: list[float]) -> None:
        """Give those that ask their log-probabilities."""
        count, width = likely.ids.shape
        ids, values = report[count : count + count * width], report[count + count * width :]
        for place, (row, wanted) in enumerate(likely.asked.items()):
            if not drawn[row].finite:
                continue
            own = slice(place * width, (place + 1) * width)
            ranked = sorted(zip(values[own], ids[own], strict=True), key=lambda pair: (-pair[0], pair[1]))
            top = tuple((int(token), value) for value, token in ranked[:wanted] if value > -math.inf)
            drawn[row] = Drawn(drawn[row].token, logprob=report[place], top=top)
