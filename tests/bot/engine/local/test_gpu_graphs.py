"""Decode steps that are repeated: which size a step takes, how it is padded, and what happens where it cannot be."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from bot.engine.local.attention import TransformersForward
from bot.engine.local.batch import Batch, KvCache
from bot.engine.local.gpu import graphed
from bot.engine.local.gpu.buckets import bucket_of, buckets
from bot.engine.local.gpu.graphs import Graphed, Rerun
from bot.engine.local.gpu.static_batch import StaticBatch
from bot.engine.local.probe import layers_of
from bot.engine.local.torch_kernels import TorchKernels
from tests.bot.engine.local.families import FAMILIES
from tests.bot.engine.local.steps import BLOCK_TOKENS, BLOCKS_EACH, Part, play, small_cache, step

torch.set_num_threads(1)
CPU = torch.device("cpu")
SEQUENCES = 5


@given(st.integers(1, 2_000))
def test_sizes_rise_to_exactly_the_most_that_may_come(most: int) -> None:
    """Every number of sequences from 1 to the most has the smallest size that holds it; others have none."""
    sizes = buckets(most)
    assert list(sizes) == sorted(set(sizes)) and sizes[0] == 1 and sizes[-1] == most
    for count in {1, most // 3 + 1, most // 2 + 1, most}:
        size = bucket_of(count, sizes)
        assert count <= size and all(other < count for other in sizes if other < size)
        assert size < 2 * count or size <= 2
    assert bucket_of(0, sizes) == bucket_of(most + 1, sizes) == bucket_of(1, ()) == 0


def test_a_batch_of_nobody_is_refused() -> None:
    """There is no graph for zero sequences."""
    with pytest.raises(ValueError, match="0 sequences"):
        buckets(0)


class Model:
    """A family twice over the same weights: unrecorded, and behind `Graphed` with a cache of its own."""

    def __init__(self, name: str = "llama", recorder: object = None) -> None:
        model = FAMILIES[name]()
        layers = layers_of(model)
        self.cache, self.plain_cache = small_cache(layers, SEQUENCES), small_cache(layers, SEQUENCES)
        self.static = StaticBatch(
            rows=SEQUENCES, context=(BLOCKS_EACH - 1) * BLOCK_TOKENS, block_tokens=BLOCK_TOKENS, device=CPU
        )
        self.plain = TransformersForward(model, self.plain_cache, TorchKernels())
        own = TransformersForward(model, self.cache, TorchKernels())
        self.graphed = Graphed(own, self.static, recorder or Rerun(), requests=SEQUENCES)  # type: ignore[arg-type]  # a double


TOKENS = (torch.arange(SEQUENCES * 30).view(SEQUENCES, 30) * 11 + 5) % 300
PLAN = (
    (Part(0, 0, 9), Part(1, 0, 3)),
    (Part(1, 3, 1), Part(0, 9, 1)),
    (Part(2, 0, 20), Part(3, 0, 1), Part(4, 0, 2)),
    (Part(4, 2, 1), Part(3, 1, 1), Part(2, 20, 1), Part(1, 4, 1), Part(0, 10, 1)),
    (Part(2, 21, 1),),
    (Part(0, 11, 1), Part(2, 22, 1), Part(3, 2, 1)),
    (Part(3, 3, 1), Part(0, 12, 4)),
    (Part(0, 16, 1), Part(1, 5, 1)),
)


@pytest.mark.parametrize("name", ["llama", "gemma2", "gpt2"])
@torch.inference_mode()
def test_repeated_steps_give_what_plain_ones_give(name: str) -> None:
    """Sequences that come, go and change places between steps of all sizes: logits and cache are as without graphs."""
    model = Model(name)
    found, wanted = play(model.graphed, TOKENS, PLAN), play(model.plain, TOKENS, PLAN)
    torch.testing.assert_close(found, wanted, equal_nan=True, atol=1e-4, rtol=1e-4)
    assert model.graphed.replayed == sum(all(part.count == 1 for part in parts) for parts in PLAN)
    for own, plain in zip(model.cache.keys + model.cache.values, model.plain_cache.keys + model.plain_cache.values,
                          strict=True):  # fmt: skip
        torch.testing.assert_close(own[1:], plain[1:], atol=1e-4, rtol=1e-4)


@torch.inference_mode()
def test_recording_touches_nobodys_keys() -> None:
    """A size that is first met, or recorded at warm-up, while others' keys are in the cache leaves them alone."""
    model = Model()
    play(model.graphed, TOKENS, PLAN[:2])
    before = [tensor.clone() for tensor in model.cache.keys + model.cache.values]
    told: list[tuple[str, float]] = []
    model.graphed.warm_up(lambda what, done: told.append((what, done)))
    for tensor, kept in zip(model.cache.keys + model.cache.values, before, strict=True):
        assert torch.equal(tensor[1:], kept[1:])
    assert told[0][1] == 0 and told[-1][1] == 1
    assert [done for _, done in told] == sorted(done for _, done in told)


