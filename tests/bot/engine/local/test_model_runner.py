"""From steps to tensors to tokens: what a batch holds, how large the cache gets, and how a runner behaves."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from bot.engine.base import EngineRefused
from bot.engine.local import assembly
from bot.engine.local.batch import Batch, KvCache
from bot.engine.local.batching import Batcher
from bot.engine.local.cache import Layer, block_bytes, create, cuda_budget, room
from bot.engine.local.draws import Draws
from bot.engine.local.load import Loaded, loaded_from, runner_of
from bot.engine.local.model_runner import MemoryFaults, ModelRunner
from bot.engine.local.request import Chunk, Request, Step
from bot.engine.local.settings import LocalSettings
from tests.bot.engine.local.driving import answers, asked, scheduler_of
from tests.bot.engine.local.families import CONTEXT, FAMILIES, VOCABULARY, tokenizer

CPU = torch.device("cpu")
BLOCK = 4


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def seated(number: int, tokens: int, *, slot: int, blocks: int = 8) -> Request:
    """A request that holds a slot and blocks; its tokens say whose they are."""
    request = asked(number, range(number * 1_000, number * 1_000 + tokens), 10)
    request.slot, request.blocks = slot, [number * 10 + place for place in range(blocks)]
    return request


def batcher(slots: int = 8) -> Batcher:
    return Batcher(slots=slots, blocks=16, block_tokens=BLOCK, device=CPU)


def built(maker: Batcher, chunks: Sequence[Chunk], decodes: int = 0) -> Batch:
    step = Step(tuple(chunks), decodes)
    maker.seat(step)
    return maker.build(step)


@hypothesis_settings(max_examples=50, deadline=None)
@given(st.data())
def test_a_batch_says_what_the_step_says(data: st.DataObject) -> None:
    """Tokens, places, blocks and rows of any step, one by one."""
    lengths = data.draw(st.lists(st.integers(1, 30), min_size=1, max_size=6))
    slots = data.draw(st.permutations(range(8)))
    chunks, decodes = [], 0
    for number, length in enumerate(lengths):
        start = data.draw(st.integers(0, length - 1))
        single = number == decodes and data.draw(st.booleans())
        start, count = (length - 1, 1) if single else (start, data.draw(st.integers(1, length - start)))
        decodes += single
        request = seated(number + 1, length, slot=slots[number])
        chunks.append(Chunk(request, start, count, samples=start + count == length))
    batch = built(batcher(), chunks, decodes)
    tokens, positions, write_at, starts, rows = [], [], [], [0], []
    for chunk in chunks:
        for place in range(chunk.start, chunk.start + chunk.count):
            tokens.append(chunk.request.id * 1_000 + place)
            positions.append(place)
            write_at.append(chunk.request.blocks[place // BLOCK] * BLOCK + place % BLOCK)
        starts.append(len(tokens))
        rows += [len(tokens) - 1] if chunk.samples else []
    assert (batch.tokens.tolist(), batch.positions.tolist()) == (tokens, positions)
    assert (batch.write_at.tolist(), batch.starts.tolist()) == (write_at, starts)
    assert (batch.rows.tolist(), batch.decodes) == (rows, decodes)
    keys = [chunk.start + chunk.count for chunk in chunks]
    assert (batch.lengths.tolist(), batch.longest) == (keys, max(keys))
    assert batch.longest_query == max(chunk.count for chunk in chunks)
    for row, chunk in zip(batch.tables.tolist(), chunks, strict=True):
        needed = -(-(chunk.start + chunk.count) // BLOCK)
        assert row[:needed] == chunk.request.blocks[:needed]
    kinds = {name: getattr(batch, name).dtype for name in ("tokens", "positions", "write_at", "rows")}
    assert set(kinds.values()) == {torch.int64}
    assert {tensor.dtype for tensor in (batch.starts, batch.lengths, batch.tables)} == {torch.int32}


def test_tokens_that_only_the_device_knows() -> None:
    """A decode whose token is still being drawn gets it from the slot it was drawn in."""
    maker = batcher()
    requests = [seated(1, 6, slot=3), seated(2, 5, slot=0)]
    built(maker, [Chunk(request, 0, len(request.tokens), samples=True) for request in requests])
    maker.drawn(requests, torch.tensor([77, 88]))
    batch = built(maker, [Chunk(requests[1], 5, 1, samples=True), Chunk(requests[0], 6, 1, samples=True)], decodes=2)
    assert batch.tokens.tolist() == [88, 77]
    assert batch.positions.tolist() == [5, 6]


def test_blocks_are_added_while_a_request_grows() -> None:
    """The table follows a request's blocks, and forgets those of the one who had the slot before."""
    maker = batcher()
    first = seated(1, 20, slot=2, blocks=2)
    built(maker, [Chunk(first, 0, 8, samples=False)])
    first.blocks += [91, 92, 93]
    assert built(maker, [Chunk(first, 8, 12, samples=True)]).tables.tolist() == [[10, 11, 91, 92, 93]]
    second = seated(2, 3, slot=2, blocks=1)
    assert built(maker, [Chunk(second, 0, 3, samples=True)]).tables.tolist() == [[20]]
    both = [Chunk(second, 0, 3, samples=True), Chunk(seated(3, 12, slot=1, blocks=3), 0, 12, samples=True)]
    assert built(maker, both).tables.tolist() == [[20, 0, 0], [30, 31, 32]]


