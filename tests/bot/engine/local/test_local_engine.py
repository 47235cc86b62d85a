"""The engine whole, with small real models: loaded from a folder, asked by many, held to what transformers says."""

from __future__ import annotations

import asyncio
import gc
import json
import shutil
import threading
import weakref
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from bot.engine.base import ChatMessage, EngineFault, EngineRefused
from bot.engine.local.engine import LocalEngine
from bot.engine.local.model import Model
from bot.engine.local.settings import LocalSettings
from bot.events import Sampling
from tests.bot.engine.local.engines import at_rest, read, text
from tests.bot.engine.local.families import EOS, FAMILIES, TURN_END, folder, tokenizer

ENDS = {EOS, TURN_END}


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """The machine is shared."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder("llama", tmp_path_factory.mktemp("llama"))


@asynccontextmanager
async def loaded(model: Path, **settings: Any) -> AsyncIterator[LocalEngine]:
    made = {"kernels": "torch", "dtype": "float32", "device": "cpu", "threads": 1, "cache_gb": 0.02, **settings}
    engine = LocalEngine(LocalSettings(model=str(model), **made))
    await engine.start()
    try:
        async with asyncio.timeout(60):
            yield engine
            await at_rest(engine)
    finally:
        await engine.close()


def generated(name: str, prompt: list[int], count: int) -> list[int]:
    """What transformers' own `generate` writes, greedily, the end token included."""
    model = FAMILIES[name]()
    with torch.inference_mode():
        ids: Any = model.generate(torch.tensor([prompt]), max_new_tokens=count)  # type: ignore[operator]  # untyped
    return list(ids[0, len(prompt) :].tolist())


@pytest.mark.parametrize("name", ["llama", "qwen3", "gemma2"])
async def test_greedy_answers_are_those_of_generate(name: str, tmp_path: Path) -> None:
    """Token for token, through templates, batches, chunks and the stream."""
    reader = tokenizer()
    async with loaded(folder(name, tmp_path), step_tokens=80) as engine:
        prompts = [f"{'May I bring the bike on Saturday? ' * (number % 4)}Question {number}" for number in range(8)]
        encoded = [[1, *reader(prompt, add_special_tokens=False)["input_ids"]] for prompt in prompts]
        wanted = [generated(name, tokens, 24) for tokens in encoded]
        streams = [engine.complete(tokens, Sampling(max_tokens=24, logprobs=True)) for tokens in encoded]
        for deltas, tokens in zip(await asyncio.gather(*map(read, streams)), wanted, strict=True):
            shown = [token for token in tokens if token not in ENDS]
            assert [logprob.token_id for delta in deltas for logprob in delta.logprobs] == shown
            assert text(deltas) == reader.decode(shown, skip_special_tokens=True)
            assert deltas[-1].finish_reason == ("stop" if tokens[-1] in ENDS else "length")


async def test_a_chat_is_read_through_the_template_and_counted(llama: Path) -> None:
    """The prompt has as many tokens as the template makes of it; `count_tokens` is exact."""
    messages: list[ChatMessage] = [{"role": "user", "content": "退货需要多长时间?"}]
    reader = tokenizer()
    plain: Any = messages
    prompt: Any = reader.apply_chat_template(plain, add_generation_prompt=True, tokenize=False)
    async with loaded(llama) as engine:
        deltas = await read(engine.stream(messages, Sampling(max_tokens=5)))
        assert deltas[-1].usage is not None
        assert deltas[-1].usage.prompt_tokens == len(reader(prompt, add_special_tokens=False)["input_ids"])
        for said in ("", "How long does a refund take?", "退货", "x" * 10_000):
            assert engine.count_tokens(said) == len(reader(said, add_special_tokens=False, verbose=False)["input_ids"])
        assert engine.count_tokens("half a pair \ud800") > 0


async def test_the_same_seed_says_the_same_whatever_else_runs(llama: Path) -> None:
    """Alone, and among others; without a seed, two answers differ."""
    async with loaded(llama) as engine:
        hot: dict[str, Any] = {"temperature": 1.5, "max_tokens": 30, "ignore_eos": True}
        alone = text(await read(engine.complete("Say", Sampling(seed=5, **hot))))
        among = await asyncio.gather(*(read(engine.complete("Say", Sampling(seed=seed, **hot))) for seed in range(10)))
        assert text(among[5]) == alone
        free = {text(await read(engine.complete("Say", Sampling(**hot)))) for _ in range(3)}
        assert len(free) == 3


async def test_a_repeated_beginning_is_found(llama: Path) -> None:
    """The second time the usage says how much of the prompt had been read before."""
    async with loaded(llama) as engine:
        prompt = "The workshop is open from nine to five. " * 6
        first = (await read(engine.complete(prompt + "One?", Sampling(max_tokens=3))))[-1].usage
        again = (await read(engine.complete(prompt + "Two?", Sampling(max_tokens=3))))[-1].usage
        assert first is not None and again is not None
        assert first.cached_tokens == 0
        assert 0 < again.cached_tokens < again.prompt_tokens


