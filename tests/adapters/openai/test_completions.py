"""Completions and responses, through the official client."""

from __future__ import annotations

from typing import Any

import openai
import pytest
from pydantic import BaseModel

from adapters.openai.generator import GenerationFault, GenerationTooLong
from tests.adapters.openai.house import MODEL, House, fails, says


# -- completions ---------------------------------------------------------------------------------------
async def test_a_text_is_written_on(house: House) -> None:
    """Whole and streamed, with usage; the prompt goes to the generator as it is."""
    whole = await house.client.completions.create(model=MODEL, prompt="Once", max_tokens=5)
    assert (whole.object, whole.choices[0].text, whole.choices[0].finish_reason) == (
        "text_completion", "Hello there!", "stop",
    )  # fmt: skip
    assert whole.usage is not None
    assert whole.usage.total_tokens == 10
    assert (house.generator.last.prompt, house.generator.last.sampling.max_tokens) == ("Once", 5)
    stream = await house.client.completions.create(
        model=MODEL, prompt="Once", stream=True, stream_options={"include_usage": True}
    )
    *chunks, counted = [chunk async for chunk in stream]
    assert "".join(chunk.choices[0].text for chunk in chunks) == "Hello there!"
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert counted.usage is not None
    assert counted.usage.total_tokens == 10


async def test_token_ids_are_a_prompt(house: House) -> None:
    """One prompt of ids, or several."""
    await house.client.completions.create(model=MODEL, prompt=[1, 2, 3])
    assert house.generator.last.prompt == [1, 2, 3]
    whole = await house.client.completions.create(model=MODEL, prompt=[[1, 2], [3]])
    assert [asked.prompt for asked in house.generator.asked[1:]] == [[1, 2], [3]]
    assert [choice.index for choice in whole.choices] == [0, 1]


async def test_several_prompts_and_answers(house: House) -> None:
    """Numbered through, prompt after prompt, and their usage added up."""
    house.generator.script = says("a", "b")
    whole = await house.client.completions.create(model=MODEL, prompt=["x", "y", "z"], n=2, echo=True)
    assert [choice.text for choice in whole.choices] == ["xab", "xab", "yab", "yab", "zab", "zab"]
    assert whole.usage is not None
    assert whole.usage.prompt_tokens == 21
    texts = [""] * 6
    stream = await house.client.completions.create(model=MODEL, prompt=["x", "y", "z"], n=2, echo=True, stream=True)
    async for chunk in stream:
        texts[chunk.choices[0].index] += chunk.choices[0].text
    assert texts == ["xab", "xab", "yab", "yab", "zab", "zab"]
    assert house.generator.open == 0


async def test_one_prompt_that_fails_ends_them_all(house: House) -> None:
    """With its own error, and no stream left open."""
    good = says("a")

    def script(asked: Any) -> Any:
        return fails(GenerationTooLong("Too long.", field="prompt"))(asked) if asked.prompt == "y" else good(asked)

    house.generator.script = script
    with pytest.raises(openai.BadRequestError) as refused:
        await house.client.completions.create(model=MODEL, prompt=["x", "y", "z"])
    assert (refused.value.param, refused.value.code) == ("prompt", "context_length_exceeded")
    assert house.generator.open == 0


async def test_completion_logprobs(house: House) -> None:
    """Parallel arrays; offsets count characters, also over the chunks of a stream."""
    house.generator.script = says("ab", "c", logprobs=True)
    whole = await house.client.completions.create(model=MODEL, prompt="x", logprobs=2)
    known = whole.choices[0].logprobs
    assert known is not None
    assert (known.tokens, known.token_logprobs, known.text_offset) == (["ab", "c"], [-0.5, -0.5], [0, 2])
    assert known.top_logprobs == [{"ab": -0.5, "other": -9999.0}, {"c": -0.5, "other": -9999.0}]
    stream = await house.client.completions.create(model=MODEL, prompt="x", logprobs=0, stream=True)
    known_ones = [chunk.choices[0].logprobs async for chunk in stream]
    offsets = [one.text_offset for one in known_ones if one]
    assert offsets == [[0], [2]]


