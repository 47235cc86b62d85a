"""A whole step in C++, against transformers' own model: logits, greedy answers, precision, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForCausalLM

from bot.engine.local.assembly import runner_of
from bot.engine.local.batch import KvCache
from bot.engine.local.cache import create
from bot.engine.local.loaded import Loaded, loaded_from
from bot.engine.local.native import NativeForward, native_forward
from bot.engine.local.settings import LocalSettings
from bot.engine.local.torch_kernels import TorchKernels
from tests.bot.engine.local.driving import answers, asked, scheduler_of
from tests.bot.engine.local.families import FAMILIES, VOCABULARY, tokenizer
from tests.bot.engine.local.native_here import kernels_here, loaded, pieces, sampling

KNOWN = ("llama", "llama3", "qwen2", "qwen3", "mistral")
BLOCKS_EACH = 5
LENGTH = 60
STEPS = (  # (sequence, start, count), single tokens first
    [(0, 0, 37), (1, 0, 1)],
    [(0, 37, 1), (1, 1, 16), (2, 0, 33)],
    [(0, 38, 1), (1, 17, 1), (2, 33, 1)],
    [(1, 18, 1), (0, 39, 21)],
    [(1, 19, 41), (2, 34, 26)],
)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def cache_of(model: Loaded, block_tokens: int = 16) -> KvCache:
    return create(
        model.layers,
        blocks=1 + 3 * BLOCKS_EACH,
        block_tokens=block_tokens,
        dtype=model.dtype,
        device=torch.device("cpu"),
    )


def native(
    model: Loaded, *, quantization: str = "none", block_tokens: int = 16, release: bool = False
) -> NativeForward:
    settings = LocalSettings(model=model.name, quantization=quantization)  # type: ignore[arg-type]  # a parameter's value
    forward = native_forward(model, cache_of(model, block_tokens), kernels_here(), settings, release=release)
    assert forward is not None
    return forward


def some_tokens(seed: int = 0) -> Tensor:
    return torch.randint(5, VOCABULARY, (3, LENGTH), generator=torch.Generator().manual_seed(seed))


def played(forward: NativeForward, tokens: Tensor, block_tokens: int = 16) -> Tensor:
    """Logits of all tokens, [3, LENGTH, vocabulary], computed in the steps above."""
    found = torch.full((*tokens.shape, VOCABULARY), torch.nan)
    for parts in STEPS:
        ordered = sorted(parts, key=lambda part: part[2] > 1)
        logits = forward(pieces(tokens, ordered, block_tokens, BLOCKS_EACH))
        for (sequence, start, count), rows in zip(ordered, logits.split([p[2] for p in ordered]), strict=True):
            found[sequence, start : start + count] = rows
    return found


@torch.inference_mode()
def own(model: Any, tokens: Tensor) -> Tensor:
    model.set_attn_implementation("eager")
    logits: Tensor = model(input_ids=tokens).logits
    return logits


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("family", KNOWN)
def test_logits_are_those_of_the_model(family: str, threads: int) -> None:
    """In float32, over pieces of prompts and decodes side by side, every logit is transformers' within 1e-4."""
    torch.set_num_threads(threads)
    model = loaded(family)
    tokens = some_tokens()
    torch.testing.assert_close(played(native(model), tokens), own(model.model, tokens), rtol=1e-4, atol=1e-4)


UNEVEN: dict[str, dict[str, Any]] = {
    "sizes that fill no tile": {"hidden_size": 72, "intermediate_size": 100, "head_dim": 18},
    "biases everywhere": {"attention_bias": True, "mlp_bias": True},
    "one head for all keys": {"num_key_value_heads": 1, "num_attention_heads": 8, "head_dim": 8},
    "stretched positions": {
        "rope_scaling": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64, "rope_theta": 1e4}
    },
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("shape", UNEVEN)
def test_shapes_of_every_kind(shape: str, dtype: torch.dtype) -> None:
    """Odd sizes, biases and stretched positions give the model's logits; bfloat16 within its precision."""
    torch.manual_seed(1)
    settings = {"hidden_size": 64, "intermediate_size": 128, "num_attention_heads": 4, "num_key_value_heads": 2}
    config = AutoConfig.for_model(
        "llama", vocab_size=VOCABULARY, num_hidden_layers=2, initializer_range=0.1, **(settings | UNEVEN[shape])
    )
    model: Any = AutoModelForCausalLM.from_config(config, attn_implementation="eager").to(dtype)
    for parameter in model.parameters():
        if parameter.dim() == 1:
            parameter.data.add_(torch.randn_like(parameter) * 0.2)
    found = loaded_from(model, tokenizer(), LocalSettings(model="uneven"))
    tokens = some_tokens()
    got = played(native(found), tokens)
    expected = own(model.double(), tokens)
    exact = dtype == torch.float32
    distance = (got - expected).norm(dim=-1) / expected.norm(dim=-1)
    assert float(distance.max()) < (1e-5 if exact else 0.03)