async def test_answers_follow_the_form_that_was_asked_for(llama: Path) -> None:
    """A schema, an expression, a choice; a form that cannot be is refused, and the others go on."""
    schema = {
        "type": "object",
        "properties": {"days": {"enum": [5, 14, 30]}},
        "required": ["days"],
        "additionalProperties": False,
    }
    async with loaded(llama) as engine:
        hot: dict[str, Any] = {"temperature": 1.0, "seed": 3, "max_tokens": 80}
        asked = [
            Sampling(json_schema=json.dumps(schema), **hot),
            Sampling(regex="[a-c]{4}", **hot),
            Sampling(choice=("Monday", "Tuesday"), n=2, **hot),
        ]
        ends = await asyncio.gather(*(read(engine.complete("Answer: ", sampling)) for sampling in asked))
        assert json.loads(text(ends[0]))["days"] in (5, 14, 30)
        assert len(text(ends[1])) == 4 and set(text(ends[1])) <= set("abc")
        assert {text(ends[2], index) for index in range(2)} <= {"Monday", "Tuesday"}
        assert all(deltas[-1].finish_reason == "stop" for deltas in ends)
        bad: dict[str, Any] = {"json_schema": '{"type": "nonsense"}', "regex": "(", "choice": ("a", "a" * 5_000)}
        for field, value in bad.items():
            with pytest.raises(EngineRefused) as refused:
                await read(engine.complete("Answer: ", Sampling(**{field: value})))
            assert refused.value.field == field


async def test_a_model_without_a_template_says_so(tmp_path: Path) -> None:
    """Chats are refused with what to do; raw prompts are answered; a template of one's own mends it."""
    model = folder("llama", tmp_path)
    (model / "chat_template.jinja").unlink(missing_ok=True)
    told = json.loads((model / "tokenizer_config.json").read_text("utf-8"))
    told.pop("chat_template", None)
    (model / "tokenizer_config.json").write_text(json.dumps(told), "utf-8")
    messages: list[ChatMessage] = [{"role": "user", "content": "Hello"}]
    async with loaded(model) as engine:
        with pytest.raises(EngineFault, match="chat template"):
            await read(engine.stream(messages, Sampling()))
        assert (await read(engine.complete("Hello", Sampling(max_tokens=2))))[-1].usage
    async with loaded(model, chat_template="{% for m in messages %}{{ m.content }}{% endfor %}") as engine:
        assert (await read(engine.stream(messages, Sampling(max_tokens=2))))[-1].usage


async def test_a_token_that_the_model_lacks_ends_nobody_elses_answer(llama: Path, tmp_path: Path) -> None:
    """A tokenizer may know more tokens than its model: who writes one of those is refused, in a prompt or a chat."""
    model = shutil.copytree(llama, tmp_path / "model")
    own = tokenizer()
    own.add_tokens(["[PAD]"])
    own.save_pretrained(model)
    async with loaded(model) as engine:
        beside = asyncio.create_task(read(engine.complete("hello", Sampling(temperature=0, max_tokens=20))))
        for long in ("", "so what " * 600):
            with pytest.raises(EngineRefused, match="leave it out") as refused:
                await read(engine.complete(f"{long}a [PAD] b", Sampling()))
            assert refused.value.field == "prompt"
        with pytest.raises(EngineRefused, match="leave it out") as refused:
            await read(engine.stream([ChatMessage(role="user", content="a [PAD] b")], Sampling()))
        assert refused.value.field == "messages"
        assert (await beside)[-1].finish_reason
        assert engine.stats().failed_steps == 0


@pytest.mark.parametrize("depth", [300, 900])
async def test_tools_that_are_nested_without_an_end_are_refused(llama: Path, depth: int) -> None:
    """As what else cannot be read is: their own stream's refusal, with the field."""
    nested: dict[str, Any] = {}
    for _ in range(depth):
        nested = {"items": [nested]}
    template = "{{ tools }}{% for message in messages %}{{ message.content }}{% endfor %}"
    async with loaded(llama, chat_template=template) as engine:
        messages = [ChatMessage(role="user", content="hello")]
        with pytest.raises(EngineRefused, match="nested") as refused:
            await read(engine.stream(messages, Sampling(), tools=[{"parameters": nested}]))
        assert refused.value.field == "tools"


async def test_a_closed_engine_gives_the_weights_back(llama: Path) -> None:
    """Whoever keeps the engine, to start it again, does not keep the model: the next one would not fit beside it."""
    async with loaded(llama) as engine:
        runner: Any = engine.model.runner
        model = weakref.ref(runner._forward._model)
        del runner
        assert model() is not None
    gc.collect()
    assert model() is None


async def test_a_start_that_fails_leaves_no_thread() -> None:
    """Not even one that only frees what it had loaded: the process may end right after, which kills it halfway."""
    freed, may_free = threading.Event(), threading.Event()

    class Weights:
        def __del__(self) -> None:
            may_free.wait(20)
            freed.set()

    def loader(_settings: LocalSettings, _progress: object) -> Model:
        weights = Weights()
        raise EngineRefused(f"{type(weights).__name__} of another kind.", field="model")

    engine = LocalEngine(LocalSettings(model="odd"), loader=loader)
    asyncio.get_running_loop().call_later(0.05, may_free.set)
    with pytest.raises(EngineFault, match="another kind"):
        await engine.start()
    assert freed.is_set()
    assert not [thread for thread in threading.enumerate() if thread.name == "frontdesk-engine"]


async def test_a_folder_that_is_no_model_stops_the_start(tmp_path: Path) -> None:
    """With a sentence that names it."""
    engine = LocalEngine(LocalSettings(model=str(tmp_path)))
    with pytest.raises(EngineFault, match=r"config\.json"):
        await engine.start()
    await engine.close()
