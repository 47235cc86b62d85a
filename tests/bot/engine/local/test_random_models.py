"""The random models that speed is measured with."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from bench.random_models import FAMILIES, SIZES, on_device, tokenizer, write


@pytest.mark.parametrize("family", FAMILIES)
def test_each_family_computes_at_a_useful_size(family: str) -> None:
    """The smallest of each reads a prompt and gives finite logits over its vocabulary."""
    torch.set_num_threads(1)
    model = on_device(family, "tiny")
    with torch.inference_mode():
        logits = model(torch.arange(3, 40)[None]).logits
    assert logits.shape == (1, 37, SIZES["tiny"].vocabulary)
    assert logits.isfinite().all()


@pytest.mark.parametrize(("size", "billions"), [("small", 0.0416), ("1b", 1.236), ("8b", 8.030)])
def test_sizes_are_what_they_are_called(size: str, billions: float) -> None:
    """Parameters of the Llama shapes that figures are given for, counted without their memory."""
    model = on_device("llama", size, device="meta", dtype=torch.bfloat16)
    assert sum(parameter.numel() for parameter in model.parameters()) / 1e9 == pytest.approx(billions, rel=1e-3)
    assert model.dtype is torch.bfloat16


def test_a_written_model_is_loaded_again(tmp_path: Path) -> None:
    """In the precision asked for, with a tokenizer of exactly its vocabulary and a chat template."""
    write("qwen3", "tiny", tmp_path, dtype=torch.bfloat16)
    model = AutoModelForCausalLM.from_pretrained(tmp_path, dtype="auto")
    texts = AutoTokenizer.from_pretrained(tmp_path)
    assert model.dtype is torch.bfloat16
    assert torch.equal(model.lm_head.weight, on_device("qwen3", "tiny").lm_head.weight.bfloat16())
    assert len(texts) == model.config.vocab_size == 2_000
    assert texts.decode(texts.encode("Grüße, 你好")) == "Grüße, 你好"
    assert texts.apply_chat_template([{"role": "user", "content": "a"}], tokenize=False) == "<s>user\na</s>"


def test_a_large_vocabulary_is_filled_up() -> None:
    """Every id has a token, learned or not, and text still comes back."""
    texts = tokenizer(20_000)
    assert len(texts) == 20_000
    assert texts.convert_ids_to_tokens(19_999) == "<extra19999>"
    assert texts.decode(texts.encode("a word <extra19999>")) == "a word <extra19999>"
