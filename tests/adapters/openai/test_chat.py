"""Chats, through the official client."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest
from pydantic import BaseModel

from tests.adapters.openai.house import MODEL, House, says

HI: Any = [{"role": "user", "content": "Hi"}]
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Tells the weather.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


async def test_a_whole_answer(house: House) -> None:
    """Text, role, finish reason, usage with what was cached, and a system fingerprint."""
    answer = await house.client.chat.completions.create(model=MODEL, messages=HI)
    assert answer.object == "chat.completion"
    assert answer.model == MODEL
    assert answer.system_fingerprint
    (choice,) = answer.choices
    assert (choice.index, choice.finish_reason, choice.logprobs) == (0, "stop", None)
    assert (choice.message.role, choice.message.content) == ("assistant", "Hello there!")
    assert choice.message.tool_calls is None
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (7, 3, 10)
    assert answer.usage.prompt_tokens_details is not None
    assert answer.usage.prompt_tokens_details.cached_tokens == 4


async def test_a_streamed_answer(house: House) -> None:
    """The role first, then text, then the reason of the end, then (asked for) usage without choices."""
    stream = await house.client.chat.completions.create(
        model=MODEL, messages=HI, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    assert len({chunk.id for chunk in chunks}) == 1
    assert {chunk.object for chunk in chunks} == {"chat.completion.chunk"}
    first, *middle, end, counted = chunks
    assert first.choices[0].delta.role == "assistant"
    assert first.choices[0].finish_reason is None
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1]) == "Hello there!"
    assert all(chunk.choices[0].delta.role is None for chunk in middle)
    assert end.choices[0].finish_reason == "stop"
    assert counted.choices == []
    assert counted.usage is not None
    assert counted.usage.total_tokens == 10
    assert all(chunk.usage is None for chunk in chunks[:-1])


async def test_the_bytes_of_a_stream(house: House) -> None:
    """Events as the protocol has them: usage stands in none of them unless asked for, and [DONE] ends them."""
    body = {"model": MODEL, "messages": HI, "stream": True}
    response = await house.post("/v1/chat/completions", body)
    assert response.headers["Content-Type"].startswith("text/event-stream")
    *events, done, empty = (await response.text()).split("\n\n")
    assert (done, empty) == ("data: [DONE]", "")
    assert all(event.startswith("data: {") for event in events)
    assert all("usage" not in json.loads(event.removeprefix("data: ")) for event in events)
    asked = await house.post("/v1/chat/completions", body | {"stream_options": {"include_usage": True}})
    shown = [json.loads(line[6:]) for line in (await asked.text()).split("\n\n")[:-2]]
    assert [event["usage"] is None for event in shown] == [True] * (len(shown) - 1) + [False]


@pytest.mark.parametrize("text", ['"\\\n\t\x00', "日本語 🙂", "\u2028\u2029\x85\x7f", "</script>", "a\r\nb"])
async def test_every_text_arrives_as_it_is(house: House, text: str) -> None:
    """Quotes, line ends of any kind, other scripts: streamed and whole."""
    house.generator.script = says(text, text)
    whole = await house.client.chat.completions.create(model=MODEL, messages=HI)
    assert whole.choices[0].message.content == text * 2
    stream = await house.client.chat.completions.create(model=MODEL, messages=HI, stream=True)
    assert "".join([chunk.choices[0].delta.content or "" async for chunk in stream]) == text * 2


async def test_several_answers(house: House) -> None:
    """`n` choices, each with its index, its role and its end."""
    house.generator.script = says("a", "b")
    whole = await house.client.chat.completions.create(model=MODEL, messages=HI, n=3)
    assert [(choice.index, choice.message.content) for choice in whole.choices] == [(0, "ab"), (1, "ab"), (2, "ab")]
    stream = await house.client.chat.completions.create(model=MODEL, messages=HI, n=3, stream=True)
    texts, roles, ends = ["", "", ""], [0, 0, 0], ["", "", ""]
    async for chunk in stream:
        (choice,) = chunk.choices
        texts[choice.index] += choice.delta.content or ""
        roles[choice.index] += choice.delta.role == "assistant"
        ends[choice.index] += choice.finish_reason or ""
    assert (texts, roles, ends) == (["ab"] * 3, [1] * 3, ["stop"] * 3)


async def test_settings_reach_the_generator(house: House) -> None:
    """Every field that is known, under our names; nothing said is OpenAI's default."""
    await house.client.chat.completions.create(model=MODEL, messages=HI)
    asked = house.generator.last
    assert (asked.sampling.temperature, asked.sampling.top_p, asked.sampling.max_tokens) == (1.0, 1.0, 1024)
    assert (asked.priority, asked.deadline, asked.owner) == (0, 600.0, f"api:{house.key.number}")
    await house.client.chat.completions.create(
        model=MODEL,
        messages=HI,
        temperature=0.5,
        top_p=0.9,
        n=2,
        stop=["x", "y", "x"],
        max_completion_tokens=9,
        presence_penalty=1,
        frequency_penalty=-1.5,
        seed=-3,
        logit_bias={"5": -100},
        logprobs=True,
        top_logprobs=4,
        user="ada",
        store=False,
        service_tier="auto",
        prompt_cache_key="k",
        extra_body={"top_k": 5, "min_p": 0.1, "repetition_penalty": 1.2, "ignore_eos": True, "guided_regex": "a+"},
    )
    sampling = house.generator.last.sampling
    assert (sampling.temperature, sampling.top_p, sampling.top_k, sampling.min_p) == (0.5, 0.9, 5, 0.1)
    assert (sampling.n, sampling.stop, sampling.max_tokens, sampling.seed) == (2, ("x", "y"), 9, -3)
    assert (sampling.presence_penalty, sampling.frequency_penalty, sampling.repetition_penalty) == (1.0, -1.5, 1.2)
    assert (sampling.logit_bias, sampling.logprobs, sampling.top_logprobs) == ({5: -100.0}, True, 4)
    assert (sampling.ignore_eos, sampling.regex) == (True, "a+")


