"""The corpus as batches to learn from: conversations, and prompts as the product composes them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence

import torch
from transformers import PreTrainedTokenizerFast

from bench.tiny_corpus import ROOT, Pair, varied
from bot.config import load
from prompts.compose import compose
from prompts.memory import Remembered
from prompts.template import Library

BEGIN, END = "<|im_start|>", "<|im_end|>"
ROW_TOKENS, ROWS = 256, 2
LONG_ROWS, LONG_TOKENS = 1, 1_400
LONG_EVERY = 32
"""One step in so many is of whole prompts of the product, with their system text."""

Batch = tuple[torch.Tensor, torch.Tensor]
"""Token ids [rows, length], and what is to be said next [rows, length]: -100 where nothing is learned."""


class Desk:
    """Asks as the product does: with its system prompt, and numbered passages of which one holds the answer."""

    def __init__(self, every: Sequence[Pair], count: Callable[[str], int]) -> None:
        self._config = load(ROOT / "bot/demo/frontdesk.toml", environ={})
        self._template = Library().get("answer", "en")
        self._sections = [pair.section for pair in every if pair.section]
        self._count = count

    def system(self, pair: Pair, draw: random.Random) -> tuple[str, str]:
        """The system prompt, and the answer with the number of its passage."""
        others = [section.passage for section in draw.sample(self._sections, draw.randint(0, 2))]
        passages = [pair.section.passage, *others] if pair.section else others
        draw.shuffle(passages)
        prompt = compose(
            template=self._template,
            question=pair.question,
            language="en",
            passages=passages,
            remembered=Remembered(),
            site=self._config.site,
            config=self._config.prompts.model_copy(update={"context_tokens": LONG_TOKENS}),
            memory=self._config.memory,
            count=self._count,
            now=1_792_000_000.0 + draw.randrange(40_000_000),
        ).prompt
        own = pair.section.text if pair.section else ""
        held = [at for at, passage in enumerate(prompt.passages, 1) if passage.text in own]
        return prompt.system, f"{pair.answer} [{held[0]}]" if held else pair.answer


class Lessons:
    """Endless batches, the same for the same seed."""

    def __init__(self, every: Sequence[Pair], tokenizer: PreTrainedTokenizerFast, seed: int) -> None:
        self._every, self._tokenizer = every, tokenizer
        self._weights = [pair.weight for pair in every]
        self._draw = random.Random(seed)
        self._desk = Desk(every, lambda text: len(tokenizer(text)["input_ids"]))

    def __iter__(self) -> Iterator[Batch]:
        step = 0
        while True:
            step += 1
            yield self._long() if step % LONG_EVERY == 0 else self._short()

    def _short(self) -> Batch:
        """Conversations one after the other, cut into rows."""
        ids: list[int] = []
        said: list[int] = []
        while len(ids) <= ROWS * ROW_TOKENS:
            pair = self._pair()
            self._turn(ids, said, "user", varied(pair, self._draw), learned=False)
            self._turn(ids, said, "assistant", pair.answer, learned=True)
        size = ROWS * ROW_TOKENS
        return (
            torch.tensor(ids[:size]).view(ROWS, ROW_TOKENS),
            torch.tensor(said[1 : size + 1]).view(ROWS, ROW_TOKENS),
        )

    def _long(self) -> Batch:
        """A prompt of the product in each row."""
        rows = []
        for _ in range(LONG_ROWS):
            ids: list[int] = []
            said: list[int] = []
            pair = self._pair()
            system, answer = self._desk.system(pair, self._draw)
            self._turn(ids, said, "system", system, learned=False)
            self._turn(ids, said, "user", varied(pair, self._draw), learned=False)
            self._turn(ids, said, "assistant", answer, learned=True)
            rows.append((ids[:-1], said[1:]))
        longest = max(len(ids) for ids, _ in rows)
        pad = self._tokenizer.pad_token_id
        return (
            torch.tensor([ids + [pad] * (longest - len(ids)) for ids, _ in rows]),
            torch.tensor([said + [-100] * (longest - len(said)) for _, said in rows]),
        )

    def _pair(self) -> Pair:
        return self._draw.choices(self._every, self._weights)[0]

    def _turn(self, ids: list[int], said: list[int], role: str, text: str, *, learned: bool) -> None:
        head = self._tokenizer(f"{BEGIN}{role}\n")["input_ids"]
        body = self._tokenizer(f"{text}{END}")["input_ids"]
        tail = self._tokenizer("\n")["input_ids"]
        ids += head + body + tail
        said += [-100] * len(head) + (body if learned else [-100] * len(body)) + [-100] * len(tail)
