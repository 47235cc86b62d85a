"""What the sampler's tests share: requests as the scheduler hands them over, and the distribution they should have."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers.generation.logits_process import (
    LogitsProcessorList,
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from bot.engine.local.grammar import Grammar
from bot.engine.local.request import Request
from bot.engine.local.runner import Drawn
from bot.engine.local.sampler import Sampler
from bot.events import Sampling

torch.set_num_threads(1)
CPU = torch.device("cpu")


def sampler(slots: int, vocabulary: int, end_tokens: Sequence[int] = (0,)) -> Sampler:
    return Sampler(slots=slots, vocabulary=vocabulary, device=CPU, end_tokens=end_tokens)


def request(
    sampling: Sampling,
    *,
    slot: int = 0,
    seed: int = 0,
    prompt: Sequence[int] = (1, 2, 3),
    answer: Sequence[int] = (),
    grammar: Grammar | None = None,
) -> Request:
    """One whose next token is about to be drawn: the scheduler has counted it as pending."""
    return Request(
        id=slot,
        tokens=[*prompt, *answer],
        prompt_length=len(prompt),
        max_tokens=sampling.max_tokens,
        sampling=sampling,
        seed=seed,
        grammar=grammar,
        slot=slot,
        pending=1,
    )


def settle(running: Request, drawn: Drawn) -> None:
    """The token is known, and the next one is being drawn."""
    running.tokens.append(drawn.token)


def answer_of(logits: Tensor, running: Request, *, slots: int = 1) -> list[int]:
    """What a request draws alone, a token from each row of `logits` [steps, V]."""
    alone = sampler(slots, logits.shape[1])
    alone.place(running)
    tokens = []
    for row in logits:
        (drawn,) = alone.draw(row[None], [running]).wait()
        settle(running, drawn)
        tokens.append(drawn.token)
    return tokens


def expected(scores: Tensor, sampling: Sampling, prompt: Sequence[int] = (), answer: Sequence[int] = ()) -> Tensor:
    """The distribution [V] float64 by transformers' processors and warpers, in the order that the sampler states."""
    scores = scores.to(torch.float64).clone()
    for token, value in sampling.logit_bias.items():
        scores[token] += value
    seen = torch.tensor([[*prompt, *answer]], dtype=torch.int64)
    row = scores[None]
    if sampling.repetition_penalty != 1 and seen.numel():
        row = RepetitionPenaltyLogitsProcessor(float(sampling.repetition_penalty))(seen, row)
    counts = torch.bincount(torch.tensor(answer, dtype=torch.int64), minlength=scores.shape[0])
    row = row - counts * sampling.frequency_penalty - (counts > 0) * sampling.presence_penalty
    if sampling.temperature == 0:
        return torch.nn.functional.one_hot(row[0].argmax(), scores.shape[0]).to(torch.float64)
    warpers = LogitsProcessorList([TemperatureLogitsWarper(float(sampling.temperature))])
    if sampling.top_k:
        warpers.append(TopKLogitsWarper(sampling.top_k))
    if sampling.top_p < 1:
        warpers.append(TopPLogitsWarper(float(sampling.top_p)))
    if sampling.min_p > 0:
        warpers.append(MinPLogitsWarper(float(sampling.min_p)))
    return torch.softmax(warpers(seen, row)[0], dim=-1)


def surprise(counts: Tensor, distribution: Tensor) -> float:
    """By how many standard deviations chi-square of `counts` [V] exceeds what `distribution` [V] would give.

    Tokens that are expected fewer than 8 times are taken together. (Wilson and Hilferty's cube root, 1931.)
    A count where the probability is 0 is infinitely surprising.
    """
    if bool((counts[distribution == 0] > 0).any()):
        return float("inf")
    hoped = distribution * counts.sum()
    rare = hoped < 8
    hoped = torch.cat([hoped[~rare], hoped[rare].sum()[None]])
    found = torch.cat([counts[~rare].double(), counts[rare].sum().double()[None]])
    known = hoped > 1e-9
    freedom = int(known.sum()) - 1
    if freedom < 1:
        return 0.0
    square = float(((found - hoped)[known] ** 2 / hoped[known]).sum())
    spread = 2 / (9 * freedom)
    return ((square / freedom) ** (1 / 3) - (1 - spread)) / spread**0.5
