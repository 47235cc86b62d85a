"""From logits to tokens: every request of a batch by its own settings, drawn on the device.

For each row, in this order: what a grammar forbids and logit_bias, the penalties (repetition, frequency, presence),
temperature, top_k, top_p, min_p, the draw. Up to temperature the order is vLLM's (vllm/v1/sample/sampler.py); top_k,
top_p and min_p come in the order of transformers' logits warpers (GenerationMixin._get_logits_processor), each over
what the one before has left. Log-probabilities are those of the untouched logits (vLLM's `raw_logprobs`).

`ignore_eos` masks nothing: an end token may be drawn as any other, and the worker goes on past it, as in vLLM.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import torch
from torch import Tensor

from bot.engine.local.choosing import draw_rows, greedy, redrawn
from bot.engine.local.draws import Draws, Likely
from bot.engine.local.penalties import Repetition, Subtraction
from bot.engine.local.plan import Group, Setting, groups, sent
from bot.engine.local.request import Request
from bot.engine.local.uniform import uniform


class Sampler:
    """Draws the next token of each request. Used from one thread; never waits for a GPU.

    A token depends on its row of logits, its request's settings, seed and place in the answer: on nothing else in
    the batch, and not on preemptions.
    """

    def __init__(self, *, slots: int, vocabulary: int, device: torch.device, end_tokens: Collection[int]) -> None:
        """`end_tokens` are what a grammar allows where an answer may end."""
        self._vocabulary = vocabulary
        self._device = device
        self._end_tokens = frozenset(token for token in end_tokens if 0 <= token < vocabulary)
        self._settings: list[Setting | None] = [None] * slots
        self._repetition = Repetition(slots, vocabulary, device)
        self._subtraction = Subtraction(slots, vocabulary, device)
        self._groups: list[Group] = []
        self._grouped: tuple[int, ...] = ()

    @torch.no_grad()
    def place(self, request: Request) -> None:
        """Take the settings of `request` for `request.slot`: when it gets the slot, and again after a preemption.

        `request.tokens` has all that was generated before the step in which it is placed.
        """
        setting = Setting.of(
            request.sampling,
            slot=request.slot,
            seed=request.seed,
            bound=request.grammar is not None,
            vocabulary=self._vocabulary,
        )
        self._settings[request.slot] = setting
        self._grouped = ()
        if setting.repeated:
            self._repetition.place(request.slot, setting.repetition, request.tokens)
        if setting.subtracted:
            answer = request.tokens[request.prompt_length :]
            self._subtraction.place(request.slot, setting.frequency, setting.presence, answer)

    @torch.no_grad()
    def draw(self, logits: Tensor, requests: Sequence[Request]) -> Draws:
        """Draw a token for each of `requests` from its row of `logits` [R, vocabulary], which stay as they are.

        Call it after the scheduler has counted the step's tokens as `pending`: the token being drawn is number
        `request.generated - 1` of its answer. Requests with a grammar have no other token pending.
        """
        self._group([request.slot for request in requests])
        tokens, best = self._drawn(logits, requests)
        finite = best.isfinite()
        tokens = torch.where(finite, tokens, 0)
        self._remember(tokens)
        return Draws(tokens, finite, self._likely(logits, tokens))

    def _remember(self, tokens: Tensor) -> None:
        """Let the tokens drawn be penalized from now on, before anybody on the host knows them."""
        for group in self._groups:
            if group.kind.repeated:
                self._repetition.add(group.slots, group.of(tokens), group.repetition)
            if group.kind.subtracted:
                self._subtraction.add(group.slots, group.of(tokens), group.frequency, group.presence)

    def _group(self, slots: list[int]) -> None:
        """Keep the groups from step to step, for as long as the batch stays as it is."""
        if not self._grouped or self._grouped != tuple(slots):
            settings = [setting for slot in slots if (setting := self._settings[slot]) is not None]
            if len(settings) < len(slots):
                raise LookupError("A request is drawn for that was never placed in its slot.")
            self._groups = groups(settings, self._vocabulary, self._device)
            self._grouped = tuple(slots)

    def _drawn(self, logits: Tensor, requests: Sequence[Request]) -> tuple[Tensor, Tensor]:
        """Tokens and highest scores, [R] each."""
        if len(self._groups) == 1 and self._groups[0].whole:
            return self._draw(self._groups[0], logits, requests)
        tokens = torch.empty(len(requests), dtype=torch.int64, device=logits.device)
        best = torch.empty(len(requests), dtype=torch.float32, device=logits.device)
        for group in self._groups:
            own, highest = self._draw(group, group.of(logits), [requests[row] for row in group.members])
            tokens.index_copy_(0, group.rows, own)
            best.index_copy_(0, group.rows, highest.to(best))
        return tokens, best

    def _draw(self, group: Group, logits: Tensor, requests: Sequence[Request]) -> tuple[Tensor, Tensor]:
        """For one group, whose rows of the batch `logits` are."""
        kind = group.kind
        scores = self._edited(group, logits, requests) if kind.edited else logits
        if not kind.random:
            return greedy(scores)
        places = torch.tensor([request.generated - 1 for request in requests], dtype=torch.int64)
        rows = group.with_uniform(self._on_device(uniform(group.seeds, places)))
        if kind.cut and self._device.type == "cpu":
            return redrawn(
                scores,
                rows,
                lambda row, number: uniform(group.seeds[row : row + 1], places[row : row + 1], number),
            )
        return draw_rows(scores, rows, among=kind.among, cut=kind.cut)

    def _edited(self, group: Group, logits: Tensor, requests: Sequence[Request]) -> Tensor:
        """A float32 copy of `logits` with bias, penalties and the grammars' masks."""
        scores = logits.to(torch.float32, copy=True)
        if group.kind.bias:
            rows, ids, values = group.biased
            scores.index_put_((rows, ids), values, accumulate=True)
        if group.kind.repeated:
            self._repetition.apply(scores, group.slots, rising=group.kind.repetition < 1)
        if group.kind.subtracted:
            self._subtraction.apply(scores, group.slots)
        if group.kind.bound:
            # The maximum is NaN where anything is: what the mask hides must not hide that.
            broken = ~(scores.amax(dim=-1, keepdim=True) < torch.inf)
            scores.masked_fill_(~self._allowed(requests), -torch.inf).masked_fill_(broken, torch.nan)
        return scores

    def _allowed(self, requests: Sequence[Request]) -> Tensor:
        """[N, vocabulary] whether each request's grammar lets a token come next."""
        packed = bytearray()
        for request in requests:
            if request.grammar is not None:
                packed += request.grammar.allowed(self._end_tokens)
        bits = self._on_device(torch.frombuffer(packed, dtype=torch.uint8)).view(len(requests), -1, 1)
        places = torch.arange(8, dtype=torch.uint8, device=bits.device)
        return (bits >> places & 1).to(torch.bool).flatten(1)[:, : self._vocabulary]

    def _likely(self, logits: Tensor, tokens: Tensor) -> Likely | None:
        """Log-probabilities for the rows that ask for them."""
        asking = [
            (row, setting.top_logprobs)
            for group in self._groups
            for row, setting in zip(group.members, group.settings, strict=True)
            if setting.logprobs
        ]
        if not asking:
            return None
        rows = sent([row for row, _ in asking], torch.int64, self._device)
        return Likely.of(logits.index_select(0, rows), tokens.index_select(0, rows), dict(asking))

    def _on_device(self, own: Tensor) -> Tensor:
        return own.pin_memory().to(self._device, non_blocking=True) if self._device.type == "cuda" else own
