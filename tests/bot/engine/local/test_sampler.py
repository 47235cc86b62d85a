"""One batch of everything: greedy is the argmax, seeds repeat, neighbours do not matter, and nothing is touched."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from bot.engine.local.choosing import Rows, by_id, draw_rows
from bot.engine.local.runner import Drawn
from bot.events import Sampling
from tests.bot.engine.local.drawing import answer_of, expected, request, sampler, settle

VOCABULARY = 300
STEPS = 6
KINDS: tuple[dict[str, Any], ...] = (
    {},
    {"temperature": 1e-7},
    {"temperature": 1.0},
    {"temperature": 0.7, "top_k": 20},
    {"temperature": 1.1, "top_k": 9, "top_p": 0.8, "min_p": 0.05},
    {"temperature": 1.4, "top_p": 0.5},
    {"temperature": 1.4, "top_p": 0.9, "min_p": 0.02},
    {"temperature": 1.4, "min_p": 0.1},
    {"temperature": 0.9, "repetition_penalty": 1.3},
    {"temperature": 0.9, "repetition_penalty": 0.8},
    {"temperature": 0.9, "repetition_penalty": 0.8, "top_k": 30},
    {"frequency_penalty": 1.5, "presence_penalty": 0.5},
    {"temperature": 0.9, "frequency_penalty": -0.5, "top_p": 0.9},
    {"logit_bias": {7: 50.0}},
    {"temperature": 1.0, "logprobs": True, "top_logprobs": 4},
    {"logprobs": True},
)


def steps(seed: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """[STEPS, VOCABULARY] logits."""
    return (torch.randn((STEPS, VOCABULARY), generator=torch.Generator().manual_seed(seed)) * 3).to(dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_greedy_is_the_first_of_the_highest(dtype: torch.dtype) -> None:
    """Temperature 0 takes the argmax of the logits as they are, the lowest id among equal ones."""
    logits = torch.cat([steps(1, dtype), torch.zeros((1, VOCABULARY), dtype=dtype)])
    drawing = sampler(len(logits), VOCABULARY)
    running = [request(Sampling(), slot=slot) for slot in range(len(logits))]
    for each in running:
        drawing.place(each)
    assert drawing.draw(logits, running).wait() == [Drawn(int(row.float().argmax())) for row in logits]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_logits_stay_as_they_are(dtype: torch.dtype) -> None:
    """Neither bias nor penalties nor masks are written into what the model computed."""
    logits = steps(1, dtype)[:1].expand(len(KINDS), -1).contiguous()
    before = logits.clone()
    for start in (0, 1):
        drawing = sampler(len(KINDS), VOCABULARY)
        for slot, kind in enumerate(KINDS):
            running = [request(Sampling(**kind), slot=slot, answer=(7,) * start)]
            drawing.place(running[0])
            drawing.draw(logits[slot : slot + 1], running)
    assert torch.equal(logits, before)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([torch.float32, torch.bfloat16]))
def test_an_answer_is_the_same_whatever_else_is_in_the_batch(seed: int, dtype: torch.dtype) -> None:
    """Any mix of requests, in any slots and rows, joining late: each draws what it draws alone."""
    chance = random.Random(seed)
    count = chance.randint(2, 24)
    kinds = [Sampling(**chance.choice(KINDS)) for _ in range(count)]
    own = [steps(seed % 1_000 + number, dtype) for number in range(count)]
    alone = [answer_of(own[n], request(kinds[n], seed=seed + n), slots=1) for n in range(count)]

    drawing, slots = sampler(count, VOCABULARY), chance.sample(range(count), count)
    running = [request(kinds[n], slot=slots[n], seed=seed + n) for n in range(count)]
    begins = [chance.randint(0, 2) for _ in range(count)]
    answers: list[list[int]] = [[] for _ in range(count)]
    for step in range(STEPS + 2):
        present = [n for n in range(count) if begins[n] <= step < begins[n] + STEPS]
        chance.shuffle(present)
        for n in present:
            if begins[n] == step:
                drawing.place(running[n])
        if present:
            logits = torch.stack([own[n][step - begins[n]] for n in present])
            for n, drawn in zip(present, drawing.draw(logits, [running[n] for n in present]).wait(), strict=True):
                settle(running[n], drawn)
                answers[n].append(drawn.token)
    assert answers == alone


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_survives_preemption(kind: dict[str, Any]) -> None:
    """Placed again in another slot, after somebody else had that, it goes on as if nothing had happened."""
    logits = steps(4)
    whole = answer_of(logits, request(Sampling(**kind), seed=11))
    drawing, running, other = sampler(2, VOCABULARY), request(Sampling(**kind), seed=11), request(Sampling(**kind))
    drawing.place(running)
    for step in range(STEPS):
        if step == 3:
            running.slot, other.slot = 1, 1
            drawing.place(other)
            drawing.draw(logits[:1], [other])
            drawing.place(running)
        (drawn,) = drawing.draw(logits[step : step + 1], [running]).wait()
        settle(running, drawn)
    assert running.tokens[running.prompt_length :] == whole


@pytest.mark.parametrize("kind", KINDS)
def test_steps_may_be_drawn_before_the_last_is_known(kind: dict[str, Any]) -> None:
    """With tokens pending, penalties and places are those that they will have been."""
    logits = steps(5)
    whole = answer_of(logits, request(Sampling(**kind), seed=3))
    drawing, running = sampler(1, VOCABULARY), request(Sampling(**kind), seed=3)
    drawing.place(running)
    launched = []
    for step in range(STEPS):
        launched.append(drawing.draw(logits[step : step + 1], [running]))
        running.pending += 1
    assert [draws.wait()[0].token for draws in launched] == whole


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 1_000),
    prompt=st.lists(st.integers(0, 59), min_size=1, max_size=8),
    answer=st.lists(st.integers(0, 59), max_size=8),
    repetition=st.sampled_from([1.0, 0.5, 1.2, 3.0]),
    frequency=st.floats(-2, 2),
    presence=st.floats(-2, 2),
    bias=st.dictionaries(st.integers(0, 59), st.floats(-100, 100), max_size=3),
)
def test_greedy_with_penalties_is_the_argmax_of_the_processed_scores(
    seed: int,
    prompt: list[int],
    answer: list[int],
    repetition: float,
    frequency: float,
    presence: float,
    bias: dict[int, float],
) -> None:
    """As transformers' processor for repetition and OpenAI's formula for the others."""
    sampling = Sampling(
        repetition_penalty=repetition, frequency_penalty=frequency, presence_penalty=presence, logit_bias=bias
    )
    scores = torch.randn(60, generator=torch.Generator().manual_seed(seed)) * 2
    running, drawing = request(sampling, prompt=prompt, answer=answer), sampler(1, 60)
    drawing.place(running)
    (drawn,) = drawing.draw(scores[None], [running]).wait()
    assert drawn.token == int(expected(scores, sampling, prompt, answer).argmax())


@pytest.mark.parametrize(
    "penalties",
    [
        {"repetition_penalty": 2.0},
        {"repetition_penalty": 0.5},
        {"frequency_penalty": 0.4},
        {"presence_penalty": 1.0},
        {"presence_penalty": -1.5, "frequency_penalty": 0.7},
        {"repetition_penalty": 1.3, "presence_penalty": 0.5, "frequency_penalty": 0.2},
    ],
)
def test_what_was_drawn_is_penalized_from_then_on(penalties: dict[str, Any]) -> None:
    """Over the same scores again and again, the answer is the one that counting by hand gives."""
    sampling = Sampling(**penalties)
    scores = torch.linspace(3, -3, 30)
    by_hand: list[int] = []
    for _ in range(40):
        by_hand.append(int(expected(scores, sampling, (1, 2, 3), by_hand).argmax()))
    assert len(set(by_hand)) > 1 or penalties.get("repetition_penalty", 1) < 1
    assert answer_of(scores.expand(40, -1), request(sampling)) == by_hand


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_logprobs_are_the_models_own(dtype: torch.dtype) -> None:
    """log_softmax of the untouched logits, whatever the settings; the likeliest in order; only for who asks."""
    logits = steps(8, dtype)
    sampling = (
        Sampling(logprobs=True, top_logprobs=5, temperature=1.3, top_k=3, logit_bias={4: 100.0}),
        Sampling(),
        Sampling(logprobs=True),
        Sampling(logprobs=True, top_logprobs=20, repetition_penalty=1.5),
    )
    drawing = sampler(4, VOCABULARY)
    running = [request(each, slot=slot) for slot, each in enumerate(sampling)]
    for each in running:
        drawing.place(each)
    results = drawing.draw(logits[:4], running).wait()
    assert results[0].token == 4
    assert results[1] == Drawn(int(logits[1].argmax()))
    assert [len(drawn.top) for drawn in results] == [5, 0, 0, 20]
    for row, drawn in enumerate(results):
        exact = torch.log_softmax(logits[row].double(), dim=-1)
        if sampling[row].logprobs:
            assert drawn.logprob == pytest.approx(float(exact[drawn.token]), abs=1e-5)
        likeliest = exact.sort(descending=True, stable=True)
        assert [token for token, _ in drawn.top] == likeliest.indices[: len(drawn.top)].tolist()
        for token, logprob in drawn.top:
            assert logprob == pytest.approx(float(exact[token]), abs=1e-5)


@pytest.mark.parametrize("poison", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("kind", KINDS)
def test_a_row_that_is_not_finite_harms_nobody_else(kind: dict[str, Any], poison: float) -> None:
    """It is reported, with a token of the vocabulary, and its neighbours of every kind draw what they draw alone."""
    logits = steps(9)
    broken = logits[0].clone()
    if poison == -float("inf"):
        broken[:] = poison
    else:
        broken[123] = poison
    count = len(KINDS)
    drawing = sampler(count + 1, VOCABULARY)
    running = [request(Sampling(**each), slot=slot, seed=slot) for slot, each in enumerate((*KINDS, kind))]
    for each in running:
        drawing.place(each)
    batch = torch.cat([logits[1].expand(count, -1), broken[None]])
    draws = drawing.draw(batch, running)
    *others, bad = draws.wait()
    assert not bad.finite
    assert bad.token == int(draws.tokens[-1]) == 0
    assert (bad.logprob, bad.top) == (0.0, ())
    alone = [answer_of(logits[1:2], request(Sampling(**each), seed=slot)) for slot, each in enumerate(KINDS)]
    assert [[drawn.token] for drawn in others] == alone
    assert all(drawn.finite for drawn in others)


@pytest.mark.parametrize("kind", KINDS)
def test_impossible_tokens_are_no_fault(kind: dict[str, Any]) -> None:
    """-inf in all but two places, as padded vocabularies have it, leaves those two."""
    logits = torch.full((40, VOCABULARY), -float("inf"))
    logits[:, 130], logits[:, 299] = 2.0, 1.5
    sampling = Sampling(**{**kind, "logit_bias": {}})
    drawing = sampler(40, VOCABULARY)
    running = [request(sampling, slot=slot, seed=slot) for slot in range(40)]
    for each in running:
        drawing.place(each)
    drawn = drawing.draw(logits, running).wait()
    assert {each.token for each in drawn} <= {130, 299}
    assert all(each.finite for each in drawn)
    assert all(token in (130, 299) for each in drawn for token, _ in each.top)


@pytest.mark.parametrize("scale", [1e-30, 1e6, 1e38])
def test_extreme_scores_and_settings_stay_numbers(scale: float) -> None:
    """The largest floats and the smallest temperatures and shares still draw, and draw the likeliest."""
    logits = torch.tensor([[-1.0, 1.0, 0.5, -3.0]]) * scale
    for kind in ({"temperature": 1.1e-5}, {"temperature": 2, "top_p": 5e-324}, {"temperature": 2, "min_p": 1}):
        sampling = Sampling(**kind)
        drawing, running = sampler(1, 4), request(sampling)
        drawing.place(running)
        (drawn,) = drawing.draw(logits, [running]).wait()
        assert drawn.finite
        if scale > 1:
            assert drawn.token == 1


def test_rows_of_every_kind_fit_one_captured_function() -> None:
    """Greedy rows (heat 0) beside others give the same tokens in `draw_rows` as in the sampler's groups."""
    logits = steps(2)
    rows = Rows(
        heat=torch.tensor([0.0, 1.0, 0.0, 0.5, 2.0, 0.0]),
        top_k=torch.tensor([5, 5, 8, 7, 3, 6]),
        top_p=torch.tensor([1, 0.9, 1, 1, 0.8, 1]),
        min_p=torch.tensor([0, 0, 0, 0.1, 0, 0]),
        uniform=torch.linspace(0.1, 0.9, STEPS, dtype=torch.float64),
    )
    for among in (0, 8):
        tokens, best = draw_rows(logits, rows, among=among, cut=True)
        greedy = logits.argmax(dim=-1)
        assert torch.equal(tokens[rows.heat == 0], greedy[rows.heat == 0])
        assert torch.equal(best, logits.amax(dim=-1))


