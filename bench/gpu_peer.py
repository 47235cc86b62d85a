"""transformers' continuous batching on a GPU, with every attention that it can have there."""

from __future__ import annotations

import gc
from typing import Any

import torch
from transformers import GenerationConfig
from transformers.generation.configuration_utils import ContinuousBatchingConfig

from bench.engines import batching
from bench.random_models import on_device
from bench.workload import Run, workload

ATTENTIONS = ("flash_attention_3", "flash_attention_2", "kernels-community/flash-attn3", "sdpa")
VOCABULARY = 2_000
"""Token ids of the workload are below this, so that models of any size can read it."""


def best_rate(size: str, *, device: torch.device, dtype: torch.dtype, at_once: int) -> tuple[float, str]:
    """Output tokens a second on the common workload by the best attention that runs here, and which that is."""
    best, chosen = 0.0, "none ran"
    greedy: Any = GenerationConfig(  # type: ignore[no-untyped-call]  # transformers' own
        do_sample=False, eos_token_id=-1, pad_token_id=0, max_new_tokens=200
    )
    for attention in ATTENTIONS if device.type == "cuda" else ("sdpa",):
        model: Any = None
        try:
            model = on_device("llama", size, device=device, dtype=dtype)
            model.set_attn_implementation(attention)
            pages = ContinuousBatchingConfig(page_size=256, num_blocks=4 * at_once + 8, max_batch_tokens=2_048)
            run = Run("batching", at_once)
            with model.continuous_batching_context_manager(
                generation_config=greedy, continuous_batching_config=pages
            ) as manager:
                batching.answer(manager, workload(2, seed=5, vocabulary=VOCABULARY), Run("", 0))
                batching.answer(manager, workload(at_once, vocabulary=VOCABULARY), run)
        except Exception as fault:  # whatever is missing or breaks in it, the next may run
            print(f"  transformers with {attention}: {str(fault).splitlines()[:1]}", flush=True)
            continue
        finally:
            del model
            gc.collect()
        print(f"  transformers with {attention}: {run.rate:,.0f} tokens/s", flush=True)
        if run.rate > best:
            best, chosen = run.rate, attention
    return best, chosen