async def test_the_conversation_reaches_the_generator(house: House) -> None:
    """Roles, parts of text, names, calls with their arguments as objects, and what tools gave back."""
    messages: Any = [
        {"role": "developer", "content": [{"type": "text", "text": "Be"}, {"type": "text", "text": "brief."}]},
        {"role": "user", "content": "Weather?", "name": "ada"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": 1}'}}
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "Rain."},
    ]
    await house.client.chat.completions.create(model=MODEL, messages=messages, tools=[WEATHER])
    call = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": {"city": 1}}}
    assert list(house.generator.last.messages) == [
        {"role": "system", "content": "Be\nbrief."},
        {"role": "user", "content": "Weather?", "name": "ada"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": "Rain.", "tool_call_id": "c1"},
    ]
    assert list(house.generator.last.tools) == [WEATHER]


async def test_an_answer_can_be_sent_back_as_it_came(house: House) -> None:
    """What the client's own objects hold besides text changes nothing."""
    house.generator.script = says('<tool_call>{"name": "weather", "arguments": {"city": "Paris"}}</tool_call>')
    answer = await house.client.chat.completions.create(model=MODEL, messages=HI, tools=[WEATHER])
    message = answer.choices[0].message
    assert message.tool_calls is not None
    history: Any = [
        *HI,
        message.model_dump(),
        {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "Sun."},
    ]
    house.generator.script = says("It is sunny.")
    again = await house.client.chat.completions.create(model=MODEL, messages=history, tools=[WEATHER])
    assert again.choices[0].message.content == "It is sunny."


async def test_logprobs(house: House) -> None:
    """Each token with its bytes and what was likeliest in its place; minus infinity as a number."""
    house.generator.script = says("é", "b", logprobs=True)
    whole = await house.client.chat.completions.create(model=MODEL, messages=HI, logprobs=True, top_logprobs=2)
    known = whole.choices[0].logprobs
    assert known is not None
    assert known.content is not None
    assert [(one.token, one.bytes, one.logprob) for one in known.content] == [
        ("é", [195, 169], -0.5),
        ("b", [98], -0.5),
    ]
    assert [one.logprob for one in known.content[0].top_logprobs] == [-0.5, -9999.0]
    stream = await house.client.chat.completions.create(
        model=MODEL, messages=HI, logprobs=True, top_logprobs=2, stream=True
    )
    tokens = [
        one.token
        async for chunk in stream
        for one in (chunk.choices[0].logprobs.content or [] if chunk.choices[0].logprobs else [])
    ]
    assert tokens == ["é", "b"]


class City(BaseModel):
    name: str
    people: int


async def test_a_form_is_bound(house: House) -> None:
    """`parse` of the client: the schema reaches the generator, and the answer is an object."""
    house.generator.script = says('{"name": "Paris", ', '"people": 2}')
    answer = await house.client.chat.completions.parse(model=MODEL, messages=HI, response_format=City)
    assert answer.choices[0].message.parsed == City(name="Paris", people=2)
    schema = json.loads(house.generator.last.sampling.json_schema)
    assert schema["required"] == ["name", "people"]
    await house.client.chat.completions.create(model=MODEL, messages=HI, response_format={"type": "json_object"})
    assert json.loads(house.generator.last.sampling.json_schema) == {"type": "object"}
    extra = {"structured_outputs": {"choice": ["yes", "no"]}}
    await house.client.chat.completions.create(model=MODEL, messages=HI, extra_body=extra)
    assert house.generator.last.sampling.choice == ("yes", "no")


CALL = '<tool_call>\n{"name": "weather", "arguments": {"city": "Paris"}}\n</tool_call>'


async def test_tool_calls(house: House) -> None:
    """Found in the text, whole and streamed; text before them is text; the reason of the end tells."""
    house.generator.script = says("Let me see. ", CALL[:8], CALL[8:30], CALL[30:], CALL)
    whole = await house.client.chat.completions.create(model=MODEL, messages=HI, tools=[WEATHER])
    (choice,) = whole.choices
    assert (choice.finish_reason, choice.message.content) == ("tool_calls", "Let me see. ")
    assert choice.message.tool_calls is not None
    called = [(one.type, one.function.name, json.loads(one.function.arguments)) for one in choice.message.tool_calls]  # type: ignore[union-attr]  # functions alone
    assert called == [("function", "weather", {"city": "Paris"})] * 2
    assert len({one.id for one in choice.message.tool_calls}) == 2

    async with house.client.chat.completions.stream(model=MODEL, messages=HI, tools=[WEATHER]) as stream:
        final = await stream.get_final_completion()
    message = final.choices[0].message
    assert (final.choices[0].finish_reason, message.content) == ("tool_calls", "Let me see. ")
    assert [json.loads(one.function.arguments) for one in message.tool_calls or ()] == [{"city": "Paris"}] * 2


async def test_one_call_where_no_two_are_wanted(house: House) -> None:
    """`parallel_tool_calls` false: the first, and nothing behind it."""
    house.generator.script = says(CALL, CALL, "and more")
    whole = await house.client.chat.completions.create(
        model=MODEL, messages=HI, tools=[WEATHER], parallel_tool_calls=False
    )
    assert len(whole.choices[0].message.tool_calls or ()) == 1
    assert whole.choices[0].message.content is None


async def test_a_call_that_was_not_offered_is_text(house: House) -> None:
    """Without tools, or with tool_choice none, nothing is taken for a call."""
    house.generator.script = says(CALL)
    for more in ({}, {"tools": [WEATHER], "tool_choice": "none"}):
        whole = await house.client.chat.completions.create(model=MODEL, messages=HI, **more)  # type: ignore[arg-type]  # any fields
        assert (whole.choices[0].message.content, whole.choices[0].finish_reason) == (CALL, "stop")
        assert list(house.generator.last.tools) == []


async def test_a_named_tool_gets_arguments_alone(house: House) -> None:
    """The text is bound by the tool's own schema; it streams as the arguments of one call."""
    named: Any = {"type": "function", "function": {"name": "weather"}}
    house.generator.script = says('{"ci', 'ty": "Par', 'is"}')
    async with house.client.chat.completions.stream(
        model=MODEL, messages=HI, tools=[WEATHER], tool_choice=named
    ) as stream:
        final = await stream.get_final_completion()
    (call,) = final.choices[0].message.tool_calls or ()
    assert (call.function.name, json.loads(call.function.arguments)) == ("weather", {"city": "Paris"})
    assert final.choices[0].finish_reason == "tool_calls"
    assert json.loads(house.generator.last.sampling.json_schema) == WEATHER["function"]["parameters"]
    whole = await house.client.chat.completions.create(
        model=MODEL, messages=HI, tools=[WEATHER], tool_choice=named
    )  # fmt: skip
    assert whole.choices[0].message.tool_calls[0].function.arguments == '{"city": "Paris"}'  # type: ignore[index,union-attr]  # there is one


async def test_a_required_tool_binds_the_text_to_calls(house: House) -> None:
    """An array of calls of the tools that were offered; references within their schemas keep leading somewhere."""
    tree = {
        "$ref": "#/$defs/node",
        "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}},
    }
    grow: Any = {"type": "function", "function": {"name": "grow", "parameters": tree}}
    house.generator.script = says('[{"name":"weather","argu', 'ments":{"city":"Oslo"}},{"name":"grow","arguments":{}}]')
    whole = await house.client.chat.completions.create(
        model=MODEL, messages=HI, tools=[WEATHER, grow], tool_choice="required"
    )
    calls = whole.choices[0].message.tool_calls or ()
    assert [one.function.name for one in calls] == ["weather", "grow"]  # type: ignore[union-attr]  # functions alone
    assert (whole.choices[0].message.content, whole.choices[0].finish_reason) == (None, "tool_calls")
    schema = json.loads(house.generator.last.sampling.json_schema)
    inner = schema["$defs"]["tool0"]
    assert inner["$ref"] == "#/$defs/tool0/$defs/node"
    assert inner["$defs"]["node"]["properties"]["next"]["$ref"] == "#/$defs/tool0/$defs/node"


async def test_an_answer_that_was_cut(house: House) -> None:
    """finish_reason length, also where a call was begun."""
    house.generator.script = says("Once upon", finish="length")
    whole = await house.client.chat.completions.create(model=MODEL, messages=HI)
    assert whole.choices[0].finish_reason == "length"
    house.generator.script = says('<tool_call>{"name": "wea', finish="length")
    cut = await house.client.chat.completions.create(model=MODEL, messages=HI, tools=[WEATHER])
    assert (cut.choices[0].finish_reason, cut.choices[0].message.tool_calls) == ("length", None)


async def test_models(house: House) -> None:
    """One, by its name; another is not found, nor can it be asked."""
    assert [model.id async for model in house.client.models.list()] == [MODEL]
    assert (await house.client.models.retrieve(MODEL)).owned_by == "frontdesk"
    with pytest.raises(openai.NotFoundError) as missing:
        await house.client.models.retrieve("org/other")
    assert missing.value.code == "model_not_found"
    with pytest.raises(openai.NotFoundError) as refused:
        await house.client.chat.completions.create(model="gpt-x", messages=HI)
    assert (refused.value.param, refused.value.code) == ("model", "model_not_found")
