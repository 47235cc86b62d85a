"""Putting a runner together: which kernels, which forward pass, how large a cache."""

from __future__ import annotations

import gc
import logging
from dataclasses import replace
from typing import Literal

import torch

from bot.engine.base import EngineFault, EngineRefused
from bot.engine.local.attention import TransformersForward
from bot.engine.local.batch import Batch, Forward, Kernels, KvCache
from bot.engine.local.batching import Batcher
from bot.engine.local.cache import Room, block_bytes, cpu_budget, create, cuda_budget, room
from bot.engine.local.checkpoint import Progress
from bot.engine.local.loaded import Loaded
from bot.engine.local.model_runner import MemoryFaults, ModelRunner
from bot.engine.local.sampler import Sampler
from bot.engine.local.settings import LocalSettings
from bot.engine.local.torch_kernels import TorchKernels

CPU_STEP_TOKENS = 256
CUDA_STEP_TOKENS = 2_048
"""What a step computes at most where that is left to the engine: long enough for the device to be busy with it, short
enough that a prompt does not hold up everybody's next word."""

logger = logging.getLogger(__name__)


def runner_of(loaded: Loaded, settings: LocalSettings, progress: Progress | None = None) -> ModelRunner:
    """A runner for `loaded`, with the fastest kernels and forward pass that its device and settings allow.

    Raises `EngineRefused` where not even one conversation fits into the memory or the quantization cannot be had,
    `EngineFault` where the memory is used up by others.
    """
    tell = progress or _silent
    step_tokens = max(_step_tokens(settings, loaded.device), settings.max_requests)
    try:
        with torch.inference_mode(), MemoryFaults():
            if settings.quantization != "none" and loaded.device.type == "cuda":
                _quantize(loaded, settings.quantization)  # first, so that the cache gets what it frees
            kernels = _kernels(loaded, settings, tell)
            space = _room(loaded, settings, kernels, step_tokens)
            loaded = replace(loaded, context_tokens=space.context_tokens)
            forward = _forward(loaded, settings, _cache(loaded, settings, space.blocks), kernels, tell)
    except torch.OutOfMemoryError as fault:
        raise EngineFault(
            f"There is no memory left for the conversations of {loaded.name} ({fault}). Set engine.local.cache_gb or "
            "context_tokens lower, or take a smaller model."
        ) from None
    return ModelRunner(
        forward,
        Sampler(
            slots=settings.max_requests,
            vocabulary=loaded.vocabulary,
            device=loaded.device,
            end_tokens=loaded.end_tokens,
        ),
        Batcher(
            slots=settings.max_requests,
            blocks=-(-space.context_tokens // settings.block_tokens) + 1,
            block_tokens=settings.block_tokens,
            device=loaded.device,
        ),
        blocks=space.blocks,
        context_tokens=space.context_tokens,
        step_tokens=step_tokens,
        vocabulary=loaded.vocabulary,
        overlap=loaded.device.type == "cuda",
        release=_release,
    )


def _step_tokens(settings: LocalSettings, device: torch.device) -> int:
    return settings.step_tokens or (CUDA_STEP_TOKENS if device.type == "cuda" else CPU_STEP_TOKENS)


def _silent(_what: str, _fraction: float) -> None: ...


def _quantize(loaded: Loaded, kind: Literal["int8", "fp8"]) -> None:
    """Make the weights narrower in place. Raises `EngineRefused` where that cannot be."""
    from bot.engine.local.gpu import quantize

    try:
        quantize(loaded, kind)
    except ImportError as fault:
        raise EngineRefused(
            f"Quantization {kind!r} cannot be had here ({fault}). Set quantization to none.",
            field="quantization",
        ) from None


def _kernels(loaded: Loaded, settings: LocalSettings, progress: Progress) -> Kernels:
    """The fastest that can read a cache of this model's shapes."""
    plain = TorchKernels()
    if settings.kernels == "torch":
        return plain
    if loaded.device.type == "cpu":
        from bot.engine.local.native import native_kernels

        native = native_kernels(progress)
        return native if native is not None and native.fits(_cache(loaded, settings, 2)) else plain
    if any(layer.key_dim != layer.value_dim for layer in loaded.layers):
        return plain
    from bot.engine.local.gpu import gpu_kernels

    try:
        return gpu_kernels(loaded.device)
    except ImportError as fault:
        logger.warning("Triton cannot be used here (%s): attention is torch's own, which is slower", fault)
        return plain


def _forward(loaded: Loaded, settings: LocalSettings, cache: KvCache, kernels: Kernels, progress: Progress) -> Forward:
    """A forward pass of the whole model for its family where there is one, else the model's own code."""
    forward: Forward | None = None
    fast = not isinstance(kernels, TorchKernels)
    if loaded.device.type == "cpu":
        from bot.engine.local.native import native_forward

        forward = native_forward(loaded, cache, kernels, settings) if fast else None
        if forward is None and settings.quantization != "none":
            _quantize(loaded, settings.quantization)
    elif fast:
        from bot.engine.local.gpu import fused_forward

        forward = fused_forward(loaded, cache, kernels, settings)
    forward = forward or TransformersForward(loaded.model, cache, kernels)
    if loaded.device.type != "cuda" or not fast:
        return forward
    from bot.engine.local.gpu import graphed

    return graphed(forward, loaded, cache, settings, progress)


def _room(loaded: Loaded, settings: LocalSettings, kernels: Kernels, step_tokens: int) -> Room:
    """How large the cache is, by what the device has left once the largest step has been run."""
    if loaded.device.type == "cuda":
        _warm_up(loaded, settings, kernels, min(step_tokens, loaded.context_tokens))
        budget = cuda_budget(loaded.device)
    else:
        budget = cpu_budget()
    one_block = block_bytes(loaded.layers, settings.block_tokens, loaded.dtype)
    return room(settings, one_block=one_block, context_tokens=loaded.context_tokens, budget=budget)


def _cache(loaded: Loaded, settings: LocalSettings, blocks: int) -> KvCache:
    return create(
        loaded.layers, blocks=blocks, block_tokens=settings.block_tokens, dtype=loaded.dtype, device=loaded.device
    )


def _warm_up(loaded: Loaded, settings: LocalSettings, kernels: Kernels, tokens: int) -> None:
    """Run a step of `tokens` tokens once, over a small cache of its own, so that its memory is known."""
    torch.cuda.reset_peak_memory_stats(loaded.device)
    blocks = -(-tokens // settings.block_tokens) + 1
    forward = TransformersForward(loaded.model, _cache(loaded, settings, blocks), kernels)
    rows = min(tokens, settings.max_requests)
    positions = torch.arange(tokens, device=loaded.device)
    logits = forward(
        Batch(
            tokens=torch.zeros_like(positions),
            positions=positions,
            write_at=positions + settings.block_tokens,
            starts=torch.tensor([0, tokens], dtype=torch.int32, device=loaded.device),
            lengths=torch.tensor([tokens], dtype=torch.int32, device=loaded.device),
            tables=torch.arange(1, blocks, dtype=torch.int32, device=loaded.device)[None],
            rows=positions[-rows:],
            decodes=0,
            longest_query=tokens,
            longest=tokens,
        )
    )
    logits.float().softmax(-1).sort(-1)  # what sampling needs beside it


def _release() -> None:
    """After the forward pass was let go, so that others find its memory at once."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