def test_only_the_new_and_those_that_came_back_are_placed() -> None:
    """The sampler is told of a request when it gets its slot, and again after it lost it."""
    maker = batcher()
    one, two = seated(1, 6, slot=0), seated(2, 6, slot=1)
    step = Step((Chunk(one, 0, 6, samples=True), Chunk(two, 0, 6, samples=True)), 0)
    assert maker.seat(step) == [one, two]
    assert maker.seat(step) == []
    two.preemptions += 1
    assert maker.seat(step) == [two]
    two.slot = 5
    assert maker.seat(step) == [two]


def test_a_token_that_nobody_knows_is_a_fault() -> None:
    """A step that needs a token which is neither here nor on the device raises, and computes no nonsense."""
    maker = batcher()
    request = seated(1, 6, slot=0)
    with pytest.raises(RuntimeError, match="lost a token"):
        built(maker, [Chunk(request, 6, 1, samples=True)], decodes=1)
    built(maker, [Chunk(request, 0, 6, samples=True)])
    with pytest.raises(RuntimeError, match="more than one token beyond"):
        built(maker, [Chunk(request, 6, 2, samples=True)])


def test_a_gpus_budget_leaves_what_the_largest_step_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is free, and what torch holds without need, less the memory of a step: nine tenths of that."""
    tells = {"memory_reserved": 500, "memory_allocated": 300, "max_memory_allocated": 900}
    for name, size in tells.items():
        monkeypatch.setattr(torch.cuda, name, lambda _device, size=size: size)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda _device: None)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _device: (2_400, 9_999))
    assert cuda_budget(CPU) == int((2_400 + 200 - 600) * 0.9)


def test_the_largest_step_is_run_once_to_know_its_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """A warm-up of any length is a step like others, and leaves nothing behind."""
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda _device: None)
    taken, settings = loaded()
    for tokens in (1, 16, 37):
        assembly._warm_up(taken, settings, assembly.TorchKernels(), tokens)


LAYERS = (
    Layer(heads=4, kv_heads=2, key_dim=16, value_dim=16, scale=1.0),
    Layer(heads=4, kv_heads=1, key_dim=24, value_dim=8, scale=1.0),
)


def test_layers_may_differ_in_shape() -> None:
    """Each layer's tensors are as wide as its heads, and zero: what a mask hides must be a number."""
    cache = create(LAYERS, blocks=3, block_tokens=4, dtype=torch.bfloat16, device=CPU)
    assert [tuple(tensor.shape) for tensor in cache.keys] == [(3, 2, 4, 16), (3, 1, 4, 24)]
    assert [tuple(tensor.shape) for tensor in cache.values] == [(3, 2, 4, 16), (3, 1, 4, 8)]
    assert not any(bool(tensor.any()) for tensor in cache.keys + cache.values)
    held = sum(tensor.nbytes for tensor in cache.keys + cache.values)
    assert held == 3 * block_bytes(LAYERS, 4, torch.bfloat16)


