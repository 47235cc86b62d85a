"""The small random models that the engine's tests compare with."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from tests.bot.engine.local.families import CONTEXT, EOS, FAMILIES, TURN_END, VOCABULARY, folder


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def _prompts(count: int, length: int) -> torch.Tensor:
    return torch.randint(5, VOCABULARY, (count, length), generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", FAMILIES)
def test_each_family_is_the_same_every_time_and_answers_with_variety(name: str) -> None:
    """A seeded model: equal weights from two builds, whatever was drawn before; its answers differ by prompt."""
    model = FAMILIES[name]()
    torch.rand(3)
    for one, other in zip(model.parameters(), FAMILIES[name]().parameters(), strict=True):
        assert one.dtype is torch.float32
        assert torch.equal(one, other)
    prompts = _prompts(4, 40)
    with torch.inference_mode():
        answers = model.generate(prompts, attention_mask=torch.ones_like(prompts), max_new_tokens=16)[:, 40:]
    assert len({tuple(answer.tolist()) for answer in answers}) == 4
    assert len(answers.unique()) > 10


@pytest.mark.parametrize("name", FAMILIES)
def test_every_bias_and_norm_changes_the_answer(name: str) -> None:
    """A forward pass that forgets one is found out."""
    model, prompts = FAMILIES[name](), _prompts(1, 60)
    with torch.inference_mode():
        true = model(prompts).logits
        for parameter in model.parameters():
            # GPT-2's keys are not rotated: their bias shifts all scores of a query alike, which softmax forgets.
            if parameter.dim() > 1 or name == "gpt2":
                continue
            kept = parameter.clone()
            parameter.copy_(torch.zeros_like(kept) if kept.mean().abs() < 0.5 else torch.ones_like(kept))
            assert not torch.allclose(model(prompts).logits, true, atol=1e-3)
            parameter.copy_(kept)


@pytest.mark.parametrize(
    ("name", "neutral"),
    [
        ("llama3", {"rope_scaling": None}),
        ("mistral", {"sliding_window": CONTEXT}),
        ("gemma2", {"sliding_window": CONTEXT}),
        ("gemma2", {"attn_logit_softcapping": None}),
        ("gemma2", {"query_pre_attn_scalar": 32}),
        ("gemma3", {"sliding_window": CONTEXT}),
        ("granite", {"attention_multiplier": 0.25}),
        ("granite", {"embedding_multiplier": 1.0}),
        ("granite", {"residual_multiplier": 1.0}),
    ],
)
def test_what_sets_a_family_apart_changes_the_answer(name: str, neutral: dict[str, Any]) -> None:
    """The same weights without the window, the cap or the multiplier give other logits."""
    build, prompts = FAMILIES[name], _prompts(1, 60)
    assert isinstance(build, partial)
    with torch.inference_mode():
        difference = build()(prompts).logits[0, -1] - build(**neutral)(prompts).logits[0, -1]
    assert difference.abs().max() > 0.1


@pytest.mark.parametrize("name", ["llama3", "gemma3"])
def test_a_folder_loads_to_the_same_model(name: str, tmp_path: Path) -> None:
    """What is written is what was built, with its tokenizer, chat template and the tokens that end an answer."""
    path = folder(name, tmp_path / name)
    assert list(path.glob("*.safetensors"))
    model = AutoModelForCausalLM.from_pretrained(path, attn_implementation="eager")
    tokenizer = AutoTokenizer.from_pretrained(path)
    prompts = _prompts(2, 50)
    with torch.inference_mode():
        assert torch.equal(model(prompts).logits, FAMILIES[name]()(prompts).logits)
    assert model.generation_config.eos_token_id == [EOS, TURN_END]
    assert len(tokenizer) == VOCABULARY
    text = tokenizer.apply_chat_template([{"role": "user", "content": "你好"}], tokenize=False)
    assert text == "<s><|im_start|>user\n你好<|im_end|>\n"
    assert tokenizer.decode(tokenizer.encode("Grüße, 你好 🙂")) == "Grüße, 你好 🙂"
