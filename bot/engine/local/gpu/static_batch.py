"""A batch that stays where it is, for a graph to read: steps are copied into it and padded to the graph's size."""

from __future__ import annotations

import torch
from torch import Tensor

from bot.engine.local.batch import Batch
from bot.engine.local.gpu.launch import on_triton, power


class StaticBatch:
    """Room for a decode step of up to `rows` sequences of up to `context` tokens.

    Rows that a step does not fill read and write block 0, which belongs to nobody, and have one key.
    """

    def __init__(self, *, rows: int, context: int, block_tokens: int, device: torch.device) -> None:
        self.context = context
        self.blocks = -(-context // block_tokens) + 1
        self._tokens = torch.zeros(rows, dtype=torch.int64, device=device)
        self._positions = torch.zeros_like(self._tokens)
        self._write_at = torch.zeros_like(self._tokens)
        self._rows = torch.arange(rows, device=device)
        self._lengths = torch.ones(rows, dtype=torch.int32, device=device)
        self._starts = torch.arange(rows + 1, dtype=torch.int32, device=device)
        self._tables = torch.zeros(rows, self.blocks, dtype=torch.int32, device=device)

    def batch(self, rows: int) -> Batch:
        """The first `rows` as a step. `longest` is what may come, not what is there."""
        return Batch(
            tokens=self._tokens[:rows],
            positions=self._positions[:rows],
            write_at=self._write_at[:rows],
            starts=self._starts[: rows + 1],
            lengths=self._lengths[:rows],
            tables=self._tables[:rows],
            rows=self._rows[:rows],
            decodes=rows,
            longest_query=1,
            longest=self.context,
        )

    def clear(self) -> None:
        """Pad every row: what runs now touches nobody's keys."""
        for places in (self._tokens, self._positions, self._write_at, self._tables):
            places.zero_()
        self._lengths.fill_(1)

    def fill(self, step: Batch, rows: int) -> None:
        """Put `step` into the first of `rows` rows and pad the others. Nothing waits for the device."""
        if on_triton(step.tokens.device):
            self._fill_at_once(step, rows)
            return
        count = len(step.tokens)
        pairs = ((self._tokens, step.tokens), (self._positions, step.positions), (self._write_at, step.write_at))
        for own, given in pairs:
            _put(own, given, rows, 0)
        _put(self._lengths, step.lengths, rows, 1)
        self._tables[:count, : step.tables.shape[1]] = step.tables
        self._tables[count:rows] = 0

    def _fill_at_once(self, step: Batch, rows: int) -> None:
        from bot.engine.local.gpu.elementwise import stage

        width = step.tables.shape[1]
        stage[(rows,)](
            step.tokens, step.positions, step.write_at, step.lengths, step.tables,
            self._tokens, self._positions, self._write_at, self._lengths, self._tables,
            len(step.tokens), width, step.tables.stride(0), self._tables.stride(0),
            tile=min(1_024, power(self.blocks)), num_warps=4,
        )  # fmt: skip


def _put(own: Tensor, given: Tensor, rows: int, padding: int) -> None:
    own[: len(given)] = given
    own[len(given) : rows] = padding