def test_the_cache_is_what_the_budget_allows_and_all_requests_can_use() -> None:
    """Neither more than the memory nor more than every request at its longest."""
    settings = LocalSettings(model="", block_tokens=10, max_requests=4)
    assert room(settings, one_block=100, context_tokens=55, budget=10**9).blocks == 4 * 6 + 1
    assert room(settings, one_block=100, context_tokens=55, budget=1_250).blocks == 12
    wanted = LocalSettings(model="", block_tokens=10, max_requests=4, cache_gb=1_000 / 2**30)
    assert room(wanted, one_block=100, context_tokens=55, budget=0).blocks == 10


def test_where_memory_is_short_conversations_are_shorter(caplog: pytest.LogCaptureFixture) -> None:
    """A context that was left to the engine is lowered to what fits, which is said with its numbers."""
    settings = LocalSettings(model="", block_tokens=10)
    found = room(settings, one_block=2**20, context_tokens=1_000, budget=31 * 2**20)
    assert (found.blocks, found.context_tokens) == (31, 300)
    assert "1000 tokens needs 0.10 GB" in caplog.text and "enough for 300 tokens" in caplog.text


@pytest.mark.parametrize(
    ("context", "budget", "said"),
    [
        (500, 31, "Set context_tokens to 300 or less"),
        (500, 11, "Take a smaller model"),
        (0, 11, "Take a smaller model"),
    ],
)
def test_a_conversation_that_does_not_fit_is_refused(context: int, budget: int, said: str) -> None:
    """A context that was set is never lowered in silence, and none below what is of use."""
    settings = LocalSettings(model="", block_tokens=10, context_tokens=context)
    with pytest.raises(EngineRefused, match=said) as caught:
        room(settings, one_block=2**20, context_tokens=1_000, budget=budget * 2**20)
    assert caught.value.field == "cache_gb"


def loaded(family: str = "llama", *, vocabulary: int = VOCABULARY, **others: Any) -> tuple[Loaded, LocalSettings]:
    settings = LocalSettings(
        **({"model": family, "device": "cpu", "kernels": "torch", "block_tokens": 16, "max_requests": 4} | others)
    )
    return loaded_from(FAMILIES[family](), tokenizer(vocabulary), settings), settings


