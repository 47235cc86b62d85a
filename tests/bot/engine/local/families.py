"""One small random model of every family that the local engine must run, made here: nothing is downloaded.

Each is float32, the same on every run, has 2 to 4 layers, and reads up to 512 tokens. What makes a family different
is there and matters at these sizes: windows of 16 keys, biases and norms that are not at their neutral values,
multipliers that are not 1. Weights are larger than usual, so that greedy answers vary and the likeliest token leads.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoConfig, AutoModelForCausalLM, GenerationConfig, PreTrainedModel, PreTrainedTokenizerFast

VOCABULARY = 384
CONTEXT = 512
SPECIAL = ("<pad>", "<s>", "</s>", "<|im_start|>", "<|im_end|>")
PAD, BOS, EOS, TURN, TURN_END = range(5)
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)

_SENTENCES = (
    "The front desk answers where people already write.",
    "How long does a refund take? About five working days after the parcel is back with us.",
    "May I bring the bike to the workshop on Saturday, and what does that cost?",
    "Yes: the workshop is open from nine to five, and a small service costs forty-nine euros.",
    "退货需要多长时间才能到账？包裹寄回后大约五个工作日。",
)

_SHAPE: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": CONTEXT,
    "initializer_range": 0.3,
    "pad_token_id": PAD,
    "bos_token_id": BOS,
    "eos_token_id": EOS,
}


def _build(kind: str, *, seed: int = 0, shape: dict[str, Any] | None = None, **special: Any) -> PreTrainedModel:
    """A model of transformers' model type `kind`, with `special` beside or instead of the common shape.

    Its attention is transformers' plain one: the faster ones leave soft-capping out in some versions.
    """
    config = AutoConfig.for_model(kind, **((_SHAPE if shape is None else shape) | special))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_config(config, attn_implementation="eager").float().eval()
        _leave_neutral(model)
    model.generation_config = _generation()
    return model


@torch.no_grad()
def _leave_neutral(model: PreTrainedModel) -> None:
    """Move norms off 1 and biases off 0, so that a forward pass that forgets one is found out."""
    for name, parameter in model.named_parameters():
        if parameter.dim() == 1:
            parameter.add_(torch.randn_like(parameter) * 0.2)
        if ".post_" in name and "gemma" in model.config.model_type:  # else the embedding drowns what layers add
            parameter.add_(6.0)


def _generation() -> GenerationConfig:
    return GenerationConfig(bos_token_id=BOS, eos_token_id=[EOS, TURN_END], pad_token_id=PAD, do_sample=False)


_GPT2 = {
    "vocab_size": VOCABULARY,
    "n_embd": 64,
    "n_layer": 3,
    "n_head": 4,
    "n_positions": CONTEXT,
    "initializer_range": 0.3,
    "pad_token_id": PAD,
    "bos_token_id": BOS,
    "eos_token_id": EOS,
}
_LLAMA3_ROPE = {
    "rope_type": "llama3",
    "factor": 4.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 128,
}

FAMILIES: dict[str, Callable[[], PreTrainedModel]] = {
    "llama": partial(_build, "llama"),
    # Scaled rotary positions, as in Llama 3, and an output that is the input's embedding.
    "llama3": partial(_build, "llama", rope_scaling=_LLAMA3_ROPE, tie_word_embeddings=True, head_dim=32),
    "qwen2": partial(_build, "qwen2", tie_word_embeddings=True),
    "qwen3": partial(_build, "qwen3", head_dim=32),
    "mistral": partial(_build, "mistral", num_hidden_layers=3, head_dim=16, sliding_window=16),
    "phi3": partial(_build, "phi3"),
    "gemma": partial(_build, "gemma", head_dim=32, num_key_value_heads=1),
    "gemma2": partial(
        _build,
        "gemma2",
        head_dim=32,
        num_hidden_layers=4,
        sliding_window=16,
        query_pre_attn_scalar=24,
        attn_logit_softcapping=5.0,
        final_logit_softcapping=20.0,
    ),
    "gemma3": partial(
        _build,
        "gemma3_text",
        head_dim=32,
        num_hidden_layers=4,
        sliding_window=16,
        query_pre_attn_scalar=24,
        layer_types=["sliding_attention", "sliding_attention", "sliding_attention", "full_attention"],
    ),
    "olmo2": partial(_build, "olmo2"),
    "granite": partial(
        _build,
        "granite",
        attention_multiplier=0.4,
        embedding_multiplier=3.0,
        residual_multiplier=0.6,
        logits_scaling=2.0,
    ),
    "gpt2": partial(_build, "gpt2", shape=_GPT2),
    "qwen3_moe": partial(
        _build, "qwen3_moe", head_dim=32, num_experts=4, num_experts_per_tok=2, moe_intermediate_size=32
    ),
}


def tokenizer(vocabulary: int = VOCABULARY) -> PreTrainedTokenizerFast:
    """A byte-level BPE of exactly `vocabulary` tokens (at least 300), with a chat template."""
    pairs = Tokenizer(models.BPE())
    pairs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    pairs.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    pairs.train_from_iterator(_SENTENCES, trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=pairs,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        additional_special_tokens=["<|im_start|>", "<|im_end|>"],
        clean_up_tokenization_spaces=False,
        model_max_length=CONTEXT,
    )
    fast.chat_template = CHAT_TEMPLATE
    return fast


def folder(name: str, path: Path) -> Path:
    """Write the family `name` to `path` as a folder to load from: safetensors, tokenizer, configs."""
    FAMILIES[name]().save_pretrained(path)
    tokenizer().save_pretrained(path)
    return path
