"""The forward pass of few kernels, in Triton's interpreter, against transformers' own code."""

from __future__ import annotations

import pytest

from tests.bot.engine.local import triton_here  # noqa: F401 (for its effect)

# isort: split
import torch
from torch import nn

from bot.engine.local.gpu import fused, projection
from bot.engine.local.gpu.attention import TritonKernels
from bot.engine.local.gpu.fused import FusedForward
from bot.engine.local.gpu.graphs import Graphed, Rerun
from bot.engine.local.gpu.llama import llama_of
from bot.engine.local.gpu.projection import Shape
from bot.engine.local.gpu.quantized import quantize
from bot.engine.local.gpu.rotary import rotary
from bot.engine.local.gpu.static_batch import StaticBatch
from bot.engine.local.probe import layers_of
from tests.bot.engine.local.families import CONTEXT, FAMILIES
from tests.bot.engine.local.steps import BLOCK_TOKENS, BLOCKS_EACH, Part, expected, play, small_cache, step

torch.set_num_threads(1)
CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def few_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The interpreter takes its time for each program: let each have more rows."""
    monkeypatch.setattr(projection, "vector_shape", lambda *_, gated: Shape(16, 64, 4))


TOKENS = torch.arange(36).view(2, 18) * 7 % 300


@pytest.mark.parametrize("name", ["llama", "llama3", "qwen2", "qwen3", "mistral"])
def test_gives_the_models_own_logits(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the family adds (biases, norms of heads, windows, scaled positions), in float32 the logits of every
    token are transformers' own, however the tokens are cut into steps."""
    monkeypatch.setattr(fused, "FEW", 2)
    model = FAMILIES[name]()
    wanted = expected(model, TOKENS)
    layers = layers_of(model)
    llama = llama_of(model, layers, context_tokens=64)
    assert llama is not None
    forward = FusedForward(llama, small_cache(layers, 2), TritonKernels(CPU, splits=2))
    piece = max(4, *(layer.window + 1 for layer in layers))
    plan = (
        (Part(0, 0, 3),),
        (Part(0, 3, 1),),  # batch 1: the products of one vector
        (Part(0, 4, 1), Part(1, 0, piece)),  # a piece of a prompt beside a decode
        (Part(1, piece, 1), Part(0, 5, 1)),
    )
    found = play(forward, TOKENS, plan)
    for sequence, end in ((0, 6), (1, piece + 1)):
        torch.testing.assert_close(found[sequence, :end], wanted[sequence, :end], atol=2e-4, rtol=1e-4)


def test_repeated_steps_of_few_kernels_give_the_models_own_logits() -> None:
    """As a GPU runs it: decode steps padded to the size of a recording, over the forward pass and kernels of ours."""
    model = FAMILIES["llama"]()
    tokens = torch.arange(15).view(3, 5) * 11 % 300
    wanted = expected(model, tokens)
    layers = layers_of(model)
    llama = llama_of(model, layers, context_tokens=64)
    assert llama is not None
    own = FusedForward(llama, small_cache(layers, 3), TritonKernels(CPU, splits=1))
    static = StaticBatch(rows=4, context=(BLOCKS_EACH - 1) * BLOCK_TOKENS, block_tokens=BLOCK_TOKENS, device=CPU)
    forward = Graphed(own, static, Rerun(), requests=4)
    plan = (
        (Part(0, 0, 2), Part(1, 0, 2), Part(2, 0, 2)),
        (Part(2, 2, 1), Part(0, 2, 1), Part(1, 2, 1)),
        (Part(1, 3, 1),),
    )
    found = play(forward, tokens, plan)
    assert forward.replayed == 2
    for sequence, end in ((0, 3), (1, 4), (2, 3)):
        torch.testing.assert_close(found[sequence, :end], wanted[sequence, :end], atol=2e-4, rtol=1e-4)