def test_a_runner_says_what_it_can() -> None:
    """Its numbers are those of the model and of the settings."""
    runner = runner_of(*loaded(step_tokens=100))
    assert (runner.context_tokens, runner.step_tokens, runner.vocabulary) == (CONTEXT, 100, VOCABULARY)
    assert runner.blocks == 4 * (CONTEXT // 16) + 1
    assert not runner.overlap
    assert runner_of(*loaded(step_tokens=2)).step_tokens == 4
    assert runner_of(*loaded(context_tokens=64)).context_tokens == 64


def test_what_no_token_stands_for_is_never_drawn() -> None:
    """Logits beyond the tokenizer's ids belong to padding of the embedding, however large they are."""
    taken, settings = loaded(vocabulary=300)
    with torch.no_grad():
        taken.model.lm_head.weight[300:] = taken.model.lm_head.weight[:84] * 50
    runner = runner_of(taken, settings)
    scheduler = scheduler_of(runner, requests=4, block_tokens=16)
    drawn = answers(
        runner, scheduler, {0: [asked(n, range(n, n + 9), 8) for n in range(4)]}, end_tokens=(), overlap=False
    )
    assert all(token < 300 for answer in drawn for token in answer)


def test_a_step_that_draws_nothing_launches_and_ends() -> None:
    """The middle of a prompt gives no token, and nobody waits for one."""
    runner = runner_of(*loaded())
    request = seated(0, 12, slot=0, blocks=1)
    request.blocks = [1]
    assert runner.launch(Step((Chunk(request, 0, 7, samples=False),), 0)).wait() == []


def test_a_closed_runner_computes_nothing() -> None:
    """Closing twice is closing once; launching after it raises."""
    runner = runner_of(*loaded())
    runner.close()
    runner.close()
    request = seated(0, 3, slot=0)
    with pytest.raises(RuntimeError, match="closed"):
        runner.launch(Step((Chunk(request, 0, 3, samples=True),), 0))


@pytest.mark.parametrize(
    "fault",
    [
        MemoryError(),
        RuntimeError("[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory: you tried to allocate 99 bytes."),
        torch.OutOfMemoryError("CUDA out of memory"),
    ],
)
def test_every_lack_of_memory_has_one_name(fault: Exception) -> None:
    """Whatever torch or Python call it, callers see `torch.OutOfMemoryError`."""
    with pytest.raises(torch.OutOfMemoryError), MemoryFaults():
        raise fault


def test_a_lack_of_memory_keeps_none() -> None:
    """What the failed step had in memory is free once its fault was told, before anything is collected."""
    tensor = torch.zeros(3)
    held = weakref.ref(tensor)

    def compute(_mine: torch.Tensor) -> None:
        raise MemoryError

    def launch(mine: torch.Tensor) -> Exception:
        try:
            with MemoryFaults():
                compute(mine)
        except torch.OutOfMemoryError as fault:
            return fault
        raise AssertionError("there was memory")

    fault = launch(tensor)
    fault.__traceback__ = None  # as whoever takes it does
    del tensor
    assert held() is None


def test_other_faults_keep_their_name() -> None:
    with pytest.raises(ValueError, match="other"), MemoryFaults():
        raise ValueError("other")


def test_a_fault_of_the_forward_pass_comes_out_and_the_next_step_works() -> None:
    """A step that fails leaves the runner as able as before."""
    taken, settings = loaded()
    runner = runner_of(taken, settings)
    request = seated(0, 5, slot=0)
    request.blocks = [1]
    step = Step((Chunk(request, 0, 5, samples=True),), 0)
    expected = runner.launch(step).wait()
    removed = taken.model.model.layers[1].self_attn.o_proj
    taken.model.model.layers[1].self_attn.o_proj = torch.nn.Linear(3, 3)
    with pytest.raises(RuntimeError, match="shapes"):
        runner.launch(step)
    taken.model.model.layers[1].self_attn.o_proj = removed
    assert runner.launch(step).wait() == expected


def test_numbers_that_are_none_are_reported() -> None:
    """A request whose logits are not numbers is marked; the one beside it is not."""

    class Forward:
        def __call__(self, batch: Batch) -> torch.Tensor:
            return torch.tensor([[0.0, 1.0, 0.0], [torch.nan, 0.0, 0.0]])

    runner = with_forward(Forward())
    two = [seated(0, 3, slot=0), seated(1, 3, slot=1)]
    drawn = runner.launch(Step(tuple(Chunk(request, 0, 3, samples=True) for request in two), 0)).wait()
    assert [one.finite for one in drawn] == [True, False]
    assert drawn[0].token == 1


@pytest.mark.parametrize("kernels", ["torch", "auto"])
def test_numbers_that_are_none_in_the_middle_of_a_prompt_are_reported(kernels: Literal["torch", "auto"]) -> None:
    """Whatever a token's keys are, the answer comes from them: it is not one that leaves them out."""
    taken, settings = loaded()
    with torch.no_grad():
        taken.model.get_input_embeddings().weight[7] = torch.nan
    runner = runner_of(taken, replace(settings, kernels=kernels))
    request = asked(1, [5, 6, 7, 8, 9, 10], 3)
    request.slot, request.blocks, request.pending = 0, [1], 1
    assert not runner.launch(Step((Chunk(request, 0, 4, samples=True),), 0)).wait()[0].finite
    assert not runner.launch(Step((Chunk(request, 4, 1, samples=True),), 1)).wait()[0].finite
    assert not runner.launch(Step((Chunk(request, 5, 1, samples=True),), 0)).wait()[0].finite
    sound = asked(2, [5, 6, 8, 9], 3)  # gets the same block afterwards
    sound.slot, sound.blocks, sound.pending = 1, [1], 1
    assert runner.launch(Step((Chunk(sound, 0, 2, samples=True),), 0)).wait()[0].finite
    assert runner.launch(Step((Chunk(sound, 2, 1, samples=True),), 1)).wait()[0].finite


def with_forward(forward: Any) -> ModelRunner:
    from bot.engine.local.sampler import Sampler

    return ModelRunner(
        forward,
        Sampler(slots=4, vocabulary=3, device=CPU, end_tokens=()),
        batcher(),
        blocks=9,
        context_tokens=32,
        step_tokens=8,
        vocabulary=3,
        overlap=False,
        release=lambda: None,
    )


def test_overlap_reads_what_the_last_step_drew() -> None:
    """A step launched before the last one's tokens are known computes the same as one launched after."""

    class Forward:
        def __init__(self) -> None:
            self.seen: list[list[int]] = []

        def __call__(self, batch: Batch) -> torch.Tensor:
            self.seen.append(batch.tokens.tolist())
            following = (batch.tokens[batch.rows] + 1) % 3
            return torch.nn.functional.one_hot(following, 3).float()

    forward = Forward()
    runner = with_forward(forward)
    request = seated(0, 3, slot=1)
    request.tokens[:] = [0, 1, 1]
    flights = [runner.launch(Step((Chunk(request, 0, 3, samples=True),), 0))]
    request.pending = 1
    flights.append(runner.launch(Step((Chunk(request, 3, 1, samples=True),), 1)))
    assert [flight.wait()[0].token for flight in flights] == [2, 0]
    assert forward.seen == [[0, 1, 1], [2]]


def test_quantization_that_cannot_be_had_is_refused() -> None:
    """fp8 is not for this device; it is said, and not left out in silence."""
    with pytest.raises(EngineRefused, match="fp8") as caught:
        runner_of(*loaded(quantization="fp8"))
    assert caught.value.field == "quantization"


@pytest.mark.parametrize("kernels", ["torch", "auto"])
def test_int8_answers_almost_the_same(kernels: str) -> None:
    """Whole numbers for weights move logits little, by whichever path they run."""
    whole, narrow = logits_of("none", "torch"), logits_of("int8", kernels)
    assert float((whole - narrow).norm() / whole.norm()) < 0.05
    assert not torch.equal(whole, narrow)


def logits_of(quantization: str, kernels: str) -> torch.Tensor:
    runner = runner_of(*loaded(quantization=quantization, kernels=kernels))
    caught: list[torch.Tensor] = []
    sampler: Any = runner._sampler
    draw = sampler.draw

    def keep(logits: torch.Tensor, requests: Sequence[Request]) -> Draws:
        caught.append(logits.clone())
        result: Draws = draw(logits, requests)
        return result

    sampler.draw = keep
    request = seated(0, 9, slot=0)
    request.blocks = [1]
    runner.launch(Step((Chunk(request, 0, 9, samples=True),), 0)).wait()
    return caught[0]


@pytest.mark.parametrize("family", FAMILIES)
def test_the_fastest_path_answers_as_the_plain_one(family: str) -> None:
    """Whichever kernels and forward pass this machine has, greedy answers in float32 are torch's."""
    got = []
    for kernels in ("torch", "auto"):
        runner = runner_of(*loaded(family, kernels=kernels, step_tokens=13))
        scheduler = scheduler_of(runner, requests=4, block_tokens=16)
        requests = [asked(n, range(5 + n, 5 + n + length), 12) for n, length in enumerate((1, 19, 40, 70))]
        got.append(answers(runner, scheduler, {0: requests[:2], 3: requests[2:]}, end_tokens=(), overlap=False))
    assert got[0] == got[1]


def test_a_cache_that_the_fast_kernels_cannot_read_goes_to_torch() -> None:
    """Blocks of a size that is not theirs are no reason to fail."""
    taken, settings = loaded(kernels="auto", block_tokens=4)
    assert isinstance(assembly._kernels(taken, settings, lambda _what, _fraction: None), assembly.TorchKernels)
    assert isinstance(create(taken.layers, blocks=2, block_tokens=4, dtype=torch.float32, device=CPU), KvCache)
