"""The compiled library's functions and the structures that they take."""

from __future__ import annotations

import ctypes
import logging
import re
import sys
from collections.abc import Callable
from ctypes import POINTER, Structure, c_float, c_int, c_int32, c_int64, c_void_p
from functools import cache
from pathlib import Path
from typing import Any

import torch

from bot.engine.local.native.build import BuildFailed, Progress, library, open_library

logger = logging.getLogger(__name__)

DTYPES = {torch.float32: "float32", torch.bfloat16: "bfloat16"}
_RUNTIME = re.compile(r"/lib(gomp|omp|iomp5)[^/]*$")


class Runtime(Structure):
    """`Runtime` of team.hpp."""

    _fields_ = [("parallel", c_void_p), ("thread", c_void_p), ("threads", c_void_p)]


class AttentionCall(Structure):
    """`AttentionCall` of native.cpp."""

    _fields_ = [
        *((name, c_void_p) for name in ("query", "out", "keys", "values", "starts", "lengths", "tables", "sinks")),
        *((name, c_int64) for name in ("query_token", "query_head", "sequences", "table_stride")),
        *((name, c_int32) for name in ("heads", "kv_heads", "head_dim", "block_tokens", "window", "threads")),
        ("scale", c_float),
        ("softcap", c_float),
    ]


class WriteCall(Structure):
    """`WriteCall` of native.cpp."""

    _fields_ = [
        *((name, c_void_p) for name in ("key", "value", "keys", "values", "write_at")),
        *((name, c_int64) for name in ("tokens", "key_token", "key_head", "value_token", "value_head")),
        *((name, c_int32) for name in ("kv_heads", "head_dim", "block_tokens", "threads")),
    ]


class LinearCall(Structure):
    """`Linear` of linear.hpp."""

    _fields_ = [
        *((name, c_void_p) for name in ("weight", "scale", "bias")),
        *((name, c_int32) for name in ("results", "inputs", "format", "reserved")),
    ]


class LayerCall(Structure):
    """`LayerCall` of forward.hpp."""

    _fields_ = [
        *((name, LinearCall) for name in ("query_key_value", "output", "gate_up", "down")),
        *((name, c_void_p) for name in ("attention_norm", "product_norm", "query_norm", "key_norm", "keys", "values")),
        ("scale", c_float),
        ("window", c_int32),
    ]


class ModelCall(Structure):
    """`ModelCall` of forward.hpp."""

    _fields_ = [
        ("layers", POINTER(LayerCall)),
        *((name, c_void_p) for name in ("embedding", "final_norm", "cosines", "sines")),
        ("head", LinearCall),
        *((name, c_int64) for name in ("positions", "blocks")),
        *((name, c_int32) for name in ("depth", "hidden", "heads", "kv_heads", "head_dim", "intermediate")),
        *((name, c_int32) for name in ("vocabulary", "block_tokens")),
        ("epsilon", c_float),
    ]


class StepCall(Structure):
    """`StepCall` of forward.hpp."""

    _fields_ = [
        *((name, c_void_p) for name in ("tokens", "positions", "write_at", "starts", "lengths", "tables", "rows")),
        ("logits", c_void_p),
        *((name, c_int64) for name in ("count", "sequences", "sampled", "table_stride")),
        ("threads", c_int32),
    ]


class Library:
    """The functions, by dtype. ctypes lets other Python threads run while one of them works."""

    def __init__(self, path: Path) -> None:
        self._loaded = open_library(path)
        self.tiles = bool(self.function("native_start", Runtime, returns=c_int)(_runtime()))
        """Whether this process may use matrix tiles (AMX)."""
        self.attend = {dtype: self.function(f"native_attend_{name}", AttentionCall) for dtype, name in DTYPES.items()}
        self.write = {dtype: self.function(f"native_write_{name}", WriteCall) for dtype, name in DTYPES.items()}
        self.forward = {
            dtype: self.function(f"native_forward_{name}", ModelCall, StepCall, returns=c_int)
            for dtype, name in DTYPES.items()
        }
        self.advise = self.function("native_advise", c_void_p, c_int64)

    def function(self, name: str, *takes: Any, returns: Any = None) -> Callable[..., Any]:
        """A function of the library that takes structures (by reference) or plain numbers."""
        found = getattr(self._loaded, name)
        found.argtypes = [POINTER(one) if issubclass(one, Structure) else one for one in takes]
        found.restype = returns
        structures = [issubclass(one, Structure) for one in takes]

        def call(*given: Any) -> Any:
            return found(*(ctypes.byref(one) if by else one for one, by in zip(given, structures, strict=True)))

        return call


@cache
def shared_library(progress: Progress | None = None) -> Library | None:
    """The library of this process, built where needed; None, with a line in the log, where that cannot be."""
    if sys.platform == "win32":
        return None
    try:
        return Library(library(progress))
    except (BuildFailed, OSError, AttributeError) as fault:
        logger.warning("The engine runs on torch's own operations, several times slower: %s.", str(fault).rstrip("."))
        return None


def _runtime() -> Runtime:
    """The OpenMP runtime that torch brought: a second one would have threads of its own, and fight with the first."""
    for path in _runtimes():
        try:
            loaded = ctypes.CDLL(path)
            found = [
                ctypes.cast(getattr(loaded, name), c_void_p)
                for name in ("GOMP_parallel", "omp_get_thread_num", "omp_get_num_threads")
            ]
        except (OSError, AttributeError):
            continue
        return Runtime(*found)
    logger.warning("torch's OpenMP runtime was not found: the kernels run on one thread.")
    return Runtime()


def _runtimes() -> list[str]:
    maps = Path("/proc/self/maps")
    lines = maps.read_text().splitlines() if maps.exists() else []
    loaded = dict.fromkeys(line.split(maxsplit=5)[5] for line in lines if _RUNTIME.search(line))
    shipped = [str(path) for path in Path(torch.__file__).parent.glob("lib/lib*omp*")]
    own = str(Path(torch.__file__).parent.parent)
    return sorted(loaded, key=lambda path: not path.startswith(own)) or shipped