@pytest.mark.parametrize("width", [256, VOCABULARY])
@pytest.mark.parametrize("kind", KINDS)
def test_logits_may_lie_in_memory_in_any_way(kind: dict[str, Any], width: int) -> None:
    """A column slice of wider logits, or their transpose, draws as a copy of its own does."""
    plain = torch.randn((3, width), generator=torch.Generator().manual_seed(1)) * 3
    wider = torch.cat([plain, torch.full((3, 50), 99.0)], dim=1)
    answers = []
    for logits in (plain, wider[:, :width], plain.t().contiguous().t()):
        drawing = sampler(3, width)
        running = [request(Sampling(**kind), slot=slot, seed=slot) for slot in range(3)]
        for each in running:
            drawing.place(each)
        answers.append([drawn.token for drawn in drawing.draw(logits, running).wait()])
    assert answers[0] == answers[1] == answers[2]


def test_large_vocabularies_are_worked_through_in_pieces() -> None:
    """With more rows than a CPU works on at once, every kind draws what it draws alone."""
    vocabulary, count = 40_000, 2 * len(KINDS)
    logits = torch.randn((1, vocabulary), generator=torch.Generator().manual_seed(1)).to(torch.bfloat16) * 3
    for kind in KINDS:
        drawing = sampler(count, vocabulary)
        running = [request(Sampling(**kind), slot=slot, seed=slot) for slot in range(count)]
        for each in running:
            drawing.place(each)
        tokens = [drawn.token for drawn in drawing.draw(logits.expand(count, -1), running).wait()]
        for slot in (0, 13, count - 1):
            assert answer_of(logits, request(Sampling(**kind), seed=slot)) == [tokens[slot]]


