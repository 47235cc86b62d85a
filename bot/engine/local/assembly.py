"""Putting a runner together: which kernels, which forward pass, how large a cache."""

from __future__ import annotations

import gc
import importlib
import logging
from collections.abc import Callable
from typing import Any

import torch

from bot.engine.base import EngineFault, EngineRefused
from bot.engine.local.attention import TransformersForward
from bot.engine.local.batch import Batch, Forward, Kernels, KvCache
from bot.engine.local.batching import Batcher
from bot.engine.local.cache import Room, block_bytes, cpu_budget, create, cuda_budget, room
from bot.engine.local.checkpoint import Progress
from bot.engine.local.loaded import Loaded
from bot.engine.local.model_runner import ModelRunner
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
        with torch.inference_mode():
            quantized = _quantize(loaded, settings)
            kernels = _kernels(loaded, settings, tell)
            space = _room(loaded, settings, kernels, step_tokens)
            cache = _cache(loaded, settings, space.blocks)
            forward = _forward(loaded, settings, cache, kernels, quantized=quantized)
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


def _quantize(loaded: Loaded, settings: LocalSettings) -> bool:
    """Make a GPU's weights narrower, where that is asked for. A CPU's are packed with its own forward pass."""
    quantize = _feature("gpu", "quantize") if loaded.device.type == "cuda" else None
    if settings.quantization == "none" or quantize is None:
        return False
    quantize(loaded, settings.quantization)
    return True


def _kernels(loaded: Loaded, settings: LocalSettings, progress: Progress) -> Kernels:
    found: Kernels | None = None
    if settings.kernels == "auto" and _uniform(loaded):
        if loaded.device.type == "cuda":
            make = _feature("gpu", "gpu_kernels")
            found = make() if make else None
        else:
            make = _feature("native", "native_kernels")
            found = make(progress) if make else None
    return found or TorchKernels()


def _uniform(loaded: Loaded) -> bool:
    """Whether keys and values are as wide as each other, which faster kernels count on."""
    return all(layer.key_dim == layer.value_dim for layer in loaded.layers)


def _forward(loaded: Loaded, settings: LocalSettings, cache: KvCache, kernels: Kernels, *, quantized: bool) -> Forward:
    forward: Forward | None = None
    if settings.kernels == "auto" and loaded.device.type == "cpu":
        make = _feature("native", "native_forward")
        forward = make(loaded, cache, kernels, settings) if make else None
        quantized = forward is not None
    if settings.quantization != "none" and not quantized:
        raise EngineRefused(
            f"{loaded.name} cannot be run with quantization {settings.quantization!r} on this device. Set it to none.",
            field="quantization",
        )
    if forward is None:
        forward = TransformersForward(loaded.model, cache, kernels)
        graphed = _feature("gpu", "graphed") if loaded.device.type == "cuda" and settings.kernels == "auto" else None
        if graphed is not None:
            forward = graphed(forward, loaded, cache, settings) or forward
    return forward


def _feature(package: str, name: str) -> Callable[..., Any] | None:
    """A function of one of the faster packages; None where that cannot be had on this machine."""
    try:
        module = importlib.import_module(f"bot.engine.local.{package}")
    except ImportError as fault:
        logger.info("The %s path cannot be used here: %s", package, fault)
        return None
    found: Callable[..., Any] | None = getattr(module, name, None)
    return found


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
