"""Greedy answers in float32 are those of transformers' own `generate`, token for token: any family, any company."""

from __future__ import annotations

import functools
import random
from collections.abc import Sequence

import pytest
import torch
from transformers import PreTrainedModel

from bot.engine.local.load import loaded_from, runner_of
from bot.engine.local.model_runner import ModelRunner
from bot.engine.local.request import Request
from bot.engine.local.settings import LocalSettings
from tests.bot.engine.local.driving import answers, asked, scheduler_of
from tests.bot.engine.local.families import FAMILIES, VOCABULARY, tokenizer

NEW = 20
BLOCK = 4


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@functools.cache
def own(family: str) -> PreTrainedModel:
    """The family as transformers runs it, writing on for as long as it may."""
    model = FAMILIES[family]()
    model.generation_config.eos_token_id = None
    return model


@functools.cache
def expected(family: str, prompt: tuple[int, ...]) -> list[int]:
    tokens = torch.tensor([prompt])
    with torch.inference_mode():  # it would hide padding tokens of the prompt, if it were not told to see all
        written = own(family).generate(
            tokens, attention_mask=torch.ones_like(tokens), max_new_tokens=NEW, do_sample=False
        )[0]
    return [int(token) for token in written[len(prompt) :]]


def prompt(length: int, seed: int = 0) -> tuple[int, ...]:
    draw = random.Random(f"{length} {seed}")
    return tuple(draw.randrange(5, VOCABULARY) for _ in range(length))


@functools.cache
def runner(family: str, step_tokens: int) -> ModelRunner:
    settings = LocalSettings(
        model=family, device="cpu", kernels="torch", block_tokens=BLOCK, step_tokens=step_tokens, max_requests=6
    )
    return runner_of(loaded_from(FAMILIES[family](), tokenizer(), settings), settings)


def check(family: str, requests: Sequence[Request], got: Sequence[Sequence[int]]) -> None:
    for request, answer in zip(requests, got, strict=True):
        begin = tuple(request.tokens[: request.prompt_length])
        assert list(answer) == expected(family, begin), f"{family}: a prompt of {request.prompt_length} tokens"


@pytest.mark.parametrize("overlap", [False, True])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_mixed_batch_with_prompts_cut_anywhere(family: str, overlap: bool) -> None:
    """Prompts from 1 token to many windows, coming at different steps and cut into odd pieces, beside decodes."""
    requests = [asked(n, prompt(length), NEW) for n, length in enumerate((1, 3, 17, 40, 75, 130, 31, 8))]
    arrivals = {0: requests[:3], 2: requests[3:5], 5: requests[5:6], 9: requests[6:]}
    with_steps_of = runner(family, 13)
    scheduler = scheduler_of(with_steps_of, requests=6, block_tokens=BLOCK, prefix_cache=False)
    got = answers(with_steps_of, scheduler, arrivals, end_tokens=(), overlap=overlap)
    check(family, requests, got)


@pytest.mark.parametrize("overlap", [False, True])
@pytest.mark.parametrize("family", FAMILIES)
def test_beginnings_that_were_read_before(family: str, overlap: bool) -> None:
    """Blocks found in the prefix cache, of prompts and of answers, are as good as computed ones."""
    begin = prompt(37)
    first = asked(0, begin, NEW)
    with_steps_of = runner(family, 29)
    scheduler = scheduler_of(with_steps_of, requests=6, block_tokens=BLOCK)
    answer = answers(with_steps_of, scheduler, {0: [first]}, end_tokens=(), overlap=overlap)[0]
    later = [
        asked(1, begin, NEW),
        asked(2, begin[:30] + prompt(9, 1), NEW),
        asked(3, (*begin, *answer, *prompt(6, 2)), NEW),
        asked(4, begin[:8], NEW),
    ]
    got = answers(with_steps_of, scheduler, {0: later[:2], 3: later[2:]}, end_tokens=(), overlap=overlap)
    check(family, [first, *later], [answer, *got])
    assert scheduler.prefix_hit_tokens >= 36 + 28 + 36 + 4


@pytest.mark.parametrize("overlap", [False, True])
@pytest.mark.parametrize("family", FAMILIES)
def test_requests_that_had_to_give_way(family: str, overlap: bool) -> None:
    """With too few blocks for all, some lose theirs in the middle of their answer, and end as if nothing had been."""
    requests = [asked(n, prompt(length, 3), NEW) for n, length in enumerate((30, 31, 29, 30))]
    with_steps_of = runner(family, 13)
    scheduler = scheduler_of(with_steps_of, requests=6, block_tokens=BLOCK, blocks=25)
    got = answers(with_steps_of, scheduler, {0: requests}, end_tokens=(), overlap=overlap)
    check(family, requests, got)
    assert scheduler.preemptions > 0


def test_two_engines_do_not_disturb_each_other() -> None:
    """Steps of two models in one process, taken in turns, are each other's strangers."""
    pairs = []
    for family in ("llama", "gemma2"):
        with_steps_of = runner(family, 13)
        scheduler = scheduler_of(with_steps_of, requests=6, block_tokens=BLOCK)
        request = asked(0, prompt(21), NEW)
        scheduler.add(request)
        pairs.append((family, with_steps_of, scheduler, request))
    for _ in range(40):
        for _, with_steps_of, scheduler, request in pairs:
            step = scheduler.schedule()
            if step is not None:
                scheduler.settle(step, [one.token for one in with_steps_of.launch(step).wait()])
                made = request.tokens[request.prompt_length :]
                if len(made) == NEW:
                    scheduler.cancel(request)
    for family, _, _, request in pairs:
        assert request.ended
        check(family, [request], [request.tokens[request.prompt_length :]])
