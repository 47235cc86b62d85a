"""Compiles the kernels for a Hopper GPU on a machine that has none, from the very calls that would launch them.

`python -m tests.bot.engine.local.hopper` prints a JSON object a kernel and shape: what it takes of a multiprocessor.
Triton's compiler needs no device; a driver that only names one lets all that lies before a launch happen: what the
arguments are specialised on, the compiler's stages, the assembler.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from typing import Any

import torch
from triton import knobs
from triton.backends.compiler import GPUTarget
from triton.runtime import driver
from triton.runtime.jit import JITFunction

from bot.engine.local.batch import Batch


class NoDevice:
    """What Triton asks of a driver before it launches."""

    def get_current_target(self) -> GPUTarget:
        """A GPU of compute capability 9.0."""
        return GPUTarget("cuda", 90, 32)

    def get_current_device(self) -> int:
        """The only one."""
        return 0

    def get_current_stream(self, _device: object = None) -> int:
        """The default one."""
        return 0


def _use(kernel: Any) -> dict[str, Any]:
    """Registers, bytes of stack and of shared memory, and which instructions were chosen."""
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(kernel.asm["cubin"])
        file.flush()
        program = [knobs.nvidia.cuobjdump.path, "-res-usage", file.name]
        told = subprocess.run(program, capture_output=True, text=True, check=True).stdout
    found = re.search(r"REG:(\d+) STACK:(\d+)", told)
    assert found, told
    ptx = kernel.asm["ptx"]
    return {
        "name": kernel.name,
        "registers": int(found[1]),
        "stack": int(found[2]),
        "shared": kernel.metadata.shared,
        "warps": kernel.metadata.num_warps,
        "wgmma": "wgmma.mma_async" in ptx,
        "mma": "mma.sync" in ptx,
        "copies": len(re.findall(r"cp\.async\.c[ag]\.shared\.global .*0x10", ptx)),
        "wide_loads": len(re.findall(r"ld\.global[^ ]*v4\.b32", ptx)),
    }


def compile_instead(told: list[dict[str, Any]]) -> None:
    """From now on a launch compiles, and adds what it found to `told`."""
    driver.set_active(NoDevice())
    run: Callable[..., Any] = JITFunction.run
    seen = set()

    def compile_only(self: Any, *arguments: Any, grid: Any, warmup: bool, **options: Any) -> Any:
        kernel = run(self, *arguments, grid=grid, warmup=True, **options)
        if kernel.hash not in seen:
            seen.add(kernel.hash)
            told.append(_use(kernel))
        return kernel

    JITFunction.run = compile_only


def batch(decodes: int, prompt: int) -> Batch:
    """A step of `decodes` sequences and a piece of a prompt."""
    tokens, sequences = decodes + prompt, decodes + 1
    return Batch(
        tokens=torch.zeros(tokens, dtype=torch.int64),
        positions=torch.zeros(tokens, dtype=torch.int64),
        write_at=torch.zeros(tokens, dtype=torch.int64),
        starts=torch.zeros(sequences + 1, dtype=torch.int32),
        lengths=torch.zeros(sequences, dtype=torch.int32),
        tables=torch.zeros(sequences, 17, dtype=torch.int32),
        rows=torch.zeros(1, dtype=torch.int64),
        decodes=decodes,
        longest_query=prompt,
        longest=prompt,
    )


def attention(dim: int, heads: int, kv_heads: int, *, window: int = 0, softcap: float = 0.0) -> None:
    """The attention kernels for bfloat16 heads of `dim`."""
    from bot.engine.local.gpu.attention import TritonKernels

    cache = torch.zeros(2, kv_heads, 32, dim, dtype=torch.bfloat16)
    query = torch.zeros(64, heads, dim, dtype=torch.bfloat16)
    for splits in (1, 16):
        kernels = TritonKernels(torch.device("cpu"), splits=splits)
        kernels.attend(query, cache, cache, batch(4, 60), scale=0.1, window=window, softcap=softcap)
    kernels.write(query[:, :kv_heads], query[:, :kv_heads], cache, cache, batch(4, 60).write_at)


def products(hidden: int, inner: int, dtype: torch.dtype) -> None:
    """A layer's products with one vector, for weights of `dtype`."""
    from bot.engine.local.gpu.projection import Norm, Weights, narrowed, product, times_vector

    def weights(rows: int, width: int) -> Weights:
        whole = torch.zeros(rows, width, dtype=torch.int8).to(dtype)
        return Weights(whole, None if dtype is torch.bfloat16 else torch.zeros(rows))

    vector = torch.zeros(1, hidden, dtype=torch.bfloat16)
    norm = Norm(vector[0], 1e-5)
    times_vector(vector, weights(4_096, hidden), norm=norm)
    times_vector(vector, weights(1_024, hidden), norm=norm, gated=True)
    times_vector(torch.zeros(1, inner, dtype=torch.bfloat16), weights(hidden, inner), residual=vector)
    if dtype is torch.int8:
        for tokens in (4, 64):
            product(vector.repeat(tokens, 1), weights(1_024, hidden))
    if dtype is torch.float8_e4m3fn:
        narrowed(vector.repeat(4, 1))


