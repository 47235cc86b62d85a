"""Narrow weights: modules against the weights that they stand for, kernels against float64, and what it costs."""

from __future__ import annotations

import pytest

from tests.bot.engine.local import triton_here  # noqa: F401 (for its effect)

# isort: split
import torch
from torch import Tensor, nn
from torch.nn import functional

from bot.engine.base import EngineRefused
from bot.engine.local.gpu import projection
from bot.engine.local.gpu.projection import Norm, Shape, Weights, add_product, joined, narrowed, product, times_vector
from bot.engine.local.gpu.quantized import Kind, QuantizedLinear, narrow, quantize
from tests.bot.engine.local.families import FAMILIES
from tests.bot.engine.local.steps import expected

torch.set_num_threads(1)


def distance(found: Tensor, wanted: Tensor) -> float:
    """|found - wanted| / |wanted|"""
    return ((found.double() - wanted.double()).norm() / wanted.double().norm()).item()


@pytest.mark.parametrize(("kind", "step"), [("int8", 1 / 254), ("fp8", 1 / 16)])
def test_narrow_weights_are_near_the_whole_ones(kind: Kind, step: float) -> None:
    """No number is further off than half a step of its row's int8 (or of its own fp8); a row of zeros stays zeros."""
    torch.manual_seed(0)
    weight = torch.randn(20, 300) * torch.logspace(-3, 3, 20)[:, None]
    weight[4] = 0
    stored, scales = narrow(weight, kind)
    back = stored.double() * scales[:, None].double()
    size = (
        weight.abs().amax(1, keepdim=True)
        if kind == "int8"
        else weight.abs() + weight.abs().amax(1, keepdim=True) / 4e4
    )
    assert (back - weight).abs().le(size * step * 1.001 + 1e-12).all()
    assert torch.equal(back[4], torch.zeros(300, dtype=torch.float64))
    assert stored.element_size() == 1


