"""Looking at a loaded model before it serves: what its attention asks for, and whether our way of running it is right.

A few tokens are run twice, by transformers' own attention and by ours over a paged cache in several pieces. A model
whose layers do not all go through the attention interface, or whose logits come out different (because it remembers
in another way, or adds something to its scores), is refused here rather than answering nonsense later.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from transformers import PreTrainedModel

from bot.engine.base import EngineRefused
from bot.engine.local.attention import NotOurs, TransformersForward, adopt, run
from bot.engine.local.batch import Batch
from bot.engine.local.cache import Layer, create
from bot.engine.local.checkpoint import brief
from bot.engine.local.quiet import quiet
from bot.engine.local.torch_kernels import TorchKernels

PIECES = (7, 1, 9, 1, 1)
"""How the probe's tokens are cut into steps: pieces of a prompt and single tokens."""
BLOCK_TOKENS = 4
TOLERANCE = {torch.float32: 1e-3, torch.float16: 0.05, torch.bfloat16: 0.15}
"""Largest distance between the two, as the median over tokens of |a - b| / |a|: rounding in each dtype with room."""
KNOWN_LAYERS = frozenset({"full_attention", "sliding_attention", "attention"})


@dataclass(slots=True)
class Recorder:
    """Answers each layer with plain causal attention over the call's own tokens, and writes down what it asked for."""

    layers: list[Layer] = field(default_factory=list)

    def attend(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        *,
        scale: float,
        window: int,
        softcap: float,
        sinks: Tensor | None,
    ) -> Tensor:
        """[T, heads, head_dim], as `Attending` says; only its shape matters here."""
        heads, kv_heads = query.shape[1], key.shape[1]
        self.layers.append(
            Layer(
                heads=heads,
                kv_heads=kv_heads,
                key_dim=key.shape[2],
                value_dim=value.shape[2],
                scale=scale,
                window=window,
                softcap=softcap,
                sinks=sinks is not None,
            )
        )
        shared = heads // kv_heads
        seen = functional.scaled_dot_product_attention(
            query.transpose(0, 1),
            key.repeat_interleave(shared, 1).transpose(0, 1),
            value.repeat_interleave(shared, 1).transpose(0, 1),
            is_causal=True,
        )
        return seen.transpose(0, 1)


@torch.inference_mode()
def layers_of(model: PreTrainedModel) -> tuple[Layer, ...]:
    """What each layer's attention asks for. Afterwards the model attends through ours.

    Raises `EngineRefused` for a model that this engine cannot run, saying why.
    """
    config = model.config.get_text_config()
    name = type(model).__name__
    unknown = set(getattr(config, "layer_types", None) or ()) - KNOWN_LAYERS
    if unknown:
        raise _refusal(name, f"has layers of a kind that it does not know ({', '.join(sorted(unknown))})")
    tokens = torch.arange(sum(PIECES), device=model.device) * 7 % config.vocab_size
    recorder = Recorder()
    try:
        with quiet():
            model.set_attn_implementation("eager")  # the others leave soft-capping out in some versions
            expected = _own(model, tokens)
            adopt(model)
            run(model, _piece(tokens, 0, len(tokens)), recorder)
        layers = tuple(recorder.layers)
        _compare_layers(name, config, layers)
        distance = _distance(expected, _ours(model, layers, tokens))
    except NotOurs as fault:
        raise _refusal(name, str(fault)) from fault
    except torch.OutOfMemoryError:
        raise
    except (TypeError, ValueError, LookupError, AttributeError, RuntimeError) as fault:
        raise _refusal(name, f"cannot be run on packed tokens ({brief(fault)})") from fault
    if not bool(expected.isfinite().all()):
        raise EngineRefused(
            f"The model ({name}) computes no numbers in {str(model.dtype).removeprefix('torch.')}: its files are "
            "damaged, or that precision is too narrow for it. Set dtype to float32 (or bfloat16) to see which.",
            field="dtype",
        )
    if not distance <= TOLERANCE.get(model.dtype, 0.15):
        raise _refusal(name, f"gives other results over a paged cache than by itself (they are {distance:.2g} apart)")
    return layers


def _own(model: PreTrainedModel, tokens: Tensor) -> Tensor:
    """[T, vocabulary] by transformers' own attention and cache."""
    logits: Tensor = model(input_ids=tokens[None], use_cache=True).logits[0]
    return logits


def _ours(model: PreTrainedModel, layers: tuple[Layer, ...], tokens: Tensor) -> Tensor:
    """[T, vocabulary] in pieces over a paged cache."""
    blocks = -(-len(tokens) // BLOCK_TOKENS) + 1
    cache = create(layers, blocks=blocks, block_tokens=BLOCK_TOKENS, dtype=model.dtype, device=model.device)
    forward = TransformersForward(model, cache, TorchKernels())
    logits, start = [], 0
    for count in PIECES:
        logits.append(forward(_piece(tokens, start, count)))
        start += count
    return torch.cat(logits)


def _piece(tokens: Tensor, start: int, count: int) -> Batch:
    """Tokens [start, start + count) of one sequence whose blocks are 1, 2, 3 and so on."""
    device = tokens.device
    positions = torch.arange(start, start + count, device=device)
    blocks = -(-(start + count) // BLOCK_TOKENS)
    return Batch(
        tokens=tokens[start : start + count],
        positions=positions,
        write_at=positions + BLOCK_TOKENS,
        starts=torch.tensor([0, count], dtype=torch.int32, device=device),
        lengths=torch.tensor([start + count], dtype=torch.int32, device=device),
        tables=torch.arange(1, blocks + 1, dtype=torch.int32, device=device)[None],
        rows=torch.arange(count, device=device),
        decodes=int(count == 1),
        longest_query=count,
        longest=start + count,
    )


def _compare_layers(name: str, config: Any, layers: tuple[Layer, ...]) -> None:
    """Every layer attends once, and with the window that its configuration names (masks are not looked at)."""
    many = config.num_hidden_layers
    if len(layers) != many:
        raise _refusal(
            name,
            f"attends {len(layers)} times through transformers' attention interface for its {many} layers (it is a "
            "state-space, recurrent or mixed model, or one with an attention of its own)",
        )
    kinds = getattr(config, "layer_types", None)
    sliding = getattr(config, "sliding_window", None) or 0
    if getattr(config, "use_sliding_window", True) is False:
        sliding = 0
    for number, layer in enumerate(layers):
        window = sliding if kinds is None or kinds[number] == "sliding_attention" else 0
        if layer.window != window:
            raise _refusal(
                name, f"says {window} and {layer.window} about the sliding window of layer {number}, in two places"
            )


def _distance(expected: Tensor, got: Tensor) -> float:
    expected, got = expected.float(), got.float()
    return float(((expected - got).norm(dim=-1) / expected.norm(dim=-1).clamp(min=1e-6)).median())


def _refusal(name: str, reason: str) -> EngineRefused:
    return EngineRefused(
        f"The model ({name}) cannot be run by this engine: it {reason}. Take a decoder-only language model with plain "
        "attention, such as the Llama, Qwen, Mistral, Gemma, Phi-3, OLMo or Granite families.",
        field="model",
    )
