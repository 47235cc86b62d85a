"""What is refused, and how: in OpenAI's shape, with the field's name, and never with a fault of ours."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.openai.chat import read_chat
from adapters.openai.completions import read_completion
from adapters.openai.fields import parse_object
from adapters.openai.problem import Problem
from adapters.openai.responses import read_response
from bot.config import ApiConfig
from tests.adapters.openai.house import MODEL, House, serving

CHAT, TEXT, RESPONSE = "/v1/chat/completions", "/v1/completions", "/v1/responses"
HI: Any = [{"role": "user", "content": "Hi"}]
TOOL: Any = {"type": "function", "function": {"name": "f"}}
IMAGE: Any = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"temperature": 3}, "temperature"),
    ({"temperature": "hot"}, "temperature"),
    ({"temperature": True}, "temperature"),
    ({"top_p": -0.1}, "top_p"),
    ({"top_k": 1.5}, "top_k"),
    ({"n": 0}, "n"),
    ({"n": 9}, "n"),
    ({"stop": ""}, "stop"),
    ({"stop": ["a"] * 17}, "stop"),
    ({"stop": [1]}, "stop"),
    ({"max_tokens": 0}, "max_tokens"),
    ({"max_tokens": 10**9}, "max_tokens"),
    ({"max_tokens": 5, "max_completion_tokens": 5}, "max_tokens"),
    ({"presence_penalty": 2.5}, "presence_penalty"),
    ({"repetition_penalty": 0}, "repetition_penalty"),
    ({"seed": 2**70}, "seed"),
    ({"seed": 1.0}, "seed"),
    ({"logit_bias": {"x": 1}}, "logit_bias"),
    ({"logit_bias": {"1": 101}}, "logit_bias"),
    ({"logprobs": 5}, "logprobs"),
    ({"top_logprobs": 5}, "top_logprobs"),
    ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
    ({"stream": "yes"}, "stream"),
    ({"stream_options": {"include_usage": True}}, "stream_options"),
    ({"stream": True, "stream_options": {"include_obfuscation": True}}, "stream_options.include_obfuscation"),
    ({"stream": True, "stream_options": {"colour": 1}}, "stream_options.colour"),
    ({"response_format": {"type": "xml"}}, "response_format.type"),
    ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
    ({"response_format": {"type": "json_schema", "json_schema": {"schema": {}}}}, "response_format.json_schema.name"),
    ({"response_format": {"type": "json_object"}, "guided_regex": "a"}, "guided_regex"),
    ({"response_format": {"type": "json_object"}, "tools": [TOOL]}, "response_format"),
    ({"guided_json": "{"}, "guided_json"),
    ({"guided_choice": [""]}, "guided_choice"),
    ({"structured_outputs": {"grammar": "x"}}, "structured_outputs.grammar"),
    ({"tools": [{"type": "custom"}]}, "tools[0].type"),
    ({"tools": [TOOL, {"type": "function"}]}, "tools[1].function"),
    ({"tools": [TOOL, TOOL]}, "tools"),
    ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools[0].function.name"),
    ({"tools": [{"type": "function", "function": {"name": "a", "parameters": []}}]}, "tools[0].function.parameters"),
    ({"tool_choice": "required"}, "tools"),
    ({"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "g"}}}, "tool_choice"),
    ({"tools": [TOOL], "tool_choice": "maybe"}, "tool_choice"),
    ({"tools": [TOOL], "tool_choice": 1}, "tool_choice"),
    ({"functions": [{"name": "f"}]}, "functions"),
    ({"audio": {"voice": "alloy", "format": "wav"}}, "audio"),
    ({"modalities": ["text", "audio"]}, "modalities"),
    ({"prediction": {"type": "content", "content": "x"}}, "prediction"),
    ({"web_search_options": {}}, "web_search_options"),
    ({"reasoning_effort": "high"}, "reasoning_effort"),
    ({"verbosity": "low"}, "verbosity"),
    ({"service_tier": "priority"}, "service_tier"),
    ({"store": True}, "store"),
    ({"store": 0}, "store"),
    ({"metadata": {"a": "b"}}, "metadata"),
    ({"best_of": 2}, "best_of"),
    ({"colour": "red"}, "colour"),
    ({"messages": []}, "messages"),
    ({"messages": "Hi"}, "messages"),
    ({"messages": ["Hi"]}, "messages[0]"),
    ({"messages": [{"role": "robot", "content": "Hi"}]}, "messages[0].role"),
    ({"messages": [{"role": "user"}]}, "messages[0].content"),
    ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
    ({"messages": [*HI, {"role": "user", "content": [IMAGE]}]}, "messages[1].content[0].type"),
    ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0].text"),
    ({"messages": [{"role": "user", "content": "Hi", "colour": 1}]}, "messages[0].colour"),
    ({"messages": [{"role": "tool", "content": "x", "tool_call_id": "c"}]}, "messages[0].tool_call_id"),
    ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id"),
    (
        {"messages": [{"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{"}}]}]},
        "messages[0].tool_calls[0].function.arguments",
    ),
    ({"model": 5}, "model"),
    ({"model": None}, "model"),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "param"), WRONG)
def test_a_chat_field_that_is_wrong_is_named(wrong: dict[str, Any], param: str) -> None:
    """Its type, its range, what it says beside others, and whether it is known at all."""
    with pytest.raises(Problem) as refused:
        read_chat({"model": MODEL, "messages": HI} | wrong, ApiConfig(), MODEL)
    assert (refused.value.status, refused.value.param) == (400, param)
    assert param.split(".")[-1].split("[")[0] in str(refused.value)


NEUTRAL: list[dict[str, Any]] = [
    {"store": False, "service_tier": "default", "modalities": ["text"], "verbosity": "medium"},
    {"reasoning_effort": "none", "metadata": {}, "function_call": "none", "functions": []},
    {"top_k": -1, "tools": [], "tool_choice": "auto", "stream_options": None, "logit_bias": {}, "stop": []},
    {"response_format": {"type": "text"}, "audio": None, "prediction": None, "user": None, "n": None},
    {"tools": [TOOL], "response_format": {"type": "text"}, "tool_choice": "none"},
]  # fmt: skip


@pytest.mark.parametrize("more", NEUTRAL)
def test_what_changes_nothing_is_taken(more: dict[str, Any]) -> None:
    """Defaults that clients write out, and nulls."""
    request = read_chat({"model": MODEL, "messages": HI} | more, ApiConfig(), MODEL)
    plain = read_chat({"model": MODEL, "messages": HI}, ApiConfig(), MODEL)
    assert request.sampling == plain.sampling


def test_every_field_of_the_official_client_is_known() -> None:
    """None of them is answered as if nobody had ever heard of it."""
    from openai.types import completion_create_params as text
    from openai.types.chat import completion_create_params as chat
    from openai.types.responses import response_create_params as response

    for params, read, needed in (
        (chat.CompletionCreateParamsBase, read_chat, {"messages": HI}),
        (text.CompletionCreateParamsBase, read_completion, {"prompt": "x"}),
        (response.ResponseCreateParamsBase, read_response, {"input": "x"}),
    ):
        for field in params.__annotations__:
            found = _problem(read, json.dumps({"model": MODEL, **needed, field: {"odd": 1}}).encode())
            assert found is None or found.code != "unknown_parameter" or found.param != field, field


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        (TEXT, {}, "prompt"),
        (TEXT, {"prompt": []}, "prompt"),
        (TEXT, {"prompt": {"a": 1}}, "prompt"),
        (TEXT, {"prompt": ["a", 1]}, "prompt[1]"),
        (TEXT, {"prompt": [[1], []]}, "prompt[1]"),
        (TEXT, {"prompt": [[-1]]}, "prompt[0]"),
        (TEXT, {"prompt": ["a"] * 17}, "prompt"),
        (TEXT, {"prompt": "a", "suffix": "b"}, "suffix"),
        (TEXT, {"prompt": "a", "best_of": 3}, "best_of"),
        (TEXT, {"prompt": [1], "echo": True}, "echo"),
        (TEXT, {"prompt": "a", "echo": True, "logprobs": 1}, "echo"),
        (TEXT, {"prompt": "a", "logprobs": 6}, "logprobs"),
        (RESPONSE, {}, "input"),
        (RESPONSE, {"input": [{"type": "function_call_output", "call_id": "c", "output": "x"}]}, "input[0].type"),
        (RESPONSE, {"input": [{"role": "user", "content": [{"type": "input_image"}]}]}, "input[0].content[0].type"),
        (RESPONSE, {"input": "a", "tools": [{"type": "web_search"}]}, "tools"),
        (RESPONSE, {"input": "a", "previous_response_id": "resp_1"}, "previous_response_id"),
        (RESPONSE, {"input": "a", "store": True}, "store"),
        (RESPONSE, {"input": "a", "truncation": "auto"}, "truncation"),
        (RESPONSE, {"input": "a", "background": True}, "background"),
        (RESPONSE, {"input": "a", "include": ["file_search_call.results"]}, "include[0]"),
        (RESPONSE, {"input": "a", "text": {"format": {"type": "json_schema"}}}, "text.format.name"),
        (RESPONSE, {"input": "a", "max_output_tokens": 0}, "max_output_tokens"),
        (RESPONSE, {"input": "a", "metadata": {"a": 1}}, "metadata"),
        (RESPONSE, {"input": "a", "stop": "x"}, "stop"),
    ],
)
async def test_other_addresses_name_the_field_too(house: House, path: str, body: dict[str, Any], param: str) -> None:
    """Over HTTP, in OpenAI's shape."""
    status, named, _ = await house.refusal(path, {"model": MODEL} | body)
    assert (status, named) == (400, param)


