"""The measurement on a GPU, as far as it can be tested without one."""

from __future__ import annotations

import sys

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bench import gpu
from bench.gpu_ceilings import idle_share
from bench.gpu_costs import prefill_work, token_bytes, weight_bytes
from bot.engine.local.loaded import Loaded
from bot.engine.local.probe import layers_of
from tests.bot.engine.local.families import FAMILIES, tokenizer

torch.set_num_threads(1)


def test_without_a_gpu_it_says_so_and_ends_well(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No figure is made up, and a machine without a GPU is no failure."""
    monkeypatch.setattr(sys, "argv", ["bench.gpu"])
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert gpu.main() == 0
    assert capsys.readouterr().out == "There is no GPU here, so nothing of the GPU's table was measured.\n"


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 9)), min_size=1, max_size=20))
def test_idle_is_what_no_kernel_covers(kernels: list[tuple[int, int]]) -> None:
    """Kernels may overlap, repeat and lie within each other: the share is that of the ticks in which none ran."""
    intervals = [(begin, begin + length) for begin, length in kernels]
    ticks = set(range(min(begin for begin, _ in intervals), max(end for _, end in intervals)))
    busy = {tick for begin, end in intervals for tick in range(begin, end)}
    assert idle_share(intervals) == pytest.approx(1 - len(busy) / len(ticks))


def test_nothing_run_is_all_idle() -> None:
    """A trace without kernels is no proof of a busy device."""
    assert idle_share([]) == 1.0


@pytest.mark.parametrize("name", ["llama", "qwen2"])
def test_bytes_and_work_are_counted_from_the_model(name: str) -> None:
    """A step reads every weight once, the table of embeddings only where the output is the same; a prompt's work grows
    with its length, and faster for attention."""
    model = FAMILIES[name]()
    layers = layers_of(model)
    loaded = Loaded(
        name=name,
        model=model,
        tokenizer=tokenizer(),
        config=model.config,
        device=torch.device("cpu"),
        dtype=torch.float32,
        context_tokens=64,
        vocabulary=384,
        end_tokens=frozenset(),
        layers=layers,
    )
    embedding = model.get_input_embeddings().weight.numel()
    whole = sum(parameter.numel() for parameter in model.parameters())
    assert weight_bytes(loaded) == 4 * (whole if name == "qwen2" else whole - embedding)
    assert token_bytes(loaded) == 2 * 2 * 2 * 16 * 4
    inner = sum(parameter.numel() for parameter in model.model.layers.parameters())
    assert prefill_work(loaded, 1) == 2 * inner + 2 * (4 * 32) * len(layers)
    assert prefill_work(loaded, 20) > 20 * prefill_work(loaded, 1)


def test_step_time_is_taken_while_all_write() -> None:
    """What comes before the last has begun, or after the first has ended, is not counted."""
    came = [[0.0, 1.0, 2.0, 3.0, 4.0], [2.0, 3.0, 4.0, 5.0, 6.0]]
    assert gpu.step_seconds(came) == 1.0
