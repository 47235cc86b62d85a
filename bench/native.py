"""The native CPU path by itself: steps of a model as the scheduler makes them, beside what the memory can do.

    python -m bench.native [--size small] [--rounds 30] [--model FOLDER]

Prints the best of many short runs, since the machine may be shared: milliseconds of a decode step at 1 to 64 requests
with 300 keys each, weights and keys read per second against the measured read bandwidth, and TFLOP/s of a prompt.
Then what int8 weights change: with `--model` on a model that was trained, else on random weights.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer

from bench.engine import read_bandwidth
from bench.random_models import SIZES, on_device, texts, tokenizer
from bot.engine.local.batch import Batch
from bot.engine.local.cache import create
from bot.engine.local.loaded import Loaded, loaded_from
from bot.engine.local.native import NativeForward, native_forward, native_kernels
from bot.engine.local.settings import LocalSettings, Quantization

BLOCK = 32
KEYS = 300
AT_ONCE = (1, 8, 32, 64)
PROMPTS = (128, 512)
JUDGED = 400
"""Tokens over which the loss of int8 is measured."""


@dataclass(frozen=True, slots=True)
class Bench:
    """A model's forward pass with room for 64 sequences."""

    loaded: Loaded
    forward: NativeForward

    def seconds(self, batch: Batch, rounds: int) -> float:
        """The best of `rounds` runs, each of a step."""
        self.forward(batch)
        best = float("inf")
        for _ in range(rounds):
            began = time.perf_counter()
            self.forward(batch)
            best = min(best, time.perf_counter() - began)
        return best


