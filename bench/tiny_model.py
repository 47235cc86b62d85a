"""Train a tiny model that speaks: `python -m bench.tiny_model --out FOLDER [--minutes 4]`.

A Qwen3 of 1.6 million parameters learns the demo's help articles by heart, as questions and answers in a chat
template, on a CPU in minutes. It is there to see sampling, stop strings and streaming on something that says words
and ends its turns. It does not understand: what it was not taught it makes up.

`--minutes` fits the schedule to the clock; `--steps` makes the run repeatable to the bit on one machine.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch.nn import functional
from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

from bench.tiny_corpus import ARTICLES, Pair, pairs
from bench.tiny_lessons import BEGIN, END, Batch, Lessons

PAD = "<|endoftext|>"
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
VOCABULARY = 2_048
PEAK_RATE, WARMUP = 4e-3, 0.04
SAMPLES = (
    "How long is a gift card valid?",
    "what does error E12 mean",
    "Tell me about the Eddy.",
    "Hi there!",
    "How do I cancel Paddle Plus?",
)

SAMPLE_TOKENS = 160


def tokenizer_of(every: Sequence[Pair], vocabulary: int = VOCABULARY) -> PreTrainedTokenizerFast:
    """A byte-level BPE of the corpus."""
    pairs_of_bytes = Tokenizer(models.BPE())
    pairs_of_bytes.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    pairs_of_bytes.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[PAD, BEGIN, END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    answers = [f"{pair.question}\n{pair.answer}" for pair in every]
    articles = [file.read_text(encoding="utf-8") for file in sorted(ARTICLES.glob("*.md"))]
    pairs_of_bytes.train_from_iterator([*answers, *articles], trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=pairs_of_bytes, eos_token=END, pad_token=PAD, additional_special_tokens=[BEGIN]
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


def model_of(tokenizer: PreTrainedTokenizerFast, *, hidden: int = 192, layers: int = 3) -> PreTrainedModel:
    """An untrained Qwen3 for `tokenizer`."""
    config = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        intermediate_size=hidden * 8 // 3,
        num_hidden_layers=layers,
        num_attention_heads=hidden // 32,
        num_key_value_heads=hidden // 64,
        head_dim=32,
        max_position_embeddings=4_096,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = Qwen3ForCausalLM(config)
    model.generation_config = GenerationConfig(
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id, do_sample=True, temperature=0.3
    )
    return model


@dataclass(slots=True)
class Course:
    """How far the training is: a share of its steps, or of its time."""

    steps: int
    minutes: float
    done: int = 0
    tokens: int = 0
    began: float = 0.0

    @property
    def share(self) -> float:
        if self.steps:
            return self.done / self.steps
        return min(1.0, (time.monotonic() - self.began) / (self.minutes * 60))

    def rate(self) -> float:
        """Up to the peak, then down a half cosine to a hundredth of it."""
        share = self.share
        if share < WARMUP:
            return PEAK_RATE * (0.05 + 0.95 * share / WARMUP)
        return PEAK_RATE * (0.01 + 0.99 * (1 + math.cos(math.pi * (share - WARMUP) / (1 - WARMUP))) / 2)


def loss_of(model: PreTrainedModel, batch: Batch) -> torch.Tensor:
    """The cross-entropy of what is learned; other places are not projected to words at all."""
    ids, said = batch
    hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state
    learned = said != -100
    return functional.cross_entropy(model.lm_head(hidden[learned]), said[learned])


def train(model: PreTrainedModel, lessons: Lessons, course: Course, say: Callable[[float], None]) -> float:
    """Train to the end of `course`. `say` hears the smoothed loss after each step. Returns the last one."""
    matrices = [parameter for parameter in model.parameters() if parameter.dim() > 1]
    others = [parameter for parameter in model.parameters() if parameter.dim() < 2]
    groups = [{"params": matrices, "weight_decay": 0.05}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=PEAK_RATE, betas=(0.9, 0.98), fused=True)
    course.began = time.monotonic()
    model.train()
    smooth = 0.0
    for batch in lessons:
        for group in optimizer.param_groups:
            group["lr"] = course.rate()
        loss = loss_of(model, batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        course.done += 1
        course.tokens += batch[0].numel()
        smooth = loss.item() if course.done == 1 else 0.95 * smooth + 0.05 * loss.item()
        say(smooth)
        if course.share >= 1:
            break
    model.eval()
    return smooth


@torch.inference_mode()
def answer(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, question: str) -> tuple[str, bool]:
    """The likeliest answer, and whether it ended by itself."""
    text = tokenizer.apply_chat_template(
        [{"role": "user", "content": question}], tokenize=False, add_generation_prompt=True
    )
    asked = tokenizer(text, return_tensors="pt")
    ids = model.generate(
        asked["input_ids"], attention_mask=asked["attention_mask"], max_new_tokens=SAMPLE_TOKENS, do_sample=False
    )
    said = ids[0, asked["input_ids"].shape[1] :]
    return tokenizer.decode(said, skip_special_tokens=True), int(said[-1]) == tokenizer.eos_token_id


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="the folder to write")
    parser.add_argument("--minutes", type=float, default=4.0, help="how long to train")
    parser.add_argument("--steps", type=int, default=0, help="train so many steps instead, however long it takes")
    parser.add_argument("--threads", type=int, default=0, help="threads of the CPU (default: torch's choice)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    console = Console()
    torch.manual_seed(options.seed)
    every = pairs()
    tokenizer = tokenizer_of(every)
    model = model_of(tokenizer)
    size = sum(parameter.numel() for parameter in model.parameters())
    console.print(
        f"{len(every):,} questions and answers, {len(tokenizer):,} tokens, {size / 1e6:.1f} million parameters"
    )
    course = Course(options.steps, options.minutes)
    began, worked = time.monotonic(), time.process_time()
    loss = _watched(console, model, Lessons(every, tokenizer, options.seed), course)
    seconds, worked = time.monotonic() - began, time.process_time() - worked
    console.print(
        f"loss {loss:.3f} after {course.done:,} steps of {course.tokens:,} tokens, "
        f"in {seconds:.0f} s ({worked:.0f} s of CPU)"
    )
    model.save_pretrained(options.out)
    tokenizer.save_pretrained(options.out)
    for question in SAMPLES:
        said, ended = answer(model, tokenizer, question)
        console.print(f"[bold]{question}[/bold]\n  {escape(said)}{'' if ended else ' …'}")
    console.print(f"Written to {options.out}. Try: frontdesk demo --model {options.out}")


def _watched(console: Console, model: PreTrainedModel, lessons: Lessons, course: Course) -> float:
    """Train behind a bar. Returns the loss."""
    columns = (TextColumn("training"), BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=1.0)

        def say(loss: float) -> None:
            rate = course.tokens / (time.monotonic() - course.began)
            progress.update(task, completed=course.share, description=f"loss {loss:.3f}, {rate:,.0f} tokens/s")

        return train(model, lessons, course, say)


if __name__ == "__main__":
    main()
