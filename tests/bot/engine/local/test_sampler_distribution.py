"""That tokens come as often as they should, against transformers' own processors and warpers."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from bot.engine.local.choosing import Rows, draw_rows, redrawn
from bot.engine.local.seeds import mixed, seed_of
from bot.engine.local.uniform import signed, uniform
from bot.events import Sampling
from tests.bot.engine.local.drawing import expected, request, sampler, surprise

VOCABULARY = 40
PROMPT, ANSWER = (3, 4, 5), (5, 6, 6, 6, 7)
SLOTS, ROUNDS = 64, 120
SHAPES: dict[str, dict[str, Any]] = {
    "temperature": {"temperature": 0.7},
    "hot": {"temperature": 2.0},
    "top_k": {"temperature": 1.0, "top_k": 5},
    "top_k beside a power of two": {"temperature": 2.0, "top_k": 17},
    "top_p": {"temperature": 1.0, "top_p": 0.6},
    "low top_p": {"temperature": 1.5, "top_p": 0.2},
    "min_p": {"temperature": 1.3, "min_p": 0.1},
    "top_p over min_p": {"temperature": 1.3, "top_p": 0.7, "min_p": 0.01},
    "min_p over top_p": {"temperature": 1.3, "top_p": 0.98, "min_p": 0.15},
    "all": {"temperature": 1.2, "top_k": 12, "top_p": 0.85, "min_p": 0.02},
    "repetition": {"temperature": 1.0, "repetition_penalty": 1.7},
    "repetition below 1": {"temperature": 1.0, "repetition_penalty": 0.6},
    "frequency": {"temperature": 1.0, "frequency_penalty": 0.9},
    "presence": {"temperature": 1.0, "presence_penalty": -1.4},
    "bias": {"temperature": 1.0, "logit_bias": {0: 3.0, 9: -100.0}},
    "everything": {
        "temperature": 0.9,
        "top_k": 25,
        "top_p": 0.95,
        "min_p": 0.01,
        "repetition_penalty": 1.2,
        "frequency_penalty": 0.3,
        "presence_penalty": 0.4,
        "logit_bias": {6: 2.0},
    },
}


def scores(seed: int = 1, width: int = VOCABULARY) -> Tensor:
    return torch.randn(width, generator=torch.Generator().manual_seed(seed)) * 1.5


def drawn(sampling: Sampling) -> Tensor:
    """How often each token comes in SLOTS * ROUNDS draws, each with a seed of its own."""
    logits, counts = scores().expand(SLOTS, -1), torch.zeros(VOCABULARY)
    drawing = sampler(SLOTS, VOCABULARY)
    for number in range(ROUNDS):
        running = [
            request(sampling, slot=slot, seed=number * SLOTS + slot, prompt=PROMPT, answer=ANSWER)
            for slot in range(SLOTS)
        ]
        for each in running:
            drawing.place(each)
        counts += torch.bincount(drawing.draw(logits, running).tokens, minlength=VOCABULARY)
    return counts


@pytest.mark.parametrize("name", SHAPES)
def test_draws_follow_the_exact_distribution(name: str) -> None:
    """Chi-square over 7,680 draws with seeds 0, 1, 2 … is what chance gives."""
    sampling = Sampling(**SHAPES[name])
    assert surprise(drawn(sampling), expected(scores(), sampling, PROMPT, ANSWER)) < 4


def test_the_measure_would_notice() -> None:
    """A temperature that is a tenth off is far more surprising than what the tests above allow."""
    counts = drawn(Sampling(temperature=1.0))
    assert surprise(counts, expected(scores(), Sampling(temperature=1.1))) > 6


def test_draws_of_one_answer_follow_the_distribution_too() -> None:
    """With one seed, it is the place in the answer that makes the difference."""
    sampling = Sampling(temperature=1.0)
    drawing, running = sampler(1, VOCABULARY), request(sampling, seed=7)
    drawing.place(running)
    counts = torch.zeros(VOCABULARY)
    for pending in range(1, 6_000):
        running.pending = pending
        counts[drawing.draw(scores()[None], [running]).tokens] += 1
    assert surprise(counts, expected(scores(), sampling)) < 4


@settings(max_examples=60, deadline=None)
@example(seed=1, temperature=1.0, top_k=0, top_p=0.9, min_p=0.01, half=False, width=500)
@example(seed=2, temperature=2.0, top_k=0, top_p=1.0, min_p=0.0, half=True, width=500)
@given(
    seed=st.integers(0, 10_000),
    temperature=st.floats(0.05, 2),
    top_k=st.just(0) | st.integers(1, VOCABULARY),
    top_p=st.floats(0.01, 1),
    min_p=st.just(0.0) | st.floats(0, 1),
    half=st.booleans(),
    width=st.sampled_from([VOCABULARY, 128, 500]),
)
def test_a_uniform_grid_gives_the_probabilities(
    seed: int, temperature: float, top_k: int, top_p: float, min_p: float, half: bool, width: int
) -> None:
    """With evenly spaced uniform numbers each token comes in exact proportion, whichever way it is drawn."""
    count = 2_000
    row = scores(seed, width).to(torch.bfloat16).float() if half else scores(seed, width)
    if half:
        row += torch.arange(width) * 2.0**-12  # no ties: who is kept of equal ones is a matter of taste
    hoped = expected(row, Sampling(temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p))

    def column(value: float, dtype: torch.dtype = torch.float32) -> Tensor:
        return torch.full((count,), value, dtype=dtype)

    rows = Rows(
        heat=column(1 / temperature),
        top_k=column(top_k, torch.int64),
        top_p=column(top_p),
        min_p=column(min_p),
        uniform=(torch.arange(count, dtype=torch.float64) + 0.5) / count,
    )
    tokens, best = draw_rows(row.expand(count, -1), rows, among=width if top_k else 0, cut=True)
    assert bool((best == row.max()).all())
    found = torch.bincount(tokens, minlength=width) / count
    # A token at the very border may fall to either side by rounding: float32 here, float64 there.
    borders = _borders(row, temperature, top_k, top_p, min_p)
    assert borders or float((found - hoped).abs().max()) <= 1.5 / count


def _borders(row: Tensor, temperature: float, top_k: int, top_p: float, min_p: float) -> bool:
    """Whether a hair's change of top_p or min_p lets a token in or out."""

    def left(hair: float, other: float) -> Tensor:
        cut = {"top_p": min(1.0, top_p * (1 + hair)), "min_p": min(1.0, min_p * (1 + other))}
        return expected(row, Sampling(temperature=temperature, top_k=top_k, **cut)) > 0

    hairs = (-1e-4, 1e-4)
    return any(not torch.equal(left(hair, other), left(0, 0)) for hair in hairs for other in hairs)


