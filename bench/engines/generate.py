"""transformers' `generate`, one request after the other: `python -m bench.engines.generate MODEL AT_ONCE…`.

Eight requests at most: one after the other, more of them take longer and are no faster.
"""

from __future__ import annotations

import sys
import time

import torch
from transformers import AutoModelForCausalLM

from bench.workload import Ask, Run, workload


def main(folder: str, numbers: list[int]) -> None:
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16, attn_implementation="sdpa").eval()
    model.generation_config.eos_token_id = None
    model.generation_config.pad_token_id = 0

    def answer(ask: Ask) -> int:
        prompt = torch.tensor([ask.prompt])
        made = model.generate(
            prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=ask.answer, do_sample=False
        )
        return int(made.shape[1]) - len(ask.prompt)

    with torch.inference_mode():
        answer(workload(1, seed=99)[0])
        for number in numbers:
            began = time.perf_counter()
            tokens = sum(answer(ask) for ask in workload(4 if number == 1 else min(number, 8)))
            Run("generate", number, tokens, time.perf_counter() - began).print()


if __name__ == "__main__":
    main(sys.argv[1], [int(number) for number in sys.argv[2:]])