def prepare(loaded: Loaded, quantization: Quantization = "none", *, sequences: int = max(AT_ONCE)) -> Bench:
    kernels = native_kernels(lambda what, _part: print(what))
    if kernels is None:
        raise SystemExit("There are no native kernels here; the line above says why.")
    blocks = sequences * (-(-max(KEYS, *PROMPTS, JUDGED) // BLOCK)) + 1
    cache = create(loaded.layers, blocks=blocks, block_tokens=BLOCK, dtype=loaded.dtype, device=loaded.device)
    settings = LocalSettings(model="", quantization=quantization)
    forward = native_forward(loaded, cache, kernels, settings, release=False)
    if forward is None:
        raise SystemExit("The native forward does not know this model.")
    return Bench(loaded, forward)


def step(tokens: Tensor, pieces: Sequence[tuple[int, int]]) -> Batch:
    """A step of `pieces`, each (tokens before, tokens now), that samples at the end of each."""
    each = -(-max(before + now for before, now in pieces) // BLOCK)
    # Blocks of a sequence lie apart, as they do after some hours.
    tables = torch.arange(len(pieces))[:, None] + torch.arange(each)[None] * len(pieces) + 1
    positions = [torch.arange(before, before + now) for before, now in pieces]
    starts = torch.tensor([0, *(now for _, now in pieces)]).cumsum(0)
    written = [row[p // BLOCK] * BLOCK + p % BLOCK for row, p in zip(tables, positions, strict=True)]
    return Batch(
        tokens=tokens,
        positions=torch.cat(positions),
        write_at=torch.cat(written),
        starts=starts.to(torch.int32),
        lengths=torch.tensor([before + now for before, now in pieces], dtype=torch.int32),
        tables=tables.to(torch.int32),
        rows=starts[1:] - 1,
        decodes=sum(now == 1 for _, now in pieces),
        longest_query=max(now for _, now in pieces),
        longest=max(before + now for before, now in pieces),
    )


def costs(loaded: Loaded) -> tuple[float, float, float]:
    """Weights that a token is multiplied with, in the layers and in the head, and numbers of a key and value."""
    shape = loaded.config
    heads = sum(layer.kv_heads * layer.key_dim * 2 for layer in loaded.layers)
    width = loaded.layers[0].heads * loaded.layers[0].key_dim
    layer = shape.hidden_size * (2 * width + heads / len(loaded.layers) + 3 * shape.intermediate_size)
    return layer * len(loaded.layers), float(shape.hidden_size * shape.vocab_size), float(heads)


def figures(size: str, quantization: Quantization, rounds: int, bandwidth: float) -> None:
    model = on_device("llama", size, dtype=torch.bfloat16)
    bench = prepare(loaded_from(model, tokenizer(1_000), LocalSettings(model=size)), quantization)
    vocabulary = SIZES[size].vocabulary
    body, head, keys = costs(bench.loaded)
    width = 1 if quantization == "int8" else 2
    print(f"{size}, {'int8 weights' if quantization == 'int8' else 'bfloat16'}, {torch.get_num_threads()} threads")
    for at_once in AT_ONCE:
        batch = step(torch.randint(3, vocabulary, (at_once,)), [(KEYS - 1, 1)] * at_once)
        seconds = bench.seconds(batch, rounds)
        read = ((body + head) * width + at_once * KEYS * keys * 2) / seconds
        print(
            f"  decode {at_once:3d} x {KEYS} keys: {seconds * 1e3:7.2f} ms, {at_once / seconds:6.0f} tokens/s, "
            f"{read / 1e9:5.1f} GB/s ({read / bandwidth:.2f} of the measured {bandwidth / 1e9:.1f})"
        )
    for count in PROMPTS:
        seconds = bench.seconds(step(torch.randint(3, vocabulary, (count,)), [(0, count)]), max(3, rounds // 5))
        rate = 2 * body * count / seconds
        print(
            f"  prompt of {count}: {seconds * 1e3:7.2f} ms, {count / seconds:6.0f} tokens/s, {rate / 1e12:.2f} TFLOP/s"
        )


def judge(loaded: Loaded, tokens: Tensor, what: str) -> None:
    """What the two ways of packing weights change against float32: logits, choices and distributions."""
    batch = replace(step(tokens, [(0, len(tokens))]), rows=torch.arange(len(tokens)))
    exact = prepare(loaded, sequences=1).forward(batch).double()
    narrow = replace(loaded, model=loaded.model.to(torch.bfloat16), dtype=torch.bfloat16)  # type: ignore[arg-type]  # its wrapper hides the signature
    for name, quantization in (("bfloat16", "none"), ("int8 weights", "int8")):
        got = prepare(narrow, quantization, sequences=1).forward(batch).double()  # type: ignore[arg-type]  # from the line above
        apart = (got - exact).abs()
        likely, unlikely = exact.log_softmax(-1), got.log_softmax(-1)
        divergence = (likely.exp() * (likely - unlikely)).sum(-1)
        print(
            f"  {what}, {name}: logits {apart.mean():.4f} apart (most {apart.max():.3f}; spread {exact.std():.2f}), "
            f"the same choice in {(got.argmax(-1) == exact.argmax(-1)).double().mean():.1%}, "
            f"divergence {divergence.mean():.5f} nats (most {divergence.max():.4f})"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="small", choices=[name for name, size in SIZES.items() if size.written])
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--model", default="", help="a folder with a trained model of a known family")
    given = parser.parse_args()
    with torch.inference_mode():
        bandwidth = read_bandwidth()
        for quantization in ("none", "int8"):
            figures(given.size, quantization, given.rounds, bandwidth)
        print("What narrower weights change, against float32:")
        random = on_device("llama", given.size)
        settings = LocalSettings(model=given.size)
        judge(
            loaded_from(random, tokenizer(1_000), settings),
            torch.randint(3, SIZES[given.size].vocabulary, (JUDGED,)),
            "random weights",
        )
        if given.model:
            trained = AutoModelForCausalLM.from_pretrained(given.model, dtype=torch.float32)
            words = AutoTokenizer.from_pretrained(given.model)
            text = words.encode(" ".join(text for _, text in zip(range(4), texts(), strict=False)))[:JUDGED]
            judge(loaded_from(trained, words, settings), torch.tensor(text), "trained")


if __name__ == "__main__":
    main()