@pytest.mark.parametrize("family", KNOWN)
def test_greedy_answers_are_those_of_generate(family: str) -> None:
    """Through scheduler and runner, in float32, mixed batches write what `generate` writes, token for token."""
    kernels_here()
    settings = LocalSettings(model=family, device="cpu", block_tokens=16, step_tokens=13, max_requests=6)
    runner = runner_of(loaded(family), settings)
    assert isinstance(runner._forward, NativeForward)
    prompts = [tuple(row[:length].tolist()) for row, length in zip(some_tokens(3), (1, 17, 58), strict=True)]
    requests = [asked(number, prompt, 20) for number, prompt in enumerate(prompts)]
    scheduler = scheduler_of(runner, requests=6, block_tokens=16, prefix_cache=False)
    got = answers(runner, scheduler, {0: requests[:2], 3: requests[2:]}, end_tokens=(), overlap=False)
    model: Any = FAMILIES[family]()
    model.generation_config.eos_token_id = None
    for prompt, answer in zip(prompts, got, strict=True):
        tokens = torch.tensor([prompt])
        written = model.generate(tokens, attention_mask=torch.ones_like(tokens), max_new_tokens=20, do_sample=False)
        assert list(answer) == written[0, len(prompt) :].tolist()


@pytest.mark.parametrize("block_tokens", [16, 32])
@pytest.mark.parametrize("family", KNOWN)
def test_bfloat16_is_as_close_to_the_truth_as_transformers(family: str, block_tokens: int) -> None:
    """Against float64 with the same weights, our error is at most that of transformers' own bfloat16."""
    model = loaded(family, torch.bfloat16)
    tokens = some_tokens()
    got = played(native(model, block_tokens=block_tokens), tokens, block_tokens)
    theirs = own(model.model, tokens).double()
    truth = own(model.model.double(), tokens)
    ours, others = ((logits - truth).norm() / truth.norm() for logits in (got, theirs))
    assert ours < max(0.01, 1.1 * float(others))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_int8_weights_are_near(dtype: torch.dtype) -> None:
    """Whole numbers for weights move the logits by a few percent, and the same as rounding the weights would."""
    model = loaded("qwen3", dtype)
    tokens = some_tokens()
    got = played(native(model, quantization="int8"), tokens)
    exact: Any = model.model.double()
    truth = own(exact, tokens)
    for module in exact.modules():
        if isinstance(module, nn.Linear):
            scale = module.weight.data.float().abs().amax(1, keepdim=True) / 127
            module.weight.data = (torch.round(module.weight.data.float() / scale) * scale).double()
    rounded = own(exact, tokens)
    assert (got - rounded).norm() / rounded.norm() < (1e-5 if dtype == torch.float32 else 0.02)
    assert (got - truth).norm() / truth.norm() < 0.08


