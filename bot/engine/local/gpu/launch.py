"""Launching the kernels: shapes and strides in, grids and tiles out. Everything here is the host's side."""

from __future__ import annotations

import functools
import importlib.util

import torch
from torch import Tensor


def power(number: int) -> int:
    """The smallest power of two that is at least `number`: what a Triton tile must be."""
    return 1 << max(0, number - 1).bit_length()


def multiprocessors(device: torch.device) -> int:
    """How many of them the device has. Elsewhere than on CUDA (in the interpreter) a small number."""
    if device.type != "cuda":
        return 4
    return int(torch.cuda.get_device_properties(device).multi_processor_count)


def shared_memory(device: torch.device) -> int:
    """Bytes of it that one program can have: 227 KiB on Hopper, 163 on A100, 99 on most others."""
    if device.type != "cuda":
        return 227 * 1_024
    # Of what a multiprocessor has, a kilobyte a program is the system's.
    return int(torch.cuda.get_device_properties(device).shared_memory_per_multiprocessor) - 1_024


def splits_of(sequences: int, kv_heads: int, context: int, processors: int) -> int:
    """Into how many parts the context of each of `sequences` decoding sequences is cut: a power of two, at most 32.

    Enough for four programs a multiprocessor, so that a few sequences fill the device; and, where contexts of more
    than 8192 tokens may come, enough that one long sequence does not hold up a step of many short ones. Splits that
    find nothing to do end at once. The lengths themselves play no part: a CUDA graph keeps its grid.
    """
    wanted = max(4 * processors // (sequences * kv_heads), min(8, context // 8192), 1)
    return min(32, 1 << (wanted.bit_length() - 1))


def same_layout(keys: Tensor, values: Tensor) -> None:
    """Raise ValueError unless both caches lie in memory in the same way, dim innermost: the kernels count on it."""
    if keys.stride() != values.stride() or keys.shape != values.shape or keys.stride(3) != 1:
        raise ValueError("keys and values must have one shape and one layout, with head_dim innermost")


def innermost(states: Tensor) -> Tensor:
    """`states` itself, or a copy where its last dimension is not contiguous."""
    return states if states.stride(-1) == 1 else states.contiguous()


def on_triton(device: torch.device) -> bool:
    """Whether products on `device` are computed by kernels of ours."""
    return device.type == "cuda" and _triton_here()


@functools.cache
def _triton_here() -> bool:
    return importlib.util.find_spec("triton") is not None
