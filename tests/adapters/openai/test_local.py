"""The API over the local engine and a small random model: everything that only this engine can do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Literal

import openai
import pytest
from pydantic import BaseModel

from bot.engine.local.engine import LocalEngine
from tests.adapters.openai.desks import frontdesk
from tests.adapters.openai.house import client_of
from tests.bot.engine.local.families import folder

HI: Any = [{"role": "user", "content": "How long does a refund take?"}]
TEMPLATE = (
    "{% if tools %}{% for tool in tools %}{{ tool | tojson }}\n{% endfor %}{% endif %}"
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}"
    "{% for call in message.tool_calls or [] %}{{ call.function.name }}{{ call.function.arguments | tojson }}"
    "{% endfor %}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
PICK: Any = {
    "type": "function",
    "function": {
        "name": "pick",
        "parameters": {
            "type": "object",
            "properties": {"size": {"$ref": "#/$defs/size"}, "gift": {"type": "boolean"}},
            "required": ["size", "gift"],
            "additionalProperties": False,
            "$defs": {"size": {"enum": ["S", "M", "L"]}},
        },
    },
}
MODEL = "tiny"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder("llama", tmp_path_factory.mktemp("models") / MODEL)


@pytest.fixture
async def served(tmp_path: Path, model: Path) -> AsyncIterator[tuple[openai.AsyncOpenAI, LocalEngine]]:
    local = {"kernels": "torch", "dtype": "float32", "device": "cpu", "threads": 1, "chat_template": TEMPLATE}
    engine = {"kind": "local", "model": str(model), "local": local | {"block_tokens": 16, "max_requests": 8}}
    async with frontdesk(tmp_path, engine=engine) as (address, secret, desk), client_of(address, secret) as client:
        assert isinstance(desk.engine, LocalEngine)
        yield client, desk.engine


async def test_chats(served: tuple[openai.AsyncOpenAI, LocalEngine]) -> None:
    """Greedy answers are the same whole and streamed; usage is exact; what was read before is known again."""
    client, engine = served
    assert [one.id async for one in client.models.list()] == [MODEL]
    asked: Any = {"model": MODEL, "messages": HI, "temperature": 0, "max_tokens": 12}
    whole = await client.chat.completions.create(**asked)
    stream = await client.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True})
    *chunks, streamed = [chunk async for chunk in stream]
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text == whole.choices[0].message.content
    assert chunks[-1].choices[0].finish_reason == whole.choices[0].finish_reason
    assert whole.usage is not None
    assert streamed.usage is not None
    assert streamed.usage.completion_tokens == whole.usage.completion_tokens <= 12
    assert streamed.usage.prompt_tokens == whole.usage.prompt_tokens > 16
    assert streamed.usage.prompt_tokens_details is not None
    assert (streamed.usage.prompt_tokens_details.cached_tokens or 0) >= 16
    response = await client.responses.create(model=MODEL, input=HI, temperature=0, max_output_tokens=12)
    assert response.output_text == whole.choices[0].message.content
    assert engine.stats().state == "ready"


async def test_sampling(served: tuple[openai.AsyncOpenAI, LocalEngine]) -> None:
    """A seed repeats the answers, `n` of them differ, and each token's log-probability is told with its rivals."""
    client, _ = served
    asked: Any = {
        "model": MODEL,
        "messages": HI,
        "seed": 7,
        "max_tokens": 8,
        "n": 3,
        "extra_body": {"ignore_eos": True},
    }
    first, second = [await client.chat.completions.create(**asked) for _ in range(2)]
    texts = [[choice.message.content for choice in one.choices] for one in (first, second)]
    assert texts[0] == texts[1]
    assert len(set(texts[0])) == 3
    known = await client.chat.completions.create(
        model=MODEL, messages=HI, temperature=0, max_tokens=5, logprobs=True, top_logprobs=3,
        extra_body={"ignore_eos": True},
    )  # fmt: skip
    assert known.choices[0].logprobs is not None
    content = known.choices[0].logprobs.content or []
    assert len(content) == 5
    for one in content:
        assert len(one.top_logprobs) == 3
        assert one.logprob == max(rival.logprob for rival in one.top_logprobs) <= 0


async def test_prompts(served: tuple[openai.AsyncOpenAI, LocalEngine]) -> None:
    """Text and its token ids are written on alike; several prompts at once; streamed with their numbers."""
    client, engine = served
    prompt = "How long does"
    ids = engine.model.counting.encode(prompt)
    asked: Any = {"model": MODEL, "temperature": 0, "max_tokens": 6}
    text = await client.completions.create(prompt=prompt, **asked)
    same = await client.completions.create(prompt=list(ids), **asked)
    assert same.choices[0].text == text.choices[0].text
    several = await client.completions.create(prompt=[prompt, prompt, "May I"], **asked)
    assert [one.text for one in several.choices][:2] == [text.choices[0].text] * 2
    parts = ["", ""]
    async for chunk in await client.completions.create(prompt=[prompt, prompt], stream=True, **asked):
        parts[chunk.choices[0].index] += chunk.choices[0].text
    assert parts == [text.choices[0].text] * 2