async def test_the_official_client_knows_the_errors(house: House) -> None:
    """Its own classes, with `param`."""
    with pytest.raises(openai.BadRequestError) as refused:
        await house.client.chat.completions.create(model=MODEL, messages=HI, temperature=9)
    assert refused.value.param == "temperature"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b"\xff\xfe", 400),
        (b'{"temperature": NaN}', 400),
        (b'{"temperature": 1e999}', 400),
        (b'{"seed": ' + b"9" * 5_000 + b"}", 400),
        (b'{"model": "\\ud800"}', 400),
        (b"[" * 100_000, 400),
        (b'{"a":' * 200 + b"1" + b"}" * 200, 400),
        (b'{"a": "' + b"x" * 3_000 + b'"}', 413),
    ],
)
async def test_bodies_that_are_none(tmp_path: Path, body: bytes, status: int) -> None:
    """A clear 4xx, whatever the bytes."""
    async with serving(tmp_path, limits={"body_bytes": 2_000 if status == 413 else 1_000_000}) as house:
        for path in (CHAT, TEXT, RESPONSE):
            response = await house.post(path, body)
            assert response.status == status
            assert (await response.json())["error"]["message"]


async def test_kinds_of_bodies_and_addresses(house: House) -> None:
    """415 for what is no JSON, 405 and 404 for what is not there, all in the same shape."""
    for headers in ({"Content-Type": "text/plain"}, {"Content-Encoding": "gzip"}):
        response = await house.post(CHAT, b"{}", **headers)
        assert (response.status, (await response.json())["error"]["type"]) == (415, "invalid_request_error")
    for path, status in (("/v1/models", 405), ("/v1/embeddings", 404), ("/v1/", 404)):
        response = await house.post(path, {})
        assert (response.status, (await response.json())["error"]["type"]) == (status, "invalid_request_error")