def test_a_step_is_copied_and_padded_in_one_kernel_as_by_torch() -> None:
    """What a GPU does in one launch to prepare a step is what many copies do, also over what was there before."""
    tokens = torch.arange(60).view(3, 20)
    steps = [
        step(tokens, [Part(0, 3, 1), Part(2, 17, 1), Part(1, 9, 1)]),
        step(tokens, [Part(1, 10, 1)]),
        step(tokens, [Part(2, 18, 1), Part(0, 0, 1)]),
    ]
    one, other = (StaticBatch(rows=4, context=32, block_tokens=BLOCK_TOKENS, device=CPU) for _ in range(2))
    for batch in steps:
        one._fill_at_once(batch, 4)
        other.fill(batch, 4)
        own, wanted = one.batch(4), other.batch(4)
        for name in ("tokens", "positions", "write_at", "lengths"):
            assert torch.equal(getattr(own, name), getattr(wanted, name))
        for row in range(4):  # beyond a sequence's own blocks nothing is read
            blocks = -(-int(wanted.lengths[row]) // BLOCK_TOKENS)
            assert torch.equal(own.tables[row, :blocks], wanted.tables[row, :blocks])


@pytest.mark.parametrize("name", sorted(set(FAMILIES) - {"llama", "llama3", "qwen2", "qwen3", "mistral"}))
def test_other_families_are_left_to_their_own_code(name: str) -> None:
    """A family that is not known to the last addition is never taken apart."""
    model = FAMILIES[name]()
    assert llama_of(model, layers_of(model), context_tokens=64) is None


def test_a_changed_model_is_left_to_its_own_code() -> None:
    """A layer of another kind (an adapter, somebody's own quantisation) or another activation is not overlooked."""

    class Odd(nn.Linear):
        pass

    model = FAMILIES["llama"]()
    layers = layers_of(model)
    whole = model.model.layers[1].mlp.down_proj
    model.model.layers[1].mlp.down_proj = Odd(whole.in_features, whole.out_features, bias=False)
    assert llama_of(model, layers, context_tokens=64) is None
    model.model.layers[1].mlp.down_proj = whole
    model.config.hidden_act = "gelu"
    assert llama_of(model, layers, context_tokens=64) is None


@pytest.mark.parametrize("quantized", [False, True])
def test_the_model_itself_keeps_working_and_nothing_is_held_twice(quantized: bool) -> None:
    """After joining, the model's own layers read the joined weights, so that both ways give what they gave."""
    model = FAMILIES["qwen2"]()
    layers = layers_of(model)
    if quantized:
        quantize(model, "int8")
    before = expected(model, TOKENS)
    llama = llama_of(model, layers, context_tokens=64)
    assert llama is not None
    torch.testing.assert_close(expected(model, TOKENS), before)
    for own, taken in zip(model.model.layers, llama.layers, strict=True):
        attention = own.self_attn
        for part in (attention.q_proj, attention.k_proj, attention.v_proj):
            assert (
                part.weight.untyped_storage().data_ptr()
                == taken.queries_keys_values.weight.untyped_storage().data_ptr()
            )


def test_quantized_weights_give_the_quantized_models_logits() -> None:
    """With int8 weights, one token and many go through kernels of their own and give what the modules give."""
    model = FAMILIES["llama"]()
    layers = layers_of(model)
    quantize(model, "int8")
    wanted = expected(model, TOKENS)
    llama = llama_of(model, layers, context_tokens=64)
    assert llama is not None
    forward = FusedForward(llama, small_cache(layers, 2), TritonKernels(CPU, splits=1))
    found = play(forward, TOKENS, ((Part(0, 0, 3),), (Part(0, 3, 1),)))
    torch.testing.assert_close(found[0, :4], wanted[0, :4], atol=1e-3, rtol=1e-3)


def test_positions_that_stretch_are_not_made_a_table() -> None:
    """Frequencies that depend on what is being read cannot be worked out beforehand."""
    model = FAMILIES["llama"]()
    like = torch.zeros(1)
    embedding = model.model.rotary_emb
    table = rotary(embedding, positions=5_000, dim=16, like=like)
    assert table is not None and table.cosines.shape == (5_000, 8)
    cosine, sine = embedding(like, torch.tensor([[4_321]]))
    assert torch.equal(table.cosines[4_321], cosine[0, 0, :8]) and torch.equal(table.sines[4_321], sine[0, 0, :8])
    assert rotary(embedding, positions=CONTEXT, dim=32, like=like) is None
    embedding.rope_type = "dynamic"
    assert rotary(embedding, positions=CONTEXT, dim=16, like=like) is None
