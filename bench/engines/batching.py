"""transformers' continuous batching: `python -m bench.engines.batching MODEL AT_ONCE… [--attention sdpa]`.

Pages of 256 tokens and steps of 512 were as fast as any tried (docs/figures.md). Tokens are streamed, as a chat needs
them.
"""

from __future__ import annotations

import argparse
import logging
import time
from typing import Any

import torch
from transformers import AutoModelForCausalLM, GenerationConfig
from transformers.generation.configuration_utils import ContinuousBatchingConfig

from bench.workload import Ask, Run, Stamps, workload

_PAGE = 256
_LONGEST = 600


def answer(manager: Any, asks: list[Ask], run: Run) -> None:
    """Hand all requests over at once and note their tokens as they come."""
    began = time.perf_counter()
    stamps = Stamps(run, began)
    numbers = {
        manager.add_request(ask.prompt, max_new_tokens=ask.answer, streaming=True, eos_token_id=-1): number
        for number, ask in enumerate(asks)
    }
    open_requests, known = set(numbers), dict.fromkeys(numbers, 0)
    while open_requests:
        result = manager.get_result(timeout=60)
        if result is None or result.error:
            raise RuntimeError(f"it ended early: {result and result.error}")
        name, count = result.request_id, len(result.generated_tokens)
        stamps.note(numbers[name], time.perf_counter(), count - known[name])
        known[name] = count
        if result.is_finished():
            open_requests.discard(name)
    run.seconds += time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("at_once", nargs="+", type=int)
    parser.add_argument("--attention", default="sdpa")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    logging.getLogger("ContinuousBatchingLogger").setLevel(logging.CRITICAL)
    greedy = GenerationConfig(do_sample=False, eos_token_id=-1, pad_token_id=0, max_new_tokens=200)
    for number in options.at_once:
        model = AutoModelForCausalLM.from_pretrained(
            options.model, dtype=torch.bfloat16, attn_implementation=options.attention
        ).eval()
        model.to(options.device)
        pages = 64 * ((_LONGEST + _PAGE - 1) // _PAGE) + 64
        batching = ContinuousBatchingConfig(
            page_size=_PAGE, num_blocks=pages, max_batch_tokens=512, max_requests_per_batch=128
        )
        run = Run("batching", number)
        with model.continuous_batching_context_manager(
            generation_config=greedy, continuous_batching_config=batching
        ) as manager:
            answer(manager, workload(2, seed=5), Run("", 0))
            for asks in [[ask] for ask in workload(4)] if number == 1 else [workload(number)]:
                answer(manager, asks, run)
        run.print()


if __name__ == "__main__":
    main()