def _problem(read: Callable[..., object], body: bytes) -> Problem | None:
    try:
        read(parse_object(body), ApiConfig(), MODEL)
    except Problem as problem:
        return problem
    return None


# -- whatever comes --------------------------------------------------------------------------------------
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)
_FIELDS = sorted(
    {field for wrong, _ in WRONG for field in wrong}
    | {"prompt", "input", "instructions", "text", "include", "echo", "suffix", "truncation", "parallel_tool_calls"}
)
_VALUES = _JSON | st.sampled_from([value for wrong, _ in WRONG for value in wrong.values()])
_BODIES = st.dictionaries(st.sampled_from(_FIELDS), _VALUES, max_size=5)
_WHOLE = st.fixed_dictionaries({"model": st.just(MODEL), "messages": st.just(HI)})


@given(_BODIES, st.booleans())
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_reading_ends_in_a_request_or_a_problem(body: dict[str, Any], whole: bool) -> None:
    """Whatever the fields hold, at every address."""
    needed = {"model": MODEL, "messages": HI, "prompt": "a", "input": "a"} if whole else {}
    for read in (read_chat, read_completion, read_response):
        for field in ("messages", "prompt", "input"):
            given_body = {field: needed[field], "model": MODEL, **body} if whole else body
            found = _problem(read, json.dumps(given_body).encode())
            assert found is None or (400 <= found.status < 500 and str(found))


@given(
    st.lists(st.tuples(st.sampled_from((CHAT, TEXT, RESPONSE)), _BODIES | _JSON | st.binary(max_size=40)), max_size=6)
)
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_no_body_is_a_fault_of_ours(tmp_path_factory: pytest.TempPathFactory, bodies: list[tuple[str, Any]]) -> None:
    """Over HTTP: never 5xx, and always JSON or a stream."""
    import asyncio

    async def send() -> None:
        async with serving(tmp_path_factory.mktemp("fuzz")) as house:
            for path, body in bodies:
                if isinstance(body, dict):
                    body = {"model": MODEL, "messages": HI, "prompt": "a", "input": "a"} | body
                    others = {CHAT: ("prompt", "input"), TEXT: ("messages", "input"), RESPONSE: ("messages", "prompt")}
                    body = {key: value for key, value in body.items() if key not in others[path]}
                response = await house.post(path, body if isinstance(body, bytes) else json.dumps(body).encode())
                assert response.status < 500

    asyncio.run(send())