@torch.inference_mode()
def test_warm_up_stays_within_the_context() -> None:
    """A table of positions ends with the context: what runs at warm-up reads none beyond it, however short it is."""
    model = FAMILIES["gpt2"]()
    layers = layers_of(model)
    furthest = 0

    def forward(batch: Batch) -> Tensor:
        nonlocal furthest
        furthest = max(furthest, int(batch.positions.max()))
        return own(batch)

    own = TransformersForward(model, small_cache(layers, SEQUENCES), TorchKernels())
    static = StaticBatch(rows=2, context=21, block_tokens=BLOCK_TOKENS, device=CPU)
    Graphed(forward, static, Rerun(), requests=2).warm_up(lambda _what, _done: None)
    assert furthest == 20


@torch.inference_mode()
def test_a_step_that_is_not_every_sequences_next_token_runs_as_ever() -> None:
    """Pieces of prompts, a piece of one token that samples nothing, and tables too wide are not repeated."""
    model = Model()
    plain = step(TOKENS, [Part(0, 0, 1), Part(1, 0, 1)])
    silent = replaced(plain, rows=plain.rows[:1])
    wide = replaced(plain, tables=torch.nn.functional.pad(plain.tables, (0, BLOCKS_EACH)))
    for batch in (step(TOKENS, [Part(0, 0, 2)]), silent, wide):
        assert len(model.graphed(batch)) == len(batch.rows)
    assert model.graphed.replayed == 0
    assert len(model.graphed(plain)) == 2 and model.graphed.replayed == 1


def replaced(batch: Batch, **changes: Tensor) -> Batch:
    """`batch` with other tensors in some places."""
    fields = {name: getattr(batch, name) for name in Batch.__dataclass_fields__}
    return Batch(**(fields | changes))


class Failing:
    """A recorder that fails from the given attempt on."""

    def __init__(self, fault: Exception, attempt: int = 1) -> None:
        self.fault, self.attempt, self.attempts = fault, attempt, 0

    def record(self, run: Callable[[], Tensor]) -> Callable[[], Tensor]:
        """Run it, and fail when it is time."""
        run()
        self.attempts += 1
        if self.attempts >= self.attempt:
            raise self.fault
        return run


@torch.inference_mode()
def test_what_cannot_be_recorded_runs_as_ever_and_is_tried_once(caplog: pytest.LogCaptureFixture) -> None:
    """A model that does something no graph can repeat is served all the same; the log says so, once."""
    recorder = Failing(RuntimeError("operation not permitted when stream is capturing\nlong story"))
    model = Model(recorder=recorder)
    with caplog.at_level(logging.WARNING):
        found = play(model.graphed, TOKENS, PLAN)
    torch.testing.assert_close(found, play(model.plain, TOKENS, PLAN), equal_nan=True, atol=1e-4, rtol=1e-4)
    assert recorder.attempts == 1 and model.graphed.replayed == 0
    assert [record.message for record in caplog.records if "recorded" in record.message] == [
        "Decode steps cannot be recorded and run slower (operation not permitted when stream is capturing)"
    ]


@torch.inference_mode()
def test_without_memory_for_more_recordings_the_ones_that_are_there_are_used() -> None:
    """A small device records what fits: steps up to that size are repeated, larger ones run as ever."""
    model = Model(recorder=Failing(torch.OutOfMemoryError("no more"), attempt=2))
    one, four = step(TOKENS, [Part(0, 0, 1)]), step(TOKENS, [Part(number, 0, 1) for number in range(4)])
    model.graphed(one)
    model.graphed(four)
    assert model.graphed.replayed == 1
    model.graphed(four)
    model.graphed(one)
    assert model.graphed.replayed == 2


def test_elsewhere_than_on_a_gpu_nothing_is_wrapped() -> None:
    """`graphed` on a CPU returns the forward pass that it was given."""

    class OnCpu:
        device = CPU

    def forward(batch: Batch) -> Tensor:
        return batch.tokens

    assert graphed(forward, OnCpu(), KvCache(keys=(), values=(), block_tokens=1), None) is forward  # type: ignore[arg-type]  # read no further