def test_equal_scores_come_in_the_order_of_ids() -> None:
    """Whatever order a device finds them in, the order in which they are cumulated is the same."""
    values, ids = torch.tensor([[5.0, 3.0, 3.0, 3.0, 1.0]]), torch.tensor([[9, 7, 2, 4, 1]])
    values, ids = by_id(values, ids)
    assert values.tolist() == [[5.0, 3.0, 3.0, 3.0, 1.0]]
    assert ids.tolist() == [[9, 2, 4, 7, 1]]


def test_a_slot_that_was_never_filled_is_a_mistake() -> None:
    """Drawing for it says so instead of drawing by a stranger's settings."""
    with pytest.raises(LookupError, match="never placed"):
        sampler(2, VOCABULARY).draw(steps(1)[:1], [request(Sampling(), slot=1)])


def test_nobody_is_drawn_for() -> None:
    """A step that only reads prompts samples nothing."""
    assert sampler(2, VOCABULARY).draw(steps(1)[:0], []).wait() == []


def test_inference_mode_may_come_and_go() -> None:
    """Penalties that were placed under it are updated outside of it, and the other way round."""
    sampling = Sampling(repetition_penalty=1.5, frequency_penalty=1.0)
    for first, second in ((True, False), (False, True)):
        drawing, running = sampler(1, VOCABULARY), request(sampling)
        with torch.inference_mode(first):
            drawing.place(running)
            logits = steps(1)
        with torch.inference_mode(second):
            assert drawing.draw(logits[:1], [running]).wait()[0].finite
            assert drawing.draw(logits[1:2], [running]).wait()[0].finite
