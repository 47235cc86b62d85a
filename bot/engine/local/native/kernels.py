"""`Kernels` of batch.py in C++: attention over the paged cache for any model on a CPU."""

from __future__ import annotations

import torch
from torch import Tensor

from bot.engine.local.batch import Batch, KvCache
from bot.engine.local.native.build import Progress
from bot.engine.local.native.library import DTYPES, AttentionCall, Library, WriteCall, shared_library

LANES = 16


class NativeKernels:
    """`write` and `attend` for float32 and bfloat16.

    Inside a block of the cache the numbers stand in an order of their own (see source/cache.hpp): what `write` has
    put there only `attend` of this class and the native forward can read. `block_tokens` is a multiple of 16 and
    `head_dim` an even number; others raise `ValueError`, and `fits` tells before.
    """

    def __init__(self, library: Library) -> None:
        self.library = library

    def fits(self, cache: KvCache) -> bool:
        """Whether these kernels can work on `cache`."""
        pairs = zip(cache.keys, cache.values, strict=True)
        return all(_complaint(keys, values) == "" for keys, values in pairs)

    def write(self, key: Tensor, value: Tensor, keys: Tensor, values: Tensor, write_at: Tensor) -> None:
        """Put `key` and `value` [T, kv_heads, head_dim] into the layer's cache at `write_at`."""
        _check(keys, values, key, value)
        key, value = _dense(key), _dense(value)
        self.library.write[keys.dtype](
            WriteCall(
                key=key.data_ptr(),
                value=value.data_ptr(),
                keys=keys.data_ptr(),
                values=values.data_ptr(),
                write_at=write_at.data_ptr(),
                tokens=key.shape[0],
                key_token=key.stride(0),
                key_head=key.stride(1),
                value_token=value.stride(0),
                value_head=value.stride(1),
                kv_heads=keys.shape[1],
                head_dim=keys.shape[3],
                block_tokens=keys.shape[2],
                threads=torch.get_num_threads(),
            )
        )

    def attend(
        self,
        query: Tensor,
        keys: Tensor,
        values: Tensor,
        batch: Batch,
        *,
        scale: float,
        window: int = 0,
        softcap: float = 0.0,
        sinks: Tensor | None = None,
    ) -> Tensor:
        """Attention as `Kernels.attend` says; sums are in float32."""
        _check(keys, values, query)
        query = _dense(query)
        out = torch.empty(query.shape, dtype=query.dtype)
        tables = _dense(batch.tables)
        if sinks is not None:
            sinks = sinks.detach().float().contiguous()
        self.library.attend[keys.dtype](
            AttentionCall(
                query=query.data_ptr(),
                out=out.data_ptr(),
                keys=keys.data_ptr(),
                values=values.data_ptr(),
                starts=batch.starts.data_ptr(),
                lengths=batch.lengths.data_ptr(),
                tables=tables.data_ptr(),
                sinks=None if sinks is None else sinks.data_ptr(),
                query_token=query.stride(0),
                query_head=query.stride(1),
                sequences=batch.lengths.shape[0],
                table_stride=tables.stride(0),
                heads=query.shape[1],
                kv_heads=keys.shape[1],
                head_dim=keys.shape[3],
                block_tokens=keys.shape[2],
                window=window,
                threads=torch.get_num_threads(),
                scale=scale,
                softcap=softcap,
            )
        )
        return out


def native_kernels(progress: Progress | None = None) -> NativeKernels | None:
    """The kernels, compiled at first use; None, with a line in the log that says what to do, where that cannot be."""
    library = shared_library(progress)
    return None if library is None else NativeKernels(library)


def _dense(tensor: Tensor) -> Tensor:
    """The tensor with its last dimension in one stretch; the others may have any stride."""
    return tensor if tensor.stride(-1) == 1 else tensor.contiguous()


def _complaint(keys: Tensor, values: Tensor) -> str:
    if keys.dtype not in DTYPES or keys.device.type != "cpu":
        return f"a cache of {keys.dtype} on {keys.device}, where float32 and bfloat16 on a CPU are known"
    if keys.shape != values.shape or not (keys.is_contiguous() and values.is_contiguous()):
        return "keys and values that are not of one shape, or not contiguous"
    if keys.shape[2] % LANES or keys.shape[3] % 2:
        return f"blocks of {keys.shape[2]} tokens (a multiple of {LANES}) and a head_dim of {keys.shape[3]} (even)"
    return ""


def _check(keys: Tensor, values: Tensor, *tensors: Tensor) -> None:
    complaint = _complaint(keys, values)
    if complaint:
        raise ValueError(f"The native kernels were given {complaint}.")
    if any(tensor.dtype != keys.dtype or tensor.shape[2] != keys.shape[3] for tensor in tensors):
        raise ValueError("The native kernels were given heads of another dtype or head_dim than the cache has.")
