"""Random models of every family that the engine runs: `python -m bench.random_models m42 --out FOLDER`.

They say nothing, but cost what real ones of their shape cost. `m42` is the one that figures are given for: a Llama of
41.6 million parameters. `on_device` makes the large ones where they are to run; those are never written.
"""

from __future__ import annotations

import argparse
import json
import sysconfig
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    GenerationConfig,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

ROOT = Path(__file__).parent.parent
CHAT_TEMPLATE = (
    "{% for message in messages %}<s>{{ message['role'] }}\n{{ message['content'] }}</s>{% endfor %}"
    "{% if add_generation_prompt %}<s>assistant\n{% endif %}"
)
UNKNOWN, BEGIN, END = "<unk>", "<s>", "</s>"
LEARNED_TOKENS = 16_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """A shape. `written` is whether it is small enough for a disk."""

    layers: int
    hidden: int
    intermediate: int
    heads: int
    kv_heads: int
    head_dim: int
    vocabulary: int = 16_000
    positions: int = 4_096
    tied: bool = False
    written: bool = True


SIZES: dict[str, Size] = {
    "tiny": Size(layers=4, hidden=128, intermediate=384, heads=4, kv_heads=2, head_dim=32, vocabulary=2_000),
    "small": Size(layers=8, hidden=512, intermediate=1_536, heads=8, kv_heads=4, head_dim=64),
    "medium": Size(layers=16, hidden=1_024, intermediate=3_072, heads=16, kv_heads=8, head_dim=64),
    # The shapes of Llama 3.2 1B and Llama 3.1 8B.
    "1b": Size(
        layers=16, hidden=2_048, intermediate=8_192, heads=32, kv_heads=8, head_dim=64,
        vocabulary=128_256, positions=131_072, tied=True, written=False,
    ),
    "8b": Size(
        layers=32, hidden=4_096, intermediate=14_336, heads=32, kv_heads=8, head_dim=128,
        vocabulary=128_256, positions=131_072, written=False,
    ),
}  # fmt: skip

FAMILIES: dict[str, dict[str, Any]] = {
    "llama": {"rms_norm_eps": 1e-5},
    "qwen2": {},
    "qwen3": {},
    "mistral": {"sliding_window": 1_024},
    "phi3": {},
    "gemma": {},
    "gemma2": {"sliding_window": 512},
    "gemma3_text": {"sliding_window": 512},
    "olmo2": {},
    "granite": {
        "attention_multiplier": 0.0156,
        "embedding_multiplier": 12.0,
        "residual_multiplier": 0.22,
        "logits_scaling": 8.0,
    },
    "gpt2": {},
    "qwen3_moe": {"num_experts": 8, "num_experts_per_tok": 2, "moe_intermediate_size": 512},
}
"""By transformers' model type: what sets it apart."""


def config(family: str, size: Size) -> PretrainedConfig:
    """The configuration of `family` in `size`."""
    tokens = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
    if family == "gpt2":
        shape: dict[str, Any] = {
            "n_layer": size.layers,
            "n_embd": size.hidden,
            "n_inner": size.intermediate,
            "n_head": size.heads,
            "n_positions": size.positions,
        }
    else:
        shape = {
            "num_hidden_layers": size.layers,
            "hidden_size": size.hidden,
            "intermediate_size": size.intermediate,
            "num_attention_heads": size.heads,
            "num_key_value_heads": size.kv_heads,
            "head_dim": size.head_dim,
            "max_position_embeddings": size.positions,
            "tie_word_embeddings": size.tied or family.startswith("gemma"),
        }
    return AutoConfig.for_model(family, vocab_size=size.vocabulary, **shape, **FAMILIES[family], **tokens)


def on_device(
    family: str, size: str, *, device: str | torch.device = "cpu", dtype: torch.dtype = torch.float32
) -> PreTrainedModel:
    """The random model of `family` in `size`, with its weights made on `device` in `dtype`; the same every time."""
    torch.manual_seed(0)
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with torch.device(device):
            model = AutoModelForCausalLM.from_config(config(family, SIZES[size])).to(dtype).eval()
    finally:
        torch.set_default_dtype(before)
    model.generation_config = GenerationConfig(bos_token_id=1, eos_token_id=2, pad_token_id=0)
    return model


def texts() -> Iterator[str]:
    """What the project has written, and the beginning of Python's own library: enough for a vocabulary."""
    for pattern in ("*.md", "docs/*.md", "bot/demo/knowledge/**/*.md", "prompts/library/**/*.md", "bot/**/*.py"):
        yield from _read(sorted(ROOT.glob(pattern)))
    yield from _read(sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))[:160])


def _read(paths: Iterable[Path]) -> Iterator[str]:
    for path in paths:
        yield path.read_text(encoding="utf-8", errors="ignore")


def tokenizer(vocabulary: int) -> PreTrainedTokenizerFast:
    """A byte-level BPE with exactly `vocabulary` ids; those that our text does not fill are never written."""
    pairs = Tokenizer(models.BPE())
    pairs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    pairs.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=min(vocabulary, LEARNED_TOKENS),
        special_tokens=[UNKNOWN, BEGIN, END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    pairs.train_from_iterator(texts(), trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=_filled(pairs, vocabulary), unk_token=UNKNOWN, bos_token=BEGIN, eos_token=END
    )
    fast.chat_template = CHAT_TEMPLATE
    return fast


def _filled(pairs: Tokenizer, vocabulary: int) -> Tokenizer:
    """With words that no merge makes for the ids that are left."""
    state = json.loads(pairs.to_str())
    known = state["model"]["vocab"]
    known |= {f"<extra{at}>": at for at in range(len(known), vocabulary)}
    return Tokenizer.from_str(json.dumps(state))


def write(family: str, size: str, out: Path, *, dtype: torch.dtype = torch.float32) -> None:
    """Save model, tokenizer and configurations in `out`, as safetensors."""
    began = time.perf_counter()
    model = on_device(family, size).to(dtype)
    model.save_pretrained(out)
    tokenizer(SIZES[size].vocabulary).save_pretrained(out)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    print(
        f"{family} {size}: {parameters / 1e6:.1f} million parameters in {str(dtype).removeprefix('torch.')}, "
        f"{SIZES[size].vocabulary:,} tokens, made in {time.perf_counter() - began:.0f} s: {out}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("family", choices=["m42", "all", *FAMILIES], help="m42 is the small llama; all is one of each")
    parser.add_argument("--size", choices=[name for name, size in SIZES.items() if size.written], default="small")
    parser.add_argument("--dtype", choices=["float32", "bfloat16", "float16"], default="float32")
    parser.add_argument("--out", type=Path, required=True, help="the folder to write (for all: a folder of folders)")
    options = parser.parse_args()
    dtype = getattr(torch, options.dtype)
    if options.family == "all":
        for family in FAMILIES:
            write(family, options.size, options.out / family, dtype=dtype)
    elif options.family == "m42":
        write("llama", "small", options.out, dtype=dtype)
    else:
        write(options.family, options.size, options.out, dtype=dtype)


if __name__ == "__main__":
    main()
