"""Decode steps as CUDA graphs: what takes Python a millisecond to launch, the device starts by itself.

A graph repeats the same kernels on the same addresses. So there is one for each size of step (`buckets`), steps are
copied to where it reads (`static_batch`), and whatever is no plain decode step runs as it always did.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor

from bot.engine.local.batch import Batch, Forward
from bot.engine.local.gpu.buckets import bucket_of, buckets
from bot.engine.local.gpu.static_batch import StaticBatch

logger = logging.getLogger(__name__)

Run = Callable[[], Tensor]
"""Computes from where it always reads, and returns the logits."""
Progress = Callable[[str, float], None]

PREFILL = 300
"""Tokens of the prompt that is run at warm-up: more than any kernel calls few."""


class Recorder(Protocol):
    """What makes a computation repeatable."""

    def record(self, run: Run) -> Run:
        """Run `run` once or more, and return what repeats it. Raises what capturing raised."""


class Rerun:
    """Repeats by running again: a graph's double where there is no GPU."""

    def record(self, run: Run) -> Run:
        """`run` itself, after one run."""
        run()
        return run


class CudaRecorder:
    """CUDA graphs that share one pool of memory. They are replayed one after another, on one stream."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]  # torch has no types for it
        self._pool: Any = None

    def record(self, run: Run) -> Run:
        """Run twice on a stream of its own (kernels are compiled, libraries set up), then capture."""
        current = torch.cuda.current_stream(self._device)
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream):
            run()
            run()
        current.wait_stream(self._stream)
        torch.cuda.synchronize(self._device)
        if self._pool is None:
            self._pool = torch.cuda.graph_pool_handle()
        graph = torch.cuda.CUDAGraph()
        # The outer stream is for a capture that fails: torch leaves the inner one current then. Other threads may pin
        # memory meanwhile: only what this one does belongs to the graph.
        with (
            torch.cuda.stream(current),
            torch.cuda.graph(graph, pool=self._pool, stream=self._stream, capture_error_mode="thread_local"),
        ):
            logits = run()

        def replay() -> Tensor:
            graph.replay()
            return logits

        return replay


class Graphed:
    """`Forward` that repeats recorded decode steps and hands everything else to `forward`.

    The logits that it returns are overwritten by the next step of the same size: use them on the same stream before
    that is launched. Used from one thread at a time.
    """

    def __init__(self, forward: Forward, static: StaticBatch, recorder: Recorder, *, requests: int) -> None:
        """`requests` is how many sequences a step has at most; `static` has room for as many."""
        self._forward = forward
        self._static = static
        self._recorder = recorder
        self._sizes = buckets(requests)
        self._replays: dict[int, Run] = {}
        self.replayed = 0
        """Steps that were repeated from a recording."""

    @torch.inference_mode()
    def __call__(self, batch: Batch) -> Tensor:
        """[R, vocabulary] logits of `batch.rows`, as `forward` gives them."""
        size = self._size(batch)
        replay = self._replay(size) if size else None
        if replay is None:
            return self._forward(batch)
        self._static.fill(batch, size)
        self.replayed += 1
        return replay()[: batch.decodes]

    @torch.inference_mode()
    def warm_up(self, progress: Progress) -> None:
        """Record every size, the largest first (the others then fit into its memory), and run a piece of a prompt, so
        that no request waits for a compiler."""
        for done, size in enumerate(reversed(self._sizes)):
            progress("recording decode steps", done / len(self._sizes))
            self._replay(size)
        self._static.clear()
        self._forward(_prompt(self._static))
        progress("recording decode steps", 1.0)

    def _size(self, batch: Batch) -> int:
        """The bucket of a step in which every sequence gets one token after one token; else 0."""
        count = batch.decodes
        plain = count == len(batch.lengths) == len(batch.rows) and batch.tables.shape[1] <= self._static.blocks
        return bucket_of(count, self._sizes) if plain else 0

    def _replay(self, size: int) -> Run | None:
        """What repeats a step of `size`, recorded now where it was not before; None where that cannot be done."""
        replay = self._replays.get(size)
        if replay is None and size in self._sizes:
            self._static.clear()
            try:
                replay = self._recorder.record(lambda: self._forward(self._static.batch(size)))
            except torch.OutOfMemoryError:
                logger.warning("There is no memory left to record decode steps of %d: they run unrecorded", size)
                self._sizes = tuple(known for known in self._sizes if known in self._replays)
            except (RuntimeError, ValueError, TypeError) as fault:
                logger.warning("Decode steps cannot be recorded and run slower (%s)", str(fault).split("\n")[0])
                self._sizes = ()
            else:
                self._replays[size] = replay
        return replay


def _prompt(static: StaticBatch) -> Batch:
    """A prompt of `PREFILL` tokens whose keys all go to block 0, over the memory of `static`."""
    whole = static.batch(1)
    device = whole.tokens.device
    count = min(PREFILL, static.context)
    zeros = torch.zeros(count, dtype=torch.int64, device=device)
    return Batch(
        tokens=zeros,
        positions=torch.arange(count, device=device),
        write_at=zeros,
        starts=torch.tensor([0, count], dtype=torch.int32, device=device),
        lengths=torch.tensor([count], dtype=torch.int32, device=device),
        tables=whole.tables,
        rows=zeros[-1:] + count - 1,
        decodes=0,
        longest_query=count,
        longest=count,
    )