# -- responses -----------------------------------------------------------------------------------------
async def test_a_response(house: House) -> None:
    """Text in, text out, with usage and what the request said."""
    answer = await house.client.responses.create(
        model=MODEL, input="Hi", instructions="Be brief.", temperature=0.5, max_output_tokens=50, metadata={"a": "b"}
    )
    assert (answer.status, answer.output_text, answer.error) == ("completed", "Hello there!", None)
    assert (answer.temperature, answer.max_output_tokens, answer.metadata) == (0.5, 50, {"a": "b"})
    assert answer.usage is not None
    assert (answer.usage.input_tokens, answer.usage.output_tokens, answer.usage.total_tokens) == (7, 3, 10)
    assert answer.usage.input_tokens_details.cached_tokens == 4
    assert list(house.generator.last.messages) == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
    ]


async def test_a_streamed_response(house: House) -> None:
    """The events in OpenAI's order, numbered without a gap; the last one holds everything."""
    stream = await house.client.responses.create(model=MODEL, input="Hi", stream=True)
    events = [event async for event in stream]
    kinds = [event.type for event in events]
    assert kinds[:4] == [
        "response.created", "response.in_progress", "response.output_item.added", "response.content_part.added",
    ]  # fmt: skip
    assert kinds[-4:] == [
        "response.output_text.done", "response.content_part.done", "response.output_item.done", "response.completed",
    ]  # fmt: skip
    assert set(kinds[4:-4]) == {"response.output_text.delta"}
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == "Hello there!"
    async with house.client.responses.stream(model=MODEL, input="Hi") as helper:
        final = await helper.get_final_response()
    assert final.output_text == "Hello there!"


async def test_a_conversation_goes_on(house: House) -> None:
    """What an earlier response gave out is understood as input."""
    first = await house.client.responses.create(model=MODEL, input="Hi")
    history: Any = [{"role": "user", "content": "Hi"}, *[one.model_dump() for one in first.output]]
    history += [{"role": "user", "content": [{"type": "input_text", "text": "And?"}]}]
    await house.client.responses.create(model=MODEL, input=history)
    assert [one["content"] for one in house.generator.last.messages] == ["Hi", "Hello there!", "And?"]


class City(BaseModel):
    name: str


async def test_a_response_of_a_form(house: House) -> None:
    """`parse` of the client."""
    house.generator.script = says('{"name": "Oslo"}')
    answer = await house.client.responses.parse(model=MODEL, input="Hi", text_format=City)
    assert answer.output_parsed == City(name="Oslo")
    assert '"name"' in house.generator.last.sampling.json_schema


async def test_a_response_that_was_cut(house: House) -> None:
    """Incomplete, with the reason, whole and streamed."""
    house.generator.script = says("Once", finish="length")
    answer = await house.client.responses.create(model=MODEL, input="Hi")
    assert answer.status == "incomplete"
    assert answer.incomplete_details is not None
    assert answer.incomplete_details.reason == "max_output_tokens"
    events = [event async for event in await house.client.responses.create(model=MODEL, input="Hi", stream=True)]
    assert events[-1].type == "response.incomplete"


async def test_logprobs_of_a_response(house: House) -> None:
    """With `include`, in the deltas and at the end."""
    house.generator.script = says("a", "b", logprobs=True)
    include: Any = ["message.output_text.logprobs"]
    answer = await house.client.responses.create(model=MODEL, input="Hi", include=include, top_logprobs=2)
    part: Any = answer.output[0].content[0]  # type: ignore[union-attr]  # it is a message
    assert [one.token for one in part.logprobs] == ["a", "b"]
    stream = await house.client.responses.create(
        model=MODEL, input="Hi", include=include, top_logprobs=2, stream=True
    )  # fmt: skip
    deltas = [event.logprobs async for event in stream if event.type == "response.output_text.delta"]
    assert [one[0].token for one in deltas] == ["a", "b"]


async def test_a_response_that_fails_in_the_middle(house: House) -> None:
    """The last event says so, with what was written."""
    house.generator.script = fails(GenerationFault("Boom."), "Once")
    stream = await house.client.responses.create(model=MODEL, input="Hi", stream=True)
    events = [event async for event in stream]
    assert events[-1].type == "response.failed"
    assert events[-1].response.error is not None
