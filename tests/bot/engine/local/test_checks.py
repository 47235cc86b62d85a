"""What is refused before it is queued, and that everything else can be drawn."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.engine.base import EngineRefused
from bot.engine.local.checks import check
from bot.events import Sampling
from tests.bot.engine.local.drawing import request, sampler

VOCABULARY = 50
DEFAULTS = Sampling()
FIELDS = [field.name for field in dataclasses.fields(Sampling)]


def checked(**fields: Any) -> Sampling:
    sampling = dataclasses.replace(DEFAULTS, **fields)
    check(sampling, vocabulary=VOCABULARY, context_tokens=1_000)
    return sampling


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("temperature", math.nan, "nan"),
        ("temperature", math.inf, "from 0 to 2, not inf"),
        ("temperature", -0.1, "from 0 to 2"),
        ("temperature", 2.01, "2.01"),
        ("temperature", "1", "'1'"),
        ("temperature", True, "True"),
        ("temperature", None, "None"),
        ("temperature", 10**400, "64 bits"),
        ("top_p", 0, "above 0 and at most 1"),
        ("top_p", 1.5, "1.5"),
        ("min_p", -1e-9, "from 0 to 1"),
        ("min_p", math.nan, "nan"),
        ("top_k", -1, "whole number from 0"),
        ("top_k", 1.0, "1.0"),
        ("top_k", True, "True"),
        ("max_tokens", 0, "from 1 to 1000"),
        ("max_tokens", 1_001, "context"),
        ("max_tokens", 5.0, "5.0"),
        ("n", 0, "from 1 to 16"),
        ("n", 17, "17"),
        ("seed", 2**63, "from -9223372036854775808"),
        ("seed", 1.5, "1.5"),
        ("seed", False, "False"),
        ("frequency_penalty", 2.5, "from -2 to 2"),
        ("presence_penalty", -math.inf, "-inf"),
        ("repetition_penalty", 0, "from 0.01 to 10"),
        ("repetition_penalty", -1, "-1"),
        ("logit_bias", [1], "type list"),
        ("logit_bias", {VOCABULARY: 1.0}, "0 to 49, not 50"),
        ("logit_bias", {-1: 1.0}, "-1"),
        ("logit_bias", {"1": 1.0}, "'1'"),
        ("logit_bias", {True: 1.0}, "True"),
        ("logit_bias", {1: 101}, "-100 to 100"),
        ("logit_bias", {1: math.nan}, "nan"),
        ("logit_bias", dict.fromkeys(range(2_000), 1.0), "1024"),
        ("logprobs", 1, "true or false"),
        ("top_logprobs", 21, "from 0 to 20"),
        ("top_logprobs", 3, "unless logprobs"),
        ("ignore_eos", "no", "true or false"),
        ("stop", "word", "list of texts"),
        ("stop", ("",), "1 to 1000 characters"),
        ("stop", ("a", 5), "text, not 5"),
        ("stop", ("a" * 1_001,), "1001 of them"),
        ("stop", ("a",) * 33, "at most 32"),
        ("stop", ("\ud83d",), "surrogates"),
        ("json_schema", {}, "text, not a value of the type dict"),
        ("json_schema", "{" * 200_001, "200000 characters"),
        ("regex", "a" * 10_001, "10000"),
        ("regex", "\udc00", "surrogates"),
        ("choice", ("a", ""), "1 to 1000"),
        ("choice", "yes", "list of texts"),
    ],
)
def test_what_cannot_be_done_is_refused_by_field_range_and_value(field: str, value: Any, said: str) -> None:
    with pytest.raises(EngineRefused) as refused:
        checked(**{field: value})
    assert refused.value.field == field
    assert str(refused.value).startswith(field)
    assert said in str(refused.value)
    assert len(str(refused.value)) < 300


def test_only_one_form_binds_an_answer() -> None:
    """Two of json_schema, regex and choice are a contradiction, not a preference."""
    with pytest.raises(EngineRefused, match="Only one of json_schema, regex, choice") as refused:
        checked(regex="a", choice=("a",))
    assert refused.value.field == "choice"


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"temperature": 2, "top_p": 1, "min_p": 1, "top_k": 2**31 - 1},
        {"temperature": 0.0, "seed": -(2**63), "max_tokens": 1_000, "n": 16},
        {"repetition_penalty": 0.01, "frequency_penalty": -2, "presence_penalty": 2},
        {"logit_bias": {0: -100, VOCABULARY - 1: 100}, "logprobs": True, "top_logprobs": 20},
        {"stop": ("\n", "新", "👩‍👩‍👧"), "ignore_eos": True},
        {"stop": ["END"]},
    ],
)
def test_the_ends_of_every_range_can_be_done(fields: dict[str, Any]) -> None:
    checked(**fields)


ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.integers(-2, 60),
    st.floats(),
    st.floats(0, 2, exclude_min=True),
    st.text(max_size=5),
    st.lists(st.text(max_size=3), max_size=3).map(tuple),
    st.dictionaries(st.integers(-1, VOCABULARY), st.floats(-101, 101) | st.integers(-5, 5), max_size=4),
)
SCORES = torch.randn((2, VOCABULARY), generator=torch.Generator().manual_seed(5)) * 4


def allowed(fields: dict[str, Any]) -> Sampling | None:
    """With these fields; None when they are refused, which must be by one of them."""
    try:
        return checked(**fields)
    except EngineRefused as refused:
        if refused.field not in fields:
            raise
        return None


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(st.sampled_from(FIELDS), ANYTHING, max_size=4))
def test_no_value_passes_and_then_breaks_a_draw(fields: dict[str, Any]) -> None:
    """Whatever the fields hold, they are refused as EngineRefused, or tokens of the vocabulary come out."""
    sampling = allowed(fields)
    if sampling is None:
        return
    seed = 0 if sampling.seed is None else sampling.seed
    running = [request(sampling, slot=0, seed=seed, answer=(4, 4)), request(Sampling(), slot=1)]
    drawing = sampler(2, VOCABULARY)
    for each in running:
        drawing.place(each)
    for _ in range(2):
        first, neighbour = drawing.draw(SCORES, running).wait()
        assert first.finite
        assert 0 <= first.token < VOCABULARY
        assert len(first.top) == sampling.top_logprobs
        assert neighbour.token == int(SCORES[1].argmax())
