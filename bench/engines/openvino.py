"""OpenVINO GenAI's continuous batching: `python -m bench.engines.openvino MODEL.gguf AT_ONCE…`.

Wants `openvino-genai` in the environment that runs it; the model as GGUF, which `bench.engines.gguf` writes.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any

import numpy as np
import openvino
import openvino_genai

from bench.workload import Ask, Run, Stamps, workload


def answer(pipeline: Any, asks: list[Ask], run: Run, numbering: list[int]) -> None:
    """Hand all requests over at once and note their tokens as they come."""
    began = time.perf_counter()
    stamps = Stamps(run, began)
    handles = []
    for ask in asks:
        settings = openvino_genai.GenerationConfig()
        settings.max_new_tokens, settings.ignore_eos = ask.answer, True
        settings.do_sample, settings.apply_chat_template = False, False
        numbering[0] += 1
        prompt = openvino.Tensor(np.array([ask.prompt], dtype=np.int64))
        handles.append(pipeline.add_request(numbering[0], prompt, settings))
    while pipeline.has_non_finished_requests():
        pipeline.step()
        now = time.perf_counter()
        for number, handle in enumerate(handles):
            while handle.can_read():
                for output in handle.read().values():
                    stamps.note(number, now, len(output.generated_ids))
    run.seconds += time.perf_counter() - began


def main(model: str, numbers: list[int]) -> None:
    schedule = openvino_genai.SchedulerConfig()
    schedule.cache_size, schedule.max_num_batched_tokens, schedule.max_num_seqs = 2, 512, 64
    schedule.dynamic_split_fuse, schedule.enable_prefix_caching = True, False
    pipeline = openvino_genai.ContinuousBatchingPipeline(
        model, schedule, "CPU", {"INFERENCE_PRECISION_HINT": "bf16", "INFERENCE_NUM_THREADS": os.cpu_count()}
    )
    numbering = [0]
    answer(pipeline, workload(3, seed=99), Run("", 0), numbering)
    for number in numbers:
        run = Run("openvino", number)
        for asks in [[ask] for ask in workload(4)] if number == 1 else [workload(number)]:
            answer(pipeline, asks, run, numbering)
        run.print()


if __name__ == "__main__":
    main(sys.argv[1], [int(number) for number in sys.argv[2:]])
