"""From a step of the scheduler to tensors on the device, in two copies and without a loop over tokens."""

from __future__ import annotations

from dataclasses import dataclass

import numpy
import torch
from numpy.typing import NDArray
from torch import Tensor

from bot.engine.local.batch import Batch
from bot.engine.local.request import Request, Step


@dataclass(slots=True)
class Seat:
    """What is known on the device about the request in a slot."""

    request: Request | None = None
    preemptions: int = -1
    blocks: int = 0
    """How many of its blocks its row of the table holds."""


class Batcher:
    """Builds batches. Keeps each slot's row of blocks, and the last token drawn in each slot, on the device.

    `blocks` is how many one request can have at most. Used from one thread.
    """

    def __init__(self, *, slots: int, blocks: int, block_tokens: int, device: torch.device) -> None:
        self._block_tokens = block_tokens
        self._device = device
        self._seats = [Seat() for _ in range(slots)]
        self._tables: NDArray[numpy.int32] = numpy.zeros((slots, blocks), numpy.int32)
        self._drawn = torch.zeros(slots, dtype=torch.int64, device=device)

    def seat(self, step: Step) -> list[Request]:
        """Take note of the step's requests; returns those that are new in their slots, or back after a preemption."""
        new = []
        for chunk in step.chunks:
            request = chunk.request
            seat = self._seats[request.slot]
            if seat.request is not request or seat.preemptions != request.preemptions:
                if chunk.start + chunk.count > len(request.tokens):
                    raise RuntimeError(f"Request {request.id} lost a token: it was pending when its slot was taken")
                self._seats[request.slot] = seat = Seat(request, request.preemptions)
                self._tables[request.slot] = 0
                new.append(request)
            blocks = request.blocks
            if len(blocks) > seat.blocks:  # while a request holds its slot, blocks are only added
                self._tables[request.slot, seat.blocks : len(blocks)] = blocks[seat.blocks :]
                seat.blocks = len(blocks)
        return new

    def build(self, step: Step) -> Batch:
        """The tensors of `step`, whose requests are seated. Tokens not known here yet are read on the device."""
        flat: list[int] = []
        pending: list[int] = []
        pending_slots: list[int] = []
        for chunk in step.chunks:
            request = chunk.request
            end = chunk.start + chunk.count
            flat += request.tokens[chunk.start : end]
            if end > len(request.tokens):
                pending.append(len(flat))
                pending_slots.append(request.slot)
                flat.append(0)
        counts = numpy.array([chunk.count for chunk in step.chunks], numpy.int64)
        first = numpy.array([chunk.start for chunk in step.chunks], numpy.int64)
        slots = numpy.array([chunk.request.slot for chunk in step.chunks], numpy.int64)
        if len(flat) != counts.sum():
            raise RuntimeError("A step reaches more than one token beyond what is known")
        starts = numpy.zeros(len(counts) + 1, numpy.int64)
        numpy.cumsum(counts, out=starts[1:])
        positions = numpy.arange(len(flat)) + numpy.repeat(first - starts[:-1], counts)
        blocks = self._tables[numpy.repeat(slots, counts), positions // self._block_tokens].astype(numpy.int64)
        write_at = blocks * self._block_tokens + positions % self._block_tokens
        sampling = numpy.array([chunk.samples for chunk in step.chunks], bool)
        lengths = first + counts
        longest = int(lengths.max())
        tables = self._tables[slots, : -(-longest // self._block_tokens)]
        places = (flat, positions, write_at, starts[1:][sampling] - 1, pending, pending_slots)
        tokens, at, write, rows, unknown, unknown_slots = self._send(*(numpy.asarray(p, numpy.int64) for p in places))
        starts32, lengths32, tables32 = self._send(
            starts.astype(numpy.int32), lengths.astype(numpy.int32), tables.ravel()
        )
        if pending:
            tokens.index_copy_(0, unknown, self._drawn[unknown_slots])
        return Batch(
            tokens=tokens,
            positions=at,
            write_at=write,
            starts=starts32,
            lengths=lengths32,
            tables=tables32.view(tables.shape),
            rows=rows,
            decodes=step.decodes,
            longest_query=int(counts.max()),
            longest=longest,
        )

    def drawn(self, requests: list[Request], tokens: Tensor) -> None:
        """Keep `tokens` [R] as the last of each of `requests`, for steps that are built before the host knows them."""
        (slots,) = self._send(numpy.array([request.slot for request in requests], numpy.int64))
        self._drawn.index_copy_(0, slots, tokens)

    def _send(self, *arrays: NDArray[numpy.int64] | NDArray[numpy.int32]) -> list[Tensor]:
        """Put flat arrays of one type on the device in one copy."""
        together = torch.from_numpy(numpy.concatenate(arrays))
        if self._device.type == "cuda":
            together = together.pin_memory().to(self._device, non_blocking=True)
        return list(torch.split(together, [len(array) for array in arrays]))