@pytest.mark.parametrize("kind", ["int8", "fp8"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("tokens", "width"), [(1, 64), (3, 50), (40, 64)])
def test_a_module_answers_as_the_weights_that_it_stands_for(
    kind: Kind, dtype: torch.dtype, tokens: int, width: int
) -> None:
    """The layer's output is that of a linear layer with the narrow weights widened, for any number of tokens."""
    torch.manual_seed(0)
    linear = nn.Linear(width, 34, bias=tokens != 3).to(dtype)
    layer = QuantizedLinear(linear, kind)
    states = torch.randn(2, tokens, width).to(dtype)
    whole = layer.weight.double() * layer.scales[:, None].double()
    bias = None if linear.bias is None else linear.bias.double()
    wanted = functional.linear(states.double(), whole, bias)
    found = layer(states)
    assert found.dtype == dtype and found.shape == (2, tokens, 34)
    assert distance(found, wanted) < (1e-6 if dtype is torch.float32 else 1e-2)


@pytest.mark.parametrize("name", ["llama", "qwen2", "gemma2", "phi3"])
@torch.inference_mode()
def test_a_quantized_model_says_nearly_the_same(name: str) -> None:
    """int8 changes the logits of a whole model (with weights larger than real ones) by a few percent at most, and the
    likeliest token seldom; the output layer, norms and embeddings stay whole."""
    model = FAMILIES[name]()
    tokens = torch.arange(200).view(4, 50) * 13 % 300
    wanted = expected(model, tokens)
    head = model.get_output_embeddings()
    assert quantize(model, "int8") == sum(isinstance(module, QuantizedLinear) for module in model.modules()) > 0
    assert model.get_output_embeddings() is head and type(head) is nn.Linear
    assert not any(type(module) is nn.Linear for module in model.modules() if module is not head)
    found = expected(model, tokens)
    assert distance(found, wanted) < 0.08
    assert (found.argmax(-1) == wanted.argmax(-1)).float().mean() > 0.85
    assert distance(found, wanted) > 1e-5  # something was narrowed


def test_what_cannot_be_quantized_is_refused_with_a_reason() -> None:
    """fp8 wants Hopper; a model without linear layers has nothing to narrow. Both name the setting; the model stays."""
    model = FAMILIES["llama"]()
    with pytest.raises(EngineRefused, match="Hopper") as refusal:
        quantize(model, "fp8")
    assert refusal.value.field == "quantization"
    assert not any(isinstance(module, QuantizedLinear) for module in model.modules())
    with pytest.raises(EngineRefused, match="no linear layers"):
        quantize(FAMILIES["gpt2"](), "int8")


KINDS: tuple[Kind | None, ...] = (None, "int8", "fp8")


def weights(rows: int, width: int, kind: Kind | None, *, bias: bool, dtype: torch.dtype = torch.float32) -> Weights:
    """Random weights, stored as `kind`."""
    whole = torch.randn(rows, width).to(dtype)
    own = torch.randn(rows).to(dtype) if bias else None
    return Weights(whole, None, own) if kind is None else Weights(*narrow(whole, kind), own)


def exact(states: Tensor, held: Weights) -> Tensor:
    """The product in float64."""
    whole = held.weight.double() if held.scales is None else held.weight.double() * held.scales[:, None].double()
    return functional.linear(states.double(), whole, None if held.bias is None else held.bias.double())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("gated", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_a_vectors_product_with_all_that_belongs_to_it(kind: Kind | None, gated: bool, dtype: torch.dtype) -> None:
    """Norm, product, scales, bias, gate and residual in one kernel are what they are one after the other in float64,
    where neither side of the matrix is a multiple of a tile."""
    torch.manual_seed(3)
    held = weights(38, 200, kind, bias=True, dtype=dtype)
    vector, norm = torch.randn(1, 200).to(dtype), torch.rand(200).to(dtype)
    residual = torch.randn(1, 19 if gated else 38).to(dtype)
    states = vector.double()
    states = states / (states.square().mean() + 1e-5).sqrt() * norm.double()
    wanted = exact(states, held)
    if gated:
        wanted = functional.silu(wanted[:, :19]) * wanted[:, 19:]
    wanted = wanted + residual.double()
    found = times_vector(vector, held, norm=Norm(norm, 1e-5), residual=residual, gated=gated, shape=Shape(4, 64, 4))
    assert found is residual
    assert distance(found, wanted) < (1e-6 if dtype is torch.float32 else 1e-3)
    plain = times_vector(vector, held, shape=Shape(16, 256, 4))
    assert distance(plain, exact(vector, held)) < (1e-6 if dtype is torch.float32 else 1e-3)


@pytest.mark.parametrize("tokens", [1, 5, 20])
@pytest.mark.parametrize("kind", [None, "int8"])
@pytest.mark.parametrize("bias", [False, True])
def test_products_of_any_number_of_tokens(
    tokens: int, kind: Kind | None, bias: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Few tokens by our kernel, many by a widened weight: the same product, alone and added in place."""
    monkeypatch.setattr(projection, "FEW_TOKENS", 10)
    torch.manual_seed(4)
    held = weights(70, 150, kind, bias=bias)
    states, residual = torch.randn(tokens, 150), torch.randn(tokens, 70)
    before = residual.clone()
    assert distance(product(states, held), exact(states, held)) < 1e-6
    assert add_product(residual, states, held) is residual
    assert distance(residual, before.double() + exact(states, held)) < 1e-6


def test_tokens_are_narrowed_each_by_its_own_largest() -> None:
    """For fp8 products: every token's largest becomes the largest of fp8, and the others follow; zeros stay zeros.
    (The interpreter cuts off where a GPU rounds, and loses a carry to the next power of two: hence a whole step,
    and a few exceptions.)"""
    torch.manual_seed(5)
    states = torch.randn(4, 100) * torch.tensor([1e-3, 1.0, 1e4, 0.0])[:, None]
    found, scales = narrowed(states)
    assert torch.equal(found.float().abs().amax(1), torch.tensor([448.0, 448.0, 448.0, 0.0]))
    back = found.float() * scales[:, None]
    near = (back - states).abs() <= states.abs() / 8 + states.abs().amax(1, keepdim=True) / 2e4
    assert near.float().mean() > 0.98 and near[3].all()
    torch.testing.assert_close(scales, states.abs().amax(1).clamp(min=1e-12) / 448)


@pytest.mark.parametrize("kind", KINDS)
def test_joined_weights_give_the_products_side_by_side(kind: Kind | None) -> None:
    """Rows of several layers in one, where only some of them have a bias."""
    torch.manual_seed(6)
    parts = [weights(8, 32, kind, bias=True), weights(4, 32, kind, bias=False), weights(6, 32, kind, bias=True)]
    states = torch.randn(1, 32)
    wanted = torch.cat([exact(states, part) for part in parts], 1)
    assert distance(times_vector(states, joined(parts)), wanted) < 1e-6
    assert joined([parts[1]]).bias is None
