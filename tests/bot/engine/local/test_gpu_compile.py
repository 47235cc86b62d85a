"""What the kernels become on a Hopper GPU, as far as a machine without one can tell."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bot.engine.local import triton_here  # noqa: F401 (for its skip)

ROOM = 227 * 1024
"""Bytes of shared memory that a program can have on Hopper (compute capability 9.0)."""


@pytest.mark.timeout(600)  # a compiler's work: a quarter of a minute, and minutes on a busy machine
@pytest.mark.skipif(platform.machine() != "x86_64", reason="Triton brings the assembler for this machine only there")
def test_every_kernel_compiles_for_hopper_without_spilling(tmp_path: Path) -> None:
    """The interpreter forgives what the compiler does not. All kernels assemble for compute capability 9.0 from the
    calls that launch them, keep their numbers in registers, fit into shared memory, copy 16 bytes at a time, and
    prompts' attention uses the tensor cores' widest instructions."""
    environment = {key: value for key, value in os.environ.items() if key != "TRITON_INTERPRET"}
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.bot.engine.local.hopper"],
        env=environment | {"TRITON_CACHE_DIR": str(tmp_path), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    kernels = [json.loads(line) for line in ran.stdout.splitlines()]
    names = {kernel["name"] for kernel in kernels}
    assert names == {
        "decode_join", "decode_split", "gemv", "prefill", "quantize_rows", "rms_norm", "rope_write", "silu_product",
        "skinny", "stage", "write",
    }  # fmt: skip
    for kernel in kernels:
        assert kernel["stack"] == 0 and kernel["shared"] <= ROOM, kernel
    assert all(kernel["wgmma"] for kernel in kernels if kernel["name"] == "prefill")
    assert all(kernel["mma"] and kernel["copies"] >= 16 for kernel in kernels if kernel["name"] == "decode_split")
    assert all(kernel["wide_loads"] >= 1 for kernel in kernels if kernel["name"] == "gemv")