def test_only_asked_rows_are_given() -> None:
    """Any tokens of the step may be sampled after, in any order, or none at all."""
    model = loaded("llama")
    tokens = some_tokens()
    forward = native(model)
    batch = pieces(tokens, [(1, 0, 1), (0, 0, 30), (2, 0, 20)], 16, BLOCKS_EACH)
    every = forward(batch).clone()
    torch.testing.assert_close(forward(sampling(batch, [0, 50, 30, 7])), every[[0, 50, 30, 7]])
    assert forward(sampling(batch, [])).shape == (0, VOCABULARY)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_company_changes_nothing(dtype: torch.dtype) -> None:
    """A sequence's next logits are the same numbers, to the last bit, alone and beside others, on any threads: what a
    seed draws does not depend on who else is there."""
    model = loaded("llama", dtype)
    tokens = some_tokens()
    forward = native(model)
    forward(pieces(tokens, [(0, 0, 40), (1, 0, 20), (2, 0, 33)], 16, BLOCKS_EACH))
    alone = forward(pieces(tokens, [(1, 20, 1)], 16, BLOCKS_EACH)).clone()
    torch.set_num_threads(2)
    together = forward(pieces(tokens, [(0, 40, 1), (1, 20, 1), (2, 33, 20)], 16, BLOCKS_EACH))
    assert torch.equal(together[1], alone[0])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_poisoned_sequence_stays_alone(dtype: torch.dtype) -> None:
    """Where one sequence's numbers are NaN, its logits are too, those of its neighbours are as before, and so is the
    next step over the same blocks and memory."""
    model = loaded("llama", dtype)
    model.model.model.embed_tokens.weight.data[7] = torch.nan
    tokens = some_tokens().masked_fill(some_tokens() == 7, 8)
    forward = native(model)
    parts = [(0, 0, 20), (1, 0, 33), (2, 0, 5)]
    clean = forward(pieces(tokens, parts, 16, BLOCKS_EACH)).clone()
    poisoned = tokens.clone()
    poisoned[1, 0] = 7
    got = forward(pieces(poisoned, parts, 16, BLOCKS_EACH)).clone()
    assert got[20:53].isnan().all()
    assert torch.equal(got[:20], clean[:20]) and torch.equal(got[53:], clean[53:])
    again = forward(pieces(tokens, [(0, 0, 20), (1, 0, 2), (2, 0, 5)], 16, BLOCKS_EACH))
    torch.testing.assert_close(again[20:22], clean[20:22])
    assert torch.equal(again[:20], clean[:20])


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [("tokens", VOCABULARY, "token"), ("positions", 10_000, "position"), ("write_at", -1, "slot")],
)
def test_a_step_beyond_the_model_is_refused(field: str, value: int, named: str) -> None:
    """A number that points outside of what there is raises an error that names it; memory is not touched."""
    forward = native(loaded("llama"))
    batch = pieces(some_tokens(), [(0, 0, 4)], 16, BLOCKS_EACH)
    wrong = getattr(batch, field).clone()
    wrong[2] = value
    with pytest.raises(ValueError, match=named):
        forward(replace(batch, **{field: wrong}))


@pytest.mark.parametrize("family", [name for name in FAMILIES if name not in KNOWN])
def test_other_families_are_left_to_transformers(family: str) -> None:
    """A model that is not recognised down to its modules gets None, and stays whole."""
    model = loaded(family)
    assert native_forward(model, cache_of(model), kernels_here(), LocalSettings(model=family)) is None
    assert not any(parameter.is_meta for parameter in model.model.parameters())


def test_a_model_that_was_changed_is_left_to_transformers() -> None:
    """A hook, another linear layer or another norm than the family's makes it somebody else's model."""

    def hooked(model: Any) -> None:
        model.model.layers[1].mlp.register_forward_hook(lambda *_: None)

    def adapted(model: Any) -> None:
        class Adapted(nn.Linear):
            pass

        model.model.layers[0].self_attn.q_proj.__class__ = Adapted

    def other(model: Any) -> None:
        model.model.norm = nn.RMSNorm(64)

    for change in (hooked, adapted, other):
        model = loaded("llama")
        change(model.model)
        assert native_forward(model, cache_of(model), kernels_here(), LocalSettings(model="llama")) is None
    model = loaded("llama")
    assert native_forward(model, cache_of(model), TorchKernels(), LocalSettings(model="llama")) is None


@pytest.mark.parametrize(("family", "tied"), [("llama", False), ("qwen2", True)])
def test_packed_weights_are_given_up(family: str, tied: bool) -> None:
    """The model keeps what is still read: norms, the embedding, and a head that is the embedding."""
    model = loaded(family)
    forward = native(model, release=True)
    tokens = some_tokens()
    torch.testing.assert_close(played(forward, tokens), own(FAMILIES[family](), tokens), rtol=1e-4, atol=1e-4)
    body: Any = model.model
    assert body.model.layers[0].self_attn.q_proj.weight.is_meta and body.model.layers[1].mlp.up_proj.weight.is_meta
    assert body.lm_head.weight.is_meta is not tied
    assert not body.model.embed_tokens.weight.is_meta and not body.model.norm.weight.is_meta