def layer() -> None:
    """What lies between the products of a whole layer, for one token and for many."""
    from bot.engine.local.batch import KvCache
    from bot.engine.local.cache import Layer
    from bot.engine.local.gpu.attention import TritonKernels
    from bot.engine.local.gpu.fused import FusedForward
    from bot.engine.local.gpu.llama import Llama, LlamaLayer
    from bot.engine.local.gpu.projection import Norm, Weights
    from bot.engine.local.gpu.rotary import Rotary

    def zeros(*shape: int) -> torch.Tensor:
        return torch.zeros(*shape, dtype=torch.bfloat16)

    norm, cache = Norm(zeros(2_048), 1e-5), zeros(2, 8, 32, 128)
    one = LlamaLayer(
        before=norm,
        queries_keys_values=Weights(zeros(48 * 128, 2_048)),
        query_norm=Norm(zeros(128), 1e-5),
        key_norm=Norm(zeros(128), 1e-5),
        output=Weights(zeros(2_048, 4_096)),
        between=norm,
        gate_up=Weights(zeros(4_096, 2_048)),
        down=Weights(zeros(2_048, 2_048)),
        attention=Layer(heads=32, kv_heads=8, key_dim=128, value_dim=128, scale=0.1),
    )
    table = Rotary(zeros(64, 64), zeros(64, 64))
    llama = Llama(zeros(64, 2_048), (one,), norm, Weights(zeros(64, 2_048)), table)
    forward = FusedForward(llama, KvCache(keys=(cache,), values=(cache,), block_tokens=32),
                           TritonKernels(torch.device("cpu")))  # fmt: skip
    for step in (batch(0, 1), batch(1, 400)):
        forward(step)


def staging() -> None:
    """The copy of a step to where a graph reads it."""
    from bot.engine.local.gpu.static_batch import StaticBatch

    static = StaticBatch(rows=8, context=131_072, block_tokens=32, device=torch.device("cpu"))
    static._fill_at_once(batch(4, 1), 8)


def main() -> None:
    """Compile everything and print it."""
    told: list[dict[str, Any]] = []
    compile_instead(told)
    attention(128, 32, 8)
    if "--all" in sys.argv:
        attention(64, 32, 8, window=4_096)
        attention(96, 32, 32)
        attention(256, 8, 4, softcap=50.0)
        products(2_048, 8_192, torch.bfloat16)
    for dtype in (torch.bfloat16, torch.int8, torch.float8_e4m3fn):
        products(4_096, 14_336, dtype)
    layer()
    staging()
    for use in told:
        print(json.dumps(use))


if __name__ == "__main__":
    main()
