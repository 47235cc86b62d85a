"""What can be set about the local engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Device = Literal["auto", "cpu", "cuda"]
DType = Literal["auto", "float32", "bfloat16", "float16"]
Quantization = Literal["none", "int8", "fp8"]
Kernels = Literal["auto", "torch"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalSettings:
    """`model` is a Hugging Face hub id or a folder. 0 leaves a number to the engine."""

    model: str
    revision: str = ""
    trust_remote_code: bool = False
    device: Device = "auto"
    dtype: DType = "auto"
    quantization: Quantization = "none"
    kernels: Kernels = "auto"
    """`torch` keeps to torch's own operations: slower, and the same everywhere."""
    threads: int = 0
    context_tokens: int = 0
    """The longest prompt and answer together; 0 is what the model can."""
    cache_gb: float = 0.0
    """Memory for keys and values; 0 works it out from the device."""
    block_tokens: int = 32
    max_requests: int = 64
    """Requests in the batch at once."""
    step_tokens: int = 0
    """Tokens that one step computes at most."""
    queue: int = 1_024
    """Requests that may wait."""
    prefix_cache: bool = True
    chat_template: str = ""
    """A Jinja2 chat template for models that have none."""
