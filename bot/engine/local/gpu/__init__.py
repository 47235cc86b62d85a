"""The fast path on a GPU: attention in Triton, CUDA graphs, quantised weights and a fused forward for Llama's kin.

Nothing here is imported before it is asked for: Triton is there on Linux alone, and where it is missing the functions
below raise ImportError, which means that torch's own operations have to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import torch

    from bot.engine.local.batch import Forward, Kernels, KvCache
    from bot.engine.local.gpu.graphs import Progress
    from bot.engine.local.loaded import Loaded
    from bot.engine.local.settings import LocalSettings

__all__ = ["fused_forward", "gpu_kernels", "graphed", "quantize"]


def gpu_kernels(device: torch.device | None = None) -> Kernels:
    """Attention in Triton for `device` (the current CUDA device). Keys and values must be equally wide."""
    import torch

    from bot.engine.local.gpu.attention import TritonKernels

    return TritonKernels(device or torch.device("cuda", torch.cuda.current_device()))


def quantize(loaded: Loaded, kind: Literal["int8", "fp8"]) -> None:
    """Narrow the weights of the loaded model in place, on its device.

    Raises `EngineRefused` where the device has no such arithmetic or the model has no layers for it.
    """
    from bot.engine.local.gpu.quantized import quantize as narrow

    narrow(loaded.model, kind)


def fused_forward(loaded: Loaded, cache: KvCache, kernels: Kernels, settings: LocalSettings) -> Forward | None:
    """A forward pass of few kernels for Llama, Mistral, Qwen2 and Qwen3; None for other models, or where
    `settings.kernels` asks for torch's own. The model's own layers keep working: they share the joined weights."""
    from bot.engine.local.gpu.fused import FusedForward
    from bot.engine.local.gpu.llama import llama_of

    if settings.kernels != "auto":
        return None
    llama = llama_of(loaded.model, loaded.layers, context_tokens=loaded.context_tokens)
    return None if llama is None else FusedForward(llama, cache, kernels)


def graphed(
    forward: Forward, loaded: Loaded, cache: KvCache, settings: LocalSettings, progress: Progress | None = None
) -> Forward:
    """`forward` with its decode steps in CUDA graphs, recorded now. On other devices it is returned as it is.

    The kernels beneath must not look at lengths on the host: with torch's own, recording fails and steps run as
    they are.
    """
    if loaded.device.type != "cuda":
        return forward
    from bot.engine.local.gpu.graphs import CudaRecorder, Graphed
    from bot.engine.local.gpu.static_batch import StaticBatch

    static = StaticBatch(
        rows=settings.max_requests,
        context=loaded.context_tokens,
        block_tokens=cache.block_tokens,
        device=loaded.device,
    )
    found = Graphed(forward, static, CudaRecorder(loaded.device), requests=settings.max_requests)
    found.warm_up(progress or (lambda _what, _done: None))
    return found