def test_drawing_again_and_sorting_agree() -> None:
    """The way without a sort leaves the same tokens in the same proportions as the way with one."""
    count = 8_000
    row = scores(3)
    rows = Rows(
        heat=torch.full((count,), 0.8),
        top_k=torch.zeros(count, dtype=torch.int64),
        top_p=torch.full((count,), 0.7),
        min_p=torch.full((count,), 0.05),
        uniform=uniform(torch.arange(count), torch.zeros(count, dtype=torch.int64)),
    )
    tokens, _ = redrawn(
        row.expand(count, -1),
        rows,
        lambda at, number: uniform(torch.tensor([at]), torch.tensor([0]), number),
    )
    hoped = expected(row, Sampling(temperature=1.25, top_p=0.7, min_p=0.05))
    assert surprise(torch.bincount(tokens, minlength=VOCABULARY), hoped) < 4
    sorted_tokens, _ = draw_rows(row.expand(count, -1), rows, cut=True)
    assert surprise(torch.bincount(sorted_tokens, minlength=VOCABULARY), hoped) < 4


def test_uniform_numbers_are_uniform_and_unrelated() -> None:
    """Over neighbouring seeds and neighbouring places: mean, variance, correlation, and no end is reached."""
    seeds, places = torch.arange(300).repeat_interleave(300), torch.arange(300).repeat(300)
    numbers = uniform(seeds, places).view(300, 300)
    assert float(numbers.min()) > 0 and float(numbers.max()) < 1
    assert abs(float(numbers.mean()) - 0.5) < 4 * (1 / 12 / 90_000) ** 0.5
    assert abs(float(numbers.var()) - 1 / 12) < 0.002
    centred = numbers - 0.5
    for left, right in ((centred[1:], centred[:-1]), (centred[:, 1:], centred[:, :-1])):
        assert abs(float((left * right).mean()) * 12) < 4 / 299
    again = uniform(seeds, places, 1).view(300, 300) - 0.5
    assert abs(float((again * centred).mean()) * 12) < 4 / 300
    assert numbers.unique().numel() == 90_000


@given(st.integers(-(2**63), 2**64 - 1), st.integers(0, 2**20), st.integers(0, 5))
def test_uniform_numbers_are_what_the_formula_says(seed: int, place: int, number: int) -> None:
    """The device's wrapping arithmetic and Python's own integers agree, for seeds of every size and sign."""
    golden = 0x9E3779B97F4A7C15
    state = mixed((mixed(seed % 2**64) + (place + 1) * golden) % 2**64)
    state = mixed((state + number * golden) % 2**64)
    found = float(uniform(signed([seed]), torch.tensor([place]), number))
    assert found == ((state >> 12) + 0.5) * 2.0**-52


def test_seeds_of_several_answers() -> None:
    """The first answer has the seed that was asked for, the others have their own, and each is repeatable."""
    assert seed_of(5) == 5
    several = [seed_of(5, answer) for answer in range(16)]
    assert several == [seed_of(5, answer) for answer in range(16)]
    assert len(set(several)) == 16
    assert seed_of(None) != seed_of(None)


def test_faint_and_masked_tokens_are_never_drawn() -> None:
    """At both ends of the unit interval a token of weight 0 stays undrawn, wherever it stands in the vocabulary."""
    row = torch.full((300,), -torch.inf)
    row[150], row[151] = 1.0, 0.5
    ends = torch.tensor([2.0**-53, 1 - 2.0**-53], dtype=torch.float64)
    for among, cut in ((0, False), (0, True), (8, False), (300, False)):
        rows = Rows(
            heat=torch.tensor([1.0, 1e5]),
            top_k=torch.full((2,), among or 1),
            top_p=torch.tensor([1.0, 1.0]),
            min_p=torch.zeros(2),
            uniform=ends,
        )
        for order in (rows, Rows(rows.heat.flip(0), rows.top_k, rows.top_p, rows.min_p, ends)):
            tokens, _ = draw_rows(row.expand(2, -1), order, among=among, cut=cut)
            assert set(tokens.tolist()) <= {150, 151}