class Order(BaseModel):
    size: Literal["S", "M", "L"]
    gift: bool


async def test_forms(served: tuple[openai.AsyncOpenAI, LocalEngine]) -> None:
    """A schema, a choice and an expression bind what even a random model says."""
    client, _ = served
    for seed in range(3):
        answer = await client.chat.completions.parse(
            model=MODEL, messages=HI, response_format=Order, seed=seed, max_tokens=200
        )
        assert isinstance(answer.choices[0].message.parsed, Order)
        chosen = await client.chat.completions.create(
            model=MODEL, messages=HI, seed=seed, extra_body={"guided_choice": ["yes", "no"]}
        )
        assert chosen.choices[0].message.content in ("yes", "no")


async def test_tools(served: tuple[openai.AsyncOpenAI, LocalEngine]) -> None:
    """A tool that is named or required is called, with arguments that its schema allows; then its result is read."""
    client, _ = served
    named: Any = {"type": "function", "function": {"name": "pick"}}
    other: Any = {"type": "function", "function": {"name": "wait"}}
    for choice, parallel, tools in ((named, True, [PICK, other]), ("required", False, [PICK])):
        answer = await client.chat.completions.create(
            model=MODEL, messages=HI, tools=tools, tool_choice=choice, parallel_tool_calls=parallel, seed=1,
            max_tokens=200,
        )  # fmt: skip
        (call,) = answer.choices[0].message.tool_calls or ()
        assert call.type == "function"
        assert call.function.name == "pick"
        assert Order.model_validate_json(call.function.arguments)
        assert answer.choices[0].finish_reason == "tool_calls"
        history: Any = [
            *HI,
            answer.choices[0].message.model_dump(exclude_none=True),
            {"role": "tool", "tool_call_id": call.id, "content": json.dumps({"done": True})},
        ]
        told = await client.chat.completions.create(model=MODEL, messages=history, tools=tools, max_tokens=3)
        assert told.usage is not None
        assert answer.usage is not None
        assert told.usage.prompt_tokens > answer.usage.prompt_tokens


async def test_refusals(served: tuple[openai.AsyncOpenAI, LocalEngine]) -> None:
    """What the engine refuses has the client's own name for it."""
    client, _ = served
    long: Any = [{"role": "user", "content": "word " * 2_000}]
    wrong: list[tuple[dict[str, Any], str, str]] = [
        ({"messages": long}, "messages", "context_length_exceeded"),
        ({"logit_bias": {"99999": 1}}, "logit_bias", "invalid_value"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "odd"}}}},
            "response_format",
            "invalid_value",
        ),
        ({"extra_body": {"guided_regex": "("}}, "guided_regex", "invalid_value"),
    ]
    for more, param, code in wrong:
        with pytest.raises(openai.BadRequestError) as refused:
            await client.chat.completions.create(**({"model": MODEL, "messages": HI} | more))
        assert (refused.value.param, refused.value.code) == (param, code)
    with pytest.raises(openai.BadRequestError) as refused:
        await client.completions.create(model=MODEL, prompt=[1] * 600)
    assert (refused.value.param, refused.value.code) == ("prompt", "context_length_exceeded")
    with pytest.raises(openai.BadRequestError) as refused:
        await client.completions.create(model=MODEL, prompt="")
    assert (refused.value.param, refused.value.code) == ("prompt", "invalid_value")


async def test_a_model_is_called_by_its_name(tmp_path: Path, model: Path) -> None:
    """Whoever asks is not told where its folder lies."""
    local = {"kernels": "torch", "dtype": "float32", "device": "cpu", "threads": 1}
    local |= {"chat_template": "{{ messages[0].content }}"}
    engine = {"kind": "local", "model": str(model), "local": local}
    async with frontdesk(tmp_path, engine=engine) as (address, secret, _), client_of(address, secret) as client:
        with pytest.raises(openai.BadRequestError) as refused:
            await client.chat.completions.create(model=MODEL, messages=HI, tools=[PICK])
        assert MODEL in str(refused.value)
        assert str(model.parent) not in str(refused.value)


async def test_who_leaves_frees_a_slot(served: tuple[openai.AsyncOpenAI, LocalEngine]) -> None:
    """In mid-stream, for the next one; nothing is left running."""
    client, engine = served
    extra = {"ignore_eos": True}
    for _ in range(3):
        stream = await client.chat.completions.create(
            model=MODEL, messages=HI, stream=True, max_tokens=400, extra_body=extra
        )
        await anext(aiter(stream))
        await stream.close()
    async with asyncio.timeout(20):
        while engine.stats().running:
            await asyncio.sleep(0.02)
    answer = await client.chat.completions.create(model=MODEL, messages=HI, max_tokens=3)
    assert answer.usage is not None
