"""Attention in C++ over the paged cache, against its definition in float64."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.engine.local.batch import KvCache
from tests.bot.engine.local.attending import definition, scene
from tests.bot.engine.local.native_here import kernels_here, put, stored

CLOSE = {torch.float32: 2e-5, torch.bfloat16: 3e-2}


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


steps = st.tuples(
    st.lists(st.integers(0, 70), max_size=5),
    st.lists(st.tuples(st.integers(0, 40), st.integers(1, 40)), max_size=2),
).filter(lambda step: step[0] or step[1])


@settings(max_examples=50, deadline=None)
@given(
    step=steps,
    window=st.sampled_from([0, 0, 1, 5, 16, 33]),
    softcap=st.sampled_from([0.0, 0.0, 1.5]),
    with_sinks=st.booleans(),
    heads=st.sampled_from([(1, 1), (4, 2), (6, 2), (4, 4), (8, 1), (40, 1)]),
    dim=st.sampled_from([2, 8, 16, 24, 32, 40, 64]),
    block_tokens=st.sampled_from([16, 32, 48]),
    dtype=st.sampled_from(list(CLOSE)),
    seed=st.integers(0, 1_000),
)
def test_any_step_attends_as_defined(
    step: tuple[list[int], list[tuple[int, int]]],
    window: int,
    softcap: float,
    with_sinks: bool,
    heads: tuple[int, int],
    dim: int,
    block_tokens: int,
    dtype: torch.dtype,
    seed: int,
) -> None:
    """Any lengths, heads and blocks, with and without window, cap and sinks; what nobody wrote (NaN) never counts."""
    decodes, prompts = step
    drawn = scene(
        [(before, 1) for before in decodes] + prompts,
        decodes=len(decodes),
        heads=heads[0],
        kv_heads=heads[1],
        key_dim=dim,
        value_dim=dim,
        block_tokens=block_tokens,
        dtype=dtype,
        seed=seed,
    )
    sinks = torch.randn(heads[0], generator=torch.Generator().manual_seed(seed)) if with_sinks else None
    kernels = kernels_here()
    keys, values = stored(kernels, drawn, rest=float("nan"))
    kernels.write(drawn.key, drawn.value, keys, values, drawn.batch.write_at)
    put(drawn)
    got = kernels.attend(drawn.query, keys, values, drawn.batch, scale=0.5, window=window, softcap=softcap, sinks=sinks)
    assert got.dtype == dtype
    expected = definition(drawn, scale=0.5, window=window, softcap=softcap, sinks=sinks)
    torch.testing.assert_close(got.double(), expected, rtol=CLOSE[dtype], atol=CLOSE[dtype])


@pytest.mark.parametrize("window", [0, 700])
@pytest.mark.parametrize("dtype", CLOSE)
def test_a_long_decode_is_shared_by_threads(dtype: torch.dtype, window: int) -> None:
    """A long sequence is cut into parts that add up to the same, also where a window leaves some of them nothing."""
    torch.set_num_threads(3)
    drawn = scene([(2_100, 1), (40, 1)], decodes=2, heads=2, kv_heads=1, key_dim=32, value_dim=32, block_tokens=32)
    drawn = replace(
        drawn, **{name: getattr(drawn, name).to(dtype) for name in ("query", "key", "value", "keys", "values")}
    )
    kernels = kernels_here()
    keys, values = stored(kernels, drawn)
    kernels.write(drawn.key, drawn.value, keys, values, drawn.batch.write_at)
    put(drawn)
    got = kernels.attend(drawn.query, keys, values, drawn.batch, scale=0.2, window=window)
    torch.testing.assert_close(
        got.double(), definition(drawn, scale=0.2, window=window), rtol=CLOSE[dtype], atol=CLOSE[dtype]
    )


def test_strided_queries_and_keys_are_read_as_they_stand() -> None:
    """Heads before tokens in memory, as transformers leaves them, give what a copy in order gives."""
    drawn = scene([(5, 1), (0, 20)], decodes=1, heads=4, kv_heads=2, key_dim=16, value_dim=16, block_tokens=16)
    kernels = kernels_here()

    def turned(tensor: torch.Tensor) -> torch.Tensor:
        return tensor.transpose(0, 1).contiguous().transpose(0, 1)

    results = []
    for query, key, value in (
        (drawn.query, drawn.key, drawn.value),
        (turned(drawn.query), turned(drawn.key), turned(drawn.value)),
    ):
        keys, values = stored(kernels, drawn)
        kernels.write(key, value, keys, values, drawn.batch.write_at)
        results.append(kernels.attend(query, keys, values, drawn.batch, scale=0.3))
    assert torch.equal(*results)


@pytest.mark.parametrize(
    ("shape", "dtype"), [((2, 1, 24, 8), torch.float32), ((2, 1, 16, 7), torch.float32), ((2, 1, 16, 8), torch.float16)]
)
def test_what_does_not_fit_is_refused(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    """A cache with other blocks, heads or numbers is named as unfit before, and refused when used."""
    kernels = kernels_here()
    keys = torch.zeros(shape, dtype=dtype)
    assert not kernels.fits(KvCache(keys=(keys,), values=(keys.clone(),), block_tokens=shape[2]))
    token = torch.zeros(1, 1, shape[3], dtype=dtype)
    with pytest.raises(ValueError, match="native kernels were given"):
        kernels.write(token, token, keys, keys.clone(), torch.tensor([16]))
