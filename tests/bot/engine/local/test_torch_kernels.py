"""Attention in torch's own operations, against its definition in float64."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.engine.local.torch_kernels import TorchKernels
from tests.bot.engine.local.attending import definition, scene

CLOSE = {torch.float32: 2e-5, torch.bfloat16: 3e-2, torch.float16: 4e-3}


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


steps = st.tuples(
    st.lists(st.integers(0, 40), max_size=6),
    st.lists(st.tuples(st.integers(0, 30), st.integers(1, 14)), max_size=3),
).filter(lambda step: step[0] or step[1])


@settings(max_examples=60, deadline=None)
@given(
    step=steps,
    window=st.sampled_from([0, 0, 1, 5, 16, 64]),
    softcap=st.sampled_from([0.0, 0.0, 1.5]),
    with_sinks=st.booleans(),
    heads=st.sampled_from([(1, 1), (4, 2), (6, 2), (4, 4), (8, 1)]),
    block_tokens=st.sampled_from([1, 4, 16]),
    seed=st.integers(0, 1_000),
)
def test_any_step_attends_as_defined(
    step: tuple[list[int], list[tuple[int, int]]],
    window: int,
    softcap: float,
    with_sinks: bool,
    heads: tuple[int, int],
    block_tokens: int,
    seed: int,
) -> None:
    """Decodes and pieces of prompts of any lengths see what they should, with and without window, cap and sinks."""
    decodes, pieces = step
    drawn = scene(
        [(before, 1) for before in decodes] + pieces,
        decodes=len(decodes),
        heads=heads[0],
        kv_heads=heads[1],
        block_tokens=block_tokens,
        seed=seed,
    )
    sinks = torch.randn(heads[0], generator=torch.Generator().manual_seed(seed)) if with_sinks else None
    kernels = TorchKernels()
    kernels.write(drawn.key, drawn.value, drawn.keys, drawn.values, drawn.batch.write_at)
    got = kernels.attend(
        drawn.query, drawn.keys, drawn.values, drawn.batch, scale=0.3, window=window, softcap=softcap, sinks=sinks
    )
    expected = definition(drawn, scale=0.3, window=window, softcap=softcap, sinks=sinks)
    torch.testing.assert_close(got.double(), expected, atol=CLOSE[torch.float32], rtol=0)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("softcap", [0.0, 2.0])
def test_narrow_dtypes_stay_as_they_are(dtype: torch.dtype, softcap: float) -> None:
    """What comes out has the dtype of what went in, and is right to its precision."""
    drawn = scene([(9, 1), (30, 1), (0, 12), (5, 7)], decodes=2, dtype=dtype)
    kernels = TorchKernels()
    kernels.write(drawn.key, drawn.value, drawn.keys, drawn.values, drawn.batch.write_at)
    got = kernels.attend(drawn.query, drawn.keys, drawn.values, drawn.batch, scale=0.3, softcap=softcap)
    assert got.dtype == dtype
    torch.testing.assert_close(
        got.double(), definition(drawn, scale=0.3, softcap=softcap), atol=CLOSE[dtype], rtol=CLOSE[dtype]
    )


def test_values_may_be_narrower_than_keys() -> None:
    """Latent attention has values of another width than its keys."""
    drawn = scene([(9, 1), (0, 12), (5, 7)], decodes=1, key_dim=12, value_dim=8)
    kernels = TorchKernels()
    kernels.write(drawn.key, drawn.value, drawn.keys, drawn.values, drawn.batch.write_at)
    got = kernels.attend(drawn.query, drawn.keys, drawn.values, drawn.batch, scale=0.3)
    torch.testing.assert_close(got.double(), definition(drawn, scale=0.3), atol=2e-5, rtol=0)


def test_what_is_written_stands_where_it_belongs() -> None:
    """`write` fills the step's own places, and no other."""
    drawn = scene([(6, 1), (2, 5)], decodes=1)
    before = drawn.keys.clone()
    TorchKernels().write(drawn.key, drawn.value, drawn.keys, drawn.values, drawn.batch.write_at)
    blocks, places = drawn.batch.write_at // 4, drawn.batch.write_at % 4
    assert torch.equal(drawn.keys[blocks, :, places], drawn.key)
    assert torch.equal(drawn.values[blocks, :, places], drawn.value)
    changed = (drawn.keys != before).any(-1).any(1).flatten().nonzero().flatten()
    assert sorted(changed.tolist()) == sorted(drawn.batch.write_at.tolist())


def test_one_kernel_serves_layers_that_differ() -> None:
    """Layers of one step with other windows and head counts do not get each other's plan, nor does the next step."""
    kernels = TorchKernels()
    for seed, pieces in enumerate([[(9, 1), (3, 6)], [(17, 1), (0, 6)]]):
        batch = scene(pieces, decodes=1, seed=seed).batch
        for kv_heads, window in ((2, 0), (2, 4), (4, 0), (1, 4)):
            drawn = replace(scene(pieces, decodes=1, kv_heads=kv_heads, seed=seed), batch=batch)
            kernels.write(drawn.key, drawn.value, drawn.keys, drawn.values, drawn.batch.write_at)
            got = kernels.attend(drawn.query, drawn.keys, drawn.values, drawn.batch, scale=0.3, window=window)
            expected = definition(drawn, scale=0.3, window=window)
            torch.testing.assert_close(got.double(), expected, atol=2e-5, rtol=0)


def test_one_sequence_that_is_no_number_harms_no_other() -> None:
    """What a poisoned request leaves in a block does not reach the one that gets the block after it."""
    drawn = scene([(4, 3)], decodes=0, block_tokens=8)
    kernels = TorchKernels()
    poison = torch.full_like(drawn.key, torch.nan)
    everywhere = int(drawn.batch.tables[0, 0]) * 8 + torch.arange(8)
    many = poison[:1].expand(8, -1, -1)
    kernels.write(many, many.clone().fill_(torch.inf), drawn.keys, drawn.values, everywhere)
    for cache in (drawn.keys, drawn.values):
        cache[drawn.batch.tables[0, 0].long(), :, :4] = 1.0
    kernels.write(drawn.key, drawn.value, drawn.keys, drawn.values, drawn.batch.write_at)
    got = kernels.attend(drawn.query, drawn.keys, drawn.values, drawn.batch, scale=0.3)
    assert bool(got.isfinite().all())
    torch.testing.assert_close(got.double(), definition(drawn, scale=0.3), atol=2e-5, rtol=0)
